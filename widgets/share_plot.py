"""Shares against shares, wider than high: marks of several kinds, how low each might be, and the line of a law.

Beside it, curves over groups that have names instead of numbers.
"""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolTip, QWidget

from widgets import plot_export, theme

LEFT_PX, RIGHT_PX, FOOT_PX, TOP_PX, LEGEND_PX = 64, 16, 42, 8, 22
PLOT_PX, MARK_PX, NEAR_PX = 300, 5, 12
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class ShareMark:
    """One mark.

    Args:
        kind: which of the plot's kinds it is of.
        least: how low it might be; drawn as a tick under it, None for none.
        from_y: where an arrow to it begins; None for none.
        about: its tooltip.
    """

    x: float
    y: float
    kind: int = 0
    least: float | None = None
    from_y: float | None = None
    about: str = ""


class ShareAxes(QWidget):
    """What both plots share: a legend, and an axis from 0 to 100 %."""

    def __init__(self, bottom: str, left: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bottom, self.left, self.line = bottom, left, ""
        self.kinds: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.bus.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(420, self._needed(420))

    def minimumSizeHint(self) -> QSize:
        return QSize(300, self._needed(max(self.width(), 300)))

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(self._needed(self.width()))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy values"), lambda: plot_export.copy_rows(self.values()))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self))
        menu.exec(event.globalPos())

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        raise NotImplementedError

    def _needed(self, width: int) -> int:
        return PLOT_PX + self._legend(width)[1] * LEGEND_PX

    def _area(self) -> QRectF:
        top = TOP_PX + self._legend(self.width())[1] * LEGEND_PX + 6
        return QRectF(LEFT_PX, top, self.width() - LEFT_PX - RIGHT_PX, self.height() - top - FOOT_PX)

    def _legend(self, width: int) -> tuple[list[QPointF], int]:
        """Left middle of the key of each kind, and last of the dashed line; how many rows they take."""
        metrics = QFontMetrics(theme.font("caption"))
        places, x, row = [], 0.0, 0
        for name in [*self.kinds, *([self.line] if self.line else [])]:
            needed = metrics.horizontalAdvance(name) + 44
            if x and x + needed > width:
                x, row = 0.0, row + 1
            places.append(QPointF(x, TOP_PX + row * LEGEND_PX + LEGEND_PX / 2))
            x += needed
        return places, row + 1 if places else 0

    def _paint_frame(self, painter: QPainter) -> None:
        area = self._area()
        painter.setFont(theme.font("caption"))
        for tick in TICKS:
            y = area.bottom() - tick * area.height()
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.color("faint"))
            painter.drawText(QRectF(18, y - 10, LEFT_PX - 26, 20),
                             Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{100 * tick:.0f} %")
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(area.left(), area.bottom() + 22, area.width(), 18), Qt.AlignmentFlag.AlignHCenter,
                         self.bottom)
        painter.save()
        painter.translate(0, area.bottom())
        painter.rotate(-90)
        painter.drawText(QRectF(0, 0, area.height(), 16), Qt.AlignmentFlag.AlignHCenter, self.left)
        painter.restore()
        for kind, place in enumerate(self._legend(self.width())[0]):
            if kind < len(self.kinds):
                paint_mark(painter, kind, QPointF(place.x() + 10, place.y()))
            else:
                painter.setPen(QPen(theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
                painter.drawLine(place, place + QPointF(20, 0))
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(place.x() + 24, place.y() - 10, 600, 20), Qt.AlignmentFlag.AlignVCenter,
                             [*self.kinds, self.line][kind])

    def _paint_tick(self, painter: QPainter, x: float, words: str) -> None:
        painter.setPen(theme.color("faint"))
        painter.drawText(QRectF(x - 40, self._area().bottom() + 4, 80, 16), Qt.AlignmentFlag.AlignHCenter, words)


class ShareScatter(ShareAxes):
    """Marks over two shares, and a dashed line from corner to corner."""

    def __init__(self, bottom: str, left: str, *, parent: QWidget | None = None) -> None:
        super().__init__(bottom, left, parent=parent)
        self.marks: list[ShareMark] = []

    def set_marks(self, marks: list[ShareMark], kinds: list[str], line: str) -> None:
        """Show these; ``kinds`` names them, ``line`` the diagonal."""
        self.marks, self.kinds, self.line = list(marks), list(kinds), line
        told = (f"{self.kinds[m.kind]} {100 * m.x:.0f} %: {100 * m.y:.0f} %" for m in marks)
        self.setAccessibleName(f"{self.left} / {self.bottom}. " + ". ".join(told))
        self.updateGeometry()
        self.update()

    def values(self) -> list[list]:
        return [["kind", "x", "y", "least", "from"],
                *([self.kinds[m.kind], m.x, m.y, m.least, m.from_y] for m in self.marks)]  # fmt: skip

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            help_event: QHelpEvent = event
            at = QPointF(help_event.pos())
            near = [mark for mark in self.marks if (self._place(mark.x, mark.y) - at).manhattanLength() < NEAR_PX]
            QToolTip.showText(help_event.globalPos(), near[0].about if near else "", self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_frame(painter)
        for tick in TICKS:
            self._paint_tick(painter, self._place(tick, 0).x(), f"{100 * tick:.0f} %")
        area = self._area()
        painter.setPen(QPen(theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(area.bottomLeft(), area.topRight())
        for mark in self.marks:
            self._paint(painter, mark)

    def _place(self, x: float, y: float) -> QPointF:
        area = self._area()
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def _paint(self, painter: QPainter, mark: ShareMark) -> None:
        place = self._place(mark.x, mark.y)
        painter.setPen(QPen(theme.series(mark.kind), 1.5))
        if mark.least is not None:
            least = self._place(mark.x, mark.least)
            painter.drawLine(place, least)
            painter.drawLine(least - QPointF(6, 0), least + QPointF(6, 0))
        if mark.from_y is not None:
            start = self._place(mark.x, mark.from_y)
            painter.setPen(QPen(theme.series(mark.kind), 1.5, Qt.PenStyle.DotLine))
            painter.drawLine(start, place)
        paint_mark(painter, mark.kind, place)


class GroupCurves(ShareAxes):
    """Curves over named groups in a row, each from 0 to 100 %."""

    def __init__(self, bottom: str, left: str, *, parent: QWidget | None = None) -> None:
        super().__init__(bottom, left, parent=parent)
        self.groups: list[str] = []
        self.curves: list[list[float | None]] = []

    def set_curves(self, groups: list[str], curves: dict[str, list[float | None]]) -> None:
        """Show these: {name: a share for each group, None for none}."""
        self.groups, self.kinds, self.curves = list(groups), list(curves), list(curves.values())
        told = (f"{name}: " + ", ".join(f"{group} {100 * value:.0f} %" for group, value in
                                        zip(groups, curve, strict=True) if value is not None)
                for name, curve in curves.items())  # fmt: skip
        self.setAccessibleName(f"{self.left} / {self.bottom}. " + ". ".join(told))
        self.updateGeometry()
        self.update()

    def values(self) -> list[list]:
        return [["", *self.groups], *([name, *curve] for name, curve in zip(self.kinds, self.curves, strict=True))]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_frame(painter)
        area, count = self._area(), max(len(self.groups), 1)
        xs = [area.left() + (place + 0.5) * area.width() / count for place in range(count)]
        for x, group in zip(xs, self.groups):
            self._paint_tick(painter, x, group)
        for kind, curve in enumerate(self.curves):
            points = [QPointF(x, area.bottom() - value * area.height()) for x, value in zip(xs, curve, strict=False)
                      if value is not None]  # fmt: skip
            painter.setPen(QPen(theme.series(kind), 2))
            painter.drawPolyline(QPolygonF(points))
            for point in points:
                paint_mark(painter, kind, point)


def paint_mark(painter: QPainter, kind: int, at: QPointF) -> None:
    """Circle, square, triangle or diamond, so that kinds differ by more than colour."""
    painter.save()
    painter.setPen(QPen(theme.color("raised"), 1))
    painter.setBrush(theme.series(kind))
    r = MARK_PX
    corners = {1: [(-r, -r), (r, -r), (r, r), (-r, r)], 2: [(0, -r - 1), (r + 1, r), (-r - 1, r)],
               3: [(0, -r - 2), (r + 2, 0), (0, r + 2), (-r - 2, 0)]}.get(kind % 4)  # fmt: skip
    if corners:
        painter.drawPolygon(QPolygonF([QPointF(at.x() + x, at.y() + y) for x, y in corners]))
    else:
        painter.drawEllipse(at, r, r)
    painter.restore()
