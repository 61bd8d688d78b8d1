"""Linear + cross-entropy: our path against torch in float64, at every instruction set this machine has."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.kernels import head, library, ops

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

# Tokens, width, vocabulary: none a multiple of a vector, of a tile or of a chunk, except the last.
SHAPES = [(1, 8, 3), (37, 24, 257), (70, 16, 33), (64, 32, 512)]


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


def make(n: int, width: int, vocab: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    hidden, weight = torch.randn(n, width, generator=draw), torch.randn(vocab, width, generator=draw)
    return hidden, weight, torch.randint(0, vocab, (n,), generator=draw)


def run(hidden: Tensor, weight: Tensor, targets: Tensor, path: str, scale: float = 1.0) -> list[Tensor]:
    """[loss, d_hidden, d_weight] of one path; "exact" is torch in float64."""
    dtype = torch.float64 if path == "exact" else hidden.dtype
    hidden, weight = (x.detach().to(dtype).requires_grad_() for x in (hidden, weight))
    if path == "exact":
        loss = F.cross_entropy(hidden @ weight.T, targets, ignore_index=-1)
    else:
        loss = ops.linear_cross_entropy(hidden, weight, targets, path=path)
    (loss * scale).backward()
    return [loss.detach(), hidden.grad, weight.grad]


def relative_error(x: Tensor, exact: Tensor) -> float:
    return ((x.double() - exact).norm() / exact.norm().clamp_min(1e-12)).item()


@pytest.mark.parametrize("shape", SHAPES)
def test_loss_and_gradients_are_those_of_float64(instruction_set, shape):
    hidden, weight, targets = make(*shape)
    for ours, exact in zip(run(hidden, weight, targets, "ours"), run(hidden, weight, targets, "exact"), strict=True):
        # Sums of up to 512 float32 products: 512^0.5 * 2^-24 = 1.3e-6, through an exponential of slope up to ~10.
        assert relative_error(ours, exact) < 1e-5


def test_chunks_add_up_to_the_whole(instruction_set, monkeypatch):
    monkeypatch.setattr(head, "CHUNK_ROWS", 32)
    hidden, weight, targets = make(101, 24, 130)
    for ours, exact in zip(run(hidden, weight, targets, "ours"), run(hidden, weight, targets, "exact"), strict=True):
        assert relative_error(ours, exact) < 1e-5


def test_an_ignored_target_has_no_part_in_the_mean(instruction_set):
    hidden, weight, targets = make(37, 24, 257)
    targets[::3] = -1
    ours, exact = run(hidden, weight, targets, "ours"), run(hidden, weight, targets, "exact")
    assert all(relative_error(a, b) < 1e-5 for a, b in zip(ours, exact, strict=True))
    assert ours[1][::3].abs().max() == 0


def test_with_every_target_ignored_loss_and_gradients_are_zero(instruction_set):
    hidden, weight, targets = make(5, 8, 17)
    assert all(x.abs().max() == 0 for x in run(hidden, weight, torch.full_like(targets, -1), "ours"))


def test_finite_differences_agree_with_the_gradient(instruction_set):
    hidden, weight, targets = make(3, 4, 7)
    _, d_hidden, d_weight = run(hidden, weight, targets, "ours")
    for x, gradient in ((hidden, d_hidden), (weight, d_weight)):
        for index in range(x.numel()):
            losses = []
            for step in (1e-2, -1e-2):
                moved = x.clone()
                moved.view(-1)[index] += step
                pair = (moved, weight) if x is hidden else (hidden, moved)
                losses.append(ops.linear_cross_entropy(*pair, targets, path="ours").item())
            # Float32 losses near 2 carry 1.2e-7 each; over a step of 2e-2, 1.2e-5, and h^2 * f'''/6 about 1e-4.
            assert (losses[0] - losses[1]) / 2e-2 == pytest.approx(gradient.view(-1)[index].item(), abs=5e-4)


def test_huge_logits_neither_overflow_nor_lose_the_loss(instruction_set):
    hidden, weight, targets = torch.tensor([[1e4], [-1e4]]), torch.tensor([[1.0], [-1.0], [0.5]]), torch.tensor([1, 1])
    loss, d_hidden, _ = run(hidden, weight, targets, "ours")
    assert loss.item() == pytest.approx(1e4)  # 2e4 for the first row, 0 for the second
    assert torch.isfinite(d_hidden).all()


def test_a_nan_is_not_hidden(instruction_set):
    hidden, weight, targets = make(37, 24, 257)
    hidden[5, 3] = float("nan")
    assert torch.isnan(run(hidden, weight, targets, "ours")[0])


def test_under_bf16_autocast_ours_is_no_worse_than_torch(instruction_set):
    hidden, weight, targets = make(128, 32, 512)
    weight = weight * 0.2
    exact = run(hidden, weight, targets, "exact")
    with torch.autocast("cpu", torch.bfloat16):
        ours, torchs = (run(hidden, weight, targets, path) for path in ("ours", "torch"))
    assert ours[0].dtype == ours[1].dtype == ours[2].dtype == torch.float32
    for mine, other, truth in zip(ours[1:], torchs[1:], exact[1:], strict=True):
        assert relative_error(mine, truth) < 1.1 * relative_error(other, truth)  # a tenth for chance
    # A bfloat16 logit is within 2^-9 of itself, here up to about 4: 1e-2 a row, much less in the mean.
    assert ours[0].item() == pytest.approx(exact[0].item(), abs=1e-2)


def test_bf16_inputs_are_taken_as_they_are(instruction_set):
    hidden, weight, targets = make(40, 16, 100)
    hidden, weight = hidden.bfloat16(), weight.bfloat16() * 0.2
    ours, exact = run(hidden, weight, targets, "ours"), run(hidden, weight, targets, "exact")
    assert ours[1].dtype == ours[2].dtype == torch.bfloat16
    assert all(relative_error(a, b) < 2e-2 for a, b in zip(ours[1:], exact[1:], strict=True))  # a few 2^-8


def test_memory_layout_does_not_matter(instruction_set):
    hidden, weight, targets = make(37, 24, 257)
    straight = run(hidden, weight, targets, "ours")
    turned = run(hidden.T.contiguous().T, weight.T.contiguous().T, torch.stack((targets, targets), 1)[:, 0], "ours")
    for a, b in zip(straight, turned, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_a_scaled_loss_scales_its_gradients():
    hidden, weight, targets = make(37, 24, 257)
    once, quarter = run(hidden, weight, targets, "ours"), run(hidden, weight, targets, "ours", scale=0.25)
    for a, b in zip(once[1:], quarter[1:], strict=True):
        assert torch.equal(a * 0.25, b)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_inputs_give_the_same_bits(instruction_set, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        inputs = make(300, 24, 257)
        first, second = run(*inputs, "ours"), run(*inputs, "ours")
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_without_gradients_only_the_loss_is_computed():
    hidden, weight, targets = make(37, 24, 257)
    with torch.no_grad():
        loss = ops.linear_cross_entropy(hidden, weight, targets, path="ours")
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(run(hidden, weight, targets, "exact")[0].item(), rel=1e-5)


def test_a_target_outside_the_vocabulary_is_refused():
    hidden, weight, targets = make(5, 8, 17)
    targets[2] = 17
    with pytest.raises(IndexError):
        ops.linear_cross_entropy(hidden, weight, targets, path="ours")
