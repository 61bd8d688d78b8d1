"""Arithmetic of few bits: what is rounded, what is not, and what becomes of gradients that do not fit."""

import math
from types import SimpleNamespace

import msgspec
import pytest
import torch

from core.errors import LabError
from core.kernels import ops
from core.model.decoder import Decoder, initialise
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train import choices, race
from core.train.checkpoint import TrainState
from core.train.ema import Average
from core.train.expert_use import ExpertUse
from core.train.optimizers import make_optimizer
from core.train.optimizers.adamw import AdamW
from core.train.precision import GROWS_AFTER, LEAST_SCALE, Arithmetic, LossScale
from core.train.shrink import shrink_embedding_gradient, shrunk
from core.train.update import Update

SHAPE = ModelSpec(d_model=32, n_layers=2, n_heads=2, context=16, vocab_size=48, tied_head=False)


def model_of(shape: ModelSpec = SHAPE, seed: int = 0) -> Decoder:
    model = Decoder(shape)
    initialise(model, seed)
    return model.train()


def batch(seed: int = 0, rows: int = 4) -> dict:
    draw = torch.Generator().manual_seed(seed)
    window = torch.randint(0, SHAPE.vocab_size, (rows, SHAPE.context + 1), generator=draw)
    return {"ids": window[:, :-1], "targets": window[:, 1:]}


def test_the_twin_computes_with_bf16_matrices_and_the_model_stays_float32():
    model = model_of()
    arithmetic = Arithmetic(model, "bf16_weights", "cpu")
    kinds = {p.ndim >= 2: p.dtype for p in arithmetic.working.parameters()}
    assert kinds == {True: torch.bfloat16, False: torch.float32}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    arithmetic.backward(arithmetic.loss(**batch()))
    assert {p.grad.dtype for p in model.parameters()} == {torch.float32}
    assert all(p.grad is None for p in arithmetic.working.parameters() if p.ndim >= 2)


def test_gradients_of_micro_batches_add_up_in_float32():
    model = model_of()
    arithmetic = Arithmetic(model, "bf16_weights", "cpu")
    apart = []
    for seed in (1, 2):
        arithmetic.backward(arithmetic.loss(**batch(seed)))
        apart.append([p.grad.clone() for p in model.parameters()])
        model.zero_grad()
    for seed in (1, 2):
        arithmetic.backward(arithmetic.loss(**batch(seed)))
    for one, two, both in zip(*apart, model.parameters(), strict=True):
        assert torch.equal(one + two, both.grad)


def test_a_change_smaller_than_bf16_can_hold_is_not_lost():
    model = model_of()
    arithmetic = Arithmetic(model, "bf16_weights", "cpu")
    rounded = [p for p in arithmetic.working.parameters() if p.ndim >= 2][1]
    weights = [p for p in model.parameters() if p.ndim >= 2][1]
    with torch.no_grad():
        weights.fill_(1.0)
        for _ in range(64):  # each a sixteenth of what bf16 can tell from 1
            weights.add_(2.0**-11)
            arithmetic.refresh()
    assert rounded[0, 0].item() == 1 + 2.0**-5 == weights[0, 0].item()


@pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")
def test_our_adamw_leaves_the_twin_where_rounding_anew_would_bring_it():
    model = model_of()
    arithmetic = Arithmetic(model, "bf16_weights", "cpu")
    optimizer = AdamW(model.parameters(), lr=0.01)
    optimizer.path = "ours"
    run = SimpleNamespace(spec=SimpleNamespace(clip=0.1), model=model, optimizer=optimizer, micro_batch=2,
                          device="cpu", average=None)  # fmt: skip
    update, state = Update(run, arithmetic, ExpertUse(arithmetic.working)), TrainState()
    for seed in range(3):
        update.gradients(batch(seed), state)
        update.apply(0.01, state)
        assert arithmetic.current
        for own, rounded in arithmetic.pairs:
            assert torch.equal(own.bfloat16(), rounded)


@pytest.mark.parametrize("precision", ["bf16", "bf16_weights", "fp16"])
def test_few_bits_give_nearly_the_same_loss_and_gradient(precision):
    found = []
    for kind in ("fp32", precision):
        model = model_of()
        arithmetic = Arithmetic(model, kind, "cpu")
        loss = arithmetic.loss(**batch())
        arithmetic.backward(loss)
        found.append((float(loss.detach()), torch.cat([p.grad.flatten() for p in model.parameters()])))
    (loss, gradient), (rough_loss, rough) = found
    assert rough_loss != loss and rough_loss == pytest.approx(loss, rel=2e-3)
    assert torch.nn.functional.cosine_similarity(gradient, rough, dim=0) > 0.999


