"""The store of jobs: what is on disk is shown, live logs are followed, a vanished worker is a crash."""

import os
import time

from app.state.jobs import LIVENESS_EVERY, JobStore
from app.state.pace import Pace
from core.record import events as ev
from core.record.folder import Workspace
from core.record.lock import WorkerLock
from core.record.log import EventLog, Record
from core.spec.corpus import CorpusSpec


def make_job(workspace, name, *events):
    folder = workspace.create("corpus", name, CorpusSpec(sources=["x"]))
    log = EventLog(folder.path("events.jsonl"))
    for event in events:
        log(event)
    return folder, log


def open_store(qtbot, workspace):
    store = JobStore(workspace)
    with qtbot.waitSignal(store.loaded):
        store.start()
    return store


def test_finished_jobs_are_listed_newest_first(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    for number, name in enumerate(["old", "new"]):
        folder, _ = make_job(workspace, name, ev.Started(pid=1, attempt=1), ev.Completed())
        os.utime(folder.path("spec.toml"), (number, number))
    store = open_store(qtbot, workspace)
    assert [job.name for job in store.jobs("corpus")] == ["new", "old"]
    assert store.names("corpus") == ["new", "old"]
    store.stop()


def test_a_live_log_is_followed(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    folder, log = make_job(workspace, "live", ev.Started(pid=1, attempt=1))
    lock = WorkerLock(folder.root)
    lock.acquire()
    store = open_store(qtbot, workspace)
    assert store.job(folder.root).view.state == "running"
    with qtbot.waitSignal(store.job_changed):
        log(ev.Progress(done=3, total=4, unit="documents"))
    assert store.job(folder.root).view.done == 3
    with qtbot.waitSignal(store.job_changed):
        log(ev.Completed())
    assert store.job(folder.root).view.state == "completed"
    lock.release()
    store.stop()


def test_a_job_taken_up_again_is_not_judged_by_the_last_word_of_its_old_worker(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    folder, _ = make_job(workspace, "again", ev.Started(pid=1, attempt=1), ev.Stopped(step=4))
    os.utime(folder.path("spec.toml"), (1, 1))
    store = open_store(qtbot, workspace)
    store.expect(folder.root)
    for _ in range(2 * LIVENESS_EVERY):
        store.follow()
    assert store.job(folder.root).view.state == "queued"
    store.stop()


def test_a_pause_does_not_count_as_slowness():
    pace = Pace()
    for t, event in ((0, ev.Progress(done=0, total=100)), (1, ev.Progress(done=10, total=100)), (600, ev.Continued()),
                     (600, ev.Progress(done=10, total=100)), (601, ev.Progress(done=20, total=100))):  # fmt: skip
        pace.observe(Record(0, float(t), event))
    assert pace.left_s == 8.0


def test_a_worker_that_vanished_is_a_crash_with_its_last_words(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    folder, _ = make_job(workspace, "gone", ev.Started(pid=1, attempt=1))
    folder.path("stderr.log").write_text("Segmentation fault", "utf-8")
    store = open_store(qtbot, workspace)
    view = store.job(folder.root).view
    assert view.state == "crashed" and view.resumable
    assert "Segmentation fault" in view.error.details
    store.stop()


def test_a_job_taken_up_again_elsewhere_is_live_again(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    folder, log = make_job(workspace, "again", ev.Started(pid=1, attempt=1), ev.Stopped(step=5))
    store = open_store(qtbot, workspace)
    assert store.job(folder.root).view.state == "stopped"
    lock = WorkerLock(folder.root)
    lock.acquire()
    log(ev.Started(pid=2, attempt=2))
    store.look_for_new()
    assert store.job(folder.root).view.state == "running"
    lock.release()
    store.stop()


def test_new_and_deleted_folders_are_noticed(qtbot, tmp_path):
    import shutil

    workspace = Workspace(tmp_path)
    store = open_store(qtbot, workspace) if (tmp_path / "corpora").exists() else JobStore(workspace)
    with qtbot.waitSignal(store.job_added):
        folder, _ = make_job(workspace, "fresh", ev.Started(pid=1, attempt=1), ev.Completed())
        store.look_for_new()
    shutil.rmtree(folder.root)
    with qtbot.waitSignal(store.job_removed):
        store.look_for_new()
    assert store.jobs() == []
    store.stop()


def test_two_hundred_finished_runs_open_in_a_second_without_blocking(qtbot, tmp_path):
    workspace = Workspace(tmp_path)
    events = [ev.Started(pid=1, attempt=1)]
    events += [ev.Validated(step=s, loss=1.0, bits_per_byte=2.0) for s in range(60)]
    events += [ev.Sampled(step=s, prompt="", text="word " * 60) for s in range(20)]
    folder, log = make_job(workspace, "run", *events, ev.Completed())
    content, spec = folder.path("events.jsonl").read_bytes(), folder.path("spec.toml").read_bytes()
    for number in range(199):
        root = tmp_path / "corpora" / f"run-{number}"
        root.mkdir()
        (root / "events.jsonl").write_bytes(content)
        (root / "spec.toml").write_bytes(spec)
    store = JobStore(workspace)
    began, longest = time.thread_time(), 0.0
    store.start()
    while len(store.jobs()) < 200:
        turn = time.thread_time()
        store._read_batch()
        longest = max(longest, time.thread_time() - turn)
    # The processor's time of this thread, not the clock's: another process's turn is not the store's fault.
    assert time.thread_time() - began < 3.0
    assert longest < 0.3
    store.stop()
