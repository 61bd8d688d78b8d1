"""AdamW and the gradient's norm: our path against torch's own, at every instruction set there is here."""

import copy
import math

import pytest
import torch
from torch import nn

from core.kernels import adamw, library, ops
from core.train.optimizers import optimizer_tensors, restore_optimizer
from core.train.optimizers.adamw import AdamW, clip_gradients, time_paths

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

SHAPES = [(3, 5), (7,), (130, 65), (1,), (adamw.BLOCK + 37,)]  # numbers that fill no vector, and more than one block


@pytest.fixture(params=ops.available()["instruction_sets"])
def instruction_set(request):
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(library.instruction_sets()[0])


class Model(nn.Module):
    """Nothing but parameters of odd shapes."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(shape, generator=draw)) for shape in SHAPES)


def optimizer(model: nn.Module, path: str) -> AdamW:
    """Two groups of another rate and decay."""
    weights = list(model.parameters())
    groups = [{"params": weights[:2], "weight_decay": 0.1, "lr": 1e-2}, {"params": weights[2:], "weight_decay": 0.0}]
    made = AdamW(groups, lr=1e-3, betas=(0.9, 0.95), eps=1e-8)
    made.path = path
    return made


def train(model: nn.Module, optimizer: AdamW, steps: range, clip: float = 0.0) -> list[float]:
    """Steps with gradients that depend on nothing but the step; the norms."""
    norms = []
    for step in steps:
        draw = torch.Generator().manual_seed(step)
        for weight in model.parameters():
            weight.grad = torch.randn(weight.shape, generator=draw) * 10.0 ** (step % 3 - 1)
        norms.append(clip_gradients(optimizer, list(model.parameters()), clip))
        optimizer.step()
    return norms


def assert_close(a: nn.Module, b: nn.Module) -> None:
    for x, y in zip(a.parameters(), b.parameters(), strict=True):
        # A few roundings of 2^-24 a step, for six steps, of weights below 4.
        torch.testing.assert_close(x, y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_ten_steps_are_those_of_torch(instruction_set, clip):
    ours, torchs = Model(), Model()
    mine = train(ours, optimizer(ours, "ours"), range(10), clip)
    theirs = train(torchs, optimizer(torchs, "torch"), range(10), clip)
    assert mine == pytest.approx(theirs, rel=1e-6)
    assert_close(ours, torchs)


def test_the_readable_form_says_the_same(instruction_set):
    def segments() -> list[adamw.Segment]:
        draw = torch.Generator().manual_seed(1)
        return [adamw.Segment(*(torch.rand(shape, generator=draw) for _ in range(4)), step=3 + place, rate=1e-2,
                              decay=0.1, betas=(0.9, 0.99), eps=1e-8, rounded=torch.zeros(shape, dtype=torch.bfloat16))
                for place, shape in enumerate(SHAPES)]  # fmt: skip

    ours, plain = segments(), segments()
    adamw.adamw_step(ours, 0.25, path="ours")
    adamw.adamw_step(plain, 0.25, path="torch")
    for a, b in zip(ours, plain, strict=True):
        for name in ("weight", "first", "second"):
            torch.testing.assert_close(getattr(a, name), getattr(b, name), rtol=1e-6, atol=1e-7)
        assert torch.equal(a.rounded, a.weight.bfloat16())
    gradients = [segment.gradient for segment in ours]
    assert adamw.norm(gradients) == pytest.approx(adamw.norm(gradients, path="torch"), rel=1e-6)


def test_bits_do_not_depend_on_the_number_of_threads(instruction_set):
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            torch.set_num_threads(threads)
            model = Model()
            norms = train(model, optimizer(model, "ours"), range(3), clip=1.0)
            results.append((norms, [weight.detach() for weight in model.parameters()]))
    finally:
        torch.set_num_threads(before)
    for norms, weights in results[1:]:
        assert norms == results[0][0]
        assert all(torch.equal(a, b) for a, b in zip(weights, results[0][1], strict=True))


@pytest.mark.parametrize(("first", "then"), [("torch", "ours"), ("ours", "torch")])
def test_each_goes_on_from_the_others_state(first, then):
    model = Model()
    begun = optimizer(model, first)
    train(model, begun, range(3))
    twin = copy.deepcopy(model)
    other = optimizer(twin, then)
    restore_optimizer(twin, other, {name: x.clone() for name, x in optimizer_tensors(model, begun).items()})
    train(model, begun, range(3, 6))
    train(twin, other, range(3, 6))
    assert_close(model, twin)
    kinds = [{name: (x.dtype, x.shape) for name, x in optimizer_tensors(*pair).items()}
             for pair in ((model, begun), (twin, other))]  # fmt: skip
    assert kinds[0] == kinds[1]


def test_a_weight_without_a_gradient_stays_and_begins_counting_later():
    ours, torchs = Model(), Model()
    for model, path in ((ours, "ours"), (torchs, "torch")):
        made = optimizer(model, path)
        for step in range(3):
            for place, weight in enumerate(model.parameters()):
                weight.grad = None if place == 0 and step < 2 else torch.ones_like(weight)
            made.step()
    assert_close(ours, torchs)


def test_clipping_leaves_the_gradients_to_whoever_looks_at_them():
    model = Model()
    made = optimizer(model, "ours")
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    assert clip_gradients(made, list(model.parameters()), 0.5) == pytest.approx(
        math.sqrt(sum(weight.numel() for weight in model.parameters())))
    assert all(torch.equal(weight.grad, torch.ones_like(weight)) for weight in model.parameters())


def test_a_gradient_that_is_no_number_is_told():
    model = Model()
    made = optimizer(model, "ours")
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    model.weights[2].grad[100, 3] = math.nan
    assert math.isnan(clip_gradients(made, list(model.parameters()), 1.0))
    made.step()
    assert not any(torch.isfinite(weight).all() for weight in model.parameters())  # as with torch: all are spoilt


def test_both_ways_are_timed_and_nothing_is_changed():
    model = Model()
    kept = copy.deepcopy(model)
    assert set(time_paths(list(model.parameters()), 1.0)) == {"torch", "ours"}
    assert_close(model, kept)
    assert all(weight.grad is None for weight in model.parameters())