def test_a_mixture_of_experts_has_a_twin_after_a_pass_was_made():
    shape = msgspec.structs.replace(SHAPE, experts=msgspec.structs.replace(SHAPE.experts, count=2, top=1, every=1))
    model = model_of(shape)
    model.loss(**batch()).backward()
    assert Arithmetic(model, "bf16_weights", "cpu").loss(**batch()) > 0


def test_the_loss_scale_halves_at_an_overflow_and_doubles_after_long_quiet():
    scale, state = LossScale("fp16"), TrainState()
    first = state.loss_scale
    scale.learn(True, state)
    assert (state.loss_scale, state.overflows) == (first / 2, 1)
    for _ in range(GROWS_AFTER - 1):
        scale.learn(False, state)
    assert state.loss_scale == first / 2
    scale.learn(True, state)
    for _ in range(GROWS_AFTER):
        scale.learn(False, state)
    assert (state.loss_scale, state.overflows, state.scaled_well) == (first / 2, 2, 0)


def test_only_a_scale_that_is_too_large_counts_as_an_overflow():
    scale, state = LossScale("fp16"), TrainState()
    assert scale.overflowed(2.0, math.inf, state) and scale.overflowed(2.0, math.nan, state)
    assert not scale.overflowed(2.0, 3.0, state)
    assert not scale.overflowed(math.nan, math.nan, state)  # the loss itself: no scale helps
    state.loss_scale = LEAST_SCALE
    assert not scale.overflowed(2.0, math.inf, state)
    assert not LossScale("bf16").overflowed(2.0, math.inf, TrainState())


def test_the_scale_is_divided_out_to_the_bit():
    model, state = model_of(), TrainState()
    scale, arithmetic = LossScale("fp16"), Arithmetic(model, "fp32", "cpu")
    arithmetic.backward(arithmetic.loss(**batch()))
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    arithmetic.backward(arithmetic.loss(**batch()) * scale.of(state))
    scale.undo(model, state)
    assert all(torch.equal(a, p.grad) for a, p in zip(plain, model.parameters(), strict=True))


