"""A table of numbers as colours: rows and columns with names, words in the cells where there is room, one chosen."""

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.heat_strip import colour_table
from widgets.tip import Tip

LEAST_CELL_PX, MOST_CELL_PX, WORD_CELL_PX = 4, 96, 44  # a cell's width; words are written from the last on
HEAD_PX, GAP_PX, MOST_GUTTER_PX = 20, 6, 120
LEAST_ROW_PX, MOST_ROW_PX = 6, 26


class HeatGrid(QWidget):
    """Emits the cell under the pointer or the keyboard's cursor, and the one that was clicked.

    The first row stands at the top, or at the bottom where ``upwards``: layers are counted from below.
    """

    pointed = Signal(int, int)  # row, column; -1, -1 = none
    clicked = Signal(int, int)

    def __init__(self, *, upwards: bool = True, square: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.upwards, self.square = upwards, square
        self.rows: list[str] = []
        self.columns: list[str] = []
        self.values = np.empty((0, 0), np.float32)
        self.words: list[list[str]] | None = None
        self.low, self.high, self.diverging = 0.0, 1.0, False
        self.chosen_row, self.chosen_column = -1, -1
        self.tell: Callable[[int, int], str] = lambda row, column: ""
        self._cursor, self._image, self._tip = (-1, -1), None, Tip(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme.bus.changed.connect(self._redraw)

    def set_grid(
        self, rows: Sequence[str], columns: Sequence[str], values: np.ndarray, *, low: float, high: float,
        words: list[list[str]] | None = None, diverging: bool = False,
        tell: Callable[[int, int], str] = lambda row, column: "",
    ) -> None:  # fmt: skip
        """Show these.

        Args:
            values: (rows, columns); NaN = nothing is known.
            low, high: of the first and the last colour; where ``diverging``, colours go out from 0 both ways.
            words: of the cells, written where there is room.
            tell: what a cell says in full, for its tooltip and for a screen reader.
        """
        self.rows, self.columns, self.values, self.words = list(rows), list(columns), values, words
        self.low, self.high, self.diverging, self.tell = low, max(high, low + 1e-9), diverging, tell
        self._cursor, self.chosen_row, self.chosen_column = (-1, -1), -1, -1
        self._redraw()
        self.updateGeometry()

    def choose(self, row: int = -1, column: int = -1) -> None:
        """Frame a row or a column; -1 = none."""
        if (row, column) != (self.chosen_row, self.chosen_column):
            self.chosen_row, self.chosen_column = row, column
            self.update()

    def _redraw(self) -> None:
        self._image = None
        self.update()

    # places

    def gutter_px(self) -> int:
        """Room for the names of the rows."""
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(name) for name in self.rows), default=0)
        return min(widest + 2 * GAP_PX, MOST_GUTTER_PX)

    def area(self) -> QRectF:
        """Where the cells are."""
        gutter, rows, columns = self.gutter_px(), max(len(self.rows), 1), max(len(self.columns), 1)
        width = min((self.width() - gutter) / columns, MOST_CELL_PX)
        height = (self.height() - HEAD_PX) / rows
        if self.square:
            width = height = min(width, height)
        else:
            height = min(height, MOST_ROW_PX)
        return QRectF(gutter, HEAD_PX, width * columns, height * rows)

    def cell_box(self, row: int, column: int) -> QRectF:
        """Where a cell stands."""
        area = self.area()
        width, height = area.width() / max(len(self.columns), 1), area.height() / max(len(self.rows), 1)
        top = len(self.rows) - 1 - row if self.upwards else row
        return QRectF(area.left() + column * width, area.top() + top * height, width, height)

    def cell_at(self, point: QPoint) -> tuple[int, int]:
        """The cell under a point; (-1, -1) beside them."""
        area = self.area()
        if not self.values.size or not area.contains(point):
            return (-1, -1)
        column = int((point.x() - area.left()) / area.width() * len(self.columns))
        row = int((point.y() - area.top()) / area.height() * len(self.rows))
        row, column = min(row, len(self.rows) - 1), min(column, len(self.columns) - 1)
        return (len(self.rows) - 1 - row if self.upwards else row, column)

    def sizeHint(self) -> QSize:
        return QSize(480, HEAD_PX + len(self.rows) * (16 if len(self.rows) < 24 else LEAST_ROW_PX))

    def minimumSizeHint(self) -> QSize:
        return QSize(160, HEAD_PX + len(self.rows) * LEAST_ROW_PX)

    # painting

    def colours(self) -> np.ndarray:
        """The cells as blue, green, red, alpha, uint8 (rows, columns, 4)."""
        out = np.zeros((*self.values.shape, 4), np.uint8)
        known = np.isfinite(self.values)
        if self.diverging:
            ground = np.array(theme.color("raised").getRgb()[2::-1], float)
            ends = [np.array(theme.color(name).getRgb()[2::-1], float) for name in ("sky", "clay")]
            most = max(abs(self.low), abs(self.high))
            share = np.clip(np.nan_to_num(self.values) / most, -1, 1)[..., None]
            mixed = ground + np.abs(share) * (np.where(share < 0, ends[0], ends[1]) - ground)
            out[..., :3] = np.rint(mixed)
            out[..., 3] = 255
        else:
            share = np.clip((np.nan_to_num(self.values) - self.low) / (self.high - self.low), 0, 1)
            out[:] = colour_table()[np.rint(255 * share).astype(int)]
        out[~known] = 0
        return out

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.values.size:
            return
        painter = QPainter(self)
        painter.setFont(theme.font("caption"))
        area = self.area()
        painter.fillRect(area, theme.color("sunken"))
        if self._image is None:
            pixels = np.ascontiguousarray(self.colours()[::-1] if self.upwards else self.colours())
            rows, columns = self.values.shape
            self._image = QImage(pixels.data, columns, rows, pixels.strides[0], QImage.Format.Format_ARGB32).copy()
        painter.drawImage(area, self._image)
        self._paint_columns(painter, area)
        self._paint_words(painter)
        self._paint_frames(painter)
        self._paint_rows(painter, area)

    def _paint_rows(self, painter: QPainter, area: QRectF) -> None:
        metrics, elide = painter.fontMetrics(), Qt.TextElideMode.ElideRight
        left = self.visibleRegion().boundingRect().left()  # names stay in view while the cells are scrolled
        painter.fillRect(QRectF(left, 0, area.left() - GAP_PX / 2, self.height()), theme.color("raised"))
        painter.setPen(theme.color("muted"))
        height = area.height() / len(self.rows)
        every = max(1, int(np.ceil(14 / max(height, 1e-6))))
        for row, name in enumerate(self.rows):
            if row % every == 0:
                box = self.cell_box(row, 0)
                place = QRectF(left, box.center().y() - 8, area.left() - GAP_PX, 16)
                painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                                 metrics.elidedText(name, elide, int(place.width())))  # fmt: skip

    def _paint_columns(self, painter: QPainter, area: QRectF) -> None:
        metrics, elide = painter.fontMetrics(), Qt.TextElideMode.ElideRight
        painter.setPen(theme.color("muted"))
        width = area.width() / len(self.columns)
        every = max(1, int(np.ceil(26 / max(width, 1e-6))))
        for column in range(0, len(self.columns), every):
            place = QRectF(area.left() + column * width + 2, 0, width * every - 3, HEAD_PX)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                             metrics.elidedText(self.columns[column], elide, int(place.width())))  # fmt: skip

    def _paint_words(self, painter: QPainter) -> None:
        box = self.cell_box(0, 0)
        if self.words is None or box.width() < WORD_CELL_PX or box.height() < 14:
            return
        colours, metrics = self.colours(), painter.fontMetrics()
        for row, words in enumerate(self.words):
            for column, word in enumerate(words):
                blue, green, red, _ = colours[row, column].tolist()
                bright = 0.3 * red + 0.59 * green + 0.11 * blue > 130
                painter.setPen(QColor("#000000" if bright else "#ffffff"))
                inner = self.cell_box(row, column).adjusted(3, 0, -2, 0)
                painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
                                 metrics.elidedText(word, Qt.TextElideMode.ElideRight, int(inner.width())))  # fmt: skip

    def _paint_frames(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        last = len(self.rows) - 1
        if 0 <= self.chosen_column < len(self.columns):
            column = self.cell_box(0, self.chosen_column).united(self.cell_box(last, self.chosen_column))
            self._frame(painter, column)
        if 0 <= self.chosen_row <= last:
            row = self.cell_box(self.chosen_row, 0).united(self.cell_box(self.chosen_row, len(self.columns) - 1))
            self._frame(painter, row)
        if self._cursor[0] >= 0:
            self._frame(painter, self.cell_box(*self._cursor))

    @staticmethod
    def _frame(painter: QPainter, box: QRectF) -> None:
        """Light within dark, so that it is seen on every colour."""
        painter.setPen(QPen(theme.color("text"), 3))
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QPen(theme.color("raised"), 1))
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))

    # the pointer and the keys

    def mouseMoveEvent(self, event) -> None:
        cell = self.cell_at(event.position().toPoint())
        self._point(cell)
        if cell[0] >= 0:
            self._tip.tell(self.tell(*cell), event.position().toPoint())

    def mouseReleaseEvent(self, event) -> None:
        cell = self.cell_at(event.position().toPoint())
        if cell[0] >= 0:
            self.clicked.emit(*cell)

    def leaveEvent(self, event) -> None:
        self._point((-1, -1))
        super().leaveEvent(event)

    def hideEvent(self, event) -> None:
        self._point((-1, -1))
        super().hideEvent(event)

    def focusOutEvent(self, event) -> None:
        self._point((-1, -1))
        super().focusOutEvent(event)

    def keyPressEvent(self, event) -> None:
        up = 1 if self.upwards else -1
        moves = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (up, 0), Qt.Key.Key_Down: (-up, 0)}
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cursor[0] >= 0:
            self.clicked.emit(*self._cursor)
        elif event.key() in moves and self.values.size:
            step = moves[event.key()]
            rows, columns = self.values.shape
            row, column = self._cursor if self._cursor[0] >= 0 else (0, max(self.chosen_column, 0))
            self._point((min(max(row + step[0], 0), rows - 1), min(max(column + step[1], 0), columns - 1)))
            box = self.cell_box(*self._cursor)
            self._tip.tell(self.tell(*self._cursor), box.center().toPoint())
        else:
            super().keyPressEvent(event)

    def _point(self, cell: tuple[int, int]) -> None:
        if cell != self._cursor:
            self._cursor = cell
            self.setAccessibleDescription(self.tell(*cell) if cell[0] >= 0 else "")
            if cell[0] < 0:
                self._tip.hide()
            self.pointed.emit(*cell)
            self.update()

