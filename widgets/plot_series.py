"""One run in the plot: its curves by column, its events, and the items that draw them."""

from collections.abc import Iterable

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from widgets import theme
from widgets.curves import Curve

AXES = {"step": "step", "tokens": "tokens", "flops": "flops", "time": "elapsed_s"}  # axis -> column of metrics.bin
METRICS = {  # metric -> its columns
    "loss": ("loss", "val_loss"), "bits_per_byte": ("val_bits_per_byte",), "lr": ("lr",),
    "grad_norm": ("grad_norm",), "tokens_per_s": ("tokens_per_s",),
}  # fmt: skip
COLUMNS = tuple(column for columns in METRICS.values() for column in columns)
HELD_OUT = ("val_loss", "val_bits_per_byte")  # drawn dashed with a dot at each measurement, never smoothed
FAINT = 0.25
PIXELS_A_DOT = 8  # dots closer than this would be a band


class Series:
    """Curves and drawing items of one run.

    Args:
        index: place in the palette; from the ninth on, curves are dashed as well.
        plot: where the items are put.
    """

    def __init__(self, index: int, plot: pg.PlotWidget) -> None:
        self.index, self.shown, self.events, self._plot = index, True, [], plot
        self.curves: dict[str, Curve] = {}
        self.items = {column: (pg.PlotCurveItem(), pg.PlotCurveItem()) for column in COLUMNS}  # raw, main
        self.dots = {column: pg.ScatterPlotItem(pxMode=True, size=5) for column in HELD_OUT}
        for _, main in self.items.values():
            main.setZValue(1)  # no run's raw curve hides another run's smooth one
        for item in self._all_items():
            plot.addItem(item, ignoreBounds=True)
        self.clear()
        self.dress()

    def _all_items(self) -> Iterable:
        return [*(item for pair in self.items.values() for item in pair), *self.dots.values()]

    def clear(self, decay: float = 0.0) -> None:
        """Forget all rows; colour and events stay."""
        self.curves = {column: Curve(tuple(AXES)) for column in COLUMNS}
        self.set_decay(decay)

    def remove(self) -> None:
        """Take the items out of the plot."""
        for item in self._all_items():
            self._plot.removeItem(item)

    def extend(self, columns: dict[str, np.ndarray]) -> None:
        """Add rows: {column of metrics.bin: values}."""
        missing = np.zeros(len(columns["step"]))
        x = {axis: columns.get(column, missing) for axis, column in AXES.items()}
        for name, curve in self.curves.items():
            if name in columns:
                curve.extend(x, columns[name])

    def set_decay(self, decay: float) -> None:
        """Smooth what was measured while training."""
        for column, curve in self.curves.items():
            if column not in HELD_OUT:
                curve.set_decay(decay)

    def dress(self) -> None:
        """Take the colours of the theme."""
        colour, faint = theme.series(self.index), theme.series(self.index)
        faint.setAlphaF(FAINT)
        for column, (raw, main) in self.items.items():
            dashed = column in HELD_OUT or self.index >= len(theme.tokens().series)
            raw.setPen(pg.mkPen(faint, width=1))
            main.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine))
        for dots in self.dots.values():
            dots.setBrush(colour)
            dots.setPen(None)

    def ends(self, columns: tuple[str, ...], axis: str) -> list[float]:
        """First and last place of these columns on an axis; empty without rows."""
        return [place for name in columns if len(c := self.curves[name]) for place in c.x[axis].values[[0, -1]]]

    def draw(self, columns: tuple[str, ...], axis: str, left: float, right: float, pixels: int) -> list[float]:
        """Draw these columns between two places; returns the least and greatest value of each."""
        limits = []
        for column in COLUMNS:
            if self.shown and column in columns and len(self.curves[column]):
                limits += self._draw_column(column, axis, left, right, pixels)
            else:
                self._hide_column(column)
        return limits

    def _draw_column(self, column: str, axis: str, left: float, right: float, pixels: int) -> list[float]:
        curve, (raw, main) = self.curves[column], self.items[column]
        x, y = curve.view(axis, left, right, pixels)
        if curve.smoothed:
            raw.setData(x, y, skipFiniteCheck=True)
            main.setData(*curve.view(axis, left, right, pixels, smooth=True), skipFiniteCheck=True)
        else:
            main.setData(x, y, skipFiniteCheck=True)
        raw.setVisible(curve.smoothed)
        main.setVisible(True)
        if column in self.dots:
            few = len(x) <= pixels / PIXELS_A_DOT
            self.dots[column].setData(x if few else [], y if few else [])
        return [float(y.min()), float(y.max())] if len(y) else []

    def _hide_column(self, column: str) -> None:
        for item in self.items[column]:
            item.setVisible(False)
        if column in self.dots:
            self.dots[column].setData([], [])

    def value_at(self, column: str, axis: str, place: float) -> float | None:
        """The value shown at a place, smoothed if the curve is; None without rows."""
        curve = self.curves[column]
        row = curve.at(axis, place)
        return None if row < 0 else float((curve.smooth if curve.smoothed else curve.raw).rows.values[row])

    def place(self, step: int, axis: str) -> float | None:
        """Where a step lies on an axis; None without rows."""
        longest = max(self.curves.values(), key=len)
        if not len(longest):
            return None
        return float(np.interp(step, longest.x["step"].values, longest.x[axis].values))
