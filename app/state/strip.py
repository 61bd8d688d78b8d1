"""What the strip at the bottom says of each job that is under way."""

from collections.abc import Collection

from PySide6.QtCore import QCoreApplication

from app.state.jobs import Job, JobStore
from app.state.story import TITLES, current_stage
from app.translations import translate
from app.words import bytes_text, count_text, time_left_text
from widgets.job_strip import JobEntry

RESUMABLE_SHOWN_S = 24 * 3600  # an interrupted job is offered for a day


def strip_entries(store: JobStore, now: float, dismissed: Collection[str] = ()) -> list[JobEntry]:
    """Live jobs first, then those interrupted lately and not dismissed; a pipeline speaks for its stages.

    What waits in the queue stands there, not here.
    """
    inside = {(child.kind, child.name) for job in store.jobs("grow") for child in job.view.children}
    own = [job for job in store.jobs() if (job.kind, job.name) not in inside]
    live = [job for job in own if job.view.live and not job.in_queue]
    broken = [job for job in own if job.view.state == "crashed" and now - job.view.updated_t < RESUMABLE_SHOWN_S
              and dismissal(job) not in dismissed]  # fmt: skip
    return [strip_entry(job, store) for job in [*live, *broken]]


def dismissal(job: Job) -> str:
    """What is remembered of a dismissed job; it is shown again when anything happens to it."""
    return f"{job.root}@{job.view.updated_t:.0f}"


def strip_entry(job: Job, store: JobStore) -> JobEntry:
    """One job's line: a pipeline shows the progress of the stage at work."""
    worker, phase = job, translate(job.view.phase)
    if job.kind == "grow" and job.view.live:
        stage = current_stage(job.view)
        child = next((c for c in reversed(job.view.children) if c.kind == stage), None)
        worker = (store.named(child.kind, child.name) if child else None) or job
        phase = " · ".join(filter(None, (translate(TITLES.get(stage, "")), translate(worker.view.phase))))
    view = worker.view
    share = min(1.0, view.done / view.total) if view.total else None
    speed, running = worker.pace.per_second, job.view.state == "running"
    return JobEntry(
        id=str(job.root), name=job.name, state=job.view.state, phase=phase, share=share,
        speed=_rate(speed, view.unit) if speed and running else "",
        time_left=time_left_text(worker.pace.left_s) if running else "", can_pause=job.kind in ("train", "grow"),
    )  # fmt: skip


def _rate(per_second: float, unit: str) -> str:
    if unit == "bytes":
        return f"{bytes_text(per_second)}/s"
    return QCoreApplication.translate("strip", "{count} {unit}/s").format(
        count=count_text(per_second), unit=translate(unit))  # fmt: skip
