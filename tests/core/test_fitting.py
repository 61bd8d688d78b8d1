"""Fitting a run into memory: what is computed at once, what is computed again, and that it changes no number."""

import msgspec
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.jobs import worker
from core.model.build import build_model
from core.model.decoder import Decoder, initialise
from core.model.sizing import training_memory
from core.record.folder import JobFolder
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train import fitting
from core.train.fitting import Fit, fit, memory_needed, set_recompute
from core.train.objectives import Asking
from tests import tiny_tree

SHAPE = ModelSpec(d_model=64, n_layers=8, n_heads=4, context=128, vocab_size=256, dropout=0.1)


def spec_of(**changes) -> TrainSpec:
    return TrainSpec(corpus="c", tokenizer="t", **{"batch_size": 12, **changes})


def fitted(tmp_path, monkeypatch, free, **changes):
    """The decision where so many bytes are free, what was said, and the folder's choices."""
    monkeypatch.setattr(fitting, "free_memory", lambda device: free)
    said = []
    made = fit(spec_of(**changes), SHAPE, "cpu", JobFolder(tmp_path), said.append)
    return made, [event.what for event in said], JobFolder(tmp_path).read_choices()


def need(rows: int, again: bool, **changes) -> int:
    return memory_needed(spec_of(**changes), SHAPE, Fit(rows, again))["total"]


def test_a_batch_that_fits_stays_whole(tmp_path, monkeypatch):
    made, said, choices = fitted(tmp_path, monkeypatch, 2 * need(12, False))
    assert made == Fit(12, False) and said == [] and choices["fit"] == {"micro_batch": 12, "recompute": False}


def test_a_batch_that_does_not_fit_is_cut_into_the_largest_equal_parts_that_do(tmp_path, monkeypatch):
    made, said, _ = fitted(tmp_path, monkeypatch, (need(4, False) + need(6, False)) / 2 / fitting.ROOM)
    assert made == Fit(4, False) and said == ["Micro-batch"]


def test_what_was_decided_stays_when_memory_is_free_again(tmp_path, monkeypatch):
    fitted(tmp_path, monkeypatch, need(4, False) / 0.88)
    made, said, _ = fitted(tmp_path, monkeypatch, 1e15)
    assert made == Fit(4, False) and said == []


def test_activations_are_computed_again_only_where_nothing_else_helps(tmp_path, monkeypatch):
    made, said, _ = fitted(tmp_path, monkeypatch, need(12, False) - 1, micro_batch=12)
    assert made == Fit(12, True) and said == ["Recompute"]


@pytest.mark.parametrize(("recompute", "expected"), [("off", False), ("on", True)])
def test_what_a_person_says_about_computing_again_is_done(tmp_path, monkeypatch, recompute, expected):
    assert fitted(tmp_path, monkeypatch, 1e15, recompute=recompute)[0].recompute is expected


def test_a_run_that_fits_in_no_way_is_refused_before_it_starts(tmp_path, monkeypatch):
    with pytest.raises(LabError, match="GB are free"):
        fitted(tmp_path, monkeypatch, need(1, True) - 1)
    with pytest.raises(LabError, match="GB are free"):
        fitted(tmp_path, monkeypatch, need(1, True) + 1, recompute="off")
    assert "fit" not in JobFolder(tmp_path).read_choices()


def test_what_an_optimizer_and_an_average_keep_is_counted():
    plain = training_memory(SHAPE, 12)
    assert need(12, False) == plain["total"]
    assert need(12, False, optimizer="lion") == plain["total"] - plain["weights"]
    assert need(12, False, ema_decay=0.9) == plain["total"] + plain["weights"]


def test_only_blocks_are_computed_again():
    spec = spec_of(recompute="on")
    assert fitting._recomputing(spec, ModelSpec(family="lstm")) == [False]


def pass_of(model, example) -> tuple:
    torch.manual_seed(1)
    loss = model.loss(**example)
    loss.backward()
    gradients = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    return float(loss.detach()), gradients, torch.get_rng_state()


@pytest.mark.parametrize("name", ["gpt-2", "llama", "t5", "ul2", "deberta", "xlnet", "albert", "gshard", "electra"])
def test_computing_again_changes_no_bit_even_with_dropout(name):
    shape = msgspec.structs.replace(tiny_tree.tiny(name), dropout=0.1)
    vocab = shape.vocab_size - shape.objective.extra_tokens
    model = build_model(shape).train()
    initialise(model, 0)
    windows = np.random.default_rng(0).integers(1, vocab, (2, shape.context + 1))
    example = Asking(shape, vocab, np.ones(vocab, bool), 0)(windows, 0)
    loss, gradients, random_state = pass_of(model, example)
    set_recompute(model, True)
    again_loss, again, again_state = pass_of(model, example)
    assert loss == again_loss and torch.equal(random_state, again_state)
    assert len(gradients) == len(again) and all(map(torch.equal, gradients, again))


def test_computing_again_keeps_a_fraction_for_the_backward_pass():
    model = Decoder(SHAPE).train()
    ids = torch.randint(0, 256, (4, SHAPE.context))
    kept = {}
    for again in (False, True):
        set_recompute(model, again)
        places = {}

        def keep(tensor, places=places):
            places[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            hidden = model.hidden(ids)
        kept[again] = sum(places.values()) - sum(p.numel() * 4 for p in model.parameters())
        del hidden
    assert kept[True] < 0.2 * kept[False]


def test_a_run_cut_to_fit_is_replayed_as_it_was(tmp_path, monkeypatch):
    workspace = tiny_tree.make_workspace(tmp_path)
    shape = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=16)
    spec = msgspec.structs.replace(tiny_tree.train_spec(shape, sample_tokens=0, steps=3), micro_batch=0)
    folder = tiny_tree.create(workspace, "cut", spec)
    sized = msgspec.structs.replace(shape, vocab_size=tiny_tree.VOCAB)
    free = memory_needed(spec, sized, Fit(1, False))["total"]
    monkeypatch.setattr(fitting, "free_memory", lambda device: (free + 1) / fitting.ROOM)
    assert worker.main(folder.root) == 0
    assert folder.read_choices()["fit"]["micro_batch"] == 1