def test_the_average_is_the_formulas():
    model = model_of()
    average, expected = Average(model, 0.5), {n: p.detach().double() for n, p in model.named_parameters()}
    for step in range(1, 15):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * step)
        average.add(model, step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = {n: decay * expected[n] + (1 - decay) * p.double() for n, p in model.named_parameters()}
    for name, tensor in average.tensors.items():
        torch.testing.assert_close(tensor.double(), expected[name].detach(), rtol=1e-5, atol=1e-5)


def test_the_average_is_shown_for_a_while_and_the_weights_come_back_even_after_an_error():
    model = model_of()
    average = Average(model, 0.9)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    with torch.no_grad():
        model.embed.weight.add_(1.0)
    changed = model.embed.weight.detach().clone()
    with pytest.raises(KeyError), average.shown(model):
        assert torch.equal(model.embed.weight, before["embed.weight"])
        raise KeyError
    assert torch.equal(model.embed.weight, changed) and torch.equal(average.tensors["embed.weight"],
                                                                    before["embed.weight"])  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_a_share_of_the_gradient_reaches_the_embedding_and_its_value_stays(share):
    e = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    value = shrunk(e, share)
    torch.testing.assert_close(value, e)
    (value**2).sum().backward()
    torch.testing.assert_close(e.grad, share * 2 * e.detach())  # e = a e + (1 - a) stop_gradient(e)


def test_in_a_model_the_embedding_alone_is_shrunk():
    whole, part = model_of(), model_of()
    shrink_embedding_gradient(part, 0.1)
    for model in (whole, part):
        model.double().loss(**batch()).backward()
    for (name, a), b in zip(whole.named_parameters(), part.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad * (0.1 if name == "embed.weight" else 1.0), rtol=1e-9, atol=1e-14)
    tied = Decoder(msgspec.structs.replace(SHAPE, tied_head=True))
    initialise(tied, 0)
    shrink_embedding_gradient(tied, 0.0)  # as an input it learns nothing, as the output layer everything
    tied.loss(**batch()).backward()
    assert float(tied.embed.weight.grad.norm()) > 0


def test_what_torch_cannot_compute_is_refused_in_one_sentence():
    class Bessel(torch.nn.Module):
        def use_kernels(self, paths):
            pass

        def loss(self, **batch):
            return torch.special.bessel_j0(torch.ones(2, dtype=torch.float16)).sum()

    with pytest.raises(LabError, match="cannot be computed in fp16 on this machine"):
        race.race(Bessel(), batch(), "cpu", [("fp16", ())])


def test_auto_times_every_precision_and_a_twin_with_the_first_and_the_last_set_of_kernels():
    spec = TrainSpec(corpus="", tokenizer="", kernels="torch")
    found = choices._candidates(spec, model_of(), "cpu")
    assert found == [("fp32", ()), ("bf16", ()), ("bf16_weights", ())]
    times = race.race(model_of(), batch(), "cpu", found)
    assert set(times) == set(found) and all(t > 0 for t in times.values())


def test_where_a_step_is_slow_fewer_rows_are_timed_and_the_time_is_of_all(monkeypatch):
    rows, seen = 256, []  # of 16 tokens: LEAST_TOKENS are 64 rows

    def timed(_model, part, _device, _precision, _paths, losses):
        seen.append(len(part["targets"]))
        losses[(_precision, _paths)] = 1.0
        return 0.02 * seen[-1]  # a second for 50 rows, 5 for all

    monkeypatch.setattr(race, "_time", timed)
    found = race.race(model_of(), batch(rows=rows), "cpu", [("fp32", ()), ("bf16", ())])
    assert set(seen) == {64} and len(seen) == 1 + 2 * (1 + race.FEW_ROUNDS + race.ROUNDS)  # as fast: timed on
    assert found == pytest.approx({("fp32", ()): 0.02 * rows, ("bf16", ()): 0.02 * rows})
    seen.clear()
    monkeypatch.setattr(race, "SLOW_STEP_S", 2.0)
    race.race(model_of(), batch(rows=rows), "cpu", [("fp32", ())])
    assert seen == [64] + [100] * (1 + race.FEW_ROUNDS)
    seen.clear()
    monkeypatch.setattr(race, "SLOW_STEP_S", 4.0)  # nearly all: then all
    race.race(model_of(), batch(rows=rows), "cpu", [("fp32", ())])
    assert seen == [64] + [rows] * (1 + race.ROUNDS)
    seen.clear()
    race.race(model_of(), batch(rows=40), "cpu", [("fp32", ())])  # fewer than LEAST_TOKENS
    assert seen == [40] * (1 + race.ROUNDS)


def test_where_a_step_is_slow_a_hopeless_precision_is_tried_once(monkeypatch):
    tried = []

    def timed(_model, part, _device, precision, paths, losses):
        losses[precision, paths] = 1.0
        tried.append((precision, paths))
        return len(part["targets"]) * {"fp32": 0.1, "bf16": 0.03, "bf16_weights": 0.04}[precision]

    monkeypatch.setattr(race, "_time", timed)
    ours = (("loss", "ours"),)
    candidates = [(precision, paths) for precision in choices.PRECISIONS for paths in ((), ours)]
    found = race.race(model_of(), batch(rows=256), "cpu", candidates)
    assert tried.count(("fp32", ())) == 2 and ("fp32", ours) not in tried  # how many rows; the first pass
    assert found["fp32", ()] == pytest.approx(25.6) and choices._best(found)[0] == ("bf16", ())
    assert tried[1:6] == [("fp32", ()), ("bf16", ()), ("bf16_weights", ()), ("bf16_weights", ours), ("bf16", ours)]


def test_of_candidates_as_fast_as_each_other_the_most_exact_is_taken():
    fast = {("fp32", ()): 2.0, ("bf16", ("loss",)): 1.02, ("bf16", ("step",)): 1.01, ("bf16_weights", ()): 1.0}
    assert choices._best(fast) == (("bf16", ("step",)), 1.01)
    assert choices._best(fast | {("bf16_weights", ()): 0.9}) == (("bf16_weights", ()), 0.9)
    assert choices._best({("fp16", ()): 1.0}) == (("fp16", ()), 1.0)


def test_between_near_candidates_the_last_rounds_decide(monkeypatch):
    calls = []

    def timed(_model, _part, _device, precision, paths, losses):
        losses[precision, paths] = 1.0
        calls.append(precision)
        late = calls.count(precision) > 1 + race.ROUNDS  # the machine is twice as slow then
        return {"fp32": slow, "bf16": 1.6 if late else 1.1, "bf16_weights": 2.0 if late else 1.0}[precision]

    monkeypatch.setattr(race, "_time", timed)
    for slow, rounds in ((9.0, 1), (1.4, race.ROUNDS)):  # hopeless after one round; not near
        calls.clear()
        found = race.race(model_of(), batch(), "cpu", [(p, ()) for p in choices.PRECISIONS])
        assert found == pytest.approx({("fp32", ()): slow, ("bf16", ()): 1.0, ("bf16_weights", ()): 1.25})
        assert calls.count("fp32") == 1 + rounds and choices._best(found)[0] == ("bf16", ())


@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon", "lion", "sgd"])
def test_every_optimizer_learns_a_batch_by_heart_with_a_twin(name):
    model = model_of()
    optimizer = make_optimizer(model, TrainSpec(
        corpus="", tokenizer="", optimizer=name, learning_rate={"sgd": 0.02, "lion": 0.003}.get(name, 0.01)))
    arithmetic = Arithmetic(model, "bf16_weights", "cpu")
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        arithmetic.refresh()
        loss = arithmetic.loss(**batch(rows=1))
        arithmetic.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
