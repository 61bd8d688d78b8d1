"""One frame of the plot: which curves are drawn where, found once, painted fast on the screen or finely on paper."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import shiboken6
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from widgets.curves import Curve, fold_spans
from widgets.plot_axes import Scale, draw_axes, draw_grid
from widgets.plot_raster import paint_spans
from widgets.plot_runs import HELD_OUT, METRICS, curve_colour
from widgets.plot_series import Series

FINE_LINES = 10  # as many curves are drawn with smooth edges; more are painted as spans
FADED, FAINT = 0.22, 0.28  # share of its colour that a curve keeps: beside a highlighted one, under its smoothed one
ON_PX, OFF_PX = 5, 4  # of a dashed line
BAND = 0.20
MOST_DOTTED = 20_000  # rows of a curve whose measurements may be dots
PIXELS_A_DOT = 8  # dots closer than this would be a band
TOGETHER = 4  # runs up to which held-out loss is drawn with the training loss
ROOM = 0.05  # of the height, free above and below the curves
ORDINARY = (0.5, 99.5)  # percentiles between which the height is fitted when outliers are left out


@dataclass
class Look:
    """How the person wants to see the runs."""

    metric: str = "loss"
    axis: str = "step"
    log_x: bool = False
    log_y: bool = False
    bands: str = "off"  # off, range or deviation
    ordinary: bool = False  # fit the height to ordinary values, not to outliers
    highlight: str = ""
    best: str = ""


@dataclass
class Line:
    """One curve in the frame."""

    series: Series
    column: str
    curve: Curve
    smooth: bool
    colour: object
    thick: int
    faint: bool  # the raw rows under their smoothed curve
    low: np.ndarray | None = field(default=None, repr=False)  # (P,) values
    high: np.ndarray | None = field(default=None, repr=False)

    @property
    def layer(self) -> tuple[bool, int]:
        """Raw rows under their smoothed curves, and thick curves above all others."""
        return not self.faint, self.thick

    @property
    def level(self) -> float:
        """The mean of the whole curve: the lower lies on top, and that does not change with the view."""
        return self.curve.raw.mean

    @property
    def dashed(self) -> bool:
        """Held-out measurements are dashed."""
        return self.column in HELD_OUT


@dataclass
class Band:
    """The mean of a group's runs and what lies around it."""

    group: str
    column: str
    colour: object
    faded: bool
    mean: np.ndarray  # (P,)
    low: np.ndarray
    high: np.ndarray


