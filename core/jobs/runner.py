"""The process that starts queued jobs: ``python -m core.jobs.runner WORKSPACE``; one a workspace, held by a lock.

It remembers nothing that it could not read again: which job has begun, ended or crashed is told by the jobs' own
folders. So it may be killed at any moment, and whoever sees tickets and no runner starts another.
"""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil

from core.errors import LabError
from core.jobs import launch
from core.jobs.queue import in_force, work_left
from core.record import tickets
from core.record.folder import JobFolder, Workspace
from core.record.lock import WorkerLock, is_alive
from core.record.tickets import Ticket, drop_ticket, editing, place, read_limits, read_tickets
from core.record.view import JobView, told_view

LOOK_EVERY_S = 0.25
AGAIN_S = 5.0  # after the system refused something
RESUMES = 3  # times that a crashed job is taken up again
FALSE_STARTS = 3  # times that a worker may end before its first word


class Runner:
    """Looks at the tickets again and again, and does what is due."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._processes: dict[str, subprocess.Popen] = {}  # workers that this runner started
        self._false_starts: Counter[str] = Counter()
        self._views: dict[str, tuple[int, JobView]] = {}  # by folder: how long its log was, and what it told

    def run(self) -> None:
        """Return once there is nothing at work and nothing to be started."""
        while True:
            try:
                if not self.look():
                    return
                time.sleep(LOOK_EVERY_S)
            except (LabError, OSError) as error:  # a full disk, say: what is at work goes on, so does the queue
                print(error, file=sys.stderr, flush=True)
                time.sleep(AGAIN_S)

    def look(self) -> bool:
        """One look at all tickets; returns whether there is anything left to do or to wait for."""
        limits = read_limits(self.workspace.root)
        cores, memory = in_force(limits)
        at_work, due = [], []
        for ticket in read_tickets(self.workspace.root):
            standing = self.standing(ticket)
            if standing == "ended":
                self._forget(ticket)
            elif standing == "at work":
                at_work.append(ticket)
            elif not ticket.held and not limits.paused:
                due.append(ticket)
        for ticket in due:  # in order: a small job does not overtake a large one that waits for room
            if not fits(ticket, at_work, cores, memory):
                break
            self.start(ticket)
            at_work.append(ticket)
        return bool(at_work or due)

    def standing(self, ticket: Ticket) -> str:
        """"at work", "waits", or "ended": nothing more to be done for this ticket."""
        root, process = self.workspace.root / ticket.folder, self._processes.get(ticket.folder)
        if is_alive(root) or (process is not None and process.poll() is None):
            return "at work"
        try:
            view = self._told(root, ticket.folder)
        except LabError as error:  # its request is gone or torn: nobody can do it
            print(error, file=sys.stderr, flush=True)
            return "ended"
        begun = view.attempt - ticket.attempt  # workers since it was queued
        if process is not None:
            del self._processes[ticket.folder]
            self._false_starts[ticket.folder] += begun <= 0
        if begun <= 0 and view.state != "completed":
            return "waits" if self._false_starts[ticket.folder] < FALSE_STARTS else "ended"
        crashed = view.live  # it never said that it ended, and its worker is gone
        return "waits" if crashed and begun <= RESUMES else "ended"

    def start(self, ticket: Ticket) -> None:
        """Start the next worker of a job, unless its ticket was taken away meanwhile."""
        folder = JobFolder(self.workspace.root / ticket.folder)
        with editing(self.workspace.root):
            now = tickets.read_ticket(folder.root)
            if now is not None and not now.held:
                attempt = self._told(folder.root, ticket.folder).attempt + 1
                self._processes[ticket.folder] = launch.launch(folder, attempt)

    def _told(self, root: Path, folder: str) -> JobView:
        log = root / "events.jsonl"
        size = log.stat().st_size if log.is_file() else 0
        known, view = self._views.get(folder, (-1, None))
        if known != size:
            view = told_view(root)
            self._views[folder] = (size, view)
        return view

    def _forget(self, ticket: Ticket) -> None:
        """The job has ended: its ticket goes, unless it was queued anew meanwhile."""
        with editing(self.workspace.root):
            now = tickets.read_ticket(self.workspace.root / ticket.folder)
            if now is not None and now.attempt == ticket.attempt:
                drop_ticket(self.workspace.root, ticket.folder)
        self._false_starts.pop(ticket.folder, None)


def fits(ticket: Ticket, at_work: list[Ticket], cores: int, memory: int) -> bool:
    """Whether there is room for one more; a job that takes work alone always has it."""
    if not any(other.cores for other in at_work) or not ticket.cores:
        return True
    memory -= sum(other.memory_bytes for other in at_work)
    cores -= sum(other.cores for other in at_work)
    return ticket.cores <= cores and ticket.memory_bytes <= min(memory, psutil.virtual_memory().available)


def main(path: str) -> int:
    """Run the queue of a workspace until nothing is left; a second runner leaves at once."""
    workspace = Workspace(path)
    while work_left(workspace):
        lock = WorkerLock(place(workspace.root))
        try:
            lock.acquire()
        except LabError:
            return 0
        try:
            Runner(workspace).run()
        finally:
            lock.release()  # what was queued after the last look, by somebody who saw this runner, is looked for above
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
