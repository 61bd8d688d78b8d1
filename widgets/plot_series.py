"""One run in the plot: its rows as curves, read when they are drawn, and no more of them than are seen."""

from dataclasses import dataclass

import numpy as np

from widgets.curves import Curve, ema
from widgets.plot_runs import AXES, BETTER, HELD_OUT, ArrayRows, Blocks, PlotEvent, PlotRun

WHOLE_ROWS = 8192  # a run of no more rows is read at once, overview or not
BLOCK_PX = 3.0  # an overview whose blocks are wider than this on the screen makes way for the rows themselves
NEAR_ROWS = 8192  # read at once where one looks closely: well below the time of a frame
MARK_ROWS = 2000  # places kept to find a step on another axis


@dataclass
class Near:
    """Rows of a run where somebody looks closely, read piece by piece."""

    curve: Curve
    first: int
    last: int
    read: int  # up to here they are in the curve

    def holds(self, first: int, last: int) -> bool:
        """Whether these rows are among those that it holds, or will."""
        return self.first <= first and last <= self.last

    @property
    def complete(self) -> bool:
        """Whether every row has been read."""
        return self.read >= self.last


class Series:
    """Curves of one run by column, against the axis shown now.

    A curve holds all rows of the run, or, where the run has an overview, its blocks, and the rows of the part that
    somebody looks at closely.
    """

    def __init__(self, run: PlotRun, index: int) -> None:
        self.run, self.index = run, index
        self.shown = True
        self.events: list[PlotEvent] = []
        self.axis = "step"
        self._decay = 0.0
        self._cuts = run.source.cuts
        self._blocks: Blocks | None = None
        self._whole: dict[str, tuple[Curve, int]] = {}  # column -> curve, how many rows of the run it has seen
        self._near: dict[str, Near] = {}  # column -> rows that are all there
        self._coming: dict[str, Near] = {}  # column -> rows that are being read
        self._places: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.name

    @property
    def source(self):
        """Where its rows come from."""
        return self.run.source

    def renew(self) -> None:
        """Forget every curve; they are read again when they are drawn."""
        self._whole, self._near, self._coming, self._places = {}, {}, {}, None
        self._cuts, self._blocks = self.source.cuts, None

    def set_axis(self, axis: str) -> None:
        """Show against another axis."""
        if axis != self.axis:
            self.axis = axis
            self.renew()

    def set_decay(self, decay: float) -> None:
        """Smooth what was measured while training."""
        self._decay = decay
        for column, (curve, _) in self._whole.items():
            self._smooth(column, curve)
        self._near, self._coming = {}, {}

    def has(self, column: str) -> bool:
        """Whether the run measures this column and the axis."""
        return column in self.source.names and AXES[self.axis] in self.source.names

    def curve(self, column: str) -> Curve | None:
        """The whole curve of a column as it stands now; None where nothing of it was measured."""
        if not self.has(column):
            return None
        if self.source.cuts != self._cuts:
            self.renew()
        if column not in self._whole:
            self._whole[column] = self._begin(column)
        curve, seen = self._whole[column]
        if seen < self.source.rows:
            x, y = self.source.read((AXES[self.axis], column), seen, self.source.rows)
            curve.extend(*_placed(x, y))
            self._whole[column] = curve, self.source.rows
        return curve if len(curve) else None

    def _begin(self, column: str) -> tuple[Curve, int]:
        blocks = self._overview()
        if blocks is None:
            curve = Curve()
            self._smooth(column, curve)
            return curve, 0
        low, high, mean = blocks.columns[column]
        curve = Curve(folded=True)
        curve.extend(blocks.columns[AXES[self.axis]][0], mean, low, high)
        self._smooth(column, curve)
        return curve, self.source.rows

    def _overview(self) -> Blocks | None:
        if self._blocks is None and self.source.rows > WHOLE_ROWS:
            self._blocks = self.source.blocks()
        return self._blocks

    def _smooth(self, column: str, curve: Curve) -> None:
        if column not in HELD_OUT:
            curve.set_decay(self._decay ** self._rows_per_value(curve))

    def _rows_per_value(self, curve: Curve) -> int:
        return self._blocks.rows_per_block if curve.raw.folded else 1

    # looking closely

    def curve_in(self, column: str, left: float, right: float) -> Curve | None:
        """The curve to draw between two places: the rows themselves where they were read, else the whole curve."""
        whole = self.curve(column)
        if whole is None or not whole.raw.folded or column not in self._near:
            return whole
        near = self._near[column]
        return near.curve if near.holds(*self._wanted(whole, left, right)) else whole

    def lacks(self, column: str, left: float, right: float, pixels: int) -> bool:
        """Whether the rows between two places should be read, because the overview's blocks are wide on the screen."""
        whole = self._whole.get(column, (None,))[0]
        if whole is None or not whole.raw.folded:
            return False
        first, last = self._wanted(whole, left, right)
        if last <= first or pixels * self._blocks.rows_per_block / (last - first) < BLOCK_PX:
            return False
        return column not in self._near or not self._near[column].holds(first, last)

    def read_near(self, column: str, left: float, right: float) -> bool:
        """Read some of the rows between two places, and of as many again on both sides; True when all are there."""
        first, last = self._wanted(self.curve(column), left, right)
        near = self._coming.get(column)
        if near is None or not near.holds(first, last):
            near = self._coming[column] = self._begin_near(column, first, last)
        end = min(near.read + NEAR_ROWS, near.last)
        x, y = _placed(*self.source.read((AXES[self.axis], column), near.read, end))
        if len(near.curve):
            x = np.maximum(x, near.curve.x.values[-1])
        near.curve.extend(x, y)
        near.read = end
        if near.complete:
            self._near[column] = self._coming.pop(column)
        return near.complete

    def _begin_near(self, column: str, first: int, last: int) -> Near:
        size, room = self._blocks.rows_per_block, last - first
        first, last = max(0, (first - room) // size * size), min(self._blocks.rows, last + room)
        curve = Curve()
        if self._decay and column not in HELD_OUT:
            means = self._blocks.columns[column][2][: first // size]
            _, carry, weight = ema(means[np.isfinite(means)], self._decay**size)
            curve.set_decay(self._decay, carry, weight)
        return Near(curve, first, last, first)

    def _wanted(self, whole: Curve, left: float, right: float) -> tuple[int, int]:
        """Rows of the run between two places, by its overview; blocks in which nothing was measured count too."""
        begins = self._blocks.columns[AXES[self.axis]][0]
        size = self._blocks.rows_per_block
        first = max(int(np.searchsorted(begins, left)) - 1, 0) * size
        return first, min(int(np.searchsorted(begins, right, side="right")) * size, self._blocks.rows)

    # values

    def value_at(self, column: str, place: float) -> float | None:
        """The value shown at a place, smoothed if the curve is; None without rows."""
        curve = self.curve(column)
        if curve is None:
            return None
        if column in self._near:
            near = self._near[column].curve
            if len(near) and near.x.values[0] <= place <= near.x.values[-1]:
                curve = near
        row = curve.at(place)
        return float((curve.smooth if curve.smoothed else curve.raw).rows.values[row])

    def best(self, column: str) -> float | None:
        """The value by which runs are compared: the best measured one, or the last mean where rows are noisy."""
        if column not in BETTER or not self.has(column):
            return None
        blocks = self._overview()
        if blocks is not None and not self._decay:  # 200 runs are compared without building their curves
            least, _, means = blocks.columns[column]
            measured = means[np.isfinite(means)]
            if not len(measured):
                return None
            ends = measured[-max(len(measured) // 50, 1) :]
            return float(np.fmin.reduce(least)) if column in HELD_OUT else float(ends.mean())
        curve = self.curve(column)
        if curve is None:
            return None
        values = (curve.smooth if curve.smoothed else curve.raw).rows.values
        if column in HELD_OUT:
            return float(values.min())
        return float(values[-max(len(values) // 50, 1) :].mean())

    def last(self, column: str) -> float | None:
        """The value at the end of the curve."""
        curve = self.curve(column)
        return None if curve is None else float((curve.smooth if curve.smoothed else curve.raw).rows.values[-1])

    def ends(self, columns: tuple[str, ...]) -> list[float]:
        """First and last place of these columns on the axis; empty without rows."""
        found = [curve.x.values for column in columns if (curve := self.curve(column)) is not None]
        return [float(end) for x in found for end in (x[0], x[-1])]

    def place(self, step: int) -> float | None:
        """Where a step lies on the axis; None without rows."""
        if self.axis == "step":
            return float(step) if self.source.rows else None
        if self._places is None or self._places[0][-1] < step and len(self._places[0]) < self.source.rows:
            self._places = self._step_places()
        return None if self._places is None else float(np.interp(step, *self._places))

    def _step_places(self) -> tuple[np.ndarray, np.ndarray] | None:
        column, blocks = AXES[self.axis], self._overview()
        if column not in self.source.names or not self.source.rows:
            return None
        if blocks is not None:
            return blocks.columns["step"][0], blocks.columns[column][0]
        steps, places = self.source.read(("step", column), 0, self.source.rows)
        every = max(1, len(steps) // MARK_ROWS)
        known = np.unique(np.append(np.arange(0, len(steps), every), len(steps) - 1))
        return steps[known], places[known]


def _placed(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose place is known, with places that never fall: a clock set back must not fold the curve."""
    known = np.isfinite(x)
    if not known.all():
        x, y = x[known], y[known]
    return np.maximum.accumulate(x) if len(x) else x, y


def rows_in_memory(name: str) -> PlotRun:
    """A run whose rows are handed over piece by piece."""
    return PlotRun(name, ArrayRows())
