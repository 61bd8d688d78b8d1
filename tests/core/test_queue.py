"""The queue in real processes: order, limits, what is killed, and what is taken back."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from core.errors import LabError
from core.jobs import launch, queue
from core.jobs.runner import FALSE_STARTS, RESUMES, Runner, fits
from core.record.control import request
from core.record.events import Started
from core.record.folder import Workspace
from core.record.lock import is_alive
from core.record.log import read_events
from core.record.tickets import Limits, Ticket, place, read_tickets, write_ticket
from core.record.view import read_view
from core.spec.base import build
from core.spec.world import WorldSpec

ROOT = Path(__file__).resolve().parents[2]
SHORT, LONG = 5, 3000  # people: a fraction of a second, and minutes


@pytest.fixture
def workspace(tmp_path):
    made = Workspace(tmp_path / "workspace")
    yield made
    for ticket in read_tickets(made.root):
        queue.remove(made, ticket.folder)
    for lock in made.root.glob("corpora/*/worker.lock"):
        if is_alive(lock.parent):
            request(lock.parent, "stop")
    until(lambda: not any(is_alive(lock.parent) for lock in made.root.glob("*/*/worker.lock")))
    until(lambda: not is_alive(place(made.root)))


def world(people: int) -> WorldSpec:
    return build(WorldSpec, {"world": {"kind": "biographies"}, "size": people})


def put(workspace: Workspace, name: str, people: int = SHORT):
    return queue.queue(workspace, "world", name, world(people))


def until(condition, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.03)


def started(folder) -> list[Started]:
    return [record for record in read_events(folder.path("events.jsonl"))[0] if isinstance(record.event, Started)]


def run_queue(workspace: Workspace, timeout_s: float = 240) -> None:
    """A runner in a process of its own, until nothing is left."""
    subprocess.run([sys.executable, "-m", "core.jobs.runner", str(workspace.root)], cwd=ROOT, timeout=timeout_s,
                   check=True)  # fmt: skip


def test_jobs_are_done_in_order_one_after_the_other_where_cores_allow_one(workspace):
    queue.set_limits(workspace, cores=1)
    folders = [put(workspace, name) for name in ("first", "second", "third")]
    queue.move(workspace, "corpora/third", 0)
    assert [read_view(folder.root).state for folder in folders] == ["queued"] * 3
    run_queue(workspace)
    assert [read_view(folder.root).state for folder in folders] == ["completed"] * 3
    begun = {folder.name: started(folder)[0].t for folder in folders}
    ended = {folder.name: read_view(folder.root).updated_t for folder in folders}
    assert sorted(begun, key=begun.get) == ["third", "first", "second"]
    assert ended["third"] <= begun["first"] and ended["first"] <= begun["second"]
    assert not read_tickets(workspace.root) and not is_alive(place(workspace.root))


def test_a_waiting_job_is_queued_however_long_it_waits_and_without_its_ticket_it_is_not(workspace):
    folder = put(workspace, "patient")
    long_ago = time.time() - 3600
    os.utime(folder.path("spec.toml"), (long_ago, long_ago))
    assert read_view(folder.root).state == "queued"
    queue.remove(workspace, "corpora/patient")
    view = read_view(folder.root)
    assert view.state == "stopped" and view.attempt == 0 and view.resumable
    queue.add(workspace, folder)
    assert read_view(folder.root).state == "queued"
    run_queue(workspace)
    assert read_view(folder.root).state == "completed" and len(started(folder)) == 1


def test_the_same_attempt_started_twice_is_one_attempt(workspace):
    folder = put(workspace, "once")
    processes = [launch.launch(folder, attempt=1) for _ in range(3)]
    for process in processes:
        process.wait(60)
    late = launch.launch(folder, attempt=1)
    assert late.wait(60) == 0
    assert len(started(folder)) == 1 and read_view(folder.root).state == "completed"


def test_a_worker_whose_ticket_was_taken_away_while_it_started_leaves(workspace):
    folder = put(workspace, "unwanted", LONG)
    process = launch.launch(folder, attempt=1)
    queue.remove(workspace, "corpora/unwanted")
    assert process.wait(60) == 0
    assert not started(folder) and read_view(folder.root).state == "stopped"


def test_killing_the_runner_loses_nothing_and_starts_nothing_twice(workspace):
    queue.set_limits(workspace, cores=2)
    folders = [put(workspace, f"job-{number}", 300) for number in range(6)]  # more than the kills below leave time for
    kills = 0
    for pause_s in (0.3, 0.45, 0.6, 0.75, 0.9):
        runner = subprocess.Popen([sys.executable, "-m", "core.jobs.runner", str(workspace.root)], cwd=ROOT)
        until(lambda runner=runner: is_alive(place(workspace.root)) or runner.poll() is not None)
        time.sleep(pause_s)
        kills += runner.poll() is None
        runner.kill()
        runner.wait()
    run_queue(workspace)
    assert kills >= 3
    assert [read_view(folder.root).state for folder in folders] == ["completed"] * 6
    assert [len(started(folder)) for folder in folders] == [1] * 6


def test_a_worker_that_is_killed_is_taken_up_again_three_times_and_then_left(workspace):
    folder = put(workspace, "unlucky", LONG)
    assert queue.ensure_runner(workspace)
    for number in range(1, RESUMES + 2):
        until(lambda number=number: len(started(folder)) == number and is_alive(folder.root))
        psutil.Process(started(folder)[-1].event.pid).kill()
    until(lambda: not read_tickets(workspace.root))
    assert read_view(folder.root).state == "crashed" and len(started(folder)) == RESUMES + 1


def test_a_stopped_job_leaves_the_queue_and_can_be_queued_again(workspace):
    folder = put(workspace, "long", LONG)
    queue.ensure_runner(workspace)
    until(lambda: is_alive(folder.root) and read_view(folder.root).state == "running")
    with pytest.raises(LabError, match="still running"):
        queue.add(workspace, folder)
    request(folder.root, "stop")
    until(lambda: read_view(folder.root).state == "stopped" and not read_tickets(workspace.root))
    queue.add(workspace, folder)
    until(lambda: not is_alive(place(workspace.root)))
    assert read_view(folder.root).state == "queued"


def test_a_paused_queue_and_a_held_job_wait_without_a_runner(workspace):
    held, other = put(workspace, "held"), put(workspace, "other")
    queue.hold(workspace, "corpora/held", True)
    queue.set_limits(workspace, paused=True)
    assert not queue.ensure_runner(workspace)
    queue.set_limits(workspace, paused=False)
    run_queue(workspace)
    assert read_view(other.root).state == "completed" and read_view(held.root).state == "queued"
    queue.hold(workspace, "corpora/held", False)
    run_queue(workspace)
    assert read_view(held.root).state == "completed"


def test_room_is_kept_by_cores_and_memory_and_a_job_that_wants_all_gets_it_alone():
    small, large = Ticket("runs/a", cores=1, memory_bytes=10), Ticket("runs/b", cores=64, memory_bytes=10**15)
    lead = Ticket("sweeps/s", cores=0, memory_bytes=10)
    assert fits(large, [], 2, 100) and fits(large, [lead], 2, 100) and not fits(large, [small], 2, 100)
    assert fits(small, [small], 2, 100) and not fits(small, [small, small], 2, 100)
    assert not fits(small, [small], 2, 15) and fits(lead, [small, small], 2, 15)


def test_a_small_job_does_not_overtake_a_large_one(workspace):
    queue.set_limits(workspace, cores=2)
    for number, cores in enumerate((1, 2, 1)):
        folder = workspace.create("world", f"job-{number}", world(LONG))
        write_ticket(workspace.root, Ticket(f"corpora/{folder.name}", float(number), cores))
    runner = Runner(workspace)
    assert runner.look() and runner.look()
    begun = dict(runner._processes)
    for process in begun.values():
        process.kill()
        process.wait()
    assert list(begun) == ["corpora/job-0"]


def test_a_worker_that_never_begins_is_not_started_for_ever(workspace):
    mute, torn = put(workspace, "mute"), put(workspace, "torn")
    mute.path("control").write_text("in the way of the worker's first word", "utf-8")
    torn.path("spec.toml").write_text("kind = ", "utf-8")
    run_queue(workspace)
    assert not read_tickets(workspace.root) and not started(mute)
    assert mute.path("stderr.log").read_text("utf-8").count("FileExistsError") == FALSE_STARTS


def test_what_a_training_needs_is_estimated_and_limits_have_usual_values(workspace):
    shape = {"d_model": 64, "n_layers": 2, "n_heads": 2, "context": 64, "vocab_size": 500}
    spec = {"corpus": "c", "tokenizer": "t", "model": shape, "threads": 1}
    cores, small = queue.needs(workspace, {"kind": "train", "spec": spec})
    _, large = queue.needs(workspace, {"kind": "train", "spec": spec | {"batch_size": 4096}})
    assert cores == 1 and queue.ENGINE_BYTES < small < large
    assert queue.needs(workspace, {"kind": "world", "spec": {}}) == (1, queue.GB)
    cores, memory = queue.in_force(Limits())
    assert cores == queue.cores_here() and memory == int(0.8 * psutil.virtual_memory().total)
    assert queue.in_force(Limits(cores=1, memory_bytes=5)) == (1, 5)
    assert msgspec.structs.asdict(queue.set_limits(workspace, cores=1))["cores"] == 1
