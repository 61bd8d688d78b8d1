"""Values of several layers over the steps as colours: one row a layer, on the horizontal axis of a plot."""

from functools import cache

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QLinearGradient, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import theme
from widgets.numbers import short_number

# viridis, perceptually uniform and safe for colour-blind readers (van der Walt & Smith 2015), as a polynomial in the
# share from least to most: red, green and blue of each power.
VIRIDIS = (
    (0.2777273, 0.0054073, 0.3340998), (0.1050930, 1.4046135, 1.3845902), (-0.3308618, 0.2148476, 0.0950952),
    (-4.6342305, -5.7991010, -19.3324410), (6.2282699, 14.1799334, 56.6905526), (4.7763850, -13.7451454, -65.3530326),
    (-5.4354559, 4.6458526, 26.3124352),
)  # fmt: skip
ROW_PX, MOST_ROW_PX = 12, 28
GUTTER_PX = 64  # as wide as the left axis of the plots, so that both begin at the same place
HIGHEST = 0.98  # this share of the values lies below the brightest colour: one spike does not darken the rest


@cache
def colour_table() -> np.ndarray:
    """256 colours from least to most, uint8 (256, 4): blue, green, red, alpha, as an image has them."""
    share = np.linspace(0, 1, 256)[:, None]
    red_green_blue = sum(np.array(part) * share**power for power, part in enumerate(VIRIDIS)).clip(0, 1)
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = np.rint(255 * red_green_blue[:, ::-1])
    return table


