"""The queue of a workspace: jobs that start by themselves, in order, as memory and cores allow.

Whoever queues a job writes its folder, then a ticket (core.record.tickets); a runner, one a workspace, does the rest
in a process of its own. A ticket goes away when its job has ended, so whatever is killed at whatever moment, the next
runner finds what is left to do.
"""

import os
import time
from pathlib import Path

import msgspec
import psutil

from core.errors import LabError
from core.jobs import launch
from core.jobs.registry import kind
from core.model.sizing import parameters, training_memory
from core.record import tickets
from core.record.atomic import write_json
from core.record.events import Stopped
from core.record.folder import ROOMS, UNTIL, JobFolder, Workspace
from core.record.lock import WorkerLock, is_alive
from core.record.log import EventLog
from core.record.tickets import Limits, Ticket, editing, folder_of, place, read_limits, read_tickets, write_ticket
from core.record.view import told_view
from core.spec.base import build

GB = 1_000_000_000
ENGINE_BYTES = 600_000_000  # what a training takes before it has a model: torch, the tokenizer, the text at hand
MEMORY_SHARE = 0.8
START_S = 5.0  # a runner that this process has just started has so long to take its lock
LEADS = {"sweep": (0, 200_000_000), "grow": (0, 200_000_000)}  # they start jobs and wait for them
_started_s: dict[Path, float] = {}


def queue(workspace: Workspace, kind: str, name: str, spec: msgspec.Struct, **more) -> JobFolder:
    """Create a job's folder and queue it.

    Raises:
        LabError: the name is taken, or an input is missing.
    """
    folder = workspace.create(kind, name, spec, **more)
    add(workspace, folder)
    return folder


def add(workspace: Workspace, folder: JobFolder, until: int | None = None, held: bool = False) -> Ticket:
    """Queue a job that has a folder: a new one, or one that was stopped, failed or crashed.

    Args:
        until: the step after which a run is to stop for now; None = it goes on to its end.
        held: it takes its place, and is not started before it is let go.
    Raises:
        LabError: it is at work, or finished.
    """
    view = told_view(folder.root)
    if is_alive(folder.root):
        raise LabError("This job is still running.", folder.name, "Let it finish, or stop it first.")
    if view.state == "completed":
        raise LabError("This job is finished.", folder.name, "Queue a new one.")
    if until is None:
        folder.path(UNTIL).unlink(missing_ok=True)
    else:
        write_json(folder.path(UNTIL), {"step": until})
    for asked in folder.path("control").glob("*.json"):
        asked.unlink(missing_ok=True)  # of somebody who spoke to a worker that is gone
    cores, memory = needs(workspace, folder.request)
    with editing(workspace.root):
        known = read_tickets(workspace.root)
        there = next((ticket for ticket in known if ticket.folder == folder_of(folder.root)), None)
        ticket = Ticket(
            folder_of(folder.root), there.order if there else known[-1].order + 1 if known else 1.0, cores, memory,
            view.attempt, held)
        write_ticket(workspace.root, ticket)
    return ticket


def remove(workspace: Workspace, folder: str) -> None:
    """Take a job out of the queue; one that has not begun is "stopped" then, and can be resumed or queued again."""
    root = workspace.root / folder
    with editing(workspace.root):
        ticket = tickets.read_ticket(root)
        if ticket is not None and waiting(root, ticket):
            _say_stopped(root)
        tickets.drop_ticket(workspace.root, folder)


def waiting(root: Path, ticket: Ticket) -> bool:
    """Whether the job of a ticket has not begun since it was queued."""
    try:
        return not is_alive(root) and told_view(root).attempt <= ticket.attempt
    except LabError:
        return False  # its request cannot be read: the runner drops it


def _say_stopped(root: Path) -> None:
    """The last word of a job that no worker will say one for; one that ended before has said its own."""
    if told_view(root).state != "queued":
        return
    lock = WorkerLock(root)
    try:
        lock.acquire()
    except LabError:
        return  # somebody has just started it by hand
    log = EventLog(root / "events.jsonl")
    log(Stopped())
    log.close()
    lock.release()


