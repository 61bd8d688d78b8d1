"""Replayed steps and batches made ahead: the bookkeeping gives the same bits; the GPU's part needs a GPU."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.base import build
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.batches import Batches, Examples
from core.train.checkpoint import TrainState
from core.train.expert_use import ExpertUse
from core.train.gpu_choices import choose_for_gpu, race
from core.train.graphs import GraphedUpdate, fits
from core.train.optimizers import make_optimizer
from core.train.precision import Arithmetic
from core.train.prefetch import Prefetch
from core.train.update import Update

SHAPE = {"n_layers": 2, "n_heads": 2, "d_model": 16, "context": 8, "vocab_size": 40}


def make_run(precision: str = "fp32", **design):
    spec = build(TrainSpec, {"corpus": "-", "tokenizer": "-", "batch_size": 6, "learning_rate": 1e-2, "model": {}})
    model = build_model(build(ModelSpec, SHAPE | design))
    initialise(model, 0)
    return SimpleNamespace(spec=spec, model=model, optimizer=make_optimizer(model, spec), micro_batch=2, device="cpu",
                           average=None, precision=precision)  # fmt: skip


def batch_of(rows: int, seed: int) -> dict:
    ids = torch.randint(0, 40, (rows, 9), generator=torch.Generator().manual_seed(seed))
    return {"ids": ids[:, :-1].contiguous(), "targets": ids[:, 1:].contiguous()}


def carry_out(run, make, sizes=(6, 6, 6, 4, 6, 6, 6)) -> list:
    arithmetic = Arithmetic(run.model, run.precision, "cpu")
    update, state, found = make(run, arithmetic, ExpertUse(arithmetic.working)), TrainState(), []
    for step, rows in enumerate(sizes):
        found.append(update.gradients(batch_of(rows, step), state))
        if step == 4:  # as after a spike
            update.discard()
        else:
            update.apply(1e-2 / (step + 1), state)
    return found


@pytest.mark.parametrize("precision", ["fp32", "bf16_weights"])
def test_replayed_steps_change_the_weights_as_others_do(precision):
    plain, replayed, recorded = make_run(precision), make_run(precision), []

    def record(work):
        recorded.append(work)
        return work  # done anew each time, as a graph does

    expected = carry_out(plain, Update)
    found = carry_out(replayed, lambda *made: GraphedUpdate(*made, emit=pytest.fail, record=record))
    assert len(recorded) == 4  # gradients and optimizer, for each stretch of equal batches that is long enough
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    for one, other in zip(plain.model.parameters(), replayed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_step_that_cannot_be_recorded_goes_on_without():
    plain, tried, said = make_run(), make_run(), []

    def refuse(work):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    expected = carry_out(plain, Update)
    assert carry_out(tried, lambda *made: GraphedUpdate(*made, emit=said.append, record=refuse)) == expected
    assert [event.values["reason"] for event in said] == ["operation not permitted when stream is capturing"]
    for one, other in zip(plain.model.parameters(), tried.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_steps_that_draw_or_route_are_not_replayed():
    run = make_run()
    assert fits(run.model, run.optimizer, "bf16") and not fits(run.model, run.optimizer, "fp16")
    dropped = make_run(dropout=0.1)
    assert not fits(dropped.model, dropped.optimizer, "bf16")


def test_on_a_processor_nothing_is_chosen():
    run = make_run()
    run.folder = None  # would be read
    choose_for_gpu(run, {}, pytest.fail)


def test_a_race_times_each_in_turn():
    order = []
    times = race({"a": lambda: order.append("a"), "b": lambda: order.append("b")})
    assert set(times) == {"a", "b"} and order == ["a", "b"] * (len(order) // 2)


def test_batches_made_ahead_are_those_made_in_time():
    def asking(windows, first):
        return {"ids": torch.from_numpy(windows), "first": torch.tensor(first)}

    plain = Examples(Batches(np.arange(500, dtype=np.uint16), 8, seed=3), asking)
    ahead = Prefetch(plain, "cpu")
    for first, count in [(0, 4), (4, 4), (8, 4), (12, 2), (14, 2), (4, 2), (6, 2)]:  # a smaller batch, a return
        expected, found = plain(first, count), ahead(first, count)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert ahead.epoch(10) == plain.epoch(10)
    ahead.close()


def test_a_batch_is_made_while_the_step_runs():
    made = []

    def asking(windows, first):
        made.append(first)
        return {"ids": torch.from_numpy(windows)}

    ahead = Prefetch(Examples(Batches(np.arange(500, dtype=np.uint16), 8, seed=3), asking), "cpu")
    ahead(0, 4)
    ahead._ahead[1].result()  # nobody has asked for it yet
    assert made == [0, 4]
    ahead.close()


def test_an_error_in_a_batch_made_ahead_is_raised_when_it_is_asked_for():
    def asking(windows, first):
        if first >= 4:
            raise ValueError("no more")
        return {"ids": torch.from_numpy(windows)}

    ahead = Prefetch(Examples(Batches(np.arange(500, dtype=np.uint16), 8, seed=3), asking), "cpu")
    ahead(0, 4)
    with pytest.raises(ValueError, match="no more"):
        ahead(4, 4)
    ahead.close()