class HeatStrip(QWidget):
    """Emits the cell under the pointer or the keyboard's cursor; -1, -1 = none.

    Arrows move the cursor: left and right from measurement to measurement, up and down from layer to layer.
    """

    pointed = Signal(int, int)  # row, column

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.places, self.values = np.empty(0), np.empty((0, 0))
        self.low, self.high, self.logarithmic = 0.0, 1.0, False
        self._left, self._right = 0.0, 1.0
        self.gutter_px, self.margin_px = GUTTER_PX, 0
        self._cursor = (-1, -1)
        self._table, self._image = colour_table(), None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.bus.changed.connect(self.update)

    def set_values(self, names: list[str], places: np.ndarray, values: np.ndarray, *, logarithmic: bool = False,
                   least: float | None = None, most: float | None = None) -> None:  # fmt: skip
        """Show these; the range of the colours follows from them unless it is given.

        Args:
            names: of the rows, the lowest first.
            places: of the columns on the horizontal axis, ascending, (n,).
            values: (rows, n); NaN = not measured.
            logarithmic: colours go with the logarithm; values must be positive then.
        """
        self.names, self.places, self.values = names, places, values
        self.logarithmic = logarithmic
        known = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
        low, high = (float(np.quantile(known, share)) for share in (1 - HIGHEST, HIGHEST)) if known.size else (0, 1)
        self.low, self.high = low if least is None else least, high if most is None else most
        if self.high <= self.low:
            self.high = self.low + (abs(self.low) or 1) * 0.01
        self._cursor, self._image = (-1, -1), None
        self.setMinimumHeight(len(names) * ROW_PX)
        self.updateGeometry()
        self.update()

    def set_view(self, left: float, right: float) -> None:
        """Show this part of the horizontal axis."""
        if (left, right) != (self._left, self._right):
            self._left, self._right, self._image = left, right, None
            self.update()

    def set_places(self, places: np.ndarray) -> None:
        """Where the columns lie now, ascending, (n,)."""
        if len(places) == len(self.places) and not np.array_equal(places, self.places, equal_nan=True):
            self.places, self._image = places, None
            self.update()

    def set_margins(self, gutter_px: int, margin_px: int) -> None:
        """How much stays free left of the colours, for the names, and right of them."""
        if (gutter_px, margin_px) != (self.gutter_px, self.margin_px):
            self.gutter_px, self.margin_px, self._image = max(8, gutter_px), max(0, margin_px), None
            self.update()

    @property
    def area_px(self) -> int:
        """Width of the colours."""
        return max(1, self.width() - self.gutter_px - self.margin_px)

    def sizeHint(self) -> QSize:
        return QSize(480, len(self.names) * 16)

    def row_height(self) -> int:
        """Pixels of a row."""
        return max(1, min(MOST_ROW_PX, self.height() // max(1, len(self.names))))

    def cell_at(self, point: QPoint) -> tuple[int, int]:
        """Row and column under a point; (-1, -1) beside them."""
        row = len(self.names) - 1 - point.y() // self.row_height()
        outside = not self.gutter_px <= point.x() < self.gutter_px + self.area_px
        if not 0 <= row < len(self.names) or outside or not len(self.places):
            return (-1, -1)
        place = self._left + (point.x() - self.gutter_px) / self.area_px * (self._right - self._left)
        return (row, int(np.abs(self.places - place).argmin()))

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Where values lie between the least and the most colour, 0..1; NaN stays."""
        low, high = self.low, self.high
        if self.logarithmic:
            with np.errstate(divide="ignore", invalid="ignore"):
                values, low, high = np.log(values), np.log(low), np.log(high)
            values = np.where(np.isneginf(values), low, values)
        return np.clip((values - low) / (high - low), 0, 1)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("caption"))
        height, rows = self.row_height(), len(self.names)
        elide = Qt.TextElideMode.ElideRight
        for row, name in enumerate(self.names):
            box = QRectF(0, (rows - 1 - row) * height, self.gutter_px - 8, height)
            painter.setPen(theme.color("text" if row == self._cursor[0] else "muted"))
            shown = painter.fontMetrics().elidedText(name, elide, self.gutter_px - 8)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)
        if not rows:
            return
        area = QRectF(self.gutter_px, 0, self.area_px, rows * height)
        painter.fillRect(area, theme.color("sunken"))
        if self._image is None or self._image.width() != round(area.width()):
            self._image = self._draw(round(area.width()))
        painter.drawImage(area, self._image)
        painter.setPen(theme.color("raised"))
        for row in range(1, rows if height > 6 else 0):
            painter.drawLine(self.gutter_px, row * height, self.gutter_px + self.area_px, row * height)
        self._paint_cursor(painter, height)

    def _paint_cursor(self, painter: QPainter, height: int) -> None:
        row, column = self._cursor
        if row < 0:
            return
        span = max(self._right - self._left, 1e-300)
        x = self.gutter_px + (self.places[column] - self._left) / span * (self.area_px)
        painter.setPen(theme.color("focus"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(x - 3, (len(self.names) - 1 - row) * height, 6, height - 1))

    def _draw(self, width: int) -> QImage:
        """One pixel a row: the greatest value of each pixel's columns, or of the nearest column before it."""
        rows = len(self.names)
        pixels = np.zeros((rows, max(width, 1), 4), np.uint8)
        if len(self.places):
            seen = self.columns_at(width)
            shares = self.shares(np.where(seen < 0, np.nan, self.peaks(seen)))
            known = np.isfinite(shares)
            pixels[known] = self._table[np.rint(shares[known] * 255).astype(int)]
        data = np.ascontiguousarray(pixels[::-1])
        image = QImage(data.data, data.shape[1], rows, data.strides[0], QImage.Format.Format_ARGB32)
        return image.copy()  # the image would else point into an array that is gone

    def columns_at(self, width: int) -> np.ndarray:
        """The last column that each pixel shows, int (width,); -1 = outside of what was measured.

        A measurement stands for the steps from half way to its neighbours.
        """
        places = self.places
        middles = (places[1:] + places[:-1]) / 2
        first = places[0] - (middles[0] - places[0] if len(middles) else 0.5)
        last = places[-1] + (places[-1] - middles[-1] if len(middles) else 0.5)
        at = self._left + (np.arange(width) + 0.5) / max(1, width) * (self._right - self._left)
        found = np.searchsorted(middles, at, side="right")
        return np.where((at < first) | (at > last), -1, found)

    def peaks(self, seen: np.ndarray) -> np.ndarray:
        """The greatest value of the columns that each pixel stands for, (rows, width): a spike is never lost."""
        starts = np.minimum(np.r_[seen[:1], seen[:-1] + 1], seen).clip(0)
        ends = seen.clip(0) + 1
        out = self.values[:, ends - 1].copy()
        for pixel in np.flatnonzero(ends - starts > 1):
            part = self.values[:, starts[pixel] : ends[pixel]]
            out[:, pixel] = np.fmax.reduce(part, axis=1)
        return out

    # the pointer and the keys

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point(self.cell_at(event.position().toPoint()))

    def leaveEvent(self, event) -> None:
        self._point((-1, -1))
        super().leaveEvent(event)

    def keyPressEvent(self, event) -> None:
        moves = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (1, 0), Qt.Key.Key_Down: (-1, 0)}
        move = moves.get(event.key())
        if move is None or not self.values.size:
            super().keyPressEvent(event)
            return
        row, column = self._cursor if self._cursor[0] >= 0 else (0, self.values.shape[1] - 1)
        rows, columns = self.values.shape
        self._point((min(max(row + move[0], 0), rows - 1), min(max(column + move[1], 0), columns - 1)))

    def _point(self, cell: tuple[int, int]) -> None:
        if cell != self._cursor:
            self._cursor = cell
            self.pointed.emit(*cell)
            QToolTip.hideText()
            self.update()


class ColourScale(QWidget):
    """The colours of a strip with the numbers at both ends."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.low, self.high, self.unit, self.diverging = 0.0, 1.0, "", False
        self.setFont(theme.font("caption"))
        self.setFixedSize(theme.space(21), 18)
        theme.bus.changed.connect(self.update)

    def set_ends(self, low: float, high: float, unit: str = "", diverging: bool = False) -> None:
        """The values of the first and the last colour; ``diverging``: blue and red, bare in the middle."""
        self.low, self.high, self.unit, self.diverging = low, high, unit, diverging
        self.setAccessibleName(f"{short_number(low)} – {short_number(high)} {unit}".strip())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        left, right = short_number(self.low), f"{short_number(self.high)} {self.unit}".strip()
        metrics = self.fontMetrics()
        start, end = metrics.horizontalAdvance(left) + 6, self.width() - metrics.horizontalAdvance(right) - 6
        gradient = QLinearGradient(start, 0, end, 0)
        for place in range(0, 256, 15) if not self.diverging else ():
            blue, green, red, _ = colour_table()[place].tolist()
            gradient.setColorAt(place / 255, QColor(red, green, blue))
        for place, name in enumerate(("sky", "raised", "clay") if self.diverging else ()):
            gradient.setColorAt(place / 2, theme.color(name))
        painter.fillRect(QRectF(start, 4, end - start, self.height() - 8), gradient)
        painter.setPen(theme.color("muted"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, left)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right)
