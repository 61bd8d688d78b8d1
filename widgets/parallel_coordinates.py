"""Parallel coordinates: an axis for each varied field and one for the result; a line a run, brushed on any axis.

Source: Inselberg 1985, The plane with parallel coordinates, The Visual Computer 1.
"""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from widgets import plot_export, theme
from widgets.parallel_axes import CoordinateAxis, distance, moved

TOP_PX, BOTTOM_PX, SIDE_PX = 56, 24, 72
HANDLE_PX, GRAB_PX, NEAR_PX, FAINT = 12, 14, 8, 0.8
SPREAD_PX = 18  # over which the lines lie that share a value
STEP, FINE = 0.05, 0.01  # of an axis, a key press


class ParallelCoordinates(QWidget):
    """Axes and lines in; which lines pass every brush, and which was chosen, out.

    Drag along an axis to brush it, drag a brush to move it, double-click to let it go. With the keyboard: left and
    right choose an axis, space brushes its better half or lets go, up and down move the brush, with shift its size.
    """

    brushed = Signal(object)  # set[int]: numbers of the lines that pass
    chosen = Signal(int)  # number of a line that was clicked

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axes: list[CoordinateAxis] = []
        self.best: int | None = None
        self.brushes: dict[int, tuple[float, float]] = {}  # axis -> from, to: shares of its length, 0 at the bottom
        self.current = 0
        self._drag: tuple[str, int, float, tuple[float, float]] | None = None  # what, axis, where, brush before
        self._hovered: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Parallel coordinates"))
        theme.bus.changed.connect(self.update)

    def set_lines(self, axes: list[CoordinateAxis], best: int | None) -> None:
        """Show these; every axis has a value for each line, the last axis is the result (smaller is better).

        Args:
            best: number of the line that is drawn in front, thick.
        """
        if [axis.name for axis in axes] != [axis.name for axis in self.axes]:
            self.brushes, self.current, self._hovered = {}, len(axes) - 1, None
        self.axes, self.best = axes, best
        if self._hovered is not None and self._hovered >= self.count:
            self._hovered = None
        self._tell_reader()
        self.update()

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.axes[0].values) if self.axes else 0

    def passing(self) -> set[int]:
        """Numbers of the lines that pass every brush; one without a value on a brushed axis does not."""
        return {line for line in range(self.count) if all(
            (share := self.axes[axis].share(line)) is not None and low - 1e-9 <= share <= high + 1e-9
            for axis, (low, high) in self.brushes.items())}

    def set_brush(self, axis: int, brush: tuple[float, float] | None) -> None:
        """Brush an axis between two shares of its length; None lets go."""
        if brush is None:
            self.brushes.pop(axis, None)
        else:
            low, high = sorted(brush)
            self.brushes[axis] = (max(0.0, low), min(1.0, high))
        self._tell_reader()
        self.update()
        self.brushed.emit(self.passing())

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        return [[axis.name for axis in self.axes],
                *([axis.values[line] for axis in self.axes] for line in range(self.count))]

    def sizeHint(self) -> QSize:
        return QSize(720, 300)

    def minimumSizeHint(self) -> QSize:
        return QSize(480, 260)

    # where things are

    def _x(self, axis: int) -> float:
        if len(self.axes) < 2:
            return self.width() / 2
        return SIDE_PX + axis * (self.width() - 2 * SIDE_PX) / (len(self.axes) - 1)

    def _y(self, share: float) -> float:
        return self.height() - BOTTOM_PX - share * (self.height() - TOP_PX - BOTTOM_PX)

    def _share(self, y: float) -> float:
        return min(1.0, max(0.0, (self.height() - BOTTOM_PX - y) / (self.height() - TOP_PX - BOTTOM_PX)))

    def points(self, line: int) -> list[QPointF | None]:
        """Where a line crosses each axis; None where it has no value."""
        shares = [axis.share(line) for axis in self.axes]
        aside = self._aside(line)
        return [None if share is None else QPointF(self._x(number), self._y(share) + aside * self.axes[number].crowded)
                for number, share in enumerate(shares)]

    def _aside(self, line: int) -> float:
        """How far a line passes a value that it shares with others, px: the better, the lower, as on the result."""
        share = self.axes[-1].share(line)
        return 0.0 if share is None else SPREAD_PX * (0.5 - share)

    def axis_at(self, at: QPointF) -> int | None:
        """The axis near enough to be brushed."""
        near = [number for number in range(len(self.axes)) if abs(self._x(number) - at.x()) <= GRAB_PX]
        return near[0] if near and TOP_PX - GRAB_PX <= at.y() <= self.height() - BOTTOM_PX + GRAB_PX else None

    def line_at(self, at: QPointF) -> int | None:
        """The passing line nearest to a place, if it is near."""
        distances = {line: distance(self.points(line), at) for line in self.passing()}
        nearest = min(distances, key=distances.get, default=None)
        return nearest if nearest is not None and distances[nearest] < NEAR_PX else None

    # mouse and keyboard

    def mousePressEvent(self, event: QMouseEvent) -> None:
        axis = self.axis_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if axis is None:
            line = self.line_at(event.position())
            if line is not None:
                self.chosen.emit(line)
            return
        self.current, share = axis, self._share(event.position().y())
        low, high = self.brushes.get(axis, (-1.0, -1.0))
        self._drag = ("move" if low <= share <= high else "new", axis, share, (low, high))
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            self._hover(event)
            return
        what, axis, start, (low, high) = self._drag
        share = self._share(event.position().y())
        if what == "new":
            self.set_brush(axis, (start, share))
        else:
            self.set_brush(axis, moved(low, high, share - start))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and self._drag[0] == "new":
            low, high = self.brushes.get(self._drag[1], (0.0, 0.0))
            if high - low < FINE:
                self.set_brush(self._drag[1], None)  # a click is no brush
        self._drag = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        axis = self.axis_at(event.position())
        if axis is not None:
            self.set_brush(axis, None)

    def leaveEvent(self, event: QEvent) -> None:
        self._hovered = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys, brush = Qt.Key, self.brushes.get(self.current)
        step = {keys.Key_Up: STEP, keys.Key_Down: -STEP}.get(event.key())
        if event.key() in (keys.Key_Left, keys.Key_Right):
            there = self.current + (1 if event.key() == keys.Key_Right else -1)
            self.current = min(max(0, there), len(self.axes) - 1)
            self._tell_reader()
            self.update()
        elif event.key() == keys.Key_Space and self.axes:
            self.set_brush(self.current, None if brush else (0.0, 0.5))
        elif event.key() == keys.Key_Escape and self.brushes:
            self.brushes.clear()
            self.set_brush(self.current, None)
        elif step and brush:
            shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.set_brush(self.current, (brush[0], max(brush[0], brush[1] + step)) if shift else moved(*brush, step))
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy values"), lambda: plot_export.copy_rows(self.values()))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self))
        menu.exec(event.globalPos())

    def _hover(self, event: QMouseEvent) -> None:
        axis, line = self.axis_at(event.position()), self.line_at(event.position())
        self.setCursor(Qt.CursorShape.SizeVerCursor if axis is not None else Qt.CursorShape.PointingHandCursor
                       if line is not None else Qt.CursorShape.ArrowCursor)  # fmt: skip
        if line != self._hovered:
            self._hovered = line
            QToolTip.showText(event.globalPosition().toPoint(), self._words(line) if line is not None else "", self)
            self.update()

    def _words(self, line: int) -> str:
        return "\n".join(f"{axis.name}: {axis.word(axis.values[line])}" for axis in self.axes)

    def _tell_reader(self) -> None:
        """The chosen axis and its brush in words, for those who do not see them."""
        if not self.axes:
            return
        axis = self.axes[self.current]
        words = self.tr("{axis}: not brushed").format(axis=axis.name)
        if self.current in self.brushes:
            low, high = (axis.word_at(share) for share in self.brushes[self.current])
            words = self.tr("{axis}: from {low} to {high}").format(axis=axis.name, low=low, high=high)
        counted = self.tr("{shown} of {there} runs").format(shown=len(self.passing()), there=self.count)
        self.setAccessibleDescription(f"{words}. {counted}")

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.axes:
            return
        passing = self.passing()
        front = [line for line in (self._hovered, self.best) if line in passing]
        for line in sorted(set(range(self.count)) - set(front), key=lambda line: line in passing):
            self._paint_line(painter, line, line in passing)
        for line in reversed(front):
            self._paint_line(painter, line, True)
        for number in range(len(self.axes)):
            self._paint_axis(painter, number)

    def colour(self, line: int) -> QColor:
        """From the colour of good results to that of bad ones; the result's own axis shows the same in height."""
        share = self.axes[-1].share(line)
        if share is None:
            return theme.color("line_strong")
        return theme.blend(theme.series(0), theme.series(1), share)

    def _paint_line(self, painter: QPainter, line: int, passes: bool) -> None:
        colour = self.colour(line) if passes else theme.color("line")
        strong = line in (self.best, self._hovered) and passes
        colour.setAlphaF(1.0 if strong or not passes else FAINT)
        pen = QPen(colour, 3.0 if strong else 1.4 if passes else 1.0)
        if self.axes[-1].share(line) is None:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        run: list[QPointF] = []
        for point in [*self.points(line), None]:
            if point is not None:
                run.append(point)
                continue
            if len(run) > 1:
                painter.drawPolyline(QPolygonF(run))
            run = []
        if strong:
            painter.setBrush(colour)
            for point in filter(None, self.points(line)):
                painter.drawEllipse(point, 3.5, 3.5)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_axis(self, painter: QPainter, number: int) -> None:
        axis, x = self.axes[number], self._x(number)
        top, bottom = self._y(1.0), self._y(0.0)
        focused = self.hasFocus() and number == self.current
        painter.setPen(QPen(theme.color("focus" if focused else "line_strong"), 2.5 if focused else 1.0))
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        if number in self.brushes:
            low, high = self.brushes[number]
            box = QRectF(x - HANDLE_PX / 2, self._y(high), HANDLE_PX, max(2.0, self._y(low) - self._y(high)))
            painter.setPen(QPen(theme.color("accent"), 1.5))
            painter.setBrush(theme.color("accent", 0.25))
            painter.drawRoundedRect(box, 3, 3)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        self._paint_words(painter, number, axis, x)

    def _paint_words(self, painter: QPainter, number: int, axis: CoordinateAxis, x: float) -> None:
        """The axis's name above it, and what its ticks stand for at its right (of the last one: at its left)."""
        painter.setFont(theme.font("strong" if number == len(self.axes) - 1 else "body"))
        painter.setPen(theme.color("text"))
        room = round((self.width() - 2 * SIDE_PX) / max(1, len(self.axes) - 1) - 12)
        name = painter.fontMetrics().elidedText(axis.name, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(x - 200, 8, 400, 20), Qt.AlignmentFlag.AlignCenter, name)
        if axis.note:
            painter.setFont(theme.font("caption"))
            painter.setPen(theme.color("faint"))
            painter.drawText(QRectF(x - 200, 27, 400, 18), Qt.AlignmentFlag.AlignCenter, axis.note)
        painter.setFont(theme.font("caption"))
        metrics = painter.fontMetrics()
        for share, word in axis.ticks():
            painter.setPen(QPen(theme.color("line_strong"), 1.0))
            painter.drawLine(QPointF(x - 3, self._y(share)), QPointF(x + 3, self._y(share)))
            word = metrics.elidedText(word, Qt.TextElideMode.ElideRight, SIDE_PX + 24)
            box = QRectF(x + 8, self._y(share) - 9, metrics.horizontalAdvance(word) + 6, 18)
            if number == len(self.axes) - 1 or box.right() > self.width():
                box.moveRight(min(x + 8 + box.width(), self.width() - 2))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("raised", 0.8))
            painter.drawRect(box)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(theme.color("muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