class Frame:
    """Lines and bands between two places of the horizontal axis, and the scale that fits their height.

    Args:
        series: runs in the order of the legend.
        bottom: the horizontal scale; its pixels are those of the widget.
        height: pixels of the vertical scale.
        ratio: device pixels a pixel.
    """

    def __init__(self, series: list[Series], look: Look, bottom: Scale, height: float, ratio: float = 1.0) -> None:
        self.look, self.bottom = look, bottom
        self.columns = max(round(bottom.pixels * ratio), 1)
        self.ratio = self.columns / max(bottom.pixels, 1)
        self._edges = np.asarray(bottom.value(np.arange(self.columns + 1) / self.ratio))
        self._cuts: dict = {}
        self.bands: list[Band] = []
        self.lines: list[Line] = []
        shown = [one for one in series if one.shown]
        for column in columns_of(look.metric, len(shown)):
            alone = self._add_bands(shown, column) if look.bands != "off" else shown
            for one in alone:
                self._add_lines(one, column)
        self.lines.sort(key=lambda line: (*line.layer, -line.level))
        self._fold_lines()
        self.left = Scale(*self._limits(), height, look.log_y)

    # what is drawn

    def _add_lines(self, series: Series, column: str) -> None:
        curve = series.curve_in(column, self._edges[0], self._edges[-1])
        if curve is None:
            return
        look = self.look
        share = FADED if look.highlight and look.highlight != series.name else 1.0
        thick = 2 if series.name == (look.highlight or look.best) else 1
        if curve.smoothed:
            self.lines.append(Line(series, column, curve, False, curve_colour(series.index, share * FAINT), 1, True))
        self.lines.append(Line(series, column, curve, curve.smoothed, curve_colour(series.index, share), thick, False))

    def _fold_lines(self) -> None:
        """Find the spans of all lines at once, (lines, P)."""
        curves = [(line.curve, line.smooth) for line in self.lines]
        self._low, self._high = fold_spans(curves, self._edges, self._cuts)
        for line, low, high in zip(self.lines, self._low, self._high):
            line.low, line.high = low, high

    def _add_bands(self, shown: list[Series], column: str) -> list[Series]:
        """Make a band of every group of two and more; returns the runs that stand alone."""
        groups: dict[str, list[Series]] = defaultdict(list)
        for series in shown:
            groups[series.run.group].append(series)
        alone = groups.pop("", [])
        for group, members in groups.items():
            curves = [curve for one in members if (curve := one.curve_in(column, self._edges[0], self._edges[-1]))]
            if len(curves) < 2:
                alone += members
                continue
            values = np.array([curve.means(self._edges, self._cuts) for curve in curves])  # (runs, P)
            self.bands.append(self._band(group, column, members, values))
        return alone

    def _band(self, group: str, column: str, members: list[Series], values: np.ndarray) -> Band:
        seen = np.isfinite(values)
        count = seen.sum(axis=0)
        filled, divisor = np.where(seen, values, 0.0), np.where(count, count, np.nan)
        mean = filled.sum(axis=0) / divisor
        if self.look.bands == "range":
            low = np.fmin.reduce(values, axis=0)
            high = np.fmax.reduce(values, axis=0)
        else:
            spread = np.sqrt(np.where(seen, (values - mean) ** 2, 0.0).sum(axis=0) / np.maximum(divisor - 1, 1))
            low, high = mean - spread, mean + spread
        names = [one.name for one in members]
        faded = bool(self.look.highlight) and self.look.highlight not in names
        return Band(group, column, curve_colour(min(one.index for one in members)), faded, mean, low, high)

    def _limits(self) -> tuple[float, float]:
        """The least and greatest value to show, with a little room."""
        low, high = self._low, self._high
        if self.bands:
            low = np.vstack((low, *(band.low for band in self.bands)))  # (lines and bands, P)
            high = np.vstack((high, *(band.high for band in self.bands)))
        if self.look.log_y:
            low, high = np.where(low > 0, low, np.nan), np.where(high > 0, high, np.nan)
        if self.look.ordinary and np.isfinite(low).any() and np.isfinite(high).any():
            least, most = float(np.nanpercentile(low, ORDINARY[0])), float(np.nanpercentile(high, ORDINARY[1]))
        else:
            least = float(np.fmin.reduce(low, axis=None, initial=np.nan))
            most = float(np.fmax.reduce(high, axis=None, initial=np.nan))
        if not np.isfinite(least + most):
            return (0.1, 1.0) if self.look.log_y else (0.0, 1.0)
        if self.look.log_y:
            room = (most / least) ** ROOM if most > least else 1.5
            return least / room, most * room
        room = (most - least or abs(most) or 1.0) * ROOM
        return least - room, most + room

    # painting

    def paint(self, painter: QPainter, area: QRectF, words: tuple[str, str], fine: bool = False) -> None:
        """Paint grid, bands, curves and axes; ``fine`` = as lines with smooth edges, however many there are."""
        draw_grid(painter, area, self.left)
        painter.save()
        painter.setClipRect(area)
        painter.translate(area.topLeft())
        self._paint_bands(painter)
        if fine or len(self.lines) <= FINE_LINES:
            for line in self.lines:
                self._paint_line(painter, line)
        else:
            self._paint_strokes(painter)
        self._paint_dots(painter)
        painter.restore()
        draw_axes(painter, area, self.bottom, self.left, words, self.look.axis == "time")

    def _device_rows(self, values: np.ndarray) -> np.ndarray:
        """Device pixels from the top of the area."""
        if self.left.log:
            return self.height_of(values) * self.ratio
        scale = self.left.pixels / ((self.left.high - self.left.low) or 1.0) * self.ratio
        rows = values * -scale
        rows += self.left.high * scale  # in place: these are a hundred curves
        return rows

    def height_of(self, values):
        """Pixels from the top of the area."""
        return self.left.pixels - self.left.place(values)

    def _paint_strokes(self, painter: QPainter) -> None:
        tops, feet = self._device_rows(self._high), self._device_rows(self._low)  # (lines, P)
        off = np.arange(self.columns) % (ON_PX + OFF_PX) >= ON_PX
        for number, line in enumerate(self.lines):
            if line.thick > 1:
                tops[number] -= 0.5
                feet[number] += 0.5
            if line.dashed:
                tops[number, off] = np.nan
        colours = [line.colour for line in self.lines]
        picture = paint_spans(tops, feet, colours, round(self.left.pixels * self.ratio))
        picture.setDevicePixelRatio(self.ratio)
        painter.drawImage(QPointF(0, 0), picture)

    def _paint_line(self, painter: QPainter, line: Line) -> None:
        x, y = line.curve.view(self.bottom.low, self.bottom.high, self.columns, line.smooth)
        x, y = self.bottom.place(x), self.height_of(y)
        known = np.isfinite(x) & np.isfinite(y)
        if not known.all():
            x, y = x[known], y[known]
        self.draw_polyline(painter, x, y, line.colour, line.thick, line.dashed)

    def draw_polyline(self, painter: QPainter, x, y, colour, thick: int = 1, dashed: bool = False) -> None:
        """Paint a line of pixels with smooth edges; a thick one is drawn twice, as wide pens take very long."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(colour, 1)
        pen.setCosmetic(True)
        if dashed:
            pen.setDashPattern([ON_PX, OFF_PX])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        y = np.clip(y, -1e5, 1e5)
        line = polygon(x, y)
        for shift in (0.0,) if thick == 1 else (-0.45, 0.45):
            painter.drawPolyline(line.translated(shift * 0.6, shift))

    def _paint_bands(self, painter: QPainter) -> None:
        centres = (np.arange(self.columns) + 0.5) / self.ratio
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for band in self.bands:
            strength = FADED if band.faded else 1.0
            colour, known = band.colour, np.isfinite(band.low) & np.isfinite(band.high)
            if self.look.log_y:
                known &= band.high > 0
            low = np.fmax(band.low, self.left.low) if self.look.log_y else band.low
            colour.setAlphaF(BAND * strength)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            x, top, foot = centres[known], self.height_of(band.high[known]), self.height_of(low[known])
            around = np.concatenate((top, foot[::-1])).clip(-1e5, 1e5)
            painter.drawPolygon(polygon(np.concatenate((x, x[::-1])), around))
        for band in self.bands:
            known = np.isfinite(band.mean) & ((band.mean > 0) | (not self.look.log_y))
            colour = band.colour
            colour.setAlphaF(FADED * 1.5 if band.faded else 1.0)
            self.draw_polyline(painter, centres[known], self.height_of(band.mean[known]), colour, 2,
                               band.column in HELD_OUT)  # fmt: skip

    def _paint_dots(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for line in self.lines:
            if len(line.curve) > MOST_DOTTED or line.curve.raw.folded:
                continue
            first, last = line.curve.bounds(self.bottom.low, self.bottom.high)
            dense = last - first > self.columns / PIXELS_A_DOT / (4 if len(self.lines) > FINE_LINES else 1)
            if (not line.dashed and last - first > 1) or dense:
                continue
            painter.setBrush(line.colour)
            x = self.bottom.place(line.curve.x.values[first:last])
            y = self.height_of(line.curve.raw.rows.values[first:last])
            for place, height in zip(x.tolist(), y.tolist()):
                if place == place and height == height:
                    painter.drawEllipse(QPointF(place, height), 2.4, 2.4)


def columns_of(metric: str, runs: int) -> tuple[str, ...]:
    """The columns that a metric draws; with many runs the training loss stands alone, or one would see nothing."""
    columns = METRICS[metric]
    return columns[:1] if runs > TOGETHER else columns


def polygon(x: np.ndarray, y: np.ndarray) -> QPolygonF:
    """Points for a painter, written into its memory at once."""
    made = QPolygonF()
    made.resize(len(x))
    if len(x):
        memory = np.frombuffer(shiboken6.VoidPtr(made.data(), 16 * len(x), True), np.float64).reshape(-1, 2)
        memory[:, 0], memory[:, 1] = x, y
    return made
