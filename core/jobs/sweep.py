"""A sweep: queues its runs, follows them, lets the best of each rung go on, and keeps the table of what came out.

The runs are ordinary runs of the workspace, started by the queue; their spec.toml says which sweep they are part of.
A run that is left behind at a rung stands stopped at its checkpoint. One that goes on is the same run taken up again:
its plan was that of all steps from the beginning, so it ends as if it had never stopped.
"""

import math
import statistics
import time

import msgspec

from core.errors import LabError
from core.jobs import queue
from core.jobs.sweep_cost import planned
from core.jobs.sweep_table import table_of
from core.record.atomic import write_json
from core.record.control import Control, StopRequested, request
from core.record.events import Continued, Paused, Phase, Progress, RungEnded, TrialChanged
from core.record.folder import ROOMS, JobFolder
from core.record.lock import is_alive
from core.record.tickets import folder_of, read_ticket
from core.record.view import JobView, read_view, told_view
from core.spec.sweep import SweepSpec, Trial

RESULTS = "results.json"
LOOK_EVERY_S = 0.4
TELL_EVERY_S = 1.0  # of one run, between two words about nothing but its progress


class SweptRun(msgspec.Struct):
    """One run of a sweep on disk."""

    trial: Trial
    seed: int
    folder: JobFolder

    @property
    def path(self) -> str:
        """ROOM/NAME."""
        return folder_of(self.folder.root)


def run(spec: SweepSpec, folder: JobFolder, emit, control: Control) -> dict:
    """Train every run that is asked for; writes results.json."""
    sweep = Sweep(spec, folder, emit, control)
    emit(Phase(name="Queueing the runs"))
    sweep.create()
    emit(Phase(name="Training the runs"))
    sweep.train()
    table = table_of(spec, told_view(folder.root), sweep.choices)
    write_json(folder.path(RESULTS), msgspec.to_builtins(table))
    best = next((run for run in table.runs if run.run == table.best), None)
    if best is None:
        raise LabError("No run of this sweep came to a measurement.", folder.name, "See why the runs ended.")
    return {
        "runs": len(table.runs), "trials": len(table.trials), "best": best.run, "values": best.values,
        "best_loss": best.best_loss, "bits_per_byte": best.bits_per_byte, "best_trial": table.best_trial,
        "table": str(folder.path(RESULTS)),
        "elapsed_s": round(table.elapsed_s, 1), "energy_j": sum(run.energy_j or 0.0 for run in table.runs) or None,
    }  # fmt: skip


