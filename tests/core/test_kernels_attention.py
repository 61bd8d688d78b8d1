"""Causal attention: our path against the written-out formula in float64, at every instruction set there is here."""

import math

import pytest
import torch
from torch import Tensor

from core.kernels import library, ops, reference

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

# Batch, query heads, key/value heads, time, head size: odd times, head sizes that fill no vector, shared heads.
SHAPES = [(2, 4, 4, 64, 32), (1, 4, 2, 70, 24), (1, 3, 1, 33, 64), (2, 2, 2, 1, 8), (1, 2, 1, 5, 6), (1, 1, 1, 200, 80)]


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


def make(batch: int, heads: int, kv_heads: int, time: int, size: int, dtype=torch.float32) -> list[Tensor]:
    """[q, k, v, d_out], laid out as projections lay them out: (B, T, H, size) seen as (B, H, T, size)."""
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(batch, time, h, size, generator=draw).to(dtype).transpose(1, 2)
            for h in (heads, kv_heads, kv_heads, heads)]


def turns(time: int, size: int) -> tuple[Tensor, Tensor]:
    angles = torch.arange(time)[:, None] * 10000.0 ** (-torch.arange(0, size, 2) / size)
    return angles.cos(), angles.sin()


def written_out(q: Tensor, k: Tensor, v: Tensor, rope: tuple[Tensor, Tensor] | None) -> Tensor:
    """The formula itself, every score in sight."""
    if rope:
        q, k = (reference.rotate(x, *(y.double() for y in rope)) for x in (q, k))
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -math.inf).softmax(-1) @ v


def run(inputs: list[Tensor], path: str, rope: tuple[Tensor, Tensor] | None = None) -> list[Tensor]:
    """[out, d_q, d_k, d_v] of one path; "exact" is the formula in float64."""
    leaves = [x.detach().double() if path == "exact" else x.detach() for x in inputs[:3]]
    leaves = [x.requires_grad_() for x in leaves]
    out = written_out(*leaves, rope) if path == "exact" else ops.attention(*leaves, rope=rope, path=path)
    out.backward(inputs[3].to(out.dtype))
    return [out.detach(), *(x.grad for x in leaves)]


def error(x: Tensor, exact: Tensor) -> float:
    """Error against the size of what is computed; a gradient that is exactly zero is measured absolutely."""
    return ((x.double() - exact).norm() / max(exact.norm().item(), 1e-3)).item()


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_are_those_of_the_formula(instruction_set, shape, rotary):
    inputs, rope = make(*shape), turns(shape[3], shape[4]) if rotary else None
    for ours, exact in zip(run(inputs, "ours", rope), run(inputs, "exact", rope), strict=True):
        # Two chained sums of up to 200 float32 products: a few times 200^0.5 * 2^-24 = 8e-7. Cosines of large
        # angles are the same rounded table on both sides.
        assert error(ours, exact) < 4e-6


@pytest.mark.parametrize("shape", SHAPES)
def test_the_torch_path_means_the_same(shape):
    inputs, rope = make(*shape), turns(shape[3], shape[4])
    for ours, torchs in zip(run(inputs, "ours", rope), run(inputs, "torch", rope), strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 4, 4, 64, 32), (1, 4, 2, 70, 24)])
def test_in_bf16_ours_is_no_worse_than_torch(instruction_set, shape):
    inputs, rope = make(*shape, dtype=torch.bfloat16), turns(shape[3], shape[4])
    ours, torchs, exact = (run(inputs, path, rope) for path in ("ours", "torch", "exact"))
    for mine, other, truth in zip(ours, torchs, exact, strict=True):
        assert mine.dtype == torch.bfloat16
        assert error(mine, truth) <= 1.05 * error(other, truth)


def test_autocast_computes_in_bf16_and_returns_float32_gradients():
    inputs = make(1, 4, 2, 70, 24)
    with torch.autocast("cpu", torch.bfloat16):
        out = ops.attention(*(x.requires_grad_() for x in inputs[:3]), path="ours")
    out.backward(torch.ones_like(out))
    assert out.dtype == torch.bfloat16
    assert all(x.grad.dtype == torch.float32 for x in inputs[:3])


def test_finite_differences_agree_with_the_gradient(instruction_set):
    inputs, rope = make(1, 2, 1, 3, 4), turns(3, 4)
    gradients = run(inputs, "ours", rope)[1:]
    for which, gradient in enumerate(gradients):
        flat = gradient.reshape(-1)
        for index in range(flat.numel()):
            sums = []
            for step in (1e-2, -1e-2):
                moved = [x.contiguous().clone() for x in inputs[:3]]
                moved[which].view(-1)[index] += step
                sums.append((ops.attention(*moved, rope=rope, path="ours") * inputs[3]).sum(dtype=torch.float64).item())
            # Float32 outputs of order 1: 24 of them, 2^-24 each, over 2e-2: 1e-5; curvature: about 1e-4.
            assert (sums[0] - sums[1]) / 2e-2 == pytest.approx(flat[index].item(), abs=1e-3)


def test_the_future_has_no_influence(instruction_set):
    inputs = make(1, 2, 2, 50, 16)
    before = ops.attention(*inputs[:3], path="ours")
    for x in inputs[:3]:
        x[:, :, 20:] = torch.randn_like(x[:, :, 20:]) * 100
    after = ops.attention(*inputs[:3], path="ours")
    assert torch.equal(before[:, :, :20], after[:, :, :20])
    assert not torch.equal(before[:, :, 20:], after[:, :, 20:])


def test_large_scores_do_not_overflow(instruction_set):
    inputs = [x * 100 for x in make(1, 2, 2, 40, 16)[:3]] + [torch.ones(1, 2, 40, 16)]
    assert all(torch.isfinite(x).all() for x in run(inputs, "ours"))


def test_memory_layout_does_not_matter(instruction_set):
    inputs = make(2, 4, 2, 37, 24)
    packed = [x.contiguous() for x in inputs]
    features_apart = [x.transpose(-1, -2).contiguous().transpose(-1, -2) for x in inputs]
    for other in (packed, features_apart):
        assert all(torch.equal(a, b) for a, b in zip(run(inputs, "ours"), run(other, "ours"), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bits_depend_on_neither_the_run_nor_the_number_of_threads(instruction_set, dtype):
    inputs, rope = make(3, 4, 2, 70, 24, dtype=dtype), turns(70, 24)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(run(inputs, "ours", rope))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_keys_of_another_length_are_refused():
    q, k, v, _ = make(1, 2, 2, 8, 4)
    with pytest.raises(ValueError):
        ops.attention(q[:, :, :1], k, v, path="ours")


def test_a_type_the_kernels_cannot_read_is_refused():
    q, k, v, _ = make(1, 2, 2, 8, 4, dtype=torch.float64)
    with pytest.raises(TypeError):
        ops.attention(q, k, v, path="ours")


def test_torchs_own_matrix_tiles_work_on_after_ours():
    """oneDNN and our kernels share the processor's tile configuration; each must find its own."""
    inputs = make(1, 4, 2, 70, 24, dtype=torch.bfloat16)
    a, b = (torch.randn(200, 200).bfloat16() for _ in range(2))
    before = a @ b
    run(inputs, "ours")
    assert torch.equal(before, a @ b)
