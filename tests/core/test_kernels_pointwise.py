"""RMSNorm and SwiGLU's gate: our path against torch in float64, at every instruction set there is here."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.kernels import library, ops

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


@pytest.fixture(autouse=True)
def the_same_numbers_every_time():
    torch.manual_seed(0)


def norm(x: Tensor, weight: Tensor, path: str) -> list[Tensor]:
    """[y, d_x, d_weight]; "exact" is torch in float64. The gradient that comes back is cos of 0, 1, 2, ..."""
    exact = path == "exact"
    x, weight = (a.detach().to(torch.float64 if exact else a.dtype).requires_grad_() for a in (x, weight))
    y = F.rms_norm(x, (x.shape[-1],), weight, 1e-5) if exact else ops.rms_norm(x, weight, 1e-5, path=path)
    y.backward(torch.arange(y.numel()).cos().view(y.shape).to(y.dtype))
    return [y.detach(), x.grad, weight.grad]


def gated(gate: Tensor, up: Tensor, path: str) -> list[Tensor]:
    """[y, d_gate, d_up]; "exact" is torch in float64."""
    exact = path == "exact"
    gate, up = (a.detach().to(torch.float64 if exact else a.dtype).requires_grad_() for a in (gate, up))
    y = F.silu(gate) * up if exact else ops.swiglu(gate, up, path=path)
    y.backward(torch.arange(y.numel()).cos().view(y.shape).to(y.dtype))
    return [y.detach(), gate.grad, up.grad]


def relative_error(x: Tensor, exact: Tensor) -> float:
    return ((x.double() - exact).norm() / exact.norm()).item()


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 37, 24), (3, 70, 33), (1, 130, 128)])
def test_rms_norm_is_that_of_float64(instruction_set, shape):
    x, weight = torch.randn(shape) * 3, torch.randn(shape[-1])
    for ours, exact in zip(norm(x, weight, "ours"), norm(x, weight, "exact"), strict=True):
        assert relative_error(ours, exact) < 2e-6  # a sum of at most 130 products: 130^0.5 * 2^-24 = 7e-7


@pytest.mark.parametrize("shape", [(1,), (3, 5), (7, 33), (64, 96)])
def test_the_gate_is_that_of_float64(instruction_set, shape):
    gate, up = torch.randn(shape) * 4, torch.randn(shape)
    for ours, exact in zip(gated(gate, up, "ours"), gated(gate, up, "exact"), strict=True):
        assert relative_error(ours, exact) < 1e-6  # a few roundings of 2^-24, and an exponential of 2e-7


def test_the_gate_is_safe_at_its_ends(instruction_set):
    gate, up = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4]), torch.ones(5)
    y, d_gate, _ = gated(gate, up, "ours")
    torch.testing.assert_close(y, torch.tensor([0.0, 0.0, 0.0, 100.0, 1e4]), atol=1e-30, rtol=1e-6)
    assert torch.isfinite(d_gate).all()


@pytest.mark.parametrize("run", [norm, gated])
def test_in_bf16_ours_is_no_worse_than_torch(instruction_set, run):
    a = torch.randn(40, 64).bfloat16()
    b = torch.randn(64) if run is norm else torch.randn(40, 64).bfloat16()
    for ours, torchs, exact in zip(run(a, b, "ours"), run(a, b, "torch"), run(a, b, "exact"), strict=True):
        assert ours.dtype == torchs.dtype
        assert relative_error(ours, exact) <= 1.05 * relative_error(torchs, exact)


@pytest.mark.parametrize("run", [norm, gated])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_inputs_give_the_same_bits(instruction_set, run, threads):
    a = torch.randn(200, 24)
    b = torch.randn(24) if run is norm else torch.randn(200, 24)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        first, second = run(a, b, "ours"), run(a, b, "ours")
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


@pytest.mark.parametrize("run", [norm, gated])
def test_memory_layout_does_not_matter(run):
    a = torch.randn(24, 40).T
    b = torch.randn(24) if run is norm else torch.randn(24, 40).T
    for x, y in zip(run(a, b, "ours"), run(a.contiguous(), b.contiguous(), "ours"), strict=True):
        assert torch.equal(x, y)