def move(workspace: Workspace, folder: str, to: int) -> None:
    """Give a job another place in the queue, counted from 0."""
    with editing(workspace.root):
        known = read_tickets(workspace.root)
        mine = next((ticket for ticket in known if ticket.folder == folder), None)
        if mine is None:
            raise _unknown(folder)
        known.remove(mine)
        known.insert(max(0, min(to, len(known))), mine)
        for order, ticket in enumerate(known, 1):
            if ticket.order != order:
                write_ticket(workspace.root, msgspec.structs.replace(ticket, order=float(order)))


def hold(workspace: Workspace, folder: str, held: bool) -> None:
    """Let a job keep its place without being started, or let it go."""
    with editing(workspace.root):
        ticket = tickets.read_ticket(workspace.root / folder)
        if ticket is None:
            raise _unknown(folder)
        write_ticket(workspace.root, msgspec.structs.replace(ticket, held=held))


def _unknown(folder: str) -> LabError:
    return LabError("{folder} is not in the queue.", "", "See what is with 'python main.py queue'.", folder=folder)


def set_limits(workspace: Workspace, **changed) -> Limits:
    """Change some of the limits: cores, memory_bytes, paused."""
    with editing(workspace.root):
        limits = msgspec.structs.replace(read_limits(workspace.root), **changed)
        tickets.write_limits(workspace.root, limits)
    return limits


def in_force(limits: Limits) -> tuple[int, int]:
    """Cores and bytes of memory that the jobs of the queue may take together."""
    return limits.cores or cores_here(), limits.memory_bytes or int(MEMORY_SHARE * psutil.virtual_memory().total)


def cores_here() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def needs(workspace: Workspace, request: dict) -> tuple[int, int]:
    """Cores and bytes of memory that a job is expected to take."""
    if request["kind"] != "train":
        return LEADS.get(request["kind"], (1, GB))
    spec = build(kind("train").spec_type(), request["spec"])
    shape = spec.model
    if not shape.vocab_size:
        shape = msgspec.structs.replace(shape, vocab_size=vocabulary(workspace, spec.tokenizer))
    cores = min((spec.threads or cores_here()) * spec.mesh.world, cores_here())
    if shape.family == "ngram" or not parameters(shape)["total"]:
        return cores, GB
    bf16 = spec.precision == "bf16"
    return cores, ENGINE_BYTES + training_memory(shape, spec.micro_batch or spec.batch_size, bf16)["total"]


def vocabulary(workspace: Workspace, tokenizer: str) -> int:
    """Tokens that a tokenizer of the workspace was asked to have."""
    try:
        asked = workspace.folder(ROOMS["tokenizer"], tokenizer).request["spec"]
    except LabError:
        return 0
    return int(asked.get("vocab_size", 0)) or build(kind("tokenizer").spec_type(), asked).vocab_size


def work_left(workspace: Workspace) -> bool:
    """Whether there is anything for a runner to do: jobs at work to be watched, or to be started."""
    found = read_tickets(workspace.root)
    if any(not waiting(workspace.root / ticket.folder, ticket) for ticket in found):
        return True
    return not read_limits(workspace.root).paused and any(not ticket.held for ticket in found)


def ensure_runner(workspace: Workspace) -> bool:
    """Start the runner if there is work and none lives; returns whether one was started."""
    if not any(place(workspace.root).glob("*.ticket")) or is_alive(place(workspace.root)):
        return False
    if not work_left(workspace):
        return False
    if time.monotonic() - _started_s.get(workspace.root, -START_S) < START_S:
        return False  # it is on its way
    _started_s[workspace.root] = time.monotonic()
    launch.detach(["core.jobs.runner", str(workspace.root)], place(workspace.root) / "runner.log")
    return True
