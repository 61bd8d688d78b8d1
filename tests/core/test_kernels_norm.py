"""Norms with the residual before them and GELU with its bias, against float64, at every instruction set here."""

import pytest
import torch
from torch import Tensor

from core.kernels import library, ops, reference

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

SHAPES = [(1, 1, 8), (2, 37, 24), (3, 70, 33), (1, 130, 128), (2, 3, 5)]
KINDS = {"rms": (False, False), "layer": (True, False), "layer with bias": (True, True)}


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


def draw(*shape, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def run(path: str, tensors: list[Tensor | None], compute) -> list[Tensor]:
    """Results and gradients of one path, the gradient that comes back being cosines that bfloat16 can hold.

    "exact" is the reference in float64.
    """
    leaves = [None if x is None else (x.double() if path == "exact" else x.clone()).requires_grad_() for x in tensors]
    results = compute(path, *leaves)
    results = results if isinstance(results, tuple) else (results,)
    sum((y * torch.arange(y.numel()).add(place).cos().bfloat16().view(y.shape).to(y.dtype)).sum()
        for place, y in enumerate(results)).backward()  # fmt: skip
    return [y.detach() for y in results] + [x.grad for x in leaves if x is not None]


def normed(centred: bool, dtype: torch.dtype | None = None):
    def compute(path: str, x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor | None):
        if path == "exact":
            return reference.norm(x, weight, bias, 1e-5, centred, added, None)
        return ops.norm(x, weight, bias, 1e-5, centred=centred, added=added, dtype=dtype, path=path)

    return compute


def bent(exact_form: bool):
    def compute(path: str, x: Tensor, bias: Tensor | None):
        if path == "exact":
            return reference.gelu(x, bias, exact_form)
        return ops.gelu(x, bias, exact=exact_form, path=path)

    return compute


def inputs(shape: tuple, kind: str, residual: bool) -> list[Tensor | None]:
    width = shape[-1]
    return [draw(*shape) * 3 + 1, draw(*shape, seed=1) if residual else None, draw(width, seed=2),
            draw(width, seed=3) if KINDS[kind][1] else None]  # fmt: skip


def error(x: Tensor, exact: Tensor) -> float:
    return ((x.double() - exact).norm() / exact.norm().clamp(min=1e-3)).item()


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_norms_and_their_gradients_are_those_of_float64(instruction_set, shape, kind, residual):
    tensors, compute = inputs(shape, kind, residual), normed(KINDS[kind][0])
    for ours, exact in zip(run("ours", tensors, compute), run("exact", tensors, compute), strict=True):
        assert error(ours, exact) < 4e-6  # sums of at most 130 numbers, and a difference from their mean


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_far_from_zero_keeps_its_digits(instruction_set, kind):
    """The variance is that of the differences from the mean, not a difference of two large sums."""
    tensors = inputs((2, 9, 61), kind, True)
    tensors[0] = tensors[0] + 1000
    compute = normed(KINDS[kind][0])
    for ours, torchs, exact in zip(*(run(path, tensors, compute) for path in ("ours", "torch", "exact")), strict=True):
        assert error(ours, exact) < 2 * error(torchs, exact) + 1e-6


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stream", [torch.float32, torch.bfloat16])
def test_in_bf16_ours_is_no_worse_than_torch(instruction_set, kind, residual, stream):
    """Under autocast the stream is float32, and what is added and the result are bfloat16."""
    tensors = inputs((4, 40, 72), kind, residual)
    tensors[0] = tensors[0].to(stream)
    if residual:
        tensors[1] = tensors[1].bfloat16()
    compute = normed(KINDS[kind][0], torch.bfloat16)
    found = {path: run(path, tensors, compute) for path in ("ours", "torch", "exact")}
    for ours, torchs, exact in zip(*found.values(), strict=True):
        assert ours.dtype == torchs.dtype and error(ours, exact) < 1.5e-2
        assert error(ours, exact) <= 1.1 * error(torchs, exact) + 1e-6


def test_a_sum_in_more_bits_than_the_result_is_not_rounded():
    x, added, weight = draw(3, 40), draw(3, 40, seed=1), torch.ones(40)
    total, y = ops.norm(x, weight, added=added, dtype=torch.bfloat16, path="ours")
    assert torch.equal(total, x + added) and y.dtype == torch.bfloat16
    total, y = ops.norm(x.bfloat16(), weight, added=added, path="ours")
    assert total.dtype == y.dtype == torch.float32


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("exact_form", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_gelu_and_its_gradients_are_those_of_float64(instruction_set, shape, exact_form, biased):
    tensors = [draw(*shape) * 2, draw(shape[-1], seed=1) if biased else None]
    compute = bent(exact_form)
    for ours, exact in zip(run("ours", tensors, compute), run("exact", tensors, compute), strict=True):
        assert error(ours, exact) < 2e-6


@pytest.mark.parametrize("exact_form", [True, False])
def test_gelu_is_right_at_every_size_of_its_input(instruction_set, exact_form):
    x = torch.cat([torch.linspace(-12, 12, 3001), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4, 60.0, -60.0])])
    tensors = [x[None], None]
    compute = bent(exact_form)
    for ours, exact in zip(run("ours", tensors, compute), run("exact", tensors, compute), strict=True):
        assert torch.isfinite(ours).all()
        torch.testing.assert_close(ours.double(), exact, rtol=2e-6, atol=4e-7)


@pytest.mark.parametrize("exact_form", [True, False])
def test_gelu_in_bf16_is_no_worse_than_torchs(instruction_set, exact_form):
    tensors = [draw(40, 64).bfloat16() * 2, draw(64, seed=1)]
    found = {path: run(path, tensors, bent(exact_form)) for path in ("ours", "torch", "exact")}
    for ours, torchs, exact in zip(*found.values(), strict=True):
        assert ours.dtype == torchs.dtype and error(ours, exact) <= 1.05 * error(torchs, exact)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bits_do_not_depend_on_the_number_of_threads(instruction_set, dtype):
    shape, before, found = (5, 61, 40), torch.get_num_threads(), []
    tensors = inputs(shape, "layer with bias", True)
    tensors = [x.to(dtype) for x in tensors[:2]] + tensors[2:]
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            found.append(run("ours", tensors, normed(True)) + run("ours", [tensors[0], tensors[2]], bent(True)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_a_bad_number_stays_one(instruction_set):
    x = draw(3, 20)
    x[1, 7] = torch.nan
    for y in (ops.norm(x, torch.ones(20), centred=True, path="ours"), ops.gelu(x, path="ours")):
        assert torch.isnan(y[1, 7]) and torch.isfinite(y[0]).all() and torch.isfinite(y[2]).all()
