"""All jobs of a workspace as the window sees them: read in small batches, followed while they live."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.tail import EventTail
from app.state.pace import Pace
from core.errors import LabError
from core.record.folder import ROOMS, JobFolder, Workspace
from core.record.lock import is_alive
from core.record.log import Record
from core.record.summary import keep_summary, read_summary
from core.record.tickets import waits
from core.record.view import JobView, Problem, empty_view, fold, stderr_end, told_view, with_liveness

FOLLOW_MS, SCAN_MS = 250, 2000
BATCH_S = 0.012  # reading yields to the event loop after this long
LIVENESS_EVERY = 4  # follows between two looks at the lock
LONG_LOG_BYTES = 1 << 16  # reading more of a log than this is worth keeping what came of it
SETTLED_S = 5.0  # a spec.toml older than this is not being written any more
QUEUED_AT_MOST_S = 30.0  # a worker that has not said anything by then never will


@dataclass
class Job:
    """A job folder, its view, and how far its log was read."""

    folder: JobFolder
    kind: str
    view: JobView
    tail: EventTail
    born_t: float
    queued_t: float  # since when it waits for its worker's first word
    pace: Pace = field(default_factory=Pace)
    in_queue: bool = False  # it waits for its turn, not for a worker that was started

    @property
    def root(self) -> Path:
        """The folder's path, which is the job's key."""
        return self.folder.root

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def take(self, records: list[Record]) -> None:
        """Fold new records into the view."""
        for record in records:
            self.view = fold(self.view, record)
            self.pace.observe(record)
        self.in_queue = self.in_queue and self.view.state == "queued"


class JobStore(QObject):
    """Views of every job by folder; signals carry the folder's path."""

    job_added = Signal(object)
    job_changed = Signal(object)
    job_removed = Signal(object)
    loaded = Signal()
    unreadable = Signal(object)  # a folder whose spec.toml cannot be read; told once

    def __init__(self, workspace: Workspace, parent=None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self._jobs: dict[Path, Job] = {}
        self._unread: deque[Path] = deque()
        self._given_up: set[Path] = set()
        self._ticks = 0
        self._follower = self._timer(FOLLOW_MS, self.follow)
        self._scanner = self._timer(SCAN_MS, self.look_for_new)
        self._reader = self._timer(0, self._read_batch)

    def start(self) -> None:
        """Begin to read and to follow; returns at once."""
        self.look_for_new()
        self._follower.start()
        self._scanner.start()

    def stop(self) -> None:
        """Look no more; the jobs themselves are not touched."""
        for timer in (self._follower, self._scanner, self._reader):
            timer.stop()

    @property
    def loading(self) -> bool:
        """Whether folders are still to be read; ``loaded`` tells when there are none."""
        return self._reader.isActive()

    def jobs(self, *kinds: str) -> list[Job]:
        """Jobs of these kinds (all when none is named), newest first."""
        found = [job for job in self._jobs.values() if not kinds or job.kind in kinds]
        return sorted(found, key=lambda job: job.born_t, reverse=True)

    def job(self, root: Path) -> Job | None:
        """One job by its folder."""
        return self._jobs.get(Path(root))

    def named(self, kind: str, name: str) -> Job | None:
        """One job by kind and name."""
        return self._jobs.get(self.workspace.root / ROOMS[kind] / name)

    def names(self, kind: str, state: str = "completed") -> list[str]:
        """Names of jobs in a state, newest first: what a form offers as an input."""
        return [job.name for job in self.jobs(kind) if job.view.state == state]

    def names_in(self, room: str, state: str = "completed") -> list[str]:
        """Names of jobs in a room of the workspace, of whatever kind, newest first."""
        kinds = [kind for kind in ROOMS if ROOMS[kind] == room]
        return [job.name for job in self.jobs(*kinds) if job.view.state == state]

    def look_for_new(self) -> None:
        """Compare the folders on disk with what is known; new ones are read in the background."""
        found = self._folders()
        for root in self._jobs.keys() - set(found):
            del self._jobs[root]
            self.job_removed.emit(root)
        waiting = set(self._unread)
        self._unread.extend(root for root in found if root not in self._jobs and root not in waiting)
        for job in list(self._jobs.values()):
            if not job.view.live and job.tail.grown():
                self._advance(job)  # taken up again, perhaps from the command line
        if self._unread:
            self._reader.start()

    def expect(self, root: Path) -> None:
        """A worker was just started in this folder: follow it closely from now on."""
        job = self.job(root)
        if job is not None and not job.view.live:
            job.view, job.queued_t = replace(job.view, state="queued", error=None), time.time()
            self.job_changed.emit(job.root)

    def follow(self) -> None:
        """Read what live jobs wrote since the last time."""
        self._ticks += 1
        look = self._ticks % LIVENESS_EVERY == 0
        for job in [job for job in self._jobs.values() if job.view.live]:
            self._advance(job)
            if look and job.view.live:
                self._check_liveness(job)

    def _advance(self, job: Job) -> None:
        records = job.tail.poll()
        job.take(records)
        if records:
            self.job_changed.emit(job.root)

    def _check_liveness(self, job: Job) -> None:
        # A job that waits for its new worker is not judged by what the old one said last.
        view = self._waiting(job) if job.view.state == "queued" else with_liveness(job.view, job.folder)
        if view is not job.view:
            job.view = view
            self.job_changed.emit(job.root)

    def _waiting(self, job: Job) -> JobView:
        in_queue, job.in_queue = job.in_queue, waits(job.root, job.view.attempt)
        if job.in_queue:
            job.queued_t = time.time()
            return job.view
        if in_queue and not is_alive(job.root) and (told := told_view(job.root)).state != "queued":
            return with_liveness(told, job.folder)  # taken out of the queue: it is what it was before
        if time.time() - job.queued_t <= QUEUED_AT_MOST_S or is_alive(job.root):
            return job.view
        problem = Problem(
            "The worker ended before it began.", job.name, "Press Resume to try again.",
            details=stderr_end(job.folder))  # fmt: skip
        return replace(job.view, state="crashed", error=problem)

    def _read_batch(self) -> None:
        began = time.perf_counter()
        while self._unread and time.perf_counter() - began < BATCH_S:
            self._read(self._unread.popleft())
        if not self._unread:
            self._reader.stop()
            self.loaded.emit()

    def _read(self, root: Path) -> None:
        folder = JobFolder(root)
        try:
            view, offset = read_summary(root) or (empty_view(folder), 0)
            born_t = (root / "spec.toml").stat().st_mtime
        except (LabError, KeyError, OSError):
            self._tell_unreadable(root)  # the next look tries again
            return
        job = Job(folder, view.kind, view, EventTail(root, offset), born_t, queued_t=born_t)
        job.take(job.tail.poll())
        if not job.view.live and job.tail.offset - offset > LONG_LOG_BYTES:
            keep_summary(folder, job.view, job.tail.offset)  # folded once, and listed at once from then on
        job.view = with_liveness(job.view, folder)
        job.in_queue = job.view.state == "queued" and waits(root, job.view.attempt)
        self._jobs[root] = job
        self.job_added.emit(root)

    def _tell_unreadable(self, root: Path) -> None:
        """Say it once, and not of a folder that is just being made."""
        settled = time.time() - _modified(root) > SETTLED_S
        if settled and root not in self._given_up:
            self._given_up.add(root)
            self.unreadable.emit(root)

    def _folders(self) -> list[Path]:
        found = []
        for room in dict.fromkeys(ROOMS.values()):
            try:
                found += [p.parent for p in (self.workspace.root / room).glob("*/spec.toml")]
            except OSError:
                continue
        return sorted(found, key=_modified, reverse=True)

    def _timer(self, interval_ms: int, slot) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval_ms)
        timer.timeout.connect(slot)
        return timer


def _modified(root: Path) -> float:
    try:
        return (root / "spec.toml").stat().st_mtime
    except OSError:
        return 0.0
