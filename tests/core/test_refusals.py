"""A run that would not fit is refused before it starts, and what the refusal proposes would have fitted."""

from types import SimpleNamespace

import msgspec
import pytest

from core.errors import LabError
from core.record.folder import JobFolder
from core.spec.model import ModelSpec
from core.spec.retention import RetentionSpec
from core.spec.train import TrainSpec
from core.train import disk, fitting
from core.train.disk import check_disk, checkpoint_bytes, most_checkpoints
from core.train.fitting import Fit, fit, memory_needed

SHAPE = ModelSpec(d_model=256, n_layers=4, n_heads=4, context=512, vocab_size=4096)
SPEC = TrainSpec(corpus="c", tokenizer="t", batch_size=64, micro_batch=64, recompute="off")


def refused(monkeypatch, tmp_path, spec, free, shape=SHAPE):
    """The values of the refusal of a run on a machine with so many bytes free."""
    monkeypatch.setattr(fitting, "free_memory", lambda device: free)
    with pytest.raises(LabError) as found:
        fit(spec, shape, "cpu", JobFolder(tmp_path), lambda event: None)
    return found.value


def need(rows, recompute=False, shape=SHAPE, spec=SPEC):
    return memory_needed(spec, shape, Fit(rows, recompute))["total"]


def test_a_micro_batch_that_is_too_large_is_refused_with_the_largest_that_fits(monkeypatch, tmp_path):
    error = refused(monkeypatch, tmp_path, SPEC, need(8))
    assert error.values["micro_batch"] == 8 and "micro-batch" in error.remedy
    error = refused(monkeypatch, tmp_path, SPEC, need(8) - 1)
    assert error.values["micro_batch"] == 4


def test_where_no_micro_batch_suffices_computing_again_is_proposed(monkeypatch, tmp_path):
    free = (need(1) + need(1, True)) / 2
    error = refused(monkeypatch, tmp_path, SPEC, free)
    assert "Recompute" in error.remedy and need(error.values["micro_batch"], True) <= free


def test_where_that_does_not_suffice_a_context_that_fits_is_named(monkeypatch, tmp_path):
    shorter = msgspec.structs.replace(SHAPE, context=128)
    free = need(1, True, shorter)
    assert free < need(1, True)
    error = refused(monkeypatch, tmp_path, SPEC, free)
    assert error.values["context"] == 128


def test_weights_that_do_not_fit_at_all_are_said_to_be_what_is_too_large(monkeypatch, tmp_path):
    error = refused(monkeypatch, tmp_path, SPEC, 1e6)
    assert "smaller model" in error.remedy and error.values["alone"] > 1e6 / 1e9


def test_a_resume_that_does_not_fit_any_more_does_not_propose_another_arithmetic(monkeypatch, tmp_path):
    monkeypatch.setattr(fitting, "free_memory", lambda device: 1e12)
    fit(SPEC, SHAPE, "cpu", JobFolder(tmp_path), lambda event: None)
    error = refused(monkeypatch, tmp_path, SPEC, need(8))
    assert "resume" in error.remedy and set(error.values) == {"need", "free"}


def test_checkpoints_that_would_fill_the_disk_are_refused_with_how_many_would_not(monkeypatch, tmp_path):
    spec = msgspec.structs.replace(SPEC, keep_checkpoints=50, steps=10_000, checkpoint_every=100)
    each, free = checkpoint_bytes(spec, SHAPE), 20 * checkpoint_bytes(spec, SHAPE)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    with pytest.raises(LabError) as found:
        check_disk(spec, SHAPE, JobFolder(tmp_path))
    assert found.value.values["keep"] == 18 and found.value.values["each"] == each / 1e9
    check_disk(msgspec.structs.replace(spec, keep_checkpoints=18), SHAPE, JobFolder(tmp_path))  # as proposed
    with pytest.raises(LabError):
        check_disk(msgspec.structs.replace(spec, keep_checkpoints=19), SHAPE, JobFolder(tmp_path))


def test_what_stands_on_the_disk_already_is_not_asked_for_again(monkeypatch, tmp_path):
    spec = msgspec.structs.replace(SPEC, keep_checkpoints=3, steps=1000)
    each = checkpoint_bytes(spec, SHAPE)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * each))
    with pytest.raises(LabError):
        check_disk(spec, SHAPE, JobFolder(tmp_path))
    for step in (200, 400):
        path = tmp_path / "checkpoints" / f"step-{step:08d}"
        path.mkdir(parents=True)
        with open(path / "model.safetensors", "wb") as file:
            file.truncate(each)
    check_disk(spec, SHAPE, JobFolder(tmp_path))


def test_a_short_run_needs_no_more_room_than_it_writes_checkpoints():
    short = msgspec.structs.replace(SPEC, steps=300, checkpoint_every=200, keep_checkpoints=100)
    assert most_checkpoints(short) == 3
    long = msgspec.structs.replace(SPEC, steps=100_000, checkpoint_every=10, keep_checkpoints=2,
                                   retention=RetentionSpec(every=1000, best=2, spaced=True))  # fmt: skip
    assert most_checkpoints(long) == 2 + 2 + 1 + 100 + 17
