"""A square plot of shares against shares: a ROC curve, or what scores promise against what was found."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme

LEFT_PX, BOTTOM_PX, EDGE_PX, RIGHT_PX = 60, 40, 10, 24
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


class UnitPlot(QWidget):
    """Both axes run from 0 to 100 %.

    Args:
        bottom, left: what the axes show, translated.
        dots: draw the points themselves, not only the line through them.
        diagonal: draw it as what chance, or honesty, would give.
    """

    def __init__(
        self, bottom: str, left: str, dots: bool = False, *, diagonal: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.bottom, self.left, self.dots, self.diagonal = bottom, left, dots, diagonal
        self.points: list[tuple[float, float]] = []
        self.mark: tuple[float, float] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(theme.space(30))
        self.setAccessibleName(f"{left} / {bottom}")
        theme.bus.changed.connect(self.update)

    def set_points(self, points) -> None:
        """Show a line through these (x, y), both 0..1, in the order of x."""
        self.points = [(float(x), float(y)) for x, y in points]
        self.update()

    def set_mark(self, x: float, y: float) -> None:
        """Mark one place on the line."""
        self.mark = (x, y)
        self.setAccessibleDescription(f"{self.bottom} {100 * x:.0f} %, {self.left} {100 * y:.0f} %")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(theme.space(36), theme.space(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        size = min(self.width() - LEFT_PX - RIGHT_PX, self.height() - BOTTOM_PX - EDGE_PX)
        plot = QRectF(LEFT_PX, EDGE_PX, size, size)
        self._paint_axes(painter, plot)
        line = QPolygonF([self._place(plot, point) for point in self.points])
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawPolyline(line)
        painter.setBrush(theme.color("accent"))
        for point in line if self.dots else ():
            painter.drawEllipse(point, 3, 3)
        if self.mark is not None and self.points:
            painter.setPen(QPen(theme.color("raised"), 2))
            painter.setBrush(theme.color("text"))
            painter.drawEllipse(self._place(plot, self.mark), 6, 6)

    @staticmethod
    def _place(plot: QRectF, point: tuple[float, float]) -> QPointF:
        return QPointF(plot.left() + point[0] * plot.width(), plot.bottom() - point[1] * plot.height())

    def _paint_axes(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawRect(plot)
        if self.diagonal:
            painter.setPen(QPen(theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
            painter.drawLine(plot.bottomLeft(), plot.topRight())
        painter.setPen(theme.color("faint"))
        middle, right = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick in TICKS:
            place = self._place(plot, (tick, tick))
            words = f"{100 * tick:.0f} %"
            painter.drawText(QRectF(place.x() - 24, plot.bottom() + 3, 48, 16), middle, words)
            painter.drawText(QRectF(LEFT_PX - 44, place.y() - 8, 40, 16), right, words)
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(plot.left() - 20, plot.bottom() + 20, plot.width() + 40, 18), middle, self.bottom)
        painter.save()
        painter.translate(0, plot.bottom())
        painter.rotate(-90)
        painter.drawText(QRectF(0, 0, plot.height(), 14), middle, self.left)
        painter.restore()
