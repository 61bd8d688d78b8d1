"""Rare moments of a job folder: what was asked, said or half done at the worst time."""

import errno
import os
from pathlib import Path

import pytest

from core.errors import LabError, say
from core.jobs import grow, worker
from core.record import atomic, lock
from core.record import events as ev
from core.record.control import Control, StopRequested, request
from core.record.folder import Workspace
from core.record.log import EventLog, Record, read_events
from core.record.metrics import MetricsWriter, read_metrics
from core.record.view import JobView, fold, read_view
from core.spec.corpus import CorpusSpec


def folded(*events):
    view = JobView()
    for number, event in enumerate(events):
        view = fold(view, Record(number, float(number), event))
    return view


def test_a_rename_that_a_reader_refuses_is_asked_again(tmp_path, monkeypatch):
    refusals, replace = [PermissionError(errno.EACCES, "in use")] * 2, os.replace

    def busy(source, target):
        if refusals:
            raise refusals.pop()
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", busy)
    atomic.write_text(tmp_path / "summary.json", "{}")
    assert (tmp_path / "summary.json").read_text() == "{}"


def test_a_foreign_file_in_control_does_not_stop_a_second_attempt(tmp_path):
    said = []
    stale = request(tmp_path, "stop")
    (tmp_path / "control" / "1.json").write_bytes(b"{}")
    control = Control(tmp_path, said.append)
    control.discard_stale(before_s=4e9)
    assert [(e.id, e.ignored) for e in said] == [(stale, True)] and not control.poll()


def test_a_request_that_somebody_holds_is_taken_once_it_can_be(tmp_path, monkeypatch):
    request(tmp_path, "stop")
    control = Control(tmp_path, lambda event: None)
    with monkeypatch.context() as held:
        held.setattr(Path, "unlink", lambda path, **_: (_ for _ in ()).throw(PermissionError("in use")))
        assert control.poll() == [] and not control.stop_requested
    assert [r.name for r in control.poll()] == ["stop"] and control.stop_requested


def test_a_record_that_the_disk_takes_in_parts_stays_one_record(tmp_path):
    class Halting:
        """A file on a nearly full disk: it takes at most five bytes at a time."""

        def __init__(self, file):
            self.file = file

        def write(self, data):
            return self.file.write(data[:5])

    writer = MetricsWriter(tmp_path / "metrics.bin", [("step", ""), ("loss", "")], last_step=-1)
    real, writer._file = writer._file, Halting(writer._file)
    writer.append(step=1, loss=2.0)
    writer.append(step=2, loss=1.0)
    real.close()
    assert read_metrics(tmp_path / "metrics.bin")[1].tolist() == [[1.0, 2.0], [2.0, 1.0]] and writer.rows == 2


def test_an_error_with_a_number_that_is_none_is_still_said():
    assert say("Loss {loss:.2f}.", "here", "", {"loss": None}) == "here: Loss {loss:.2f}."


