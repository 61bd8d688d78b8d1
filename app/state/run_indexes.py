"""How it stands with the indexes over the runs' training text, and how to ask for one."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.state.context import AppContext
from app.state.jobs import Job
from core.spec.export import IndexSpec

BEST_FIRST = ("completed", "running", "queued", "paused")


class RunIndexes(QObject):
    """Watches the index jobs of a workspace."""

    changed = Signal(str)  # the run whose index is further than before

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._started: dict[str, Path] = {}  # run -> the job begun here last
        for signal in (context.jobs.job_added, context.jobs.job_changed):
            signal.connect(self._on_job)

    def state(self, run: str) -> str:
        """The best state among the index jobs of a run; empty when none stands or is under way."""
        states = [job.view.state for job in self._context.jobs.jobs("index") if indexed_run(job) == run]
        if run in self._started and self._context.jobs.job(self._started[run]) is None:
            states.append("queued")  # started just now; the store has not read its folder yet
        return next((state for state in BEST_FIRST if state in states), "")

    def build(self, run: str) -> None:
        """Start the job that makes a run's training text searchable; a refusal is shown as a notice."""
        folder = self._context.start_job("index", run, IndexSpec(run=run))
        if folder is not None:
            self._started[run] = folder.root
        self.changed.emit(run)

    def _on_job(self, root: Path) -> None:
        job = self._context.jobs.job(root)
        if job is not None and job.kind == "index":
            self.changed.emit(indexed_run(job))


def indexed_run(job: Job) -> str:
    """Whose training text an index job is about."""
    return job.folder.request["spec"].get("run", "")
