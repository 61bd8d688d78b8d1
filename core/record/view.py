"""What a job looks like now: a pure fold of its events, plus whether its worker lives."""

import platform
import time
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.record import events as ev
from core.record.folder import JobFolder
from core.record.lock import is_alive
from core.record.log import Record, read_events
from core.record.tickets import waits

State = Literal["queued", "running", "paused", "completed", "stopped", "failed", "crashed"]
LIVE = ("queued", "running", "paused")
KEPT_MARKS = ("spike", "rolled_back")  # of steps that were undone: that they happened stays on record
START_S = 60.0  # a worker that has not said a word for so long never started


class Problem(msgspec.Struct, frozen=True):
    """Why a job ended badly: the parts of a LabError, and the end of what the process said."""

    problem: str
    where: str = ""
    remedy: str = ""
    values: dict = {}
    details: str = ""


class JobView(msgspec.Struct, frozen=True):
    """Everything a page needs to show a job; ``fold`` makes the next one from the next event."""

    kind: str = ""
    name: str = ""
    state: State = "queued"
    attempt: int = 0
    pid: int = 0
    host: str = ""  # the machine that works on it
    phase: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    funnel: ev.Funnel | None = None
    skipped: tuple[ev.FileSkipped, ...] = ()
    choices: dict[str, ev.Chosen] = {}
    validations: tuple[ev.Validated, ...] = ()
    experts: tuple[ev.ExpertsUsed, ...] = ()
    checkpoints: tuple[ev.CheckpointSaved, ...] = ()
    samples: tuple[ev.Sampled, ...] = ()
    exports: tuple[ev.Exported, ...] = ()
    verified: tuple[ev.Verified, ...] = ()
    children: tuple[ev.ChildStarted, ...] = ()
    child_states: dict[str, str] = {}
    twins: dict[str, ev.Twin] = {}  # by folder
    trials: dict[str, ev.TrialChanged] = {}  # by run
    rungs: tuple[ev.RungEnded, ...] = ()
    notes: tuple[ev.Noted, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()  # (what, step), for the curve
    spikes: tuple[ev.SpikeFound, ...] = ()
    rollbacks: tuple[ev.RolledBack, ...] = ()
    batches: dict[int, str] = {}  # step -> file of what it was trained on
    acknowledged: tuple[str, ...] = ()
    result: dict = {}
    error: Problem | None = None
    created: str = ""
    started_t: float = 0.0
    updated_t: float = 0.0

    @property
    def live(self) -> bool:
        """Whether the job is under way (as far as its log tells)."""
        return self.state in LIVE

    @property
    def resumable(self) -> bool:
        """Whether one click can take it up again."""
        return self.state in ("stopped", "failed", "crashed")


def fold(view: JobView, record: Record) -> JobView:
    """The view after one more event; pure."""
    view = replace(view, updated_t=record.t)
    change = _FOLDS.get(type(record.event))
    return change(view, record.event, record.t) if change else view


def _started(view, event, t):
    return replace(
        view, state="running", attempt=event.attempt, pid=event.pid, host=event.host, error=None, done=0.0, total=0.0,
        started_t=view.started_t or t)  # fmt: skip


def _resumed(view, event, t):
    """What came after the checkpoint is undone."""
    step = event.from_step
    return replace(
        view,
        validations=tuple(v for v in view.validations if v.step <= step),
        experts=tuple(e for e in view.experts if e.step <= step),
        checkpoints=tuple(c for c in view.checkpoints if c.step <= step),
        samples=tuple(s for s in view.samples if s.step <= step),
        marks=tuple(m for m in view.marks if m[0] in KEPT_MARKS or m[1] <= step) + (("resumed", step),),
    )


def _rolled_back(view, event, t):
    """Undone like what a resume undoes; that it happened stays on record."""
    undone = _resumed(view, ev.Resumed(from_step=event.to_step), t)
    marks = undone.marks[:-1] + (("rolled_back", event.to_step),)
    batches = {step: path for step, path in view.batches.items() if step <= event.to_step}  # other data comes now
    return replace(undone, marks=marks, batches=batches, rollbacks=view.rollbacks + (event,))


def _sampled(view, event, t):
    return replace(view, samples=view.samples[-499:] + (event,))


def _validated(view, event, t):
    """A step that is measured again (an attempt that began anew) replaces what came of it before."""
    return replace(view, validations=tuple(v for v in view.validations if v.step < event.step) + (event,))


def _checkpoint(view, event, t):
    gone = {event.step, *event.dropped}
    return replace(view, checkpoints=tuple(c for c in view.checkpoints if c.step not in gone) + (event,))


def _stopped(view, event, t):
    mark = ("stopped", event.step)
    return replace(view, state="stopped", marks=tuple(m for m in view.marks if m != mark) + (mark,))


def _failed(view, event, t):
    problem = Problem(event.problem, event.where, event.remedy, event.values, event.details)
    return replace(view, state="failed", error=problem)


_FOLDS = {
    ev.Started: _started,
    ev.Resumed: _resumed,
    ev.Phase: lambda v, e, t: replace(v, phase=e.name, done=0.0, total=0.0, unit=""),
    ev.Progress: lambda v, e, t: replace(v, done=e.done, total=e.total, unit=e.unit),
    ev.FileSkipped: lambda v, e, t: replace(v, skipped=v.skipped[-999:] + (e,)),
    ev.Funnel: lambda v, e, t: replace(v, funnel=e),
    ev.Chosen: lambda v, e, t: replace(v, choices={**v.choices, e.what: e}),
    ev.Validated: _validated,
    ev.ExpertsUsed: lambda v, e, t: replace(
        v, experts=tuple(x for x in v.experts if x.step < e.step)[-999:] + (e,)),
    ev.CheckpointSaved: _checkpoint,
    ev.Sampled: _sampled,
    ev.SpikeFound: lambda v, e, t: replace(v, spikes=v.spikes + (e,), marks=v.marks + (("spike", e.step),)),
    ev.RolledBack: _rolled_back,
    ev.RateChanged: lambda v, e, t: replace(v, marks=v.marks + (("rate", e.step),)),
    ev.MicroBatchHalved: lambda v, e, t: replace(v, marks=v.marks + (("memory", e.step),)),
    ev.StoppedEarly: lambda v, e, t: replace(v, marks=v.marks + (("early", e.step),)),
    ev.BatchShown: lambda v, e, t: replace(v, batches={**v.batches, e.step: e.path}),
    ev.Paused: lambda v, e, t: replace(v, state="paused", marks=v.marks + (("paused", e.step),)),
    ev.Continued: lambda v, e, t: replace(v, state="running"),
    ev.Acknowledged: lambda v, e, t: replace(v, acknowledged=v.acknowledged[-99:] + (e.id,)),
    ev.ChildStarted: lambda v, e, t: replace(
        v,
        children=tuple(c for c in v.children if c.folder != e.folder) + (e,),
        child_states={**v.child_states, e.kind: "running"},
    ),
    ev.ChildEnded: lambda v, e, t: replace(v, child_states={**v.child_states, e.kind: e.state}),
    ev.Twin: lambda v, e, t: replace(v, twins={**v.twins, e.folder: e}),
    ev.TrialChanged: lambda v, e, t: replace(v, trials={**v.trials, e.run: e}),
    ev.RungEnded: lambda v, e, t: replace(v, rungs=tuple(x for x in v.rungs if x.step < e.step) + (e,)),
    ev.Exported: lambda v, e, t: replace(v, exports=tuple(x for x in v.exports if x.format != e.format) + (e,)),
    ev.Verified: lambda v, e, t: replace(v, verified=tuple(x for x in v.verified if x.format != e.format) + (e,)),
    ev.Noted: lambda v, e, t: replace(v, notes=v.notes[-99:] + (e,)),
    ev.Completed: lambda v, e, t: replace(v, state="completed", result=e.result, error=None),
    ev.Stopped: _stopped,
    ev.Failed: _failed,
}


def empty_view(folder: JobFolder) -> JobView:
    """The view of a job before its first event."""
    request = folder.request
    return JobView(kind=request["kind"], name=folder.name, created=request.get("created", ""))


def told_view(path: Path) -> JobView:
    """Fold a whole job from disk: what its log tells, whether or not its worker lives.

    Raises:
        LabError: the folder holds no job.
    """
    folder = JobFolder(path)
    view = empty_view(folder)
    for record in read_events(folder.path("events.jsonl"))[0]:
        view = fold(view, record)
    return view


def read_view(path: Path) -> JobView:
    """Fold a whole job from disk, with the truth about its worker.

    Raises:
        LabError: the folder holds no job.
    """
    folder = JobFolder(path)
    view = empty_view(folder)
    records, end = read_events(folder.path("events.jsonl"))
    for record in records:
        view = fold(view, record)
    if view.live and not is_alive(folder.root):
        for record in read_events(folder.path("events.jsonl"), end)[0]:  # said between our two looks
            view = fold(view, record)
    return with_liveness(view, folder)


def elsewhere(view: JobView) -> bool:
    """Whether another machine works on the job, over a shared drive: its lock says nothing here, its log does."""
    return bool(view.host) and view.host != platform.node()


def with_liveness(view: JobView, folder: JobFolder) -> JobView:
    """A job that claims to run but whose worker is gone has crashed; show the last it said.

    One that has a ticket for its next worker waits in the queue, whatever became of the worker before.
    """
    if view.state == "completed" or (view.live and is_alive(folder.root)):
        return view
    if waits(folder.root, view.attempt):
        return replace(view, state="queued", error=None)
    if not view.live or elsewhere(view):
        return view
    if view.state == "queued" and time.time() - folder.path("spec.toml").stat().st_mtime < START_S:
        return view
    last = read_events(folder.path("events.jsonl"))[0]
    if last and isinstance(last[-1].event, ev.TERMINAL):
        return fold(view, last[-1])  # it ended between our two looks
    problem = Problem(
        "The worker ended without a word.", view.name, "Press Resume: it goes on from the last checkpoint.",
        details=stderr_end(folder))  # fmt: skip
    return replace(view, state="crashed", error=problem)


def stderr_end(folder: JobFolder, characters: int = 4000) -> str:
    """The end of what the worker's process said on standard error."""
    try:
        with open(folder.path("stderr.log"), "rb") as file:
            file.seek(max(0, file.seek(0, 2) - characters))
            return file.read().decode("utf-8", "replace").strip()
    except FileNotFoundError:
        return ""