class Sweep:
    """The runs of one sweep, from rung to rung."""

    def __init__(self, spec: SweepSpec, folder: JobFolder, emit, control: Control) -> None:
        self.spec, self.folder, self.emit, self.control = spec, folder, emit, control
        self.workspace = folder.workspace
        self.choices, self.runs = spec.choices(), []
        self._steps = planned(spec, self.choices)
        self._told: dict[str, tuple[float, TrialChanged]] = {}  # by run: when, and what was said of it last
        self._queued: set[str] = set()  # runs given to the queue for the present rung
        self._done: dict[str, float] = {}  # steps
        self._decided = {rung.step: rung.kept for rung in told_view(folder.root).rungs}
        self._paused = False

    def create(self) -> None:
        """The folder of every run, before any starts: all have the same inputs. Seeds outside: after the first round
        every choice of values has been seen."""
        number = 0
        for seed in range(self.spec.seeds):
            for trial in self.choices:
                number += 1
                self.control.check()
                self.runs.append(SweptRun(trial, seed, self._folder(number, trial, seed)))

    def _folder(self, number: int, trial: Trial, seed: int) -> JobFolder:
        """The folder of a run: the one that an earlier attempt made, or a new one."""
        mine = {"job": folder_of(self.folder.root), "number": trial.number, "seed": seed, "values": trial.values}
        stem = f"{self.folder.name}-{number:03d}"
        for name in _names(stem):
            path = self.workspace.path(ROOMS["train"], name)
            if not (path / "spec.toml").is_file():
                return self.workspace.create("train", name, self.spec.run(trial, seed), part_of=mine)
            if JobFolder(path).request.get("part_of") == mine:
                return JobFolder(path)
        raise AssertionError("there is always a further name")

    def train(self) -> None:
        """Every rung, and then to the end.

        Raises:
            StopRequested: once all runs at work have stopped.
        """
        going_on = [trial.number for trial in self.choices]
        for step in self.spec.rungs():
            self._bring(going_on, step)
            kept = self._decided.get(step) or self._choose(going_on, step)
            if step not in self._decided:
                self.emit(RungEnded(step=step, kept=kept, fell=sorted({*going_on} - {*kept})))
            going_on = kept
            if len(going_on) <= 1:
                break
        self._bring(going_on, None)

    def _bring(self, trials: list[int], step: int | None) -> None:
        """Queue the runs of these trials, and wait until each stands at a step (None: has ended).

        A run that failed, crashed too often or was stopped by somebody stands where it stands.
        """
        waiting = [one for one in self.runs if one.trial.number in trials]
        self._queued.clear()
        while waiting:
            self._answer(waiting)
            views = {one.path: self._view(one) for one in waiting}
            for one in list(waiting):
                self._tell(one, views[one.path])
                if self._stands(one, views[one.path], step):
                    waiting.remove(one)
            self._queue_some(waiting, step)
            if waiting:
                queue.ensure_runner(self.workspace)
                time.sleep(LOOK_EVERY_S)
        self._write()

    def _queue_some(self, waiting: list[SweptRun], step: int | None) -> None:
        """Queue those that are not yet, as many as may be in the queue at a time."""
        if self.control.paused:
            return
        room = (self.spec.at_once or len(self.runs)) - sum(one.path in self._queued for one in waiting)
        for one in [one for one in waiting if one.path not in self._queued][: max(0, room)]:
            self._queued.add(one.path)
            if is_alive(one.folder.root):
                continue  # taken up by hand, or by the queue for an earlier attempt of this sweep
            try:
                queue.add(self.workspace, one.folder, until=step)
            except LabError:
                continue  # somebody was faster: it is at work, finished, or gone; the next look tells which

    def _stands(self, one: SweptRun, view: JobView | None, step: int | None) -> bool:
        """Whether nothing more is to be waited for."""
        if view is None or view.state == "completed":
            return True
        if view.live or is_alive(one.folder.root) or read_ticket(one.folder.root) is not None:
            return False
        reached = step is not None and any(found.step >= step for found in view.checkpoints)
        return reached or one.path in self._queued

    def _choose(self, trials: list[int], step: int) -> list[int]:
        """The best 1/eta of these trials by the mean over their seeds, best first.

        Raises:
            LabError: none of their runs was measured.
        """
        scores = {number: self._score(number, step) for number in trials}
        ranked = sorted((number for number in trials if math.isfinite(scores[number])), key=scores.get)
        if not ranked:
            raise LabError("No run of this sweep came to a measurement.", self.folder.name, "See why the runs ended.")
        return ranked[: max(1, len(trials) // self.spec.eta)]

    def _score(self, number: int, step: int) -> float:
        """A trial's newest measurement up to a step, over its runs; infinite if one of them has none."""
        found = []
        for one in [one for one in self.runs if one.trial.number == number]:
            view = self._view(one)
            made = [measured for measured in view.validations if measured.step <= step] if view else []
            value = getattr(made[-1], self.spec.measure) if made and view.state != "failed" else None
            found.append(math.inf if value is None else value)
        return statistics.fmean(found)

    def _view(self, one: SweptRun) -> JobView | None:
        """How a run stands; None when its folder is gone."""
        try:
            return read_view(one.folder.root)
        except LabError:
            return None

    # what is told

    def _tell(self, one: SweptRun, view: JobView | None) -> None:
        """Say how a run stands, if it has changed: its progress once a second, anything else at once."""
        now = _standing(one, view, self.spec.measure)
        then, before = self._told.get(one.path, (0.0, None))
        quiet = before is not None and before == msgspec.structs.replace(
            now, done=before.done, elapsed_s=before.elapsed_s)
        self._done[one.path] = now.done
        if now == before or (quiet and time.monotonic() - then < TELL_EVERY_S):
            return
        self._told[one.path] = (time.monotonic(), now)
        self.emit(now)
        self.emit(Progress(done=sum(self._done.values()), total=self._steps, unit="steps"))
        if not quiet:
            self._write()

    def _write(self) -> None:
        """The table as it stands now."""
        write_json(self.folder.path(RESULTS), msgspec.to_builtins(table_of(
            self.spec, told_view(self.folder.root), self.choices)))

    # what is asked

    def _answer(self, waiting: list[SweptRun]) -> None:
        """Pass on what is asked of the whole.

        Raises:
            StopRequested: once every run has stopped.
        """
        self.control.poll()
        if self.control.stop_requested:
            self._stop()
        if self._paused != self.control.paused:
            self._paused = self.control.paused
            for one in waiting:
                if is_alive(one.folder.root):
                    request(one.folder.root, "pause" if self._paused else "resume")
                elif read_ticket(one.folder.root) is not None:
                    queue.hold(self.workspace, one.path, self._paused)
            self.emit(Paused() if self._paused else Continued())

    def _stop(self) -> None:
        asked: set[str] = set()
        for one in self.runs:
            if read_ticket(one.folder.root) is not None:
                queue.remove(self.workspace, one.path)
        while at_work := [one for one in self.runs if is_alive(one.folder.root)]:
            for one in at_work:
                if one.path not in asked:
                    asked.add(one.path)
                    request(one.folder.root, "stop")
            time.sleep(LOOK_EVERY_S)
        for one in self.runs:
            self._tell(one, self._view(one))
        raise StopRequested()


def _standing(one: SweptRun, view: JobView | None, measure: str) -> TrialChanged:
    """How a run stands, by its own log; without a folder it counts as stopped."""
    said = {"run": one.folder.name, "trial": one.trial.number, "seed": one.seed}
    if view is None:
        return TrialChanged(**said, state="stopped")
    made = [found for found in view.validations if math.isfinite(found.loss)]
    by_bits = measure == "bits_per_byte" and all(found.bits_per_byte is not None for found in made)
    best = min(made, key=lambda found: found.bits_per_byte if by_bits else found.loss, default=None)
    steps = [found.step for found in (*view.checkpoints, *view.validations)]
    at = view.done if view.live and view.phase == "Training" else 0
    return TrialChanged(
        **said, state=view.state, done=max([at, *steps]), best_loss=best.loss if best else None,
        best_step=best.step if best else None, bits_per_byte=best.bits_per_byte if best else None,
        elapsed_s=view.result.get("elapsed_s", made[-1].elapsed_s if made else 0.0),
        energy_j=view.result.get("energy_j"))


def _names(stem: str):
    yield stem
    yield from (f"{stem}-{number}" for number in range(2, 1000))
