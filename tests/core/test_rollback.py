"""The return to a checkpoint before a spike: what is left out, what a kill in between changes (nothing), and where
it ends."""

import shutil
from contextlib import nullcontext

import numpy as np
import pytest

from core.record import atomic
from core.record.control import request
from core.record.events import RateChanged, Resumed, RolledBack, SpikeFound, Stopped
from core.record.lineage import sha256_file
from core.record.log import EventLog
from core.record.metrics import MetricsWriter, read_metrics
from core.record.view import read_view
from core.train import job
from core.train.checkpoint import checkpoints, read_pointers
from tests.poison import carry_on, poisoned_rows, prepare, said, train_spec, work

SMALL = {
    "steps": 60, "batch_size": 1, "micro_batch": 0, "checkpoint_every": 3, "validate_every": 30,
    "validation_tokens": 256, "learning_rate": 1e-2, "schedule": "constant",
    "guard": {"window": 8, "threshold": 8.0, "skip_before": 2, "skip_after": 1, "lower_rate": 0.7},
    "model": {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 16, "dropout": 0.1},
}  # fmt: skip


class Killed(BaseException):
    """The process is gone from one moment to the next."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("rollback"), seed=0, documents=60, poisoned=2, poison=noise)


def noise(draw):
    """Printable characters, each drawn alike from all others: what even a model that knows little stumbles over."""
    return "".join(chr(draw.randrange(33, 127)) for _ in range(130))


@pytest.fixture(scope="module")
def calm(workspace):
    """A run that went back once, undisturbed; and a copy of it as it was a few steps before."""
    folder = workspace.create("train", "calm", train_spec(1, "poisoned", True, **SMALL))
    atomic.write_json(folder.path("until.json"), {"step": 36})
    assert carry_on(folder) == 0 and said(folder, Stopped) and not said(folder, SpikeFound)
    folder.path("until.json").unlink()
    shutil.copytree(folder.root, folder.root.with_name("before"))
    assert carry_on(folder) == 0
    return folder


def files(folder):
    """Digest of every file that a run is about, and what its records say besides times."""
    last = folder.path("checkpoints", read_pointers(folder.root)["last"])
    found = {path.name: sha256_file(path) for path in last.glob("*.safetensors")}
    columns, rows = read_metrics(folder.path("metrics.bin"))
    timed = [i for i, (name, _) in enumerate(columns) if name in ("elapsed_s", "tokens_per_s", "energy_j")]
    found["metrics"] = np.delete(rows, timed, axis=1).tobytes()
    found["checkpoints"] = [path.name for path in checkpoints(folder.root)]
    found["choices"] = {name: folder.read_choices().get(name) for name in ("skips", "rates", "going_back")}
    return found


def test_a_spike_is_undone_and_its_batches_are_left_out(calm, workspace):
    (spike,), (back,) = said(calm, SpikeFound), said(calm, RolledBack)
    assert back.to_step < back.skip_at <= spike.step == back.from_step + 1
    assert back.skip_at == spike.step - 2 and back.sequences == 4  # two before, itself, one after
    assert calm.read_choices()["skips"] == [[back.skip_at - 1, 4]]
    columns, rows = read_metrics(calm.path("metrics.bin"))
    assert rows[:, 0].tolist() == list(range(61))  # each step once
    rate = rows[1:, [name for name, _ in columns].index("lr")]
    assert rate[back.skip_at - 1] == pytest.approx(0.7 * rate[back.skip_at - 2])
    assert [change.step for change in said(calm, RateChanged)] == [back.skip_at]
    view = read_view(calm.root)
    assert view.state == "completed" and view.spikes == (spike,) and view.rollbacks == (back,)
    assert ("spike", spike.step) in view.marks and ("rolled_back", back.to_step) in view.marks


def test_the_documents_named_are_those_that_were_poisoned(calm, workspace):
    (spike,) = said(calm, SpikeFound)
    assert spike.documents and set(spike.documents) <= poisoned_rows(workspace)


def watched(monkeypatch, kill_at):
    """Let every write count, and be the last one at ``kill_at``; returns what was written."""
    seen = []

    def counted(function, label):
        def write(*args, **kwargs):
            seen.append(label(*args, **kwargs))
            if len(seen) - 1 == kill_at:
                raise Killed
            return function(*args, **kwargs)

        return write

    monkeypatch.setattr(atomic.os, "replace", counted(atomic.os.replace, lambda a, b: getattr(b, "name", str(b))))
    monkeypatch.setattr(EventLog, "__call__", counted(EventLog.__call__, lambda _, event: type(event).__name__))
    monkeypatch.setattr(MetricsWriter, "append", counted(MetricsWriter.append, lambda *_, **__: "record"))
    monkeypatch.setattr(job, "HealthLog", lambda folder: nullcontext())  # a thread of its own, with writes of its own
    monkeypatch.setattr(MetricsWriter, "__init__", counted(MetricsWriter.__init__, lambda *_, **__: "cut"))
    return seen


def again(calm, name):
    """The run as it was before its spike, under another name."""
    copy = calm.root.with_name(name)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(calm.root.with_name("before"), copy)
    return type(calm)(copy)


def test_a_kill_at_any_write_of_a_return_changes_nothing(calm, monkeypatch):
    with monkeypatch.context() as patched:
        seen = watched(patched, kill_at=-1)
        carry_on(again(calm, "dry"))
    first, last = seen.index("SpikeFound") - 1, seen.index("RolledBack") + 2
    assert seen[first] == "choices.json" and any(label.startswith(".tmp-old-step") for label in seen[first:last])
    last += seen[last:].index("record") + 1
    expected = files(calm)
    for moment in range(first, last):
        folder = again(calm, "killed")
        with monkeypatch.context() as patched, pytest.raises(Killed):
            watched(patched, kill_at=moment)
            carry_on(folder)
        assert carry_on(folder) == 0
        assert files(folder) == expected, (moment, seen[moment])
        assert (len(said(folder, SpikeFound)), len(said(folder, RolledBack))) == (1, 1), (moment, seen[moment])


def test_a_run_that_is_stopped_after_its_return_goes_on_to_the_same_bytes(calm):
    folder = again(calm, "stopped")
    atomic.write_json(folder.path("until.json"), {"step": 51})
    assert carry_on(folder) == 0 and len(said(folder, RolledBack)) == 1
    folder.path("until.json").unlink()
    assert carry_on(folder) == 0 and said(folder, Resumed)[-1].from_step == 51
    found, expected = files(folder), files(calm)
    assert {**found, "checkpoints": 0} == {**expected, "checkpoints": 0}  # it has one more, of where it stopped


def test_without_a_checkpoint_before_the_spike_the_run_begins_anew(workspace, calm):
    folder = work(workspace, "train", "anew", train_spec(1, "poisoned", True, **{**SMALL, "checkpoint_every": 1000}))
    (back,) = said(folder, RolledBack)
    assert back.to_step == 0 and read_metrics(folder.path("metrics.bin"))[1][:, 0].tolist() == list(range(61))
    assert files(folder)["model.safetensors"] == files(calm)["model.safetensors"]


def test_a_run_goes_back_only_so_often_and_then_says_what_to_do(workspace):
    wild = {**SMALL, "guard": {"window": 8, "threshold": 2.0, "most": 1}, "learning_rate": 0.5, "steps": 60}
    folder = workspace.create("train", "wild", train_spec(0, "poisoned", True, **wild))
    assert carry_on(folder) == 2
    view = read_view(folder.root)
    assert len(view.rollbacks) == 1 and "gone back {count} times" in view.error.problem and view.error.remedy


def test_a_rate_changed_by_a_person_is_replayed_and_a_strange_one_is_refused(workspace):
    quiet = {**SMALL, "guard": {"enabled": False}, "steps": 12, "schedule": "constant", "warmup_steps": 1}
    folder = workspace.create("train", "rate", train_spec(0, "clean", False, **quiet))
    atomic.write_json(folder.path("until.json"), {"step": 3})
    assert carry_on(folder) == 0
    folder.path("until.json").unlink()
    request(folder.root, "rate", factor=0.5)
    request(folder.root, "rate", factor="-3")
    assert carry_on(folder) == 0
    assert [(change.step, change.rate) for change in said(folder, RateChanged)] == [(4, 0.5)]
    assert any("was not changed" in note.text for note in read_view(folder.root).notes)
    columns, rows = read_metrics(folder.path("metrics.bin"))
    assert rows[1:, [name for name, _ in columns].index("lr")].tolist() == [1e-2] * 3 + [5e-3] * 9
    expected = files(folder)
    for path in checkpoints(folder.root):
        shutil.rmtree(path)
    assert carry_on(folder) == 0  # from the beginning, with nobody asking
    assert files(folder)["model.safetensors"] == expected["model.safetensors"]
    view = read_view(folder.root)
    assert [mark for mark in view.marks if mark[0] == "rate"] == [("rate", 4)]
