"""The table of a sweep: its runs, its trials (a choice of values, over all seeds), and which is best."""

import math
import statistics
from typing import Any

import msgspec

from core.record.events import TrialChanged
from core.record.view import JobView
from core.spec.sweep import SweepSpec, Trial


class SweptRun(msgspec.Struct, frozen=True):
    """One run: what was chosen, and what came of it."""

    run: str
    trial: int
    seed: int
    values: dict[str, Any]
    state: str = "queued"
    done: float = 0.0
    best_loss: float | None = None
    best_step: int | None = None
    bits_per_byte: float | None = None
    elapsed_s: float = 0.0
    energy_j: float | None = None

    def score(self, measure: str) -> float:
        """What it is ranked by, smaller is better; infinite while nothing was measured."""
        value = self.bits_per_byte if measure == "bits_per_byte" else self.best_loss
        return math.inf if value is None or not math.isfinite(value) else value


class SweptTrial(msgspec.Struct, frozen=True):
    """One choice of values over its seeds."""

    trial: int
    values: dict[str, Any]
    runs: int  # that were measured
    mean: float | None = None  # of what is ranked by
    spread: float | None = None  # standard deviation over seeds; None with one seed
    fell_at: int | None = None  # the step of the rung that it did not pass


class SweepTable(msgspec.Struct, frozen=True):
    """Everything a sweep found; ``best`` is a run's name, ``best_trial`` its trial by the mean over seeds."""

    measure: str
    fields: list[str]
    runs: list[SweptRun]
    trials: list[SweptTrial]
    best: str | None = None
    best_trial: int | None = None
    elapsed_s: float = 0.0


def table_of(spec: SweepSpec, view: JobView, choices: list[Trial]) -> SweepTable:
    """The table as the sweep's own events tell it; runs in order of their names.

    Args:
        choices: ``spec.choices()``, which takes a moment and is always the same.
    """
    values = {trial.number: trial.values for trial in choices}
    runs = [_run(event, values.get(event.trial, {})) for _, event in sorted(view.trials.items())]
    fell = {number: rung.step for rung in view.rungs for number in rung.fell}
    trials = [_trial(number, chosen, [run for run in runs if run.trial == number], spec.measure, fell.get(number))
              for number, chosen in values.items()]  # fmt: skip
    best = min(runs, key=lambda run: run.score(spec.measure), default=None)
    ranked = [trial for trial in trials if trial.mean is not None and trial.fell_at is None]
    first = min(ranked, key=lambda trial: trial.mean, default=None)
    return SweepTable(
        measure=spec.measure, fields=[axis.field for axis in spec.axes], runs=runs, trials=trials,
        best=best.run if best and math.isfinite(best.score(spec.measure)) else None,
        best_trial=first.trial if first else None, elapsed_s=max(0.0, view.updated_t - view.started_t))


def _run(event: TrialChanged, values: dict) -> SweptRun:
    return SweptRun(values=values, **msgspec.structs.asdict(event))


def _trial(number: int, values: dict, runs: list[SweptRun], measure: str, fell_at: int | None) -> SweptTrial:
    scores = [run.score(measure) for run in runs if math.isfinite(run.score(measure))]
    return SweptTrial(
        number, values, len(scores), statistics.fmean(scores) if scores else None,
        statistics.stdev(scores) if len(scores) > 1 else None, fell_at)
