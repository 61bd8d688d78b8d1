"""The jobs that look for the causes of an answer: which stands for which answer, and how to ask for one."""

from pathlib import Path

import msgspec
from PySide6.QtCore import QObject, Signal

from app.state.context import AppContext
from app.state.jobs import Job
from core.spec.influence import InfluenceResult, InfluenceSpec

RESULT = "influence.json"
PASSAGES = 2000  # a few minutes for a model of a million parameters


class RunCauses(QObject):
    """Watches the influence jobs of a workspace."""

    changed = Signal(Path)  # a job that is further than before

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        for signal in (context.jobs.job_added, context.jobs.job_changed):
            signal.connect(self._on_job)

    def job(self, run: str, prompt: str, ids: list[int]) -> Job | None:
        """The newest job about this very answer, or None."""
        asked = {"run": run, "prompt": prompt, "answer_ids": ids}
        found = [job for job in self._context.jobs.jobs("influence")
                 if asked.items() <= job.folder.request["spec"].items()]  # fmt: skip
        return max(found, key=lambda job: (job.view.created, job.name), default=None)

    def start(self, run: str, prompt: str, answer: str, ids: list[int]) -> None:
        """Start the job that looks for the causes of an answer; a refusal is shown as a notice."""
        self._context.start_job("influence", run, InfluenceSpec(
            run=run, prompt=prompt, answer=answer, answer_ids=ids, passages=PASSAGES))  # fmt: skip

    def stop(self, job: Job) -> None:
        """Ask a job to stop."""
        self._context.ask_job(job.root, "stop")

    def result(self, job: Job) -> InfluenceResult | None:
        """What a finished job found."""
        try:
            return msgspec.json.decode((job.root / RESULT).read_bytes(), type=InfluenceResult)
        except (OSError, msgspec.MsgspecError):
            return None

    def _on_job(self, root: Path) -> None:
        job = self._context.jobs.job(root)
        if job is not None and job.kind == "influence":
            self.changed.emit(root)
