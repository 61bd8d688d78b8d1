"""One quantity of the machine: its name, its last minutes as a small curve, and its value in words."""

from collections import deque

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme

CURVE_PX, GAP_PX, HEIGHT_PX = 44, 6, 24
LOOKS_SHOWN = 60
HIGH = 0.92  # of what there is: from here on the curve is amber, and the value says so with a mark


class Gauge(QWidget):
    """Shows shares 0..1 over time, and a text; hidden until the first value.

    Args:
        label: what it measures.
        widest: the longest text it will show, so that nothing jumps.
        warns: whether a value near the top is worth a warning.
    """

    def __init__(self, label: str, widest: str, *, warns: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.text = label, ""
        self.shares: deque[float] = deque(maxlen=LOOKS_SHOWN)
        self._widest, self._warns = widest, warns
        self.setFont(theme.font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(self.sizeHint())
        self.hide()
        theme.bus.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        words = metrics.horizontalAdvance(self.label) + metrics.horizontalAdvance(self._widest)
        return QSize(words + CURVE_PX + 3 * GAP_PX, HEIGHT_PX)

    @property
    def high(self) -> bool:
        """Whether there is little room left."""
        return self._warns and bool(self.shares) and self.shares[-1] >= HIGH

    def add(self, share: float, text: str, explained: str) -> None:
        """A new look: the share of what there is (0..1), the value in words, and a sentence for the tooltip."""
        self.shares.append(min(1.0, max(0.0, share)))
        self.text = text
        self.setToolTip(explained)
        self.setAccessibleName(f"{self.label} {text}")
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics, middle = self.fontMetrics(), Qt.AlignmentFlag.AlignVCenter
        label_px = metrics.horizontalAdvance(self.label)
        painter.setPen(theme.color("faint"))
        painter.drawText(QRectF(0, 0, label_px + 1, self.height()), middle, self.label)
        self._draw_curve(painter, QRectF(label_px + GAP_PX, 5, CURVE_PX, self.height() - 10))
        painter.setPen(theme.color("amber" if self.high else "text"))
        left = label_px + CURVE_PX + 2 * GAP_PX
        painter.drawText(QRectF(left, 0, self.width() - left, self.height()), middle,
                         f"{self.text} !" if self.high else self.text)  # fmt: skip

    def _draw_curve(self, painter: QPainter, area: QRectF) -> None:
        painter.fillRect(area, theme.color("sunken"))
        if not self.shares:
            return
        step = area.width() / (LOOKS_SHOWN - 1)
        first = area.right() - step * (len(self.shares) - 1)
        points = [
            QPointF(first + i * step, area.bottom() - share * area.height()) for i, share in enumerate(self.shares)]
        colour = theme.color("amber" if self.high else "accent")
        under = theme.color("amber" if self.high else "accent", 0.25)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(under)
        painter.drawPolygon(QPolygonF([QPointF(first, area.bottom()), *points, QPointF(area.right(), area.bottom())]))
        painter.setPen(QPen(colour, 1))
        painter.drawPolyline(QPolygonF(points))
