"""A run of two processes as a person meets it: started by one click, asked for things, stopped, and finished by one."""

import os
import time

import psutil
import pytest

from core.infer.sources import checkpoint_path, family
from core.jobs import launch
from core.jobs.several import failure_of_another, fits_here, note_failure
from core.model.loading import load_decoder
from core.record.control import request as ask
from core.record.folder import JobFolder
from core.record.view import read_view
from tests.distributed_curves import CLOSE, change_mesh, difference, request, train, work
from tests.kill_and_resume import prepare

STEPS = 24


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("two"))


def wait_for(folder, condition, timeout_s=120.0):
    deadline = time.monotonic() + timeout_s
    while not condition(view := read_view(folder.root)):
        assert time.monotonic() < deadline and view.state != "failed", view
        time.sleep(0.05)
    return view


@pytest.mark.skipif(not fits_here(2, "cpu"), reason="needs two cores")
def test_two_processes_begin_with_one_click_hear_what_is_asked_and_one_process_finishes(workspace):
    spec = request(STEPS, {"shard": 2}, sample_tokens=3, sample_prompt="the")
    folder = launch.start(workspace, "train", "two", spec)
    wait_for(folder, lambda view: view.done > 1)
    ask(folder.root, "pause")
    pid = wait_for(folder, lambda view: view.state == "paused").pid
    together = [p.pid for p in psutil.Process(pid).parent().children()]
    if os.path.isfile("/proc/net/tcp"):
        assert len(together) == 2 and not _open_to_others([*together, psutil.Process(pid).ppid()])
    for what in ("sample", "resume", "stop"):
        ask(folder.root, what, **({"prompt": "young", "tokens": 3} if what == "sample" else {}))
    view = wait_for(folder, lambda view: not view.live)
    assert view.state == "stopped" and [s.prompt for s in view.samples if s.requested] == ["young"]
    deadline = time.monotonic() + 60
    while any(map(psutil.pid_exists, together)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, together)), "the others have to end with the first"

    saved = checkpoint_path(folder.root, "last")
    assert (saved / "shards.json").is_file() and family(saved) == "transformer"
    assert load_decoder(saved)[2] == view.checkpoints[-1].step < STEPS
    change_mesh(folder, {})
    work(folder, 1)
    single = train(workspace, "one", request(STEPS))
    assert difference(folder, single) < CLOSE and difference(folder, single, "val_loss") < CLOSE


def test_why_another_process_ended_is_told_by_the_first(tmp_path, monkeypatch):
    folder = JobFolder(tmp_path)
    assert failure_of_another(folder) is None, "a process alone asks nobody"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert failure_of_another(folder, patience_s=0.0) is None
    monkeypatch.setenv("RANK", "1")
    note_failure(folder, RuntimeError("no memory left"))
    told = failure_of_another(folder)
    assert "rank 1 could not go on: RuntimeError: no memory left" in told.problem.format(**told.values)


def _open_to_others(pids: list[int]) -> list:
    """Sockets of these processes on which another machine could reach them."""
    found = [socket for pid in pids for socket in psutil.Process(pid).net_connections("inet")]
    return [s for s in found if s.status == psutil.CONN_LISTEN and s.laddr.ip not in ("127.0.0.1", "::1")]


def test_a_run_started_in_too_few_processes_says_how_many_it_takes(workspace):
    folder = workspace.create("train", "alone", request(5, {"data": 64}, batch_size=64, micro_batch=64))
    assert launch.launch(folder).wait() == 2
    assert "64 processes, and 1 were started" in read_view(folder.root).error.problem.format(
        **read_view(folder.root).error.values)
