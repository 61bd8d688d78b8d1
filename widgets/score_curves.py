"""Scores of heads over the checkpoints of a run: one line a head, the steps on a logarithmic axis."""

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.numbers import short_number
from widgets.tip import Tip

LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX, NEAR_PX = 40, 16, 8, 22, 12
TICKS = (0.0, 0.5, 1.0)


class ScoreCurves(QWidget):
    """Draws scores of 0..1; lines that reach a limit stand out, and hovering one names it.

    Args:
        limit: a dashed line; what reaches it at the end is drawn in colour.
    """

    def __init__(self, limit: float, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.limit = limit
        self.steps, self.scores = np.empty(0), np.empty((0, 0))
        self.names: list[str] = []
        self.tell: Callable[[int, int], str] = lambda line, step: ""
        self._tip = Tip(self)
        self.setMouseTracking(True)
        self.setFont(theme.font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.space(16))
        theme.bus.changed.connect(self.update)

    def set_scores(self, steps: Sequence[int], scores: np.ndarray, tell: Callable[[int, int], str]) -> None:
        """Show scores, (steps, lines), at these steps; ``tell(line, place)`` says one in words."""
        self.steps, self.scores, self.tell = np.asarray(steps, float), scores, tell
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 160)

    def area(self) -> QRectF:
        """Where the lines are."""
        return QRectF(LEFT_PX, TOP_PX, max(self.width() - LEFT_PX - RIGHT_PX, 1),
                      max(self.height() - TOP_PX - BOTTOM_PX, 1))  # fmt: skip

    def on_screen(self) -> np.ndarray:
        """Pixels of each measurement, (steps, lines, 2)."""
        area, logs = self.area(), np.log(np.maximum(self.steps, 1))
        span = max(logs[-1] - logs[0], 1e-9)
        x = area.left() + (logs - logs[0]) / span * area.width() if len(logs) > 1 else np.full(1, area.center().x())
        y = area.bottom() - np.clip(self.scores, 0, 1) * area.height()
        return np.stack([np.broadcast_to(x[:, None], y.shape), y], axis=-1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = self.area()
        painter.fillRect(area, theme.color("sunken"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.color("muted"))
        for tick in TICKS:
            y = area.bottom() - tick * area.height()
            painter.drawText(QRectF(0, y - 8, LEFT_PX - 6, 16), right, f"{tick:g}")
        painter.setPen(QPen(theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
        level = area.bottom() - self.limit * area.height()
        painter.drawLine(QPointF(area.left(), level), QPointF(area.right(), level))
        if not len(self.steps):
            return
        self._paint_steps(painter, area)
        screen, reached = self.on_screen(), self.scores[-1] > self.limit
        for line in np.argsort(reached, kind="stable"):
            colour = theme.series(1) if reached[line] else theme.color("line_strong")
            painter.setPen(QPen(colour, 2 if reached[line] else 1))
            painter.setBrush(colour)
            points = [QPointF(x, y) for x, y in screen[:, line]]
            painter.drawPolyline(QPolygonF(points))
            for point in points if reached[line] or len(points) == 1 else ():
                painter.drawEllipse(point, 2.5, 2.5)

    def _paint_steps(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(theme.color("muted"))
        end = -1e9
        for place, x in enumerate(self.on_screen()[:, 0, 0]):
            words = short_number(float(self.steps[place]))
            width = painter.fontMetrics().horizontalAdvance(words)
            left = min(max(x - width / 2, 0), self.width() - width)
            if left > end + 12:
                painter.drawText(QPointF(left, self.height() - 6), words)
                end = left + width

    def mouseMoveEvent(self, event) -> None:
        found = self.nearest(event.position())
        if found:
            self._tip.tell(self.tell(*found), event.position().toPoint())
        else:
            self._tip.hide()

    def nearest(self, place: QPointF) -> tuple[int, int] | None:
        """The line and measurement near a place, if there is one."""
        if not self.scores.size:
            return None
        far = np.hypot(*np.moveaxis(self.on_screen() - (place.x(), place.y()), -1, 0))
        step, line = np.unravel_index(int(far.argmin()), far.shape)
        return (int(line), int(step)) if far[step, line] <= NEAR_PX else None
