"""Tokens as points on a plane: hover names one, the wheel zooms, dragging moves, a double click shows all again."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.tip import Tip

EDGE_PX, NEAR_PX, STEP, DEEPEST = 20, 14, 1.2, 200.0
MOST_NAMES = 60  # names written beside points


class TokenMap(QWidget):
    """Emits the point under the pointer (-1 = none), and the one that was clicked."""

    pointed = Signal(int)
    clicked = Signal(int)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.places = np.empty((0, 2))
        self.marked, self.chosen = 0, -1
        self._zoom, self._centre = 1.0, np.zeros(2)
        self._hover, self._drag, self._moved = -1, None, False
        self._tip = Tip(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(theme.space(30))
        theme.bus.changed.connect(self.update)

    def set_points(self, names: Sequence[str], places: np.ndarray, marked: int) -> None:
        """Show these points, (n, 2); the first ``marked`` stand out and carry their names."""
        self.names, self.places, self.marked = list(names), np.asarray(places, float), marked
        self.chosen = self._hover = -1
        self.show_all()

    def choose(self, point: int) -> None:
        """Ring a point; -1 = none."""
        self.chosen = point
        self.update()

    def show_all(self) -> None:
        """Every point in view."""
        self._zoom = 1.0
        if len(self.places):
            self._centre = (self.places.max(0) + self.places.min(0)) / 2
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 360)

    def _scale(self) -> float:
        """Pixels of a unit of both axes."""
        span = np.maximum(np.ptp(self.places, axis=0), 1e-9) if len(self.places) else np.ones(2)
        room = np.array([self.width(), self.height()]) - 2 * EDGE_PX
        return self._zoom * float((np.maximum(room, 1) / span).min())

    def on_screen(self) -> np.ndarray:
        """Pixels of each point, (n, 2)."""
        away = (self.places - self._centre) * self._scale() * (1, -1)
        return away + (self.width() / 2, self.height() / 2)

    def point_at(self, place: QPointF) -> int:
        """The nearest point, if it is near enough; else -1."""
        if not len(self.places):
            return -1
        far = np.hypot(*(self.on_screen() - (place.x(), place.y())).T)
        far[: self.marked] -= 3  # what stands out is found first
        nearest = int(far.argmin())
        return nearest if far[nearest] <= NEAR_PX else -1

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        painter.fillRect(self.rect(), theme.color("sunken"))
        if not len(self.places):
            return
        screen = self.on_screen()
        inside = (screen > -8).all(1) & (screen[:, 0] < self.width() + 8) & (screen[:, 1] < self.height() + 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line_strong", 0.75))
        for x, y in screen[self.marked :][inside[self.marked :]]:
            painter.drawEllipse(QPointF(x, y), 2.2, 2.2)
        painter.setBrush(theme.series(1))
        for x, y in screen[: self.marked][inside[: self.marked]]:
            painter.drawEllipse(QPointF(x, y), 4, 4)
        self._paint_names(painter, screen, inside)
        for point in {self.chosen, self._hover} - {-1}:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("text"), 2))
            painter.drawEllipse(QPointF(*screen[point]), 7, 7)

    def _paint_names(self, painter: QPainter, screen: np.ndarray, inside: np.ndarray) -> None:
        """Names where they cover no other: the chosen point's first, then those that stand out, then others."""
        taken: list[QRectF] = []
        order = [self.chosen, self._hover, *range(self.marked)]
        if self._zoom > 1.5:
            order += np.flatnonzero(inside).tolist()
        metrics = painter.fontMetrics()
        painter.setPen(theme.color("text"))
        for point in dict.fromkeys(order):
            if point < 0 or not inside[point] or len(taken) >= MOST_NAMES:
                continue
            x, y = screen[point]
            box = QRectF(x + 6, y - 8, metrics.horizontalAdvance(self.names[point]) + 2, 16)
            if not any(box.intersects(other) for other in taken):
                taken.append(box)
                painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, self.names[point])

    # the pointer and the keys

    def wheelEvent(self, event) -> None:
        self._zoom_at(event.position(), STEP if event.angleDelta().y() > 0 else 1 / STEP)
        event.accept()

    def _zoom_at(self, place: QPointF, factor: float) -> None:
        """Zoom so that what lies under a place stays there."""
        before, zoom = self._scale(), min(max(self._zoom * factor, 1.0), DEEPEST)
        away = np.array([place.x() - self.width() / 2, self.height() / 2 - place.y()])
        self._zoom = zoom
        self._centre = self._centre + away / before - away / self._scale()
        if zoom == 1.0:
            self.show_all()
        self.update()

    def mousePressEvent(self, event) -> None:
        self._drag, self._moved = event.position(), False

    def mouseMoveEvent(self, event) -> None:
        if self._drag is not None:
            away = event.position() - self._drag
            if self._moved or away.manhattanLength() > 4:
                self._moved, self._drag = True, event.position()
                self._centre = self._centre - np.array([away.x(), -away.y()]) / self._scale()
                self.update()
            return
        self._point(self.point_at(event.position()))
        if self._hover >= 0:
            self._tip.tell(self.names[self._hover], event.position().toPoint())
        else:
            self._tip.hide()

    def mouseReleaseEvent(self, event) -> None:
        point, self._drag = self.point_at(event.position()), None
        if point >= 0 and not self._moved:
            self.clicked.emit(point)

    def mouseDoubleClickEvent(self, event) -> None:
        self.show_all()

    def keyPressEvent(self, event) -> None:
        middle = QPointF(self.width() / 2, self.height() / 2)
        if event.key() in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self._zoom_at(middle, STEP)
        elif event.key() == Qt.Key.Key_Minus:
            self._zoom_at(middle, 1 / STEP)
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self.marked:
            step = 1 if event.key() == Qt.Key.Key_Right else -1
            self._point((self._hover + step) % self.marked)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._hover >= 0:
            self.clicked.emit(self._hover)
        else:
            super().keyPressEvent(event)

    def _point(self, point: int) -> None:
        if point != self._hover:
            self._hover = point
            self.setAccessibleDescription(self.names[point] if point >= 0 else "")
            self.pointed.emit(point)
            self.update()
