"""The folder, its log, its metrics, its requests and its lock: what must hold whatever happens."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import LabError
from core.record import events as ev
from core.record.channel import FrameBuffer, pack
from core.record.control import Control, StopRequested, request
from core.record.folder import Workspace, check_name
from core.record.lineage import check_unchanged, identity, write_outputs
from core.record.lock import WorkerLock, is_alive
from core.record.log import EventLog, read_events
from core.record.metrics import MetricsWriter, read_metrics
from core.record.view import JobView, fold, read_view
from core.spec.corpus import CorpusSpec


def test_events_come_back_as_they_were_written(tmp_path):
    log = EventLog(tmp_path / "events.jsonl")
    written = [
        ev.Phase(name="Reading"), ev.Validated(step=3, loss=1.5, bits_per_byte=2.0), ev.Completed(result={"a": 1}),
    ]  # fmt: skip
    for event in written:
        log(event)
    records, end = read_events(tmp_path / "events.jsonl")
    assert [r.event for r in records] == written
    assert [r.seq for r in records] == [0, 1, 2]
    assert end == (tmp_path / "events.jsonl").stat().st_size


@given(st.integers(0, 200))
def test_a_log_cut_anywhere_reads_its_whole_lines_and_can_be_written_on(cut):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        log = EventLog(path)
        for step in range(3):
            log(ev.Paused(step=step))
        log.close()
        data = path.read_bytes()
        path.write_bytes(data[: min(cut, len(data))])
        whole = data[: min(cut, len(data))].count(b"\n")
        assert len(read_events(path)[0]) == whole
        log = EventLog(path)
        log(ev.Continued(step=9))
        log.close()
        records, _ = read_events(path)
        assert [r.seq for r in records] == list(range(whole + 1))
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_an_event_of_a_later_version_is_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"v":9,"seq":0,"t":1.0,"event":"teleported","to":"mars"}\n{"v":1,"seq":1,"t":2,"event":"paused"}\n')
    assert [r.seq for r in read_events(path)[0]] == [1]


def test_metrics_past_the_checkpoint_are_cut_and_a_torn_record_is_ignored(tmp_path):
    path = tmp_path / "metrics.bin"
    columns = [("step", ""), ("loss", "nats/token")]
    writer = MetricsWriter(path, columns)
    for step in range(10):
        writer.append(step=step, loss=step / 2)
    writer.close()
    with open(path, "ab") as file:
        file.write(b"torn")
    assert len(read_metrics(path)[1]) == 10
    MetricsWriter(path, columns, last_step=6).close()
    found, rows = read_metrics(path)
    assert found == columns
    assert rows[:, 0].tolist() == list(range(7))
    assert read_metrics(path, start_row=5)[1][:, 1].tolist() == [2.5, 3.0]


def test_requests_arrive_in_order_and_each_is_acknowledged_once(tmp_path):
    said = []
    ids = [request(tmp_path, "pause"), request(tmp_path, "sample", prompt="x"), request(tmp_path, "resume")]
    control = Control(tmp_path, said.append)
    taken = control.poll()
    assert [r.id for r in taken] == ids
    assert taken[1].args == {"prompt": "x"}
    assert [e.id for e in said] == ids
    assert not control.paused and control.poll() == []
    request(tmp_path, "stop")
    with pytest.raises(StopRequested):
        control.check(step=4)


def test_a_foreign_file_in_control_does_not_stop_a_run(tmp_path):
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / f"{1:020d}-x.json").write_bytes(b"\x00 not json")
    assert Control(tmp_path, lambda event: None).poll() == []


def _hold(folder, ready):
    lock = WorkerLock(folder)  # kept: a lock that is let go of is free
    lock.acquire()
    ready.set()
    assert lock
    signal.pause()


@pytest.mark.skipif(os.name != "posix", reason="uses SIGKILL")
def test_the_lock_dies_with_its_holder_even_by_sigkill(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready), daemon=True)
    assert not is_alive(tmp_path)
    holder.start()
    assert ready.wait(30)
    assert is_alive(tmp_path)
    with pytest.raises(LabError, match="already at work"):
        WorkerLock(tmp_path).acquire(timeout_s=0.1)
    holder.kill()
    holder.join()
    assert not is_alive(tmp_path)


def test_lineage_notices_a_changed_output(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"one")
    write_outputs(tmp_path)
    mark = identity(tmp_path)
    check_unchanged(tmp_path, mark)
    (tmp_path / "a.bin").write_bytes(b"two")
    with pytest.raises(LabError, match="a.bin"):
        check_unchanged(tmp_path, mark)


def test_an_unfinished_input_is_refused_before_anything_is_created(tmp_path):
    from core.spec.tokenizer import TokenizerSpec

    workspace = Workspace(tmp_path)
    workspace.create("corpus", "text", CorpusSpec(sources=["x"]))
    with pytest.raises(LabError, match="not been finished"):
        workspace.create("tokenizer", "t", TokenizerSpec(corpus="text"))
    assert not workspace.jobs("tokenizers")
    with pytest.raises(LabError, match="There is no missing among the corpora"):
        workspace.create("tokenizer", "t", TokenizerSpec(corpus="missing"))


def test_the_tokens_of_a_run_can_be_indexed_while_it_trains_and_a_change_of_them_is_noticed(tmp_path):
    from core.spec.export import IndexSpec

    workspace = Workspace(tmp_path)
    run = workspace.path("runs", "r")
    run.mkdir(parents=True)
    (run / "spec.toml").write_text('kind = "train"\n[spec]\n')
    with pytest.raises(LabError, match="not got so far"):
        workspace.create("index", "i", IndexSpec(run="r"))
    assert not workspace.jobs("indexes")
    (run / "tokens").mkdir()
    (run / "tokens" / "train.bin").write_bytes(b"\0\0\1\0")
    source = workspace.create("index", "i", IndexSpec(run="r")).request["inputs"]["run"]
    check_unchanged(run, source["sha256"], source["part"])
    (run / "tokens" / "train.bin").write_bytes(b"\0\0\2\0")
    with pytest.raises(LabError, match="changed"):
        check_unchanged(run, source["sha256"], source["part"])


@pytest.mark.parametrize("name", ["", "a/b", "CON", "nul.txt", "..", ".hidden", "x.", "a:b", "q" * 101])
def test_a_name_that_some_system_refuses_is_refused_everywhere(name):
    with pytest.raises(LabError):
        check_name(name)


def test_a_resume_undoes_what_came_after_the_checkpoint():
    from core.record.log import Record

    view = JobView()
    happened = [
        ev.Started(pid=1, attempt=1), ev.Validated(step=5, loss=2, bits_per_byte=3),
        ev.CheckpointSaved(step=5, path="a"),
        ev.Validated(step=10, loss=1, bits_per_byte=2), ev.Sampled(step=9, prompt="", text="x"),
        ev.Started(pid=2, attempt=2), ev.Resumed(from_step=5),
    ]  # fmt: skip
    for number, event in enumerate(happened):
        view = fold(view, Record(number, float(number), event))
    assert [v.step for v in view.validations] == [5]
    assert not view.samples and [c.step for c in view.checkpoints] == [5]
    assert view.marks == (("resumed", 5),) and view.attempt == 2 and view.started_t == 0.0 or view.started_t


def test_a_worker_that_fails_says_what_where_and_how_to_mend_it(tmp_path):
    folder = Workspace(tmp_path).create("corpus", "text", CorpusSpec(sources=[str(tmp_path / "nowhere")]))
    done = subprocess.run([sys.executable, "-m", "core.jobs.worker", str(folder.root)], capture_output=True)
    view = read_view(folder.root)
    assert done.returncode == 2 and view.state == "failed"
    assert "nowhere" in view.error.where + view.error.problem.format(**view.error.values)
    assert view.error.remedy
    assert json.loads(folder.path("summary.json").read_text())["state"] == "failed"


@pytest.mark.skipif(os.name != "posix", reason="uses SIGKILL")
def test_a_worker_that_vanishes_is_shown_as_crashed_with_its_last_words(tmp_path):
    folder = Workspace(tmp_path).create("corpus", "text", CorpusSpec(sources=["builtin:python-docs"]))
    with open(folder.path("stderr.log"), "ab") as said:
        said.write(b"the last words\n")
        worker = subprocess.Popen([sys.executable, "-m", "core.jobs.worker", str(folder.root)], stderr=said)
    while not folder.path("events.jsonl").is_file() or not read_events(folder.path("events.jsonl"))[0]:
        assert worker.poll() is None
    worker.kill()
    worker.wait()
    view = read_view(folder.root)
    assert view.state == "crashed" and view.resumable
    assert "the last words" in view.error.details


@given(st.lists(st.one_of(st.integers(-(2**31), 2**31), st.text(), st.binary()), max_size=8), st.integers(1, 7))
def test_frames_survive_any_cutting_of_the_stream(messages, size):
    stream = b"".join(pack(m) for m in messages)
    buffer, found = FrameBuffer(), []
    for start in range(0, len(stream), size):
        found += buffer.feed(stream[start : start + size])
    assert found == messages


def test_a_metrics_file_of_another_program_is_refused(tmp_path):
    (tmp_path / "metrics.bin").write_bytes(np.zeros(100).tobytes())
    with pytest.raises(LabError, match="not a metrics file"):
        read_metrics(tmp_path / "metrics.bin")
