"""A run's metrics file drawn live: what is new is appended, what a resume took back is drawn anew."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication

from app.jobs.metrics_tail import MetricsTail
from core.record.view import JobView
from widgets.loss_plot import LossPlot


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
        marks = _marks(view)
        if marks != self._marks and self._sent:
            self._marks = marks
            self.plot.set_events(self._series, marks)
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


def _marks(view: JobView) -> list[tuple[str, int, str]]:
    say = QCoreApplication.translate
    words = {"resumed": say("curve", "Resumed from step {step}"), "paused": say("curve", "Paused at step {step}"),
             "stopped": say("curve", "Stopped at step {step}")}  # fmt: skip
    kinds = {"resumed": "resume", "paused": "pause", "stopped": "pause"}
    found = [("checkpoint", c.step, say("curve", "Checkpoint at step {step}").format(step=c.step))
             for c in view.checkpoints]  # fmt: skip
    return found + [(kinds[kind], step, words[kind].format(step=step)) for kind, step in view.marks if kind in kinds]