def test_an_event_with_a_value_json_does_not_know_is_still_written(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    log(ev.Failed(problem="No {path}.", values={"path": Path("a")}))
    log.close()
    assert read_events(tmp_path / "events.jsonl")[0][0].event.values == {"path": "a"}


def test_a_step_measured_again_is_shown_once_and_dropped_checkpoints_are_not():
    measured = [ev.Validated(step=s, loss=9 - s, bits_per_byte=1) for s in (0, 1, 2)]
    saved = [ev.CheckpointSaved(step=1, path="a"), ev.CheckpointSaved(step=2, path="b", dropped=[1])]
    view = folded(*measured, *saved, ev.Stopped(step=2), ev.Stopped(step=2), ev.Started(pid=1, attempt=2), measured[0])
    assert [v.step for v in view.validations] == [0] and [c.step for c in view.checkpoints] == [2]
    assert view.marks == (("stopped", 2),)


def test_what_a_worker_says_between_two_looks_is_not_lost(tmp_path, monkeypatch):
    folder = Workspace(tmp_path).create("corpus", "text", CorpusSpec(sources=["x"]))
    log = EventLog(folder.path("events.jsonl"))
    log(ev.Started(pid=1, attempt=1))

    def ends(_):
        if not folder.path("ended").exists():
            folder.path("ended").touch()
            log(ev.Exported(format="onnx", file="a", bytes=1))
            log(ev.Completed())
        return False

    monkeypatch.setattr("core.record.view.is_alive", ends)
    view = read_view(folder.root)
    assert view.state == "completed" and len(view.exports) == 1


@pytest.mark.parametrize(("number", "alive"), [(errno.EMFILE, True), (errno.EACCES, True), (errno.EROFS, False)])
def test_a_lock_that_cannot_be_asked_is_no_crash_but_nobody_works_on_a_read_only_disk(
        tmp_path, monkeypatch, number, alive):  # fmt: skip
    (tmp_path / "worker.lock").touch()
    monkeypatch.setattr(lock.FileLock, "acquire", lambda *_, **__: (_ for _ in ()).throw(OSError(number, "no")))
    assert lock.is_alive(tmp_path) is alive


def test_a_folder_that_a_killed_process_left_without_a_request_does_not_take_the_name(tmp_path):
    left = tmp_path / "corpora" / "text"
    left.mkdir(parents=True)
    (left / f"{atomic.TEMPORARY}1-spec.toml").touch()
    workspace = Workspace(tmp_path)
    workspace.create("corpus", "text", CorpusSpec(sources=["x"]))
    with pytest.raises(LabError, match="taken"):
        workspace.create("corpus", "text", CorpusSpec(sources=["x"]))


def test_a_full_disk_met_anywhere_is_told_as_such_and_leftovers_make_room_first(tmp_path, monkeypatch):
    folder = Workspace(tmp_path).create("corpus", "text", CorpusSpec(sources=["x"]))

    def fill(*_):
        folder.path(".tmp-tokens").mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(worker, "_run", fill)
    assert worker.main(folder.root) == 1
    assert "disk is full" in read_view(folder.root).error.problem and not folder.path(".tmp-tokens").exists()


class Heard(list):
    """Collects events."""

    def __call__(self, event):
        self.append(event)


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A pipeline's stage in this process: its log is ours to write."""
    monkeypatch.setattr(grow, "LOOK_EVERY_S", 0.001)
    folder = Workspace(tmp_path / "w").create("corpus", "text", CorpusSpec(sources=["x"]))
    held = lock.WorkerLock(folder.root)
    held.acquire()
    yield folder, EventLog(folder.path("events.jsonl"))
    held.release()


def test_a_pipeline_is_shown_as_paused_while_its_stage_is(pipeline, tmp_path, monkeypatch):
    child, log = pipeline
    heard = Heard()
    control = Control(tmp_path / "pipeline", heard)
    script = iter([ev.Started(pid=1, attempt=1), ev.Paused(), ev.Continued(), ev.Completed()])
    monkeypatch.setattr(grow.time, "sleep", lambda _: log(next(script)))
    assert grow._follow(child, heard, control).state == "completed"
    assert [type(e) for e in heard] == [ev.Paused, ev.Continued] and not control.paused


def test_a_stop_at_the_end_of_a_stage_begins_no_other(tmp_path, monkeypatch):
    begun = []
    control = Control(tmp_path, lambda event: None)

    def follow(*_):
        control.stop_requested = True
        return JobView(state="completed")

    monkeypatch.setattr(grow, "_follow", follow)
    monkeypatch.setattr(grow, "begin", lambda workspace, child: begun.append(child.kind) or folder)
    monkeypatch.setattr(grow, "stages", lambda spec, name: {"corpus": {}, "tokenizer": {}})
    folder = Workspace(tmp_path / "w").create("corpus", "text", CorpusSpec(sources=["x"]))
    with pytest.raises(StopRequested):
        grow.run(None, folder, lambda event: None, control)
    assert begun == ["corpus"]
