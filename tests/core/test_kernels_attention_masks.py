"""Attention with masks and biases against the written-out formula in float64, at every instruction set here."""

import math

import pytest
import torch
from torch import Tensor

from core.kernels import library, ops, reference
from core.kernels.heads import Seen

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

# Batch, query heads, key/value heads, time, head size.
SHAPES = [(2, 4, 2, 70, 24), (3, 2, 2, 33, 8), (2, 3, 1, 129, 32), (2, 2, 1, 5, 6)]
# two_way, window (a share of the time), prefix, lengths, slopes, bias
MASKS = {
    "two ways": (True, 0, False, False, False, False),
    "two ways with padding": (True, 0, False, True, False, False),
    "a near window": (False, 0.1, False, False, False, False),
    "a wide window": (False, 0.6, False, False, False, False),
    "a window two ways": (True, 0.2, False, True, False, False),
    "prefix": (False, 0, True, False, False, False),
    "prefix in a window": (False, 0.3, True, False, False, False),
    "alibi": (False, 0, False, False, True, False),
    "relative bias": (False, 0, False, False, False, True),
    "relative bias two ways": (True, 0, False, True, False, True),
    "everything": (False, 0.5, True, True, True, True),
}


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


def make(shape: tuple, dtype=torch.float32) -> list[Tensor]:
    """[q, k, v, d_out, bias], the first four laid out as projections lay them out."""
    batch, heads, kv_heads, time, size = shape
    draw = torch.Generator().manual_seed(0)
    found = [torch.randn(batch, time, h, size, generator=draw).to(dtype).transpose(1, 2)
             for h in (heads, kv_heads, kv_heads, heads)]  # fmt: skip
    return [*found, torch.randn(heads, time, time, generator=draw)]


def mask_of(name: str, shape: tuple) -> Seen:
    batch, heads, _, time, _ = shape
    two_way, window, prefix, lengths, slopes, _ = MASKS[name]
    rows = torch.arange(batch)
    return Seen(
        two_way=two_way, window=max(1, int(window * time)) if window else 0,
        prefix=(rows * 17 + 3) % time if prefix else None,
        lengths=(time - rows * (time // 3)).clamp(min=1) if lengths else None,
        slopes=2.0 ** -torch.arange(1, heads + 1) if slopes else None)


def turns(time: int, size: int) -> tuple[Tensor, Tensor]:
    angles = torch.arange(time)[:, None] * 10000.0 ** (-torch.arange(0, size, 2) / size)
    return angles.cos(), angles.sin()


def written_out(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, seen: Seen, rope, scale: float) -> Tensor:
    """The formula, every score in sight; a query that sees nothing gives zeros."""
    batch, heads, time, _ = q.shape
    q, k = (reference.rotate(x, *(y.double() for y in rope)) for x in (q, k))
    k, v = (x.repeat_interleave(heads // x.shape[1], dim=1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) * scale
    b, i, j = torch.meshgrid(torch.arange(batch), torch.arange(time), torch.arange(time), indexing="ij")
    shown = (j <= i) | seen.two_way
    if seen.prefix is not None:
        shown = shown | (j < seen.prefix[b])
    if seen.window:
        shown = shown & (i - j < seen.window) & (j - i < seen.window)
    if seen.lengths is not None:
        shown = shown & (j < seen.lengths[b])
    if seen.slopes is not None:
        place = torch.arange(time)
        scores = scores - seen.slopes.double()[:, None, None] * (place[:, None] - place).abs()
    if bias is not None:
        scores = scores + bias
    weights = scores.masked_fill(~shown[:, None], -math.inf).softmax(-1)
    return weights.nan_to_num(0.0) @ v


def run(inputs: list[Tensor], name: str, shape: tuple, path: str, scale: float = 0.3) -> list[Tensor]:
    """[out, d_q, d_k, d_v, d_bias] of one path; "exact" is the formula in float64."""
    biased = MASKS[name][-1]
    leaves = [x.detach().double() if path == "exact" else x.detach() for x in (*inputs[:3], inputs[4])]
    leaves = [x.requires_grad_() for x in (leaves if biased else leaves[:3])]
    seen, rope = mask_of(name, shape), turns(*shape[3:])
    bias = leaves[3] if biased else None
    if path == "exact":
        out = written_out(*leaves[:3], bias, seen, rope, scale)
    else:
        out = ops.attention(*leaves[:3], rope=rope, scale=scale, seen=seen, bias=bias, path=path)
    out.backward(inputs[3].to(out.dtype))
    return [out.detach(), *(x.grad for x in leaves)]


BLIND = ("a window two ways", "everything")  # some queries see nothing: torch gives them the mean of what is hidden
_exact: dict = {}  # the formula is slow, and the same for every instruction set


def exact(name: str, shape: tuple, dtype=torch.float32) -> list[Tensor]:
    if (name, shape, dtype) not in _exact:
        _exact[name, shape, dtype] = run(make(shape, dtype), name, shape, "exact")
    return _exact[name, shape, dtype]


def error(x: Tensor, truth: Tensor) -> float:
    return ((x.double() - truth).norm() / max(truth.norm().item(), 1e-3)).item()


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_are_those_of_the_formula(instruction_set, shape, name):
    for ours, truth in zip(run(make(shape), name, shape, "ours"), exact(name, shape), strict=True):
        assert error(ours, truth) < 4e-6


@pytest.mark.parametrize("name", MASKS)
def test_in_bf16_ours_is_as_near_as_torch(instruction_set, name):
    shape = SHAPES[0]
    inputs = make(shape, torch.bfloat16)
    found = [run(inputs, name, shape, path) for path in ("ours", "torch")]
    for ours, torchs, truth in zip(*found, exact(name, shape, torch.bfloat16), strict=True):
        assert ours.dtype == torchs.dtype
        assert error(ours, truth) < 1.5e-2
        assert name in BLIND or error(ours, truth) <= 1.1 * error(torchs, truth)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["prefix in a window", "relative bias two ways", "everything"])
def test_bits_depend_on_neither_the_run_nor_the_number_of_threads(instruction_set, name, dtype):
    shape, before, results = (3, 4, 2, 70, 24), torch.get_num_threads(), []
    inputs = make(shape, dtype)
    try:
        for threads in (1, 1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(run(inputs, name, shape, "ours"))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_hidden_has_no_influence(instruction_set, dtype):
    shape = (1, 2, 2, 100, 16)
    inputs = make(shape, dtype)
    seen = Seen(window=10)
    before = ops.attention(*inputs[:3], seen=seen, path="ours")
    for x in inputs[1:3]:
        x[:, :, :40] = torch.randn_like(x[:, :, :40]) * 100
    after = ops.attention(*inputs[:3], seen=seen, path="ours")
    assert torch.equal(before[:, :, 49:], after[:, :, 49:])
    assert not torch.equal(before[:, :, :49], after[:, :, :49])


def test_the_torch_path_means_the_same():
    for name in MASKS:
        if name in BLIND:
            continue
        found = [run(make(SHAPES[0]), name, SHAPES[0], path) for path in ("ours", "torch")]
        for ours, torchs in zip(*found, strict=True):
            torch.testing.assert_close(ours, torchs, rtol=1e-4, atol=1e-5)


def test_a_bias_of_another_shape_is_refused():
    q, k, v, _, _ = make((1, 2, 2, 8, 4))
    with pytest.raises(ValueError):
        ops.attention(q, k, v, bias=torch.zeros(2, 8, 7), path="ours")
