"""Metrics files of runs drawn live: what is new is read, what a resume took back is drawn anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.jobs.metrics_tail import MetricsTail
from app.jobs.run_rows import RunRows
from core.record.view import JobView
from widgets.loss_plot import LossPlot
from widgets.plot_runs import PlotEvent, PlotRun


@dataclass(frozen=True)
class CurveRun:
    """One run to draw.

    Args:
        root: the run's folder.
        view: what its log tells.
        name: what the legend says; empty = the folder's name. Has to be unique among the runs drawn.
        group: runs of one group differ by their seed alone.
        colour: place in the palette; -1 = the next that is free.
    """

    root: Path
    view: JobView
    name: str = ""
    group: str = ""
    colour: int = -1

    @property
    def title(self) -> str:
        """What the legend says."""
        return self.name or self.root.name


class RunCurves:
    """Feeds one plot with any number of runs."""

    def __init__(self, plot: LossPlot) -> None:
        self.plot = plot
        self._rows: dict[Path, RunRows] = {}
        self._runs: dict[Path, CurveRun] = {}
        self._marks: dict[Path, tuple] = {}
        self._highlight: Path | None = None

    def show(self, runs: Sequence[CurveRun]) -> None:
        """Draw these runs, in this order of the legend; those drawn already keep their rows and their colour."""
        gone = self._runs.keys() - {run.root for run in runs}
        for root in gone:
            self._rows.pop(root, None), self._marks.pop(root, None)
        self._runs = {run.root: run for run in runs}
        for run in runs:
            if run.root not in self._rows:
                self._rows[run.root] = RunRows(run.root)
            self._rows[run.root].poll(run.view.live)
        self.plot.set_runs([
            PlotRun(run.title, self._rows[run.root], run.group, run.colour, run.root == self._highlight)
            for run in runs])  # fmt: skip
        for run in runs:
            self._mark(run.root, run.view)

    def refresh(self, views: Mapping[Path, JobView]) -> bool:
        """Draw what these runs wrote since; True when there was something."""
        changed = False
        for root, view in views.items():
            if root not in self._runs:
                continue
            self._mark(root, view)
            if self._rows[root].poll(view.live):
                self.plot.refresh(self._runs[root].title)
                changed = True
        return changed

    def highlight(self, root: Path | None) -> None:
        """Draw one run on top while the others fade; None = all alike."""
        self._highlight = root
        self.plot.set_highlight(self._runs[root].title if root in self._runs else None)

    def root_of(self, name: str) -> Path | None:
        """The folder of a run by the name that the plot knows."""
        return next((root for root, run in self._runs.items() if run.title == name), None)

    def last(self, root: Path, column: str) -> float | None:
        """The newest measured value of a column."""
        return self._rows[root].last(column) if root in self._rows else None

    def speed(self, root: Path) -> tuple[float, float]:
        """Tokens and FLOPs a second over the last rows."""
        return self._rows[root].speed() if root in self._rows else (0.0, 0.0)

    def _mark(self, root: Path, view: JobView) -> None:
        known = (view.marks, view.checkpoints, view.rollbacks, view.spikes)
        if self._marks.get(root) != known:
            self._marks[root] = known
            self.plot.mark(self._runs[root].title, marks_of(view))


class RunCurve:
    """Feeds one plot with one run at a time."""

    def __init__(self, plot: LossPlot) -> None:
        self.plot = plot
        self.tail: MetricsTail | None = None
        self._series = ""
        self._sent = 0
        self._cuts = 0
        self._marks: list = []

    def follow(self, folder: Path, series: str) -> None:
        """Draw this run from its beginning; nothing happens if it is drawn already."""
        if self.tail is not None and self.tail.path.parent == folder:
            return
        self.clear()
        self.tail, self._series = MetricsTail(folder), series

    def clear(self) -> None:
        """Draw nothing."""
        if self._series:
            self.plot.remove_series(self._series)
        self.tail, self._series, self._sent, self._cuts, self._marks = None, "", 0, 0, []

    def refresh(self, view: JobView) -> bool:
        """Draw what was written since; True when there was something."""
        marks = marks_of(view)
        if marks != self._marks and self._sent:
            self._marks = marks
            self.plot.mark(self._series, marks)
        if self.tail is None or not self.tail.poll():
            return False
        if self._cuts != self.tail.cuts or not self._sent:
            self._cuts, self._sent = self.tail.cuts, len(self.tail.rows)
            self.plot.set_series(self._series, self._columns(0))
        else:
            start, self._sent = self._sent, len(self.tail.rows)
            self.plot.append(self._series, self._columns(start))
        return True

    def last(self, name: str) -> float | None:
        """The newest measured value of a column."""
        values = self.tail.column(name) if self.tail else ()
        for value in reversed(values[-2000:]):
            if value == value:  # not NaN
                return float(value)
        return None

    def _columns(self, start: int) -> dict:
        rows = self.tail.rows[start:]
        return {name: rows[:, index].copy() for index, (name, _) in enumerate(self.tail.columns)}


def marks_of(view: JobView) -> list[PlotEvent]:
    """What happened to a run, for the marks above its curve."""
    say = QCoreApplication.translate
    words = {
        "resumed": ("resume", say("curve", "Resumed from step {step}")),
        "paused": ("pause", say("curve", "Paused at step {step}")),
        "stopped": ("stop", say("curve", "Stopped at step {step}")),
        "early": ("stop", say("curve", "Ended early at step {step}: held-out loss got no better")),
        "spike": ("spike", say("curve", "Loss spike at step {step}")),
        "rate": ("lr", say("curve", "Learning rate changed at step {step}")),
        "memory": ("oom", say("curve", "Out of memory at step {step}: the micro-batch was halved")),
    }
    found = [PlotEvent("checkpoint", c.step, say("curve", "Checkpoint at step {step}").format(step=c.step))
             for c in view.checkpoints]  # fmt: skip
    found += [PlotEvent(words[kind][0], step, words[kind][1].format(step=step)) for kind, step in view.marks
              if kind in words]  # fmt: skip
    for back in view.rollbacks:
        found.append(PlotEvent("rollback", back.to_step, say(
            "curve", "Went back from step {from_step} to step {to_step}").format(
                from_step=back.from_step, to_step=back.to_step)))  # fmt: skip
        if back.sequences:
            found.append(PlotEvent("skip", back.to_step, say(
                "curve", "{count} sequences left out after step {step}").format(
                    count=back.sequences, step=back.to_step)))  # fmt: skip
    return found
