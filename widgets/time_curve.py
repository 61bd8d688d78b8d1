"""One quantity over the time of a run, small: its name, what it is now, its greatest value, and the curve."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme

HEAD_PX, PADDING_PX, LEAST_PX = 22, 10, 84


class TimeCurve(QWidget):
    """Draws values over time; what is not a number is a gap.

    Args:
        label: what it shows.
        words: a value as people read it, with its unit.
    """

    def __init__(self, label: str, words, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.words = label, words
        self.times, self.values, self.top = np.empty(0), np.empty(0), 0.0
        self._pointer: float | None = None
        self.setMouseTracking(True)
        self.setFont(theme.font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(200, LEAST_PX))
        theme.bus.changed.connect(self.update)

    def set_data(self, times: np.ndarray, values: np.ndarray, top: float = 0.0) -> None:
        """Show values (n,) at times (n,), s; the axis goes from 0 to ``top``, or to the greatest value."""
        known = np.isfinite(values)
        self.times, self.values, self.top = times[known], values[known], top
        self.setAccessibleName(f"{self.label} {self.said()}")
        self.update()

    def said(self) -> str:
        """The value under the pointer, or the last one and the greatest."""
        if not len(self.values):
            return ""
        if self._pointer is not None:
            return self.words(float(self.values[self._row()]))
        return self.tr("{now}, at most {most}").format(
            now=self.words(float(self.values[-1])), most=self.words(float(self.values.max())))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = min(1.0, max(0.0, (event.position().x() - PADDING_PX) / max(1, self.width() - 2 * PADDING_PX)))
        self.update()

    def leaveEvent(self, event) -> None:
        self._pointer = None
        self.update()

    def _row(self) -> int:
        place = self.times[0] + self._pointer * (self.times[-1] - self.times[0])
        return int(np.abs(self.times - place).argmin())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        head = QRectF(PADDING_PX, 0, self.width() - 2 * PADDING_PX, HEAD_PX)
        painter.setPen(theme.color("muted"))
        left = head.width() - self.fontMetrics().horizontalAdvance(self.said()) - PADDING_PX
        label = self.fontMetrics().elidedText(self.label, Qt.TextElideMode.ElideRight, int(left))
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, label)
        painter.setPen(theme.color("text"))
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self.said())
        area = QRectF(PADDING_PX, HEAD_PX, head.width(), self.height() - HEAD_PX - 4)
        painter.fillRect(area, theme.color("sunken"))
        if len(self.values) > 1:
            self._draw(painter, area)

    def _draw(self, painter: QPainter, area: QRectF) -> None:
        keep = np.linspace(0, len(self.values) - 1, min(len(self.values), 2 * int(area.width()))).astype(int)
        times, values = self.times[keep], self.values[keep]
        top = max(self.top, float(self.values.max()), 1e-12)
        x = area.left() + (times - times[0]) / max(times[-1] - times[0], 1e-9) * area.width()
        y = area.bottom() - values / top * (area.height() - 2)
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.drawPolyline(QPolygonF([QPointF(a, b) for a, b in zip(x, y, strict=True)]))
        if self._pointer is not None:
            row = self._row()
            span = max(self.times[-1] - self.times[0], 1e-9)
            place = QPointF(area.left() + (self.times[row] - self.times[0]) / span * area.width(),
                            area.bottom() - self.values[row] / top * (area.height() - 2))  # fmt: skip
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(place, 3, 3)
