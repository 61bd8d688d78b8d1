"""The queue of the workspace as the window sees it; also starts the runner when there is work and none lives."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.launcher import told
from app.state.jobs import Job, JobStore
from core.errors import LabError
from core.jobs import queue
from core.record.folder import Workspace
from core.record.tickets import Limits, Ticket, read_limits, read_tickets, waits

LOOK_MS = 1000


@dataclass(frozen=True)
class Entry:
    """One job in the queue: its ticket, and the job as far as the window has read it."""

    ticket: Ticket
    root: Path
    job: Job | None

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name

    @property
    def state(self) -> str:
        """"running", "paused", "held", or "queued"."""
        state = self.job.view.state if self.job else "queued"
        if state in ("running", "paused"):
            return state
        return "held" if self.ticket.held else "queued"

    @property
    def begun(self) -> bool:
        """Whether it is at work, so that its place says nothing any more."""
        return self.state in ("running", "paused")


class QueueStore(QObject):
    """Tickets and limits; what a person does to them goes through here and is on disk when the call returns."""

    changed = Signal()
    refused = Signal(object)  # LabError

    def __init__(self, workspace: Workspace, jobs: JobStore, parent=None) -> None:
        super().__init__(parent)
        self.workspace, self.jobs = workspace, jobs
        self.tickets: list[Ticket] = []
        self.limits = Limits()
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        """Begin to look; called again it does no harm."""
        if not self._timer.isActive():
            self._timer.start()
            self.look()

    def stop(self) -> None:
        """Look no more; the runner and its jobs go on."""
        self._timer.stop()

    def look(self) -> None:
        """Read tickets and limits; see that a runner is there if one is needed."""
        tickets, limits = read_tickets(self.workspace.root), read_limits(self.workspace.root)
        for ticket in tickets:
            job = self.jobs.job(self.workspace.root / ticket.folder)
            if job is not None and not job.view.live and waits(job.root, job.view.attempt):
                self.jobs.expect(job.root)  # queued again elsewhere
        if (tickets, limits) != (self.tickets, self.limits):
            self.tickets, self.limits = tickets, limits
            self.changed.emit()
        if tickets and self._timer.isActive():
            self._try(lambda: queue.ensure_runner(self.workspace))

    def entries(self) -> list[Entry]:
        """All jobs in the queue: those at work, then the others in their order."""
        found = [Entry(ticket, root := self.workspace.root / ticket.folder, self.jobs.job(root))
                 for ticket in self.tickets]  # fmt: skip
        return sorted(found, key=lambda entry: not entry.begun)

    def add(self, folder) -> None:
        """Queue a job that was stopped, failed or crashed."""
        self._do(lambda: queue.add(self.workspace, folder))

    def remove(self, folder: str) -> None:
        """Take a job out; it stays as a stopped one."""
        self._do(lambda: queue.remove(self.workspace, folder))

    def move(self, folder: str, to: int) -> None:
        """Give a job the place of another of ``entries``, counted from 0."""
        order = [entry.ticket.folder for entry in self.entries()]
        if not 0 <= to < len(order) or folder not in order:
            return
        place = [ticket.folder for ticket in self.tickets].index(order[to])
        self._do(lambda: queue.move(self.workspace, folder, place))

    def hold(self, folder: str, held: bool) -> None:
        """Let a job keep its place without being started, or let it go."""
        self._do(lambda: queue.hold(self.workspace, folder, held))

    def set_limits(self, **changed) -> None:
        """Change cores, memory_bytes or paused."""
        self._do(lambda: queue.set_limits(self.workspace, **changed))

    def _do(self, action) -> None:
        self._try(action)
        self.look()

    def _try(self, action) -> None:
        answer = told(action)
        if isinstance(answer, LabError):
            self.refused.emit(answer)
