"""What a run's finished questionings tell of its answers, and the jobs that compare mitigations over them."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.state.context import AppContext
from app.state.jobs import Job
from core.glass.calibration import Calibration, calibrate
from core.glass.comparison import Comparison, read_comparison
from core.spec.mitigation import MitigateSpec


class RunQuestionings(QObject):
    """Watches the questionings of a workspace."""

    changed = Signal(str)  # the run of which more is known, or may be

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._read: dict[Path, Calibration | None] = {}
        for signal in (context.jobs.job_added, context.jobs.job_changed):
            signal.connect(self._on_job)

    def newest(self, run: str) -> Job | None:
        """The newest finished questioning of a run."""
        found = [job for job in self._context.jobs.jobs("question")
                 if run and job.folder.request["spec"].get("run") == run and job.view.state == "completed"]
        return max(found, key=lambda job: (job.view.created, job.name), default=None)

    def calibration(self, run: str) -> Calibration | None:
        """What a risk means for a run's short answers; None where it was never questioned."""
        job = self.newest(run)
        if job is None:
            return None
        if job.root not in self._read:
            self._read[job.root] = calibrate(job.root)
        return self._read[job.root]

    def comparing(self, run: str) -> Job | None:
        """The newest job that compares mitigations over the run's questions."""
        names = {job.name for job in self._context.jobs.jobs("question")
                 if run and job.folder.request["spec"].get("run") == run}
        found = [job for job in self._context.jobs.jobs("mitigate")
                 if job.folder.request["spec"].get("questioning") in names]  # fmt: skip
        return max(found, key=lambda job: (job.view.created, job.name), default=None)

    def run_of(self, comparing: Job) -> str:
        """The run that a comparison is about; "" where its questioning is gone."""
        name = comparing.folder.request["spec"].get("questioning", "")
        asked = self._context.jobs.named("question", name) if name else None
        return asked.folder.request["spec"].get("run", "") if asked else ""

    def comparison(self, run: str) -> Comparison | None:
        """What the newest comparison found, where it is finished."""
        job = self.comparing(run)
        return read_comparison(job.root) if job is not None and job.view.state == "completed" else None

    def compare(self, run: str) -> None:
        """Start comparing all mitigations over the questions of the newest questioning."""
        job = self.newest(run)
        if job is not None:
            self._context.start_job("mitigate", run, MitigateSpec(questioning=job.name))

    def stop(self, run: str) -> None:
        """Ask the comparison to stop."""
        job = self.comparing(run)
        if job is not None:
            self._context.ask_job(job.root, "stop")

    def _on_job(self, root: Path) -> None:
        job = self._context.jobs.job(root)
        if job is not None and job.kind in ("question", "mitigate"):
            self.changed.emit(job.folder.request["spec"].get("run", ""))
