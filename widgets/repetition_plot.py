"""Curves over how often something was repeated: one a way of doing it, with what chance alone would give."""

import math
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from widgets import plot_export, theme
from widgets.numbers import round_step, short_number

LEFT_PX, RIGHT_PX, FOOT_PX, TOP_PX, LEGEND_PX = 52, 16, 42, 10, 22
MARK_PX, TICK_PX = 5, 36
PLOT_PX = 280  # without its legend


@dataclass(frozen=True)
class RepetitionCurve:
    """One curve: its name, and {repetitions: value}; with intervals where there are any."""

    name: str
    values: dict[int, float]
    intervals: dict[int, tuple[float, float]] | None = None


class RepetitionPlot(QWidget):
    """Values against repetitions on a doubling axis; each curve has a colour and a mark of its own."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves: list[RepetitionCurve] = []
        self.title, self.axis, self.chance_text, self.chance, self.most = "", "", "", None, 1.0
        self.percent = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_curves(self, curves: list[RepetitionCurve], *, title: str, axis: str, most: float,
                   chance: float | None = None, chance_text: str = "", percent: bool = False) -> None:  # fmt: skip
        """Show these; ``most`` is the top of the axis, ``chance`` a dashed line."""
        self.curves, self.title, self.axis, self.most = list(curves), title, axis, most
        self.chance, self.chance_text, self.percent = chance, chance_text, percent
        told = (f"{curve.name}: " + ", ".join(f"{at}× {self._number(value)}" for at, value in curve.values.items())
                for curve in curves)  # fmt: skip
        self.setAccessibleName(f"{title}. " + ". ".join(told))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, PLOT_PX + self._legend_rows(420) * LEGEND_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(280, PLOT_PX + self._legend_rows(max(self.width(), 280)) * LEGEND_PX)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self.setMinimumHeight(PLOT_PX + self._legend_rows(self.width()) * LEGEND_PX)

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        return [["name", "repetitions", "value"],
                *([curve.name, at, value] for curve in self.curves for at, value in curve.values.items())]  # fmt: skip

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy values"), lambda: plot_export.copy_rows(self.values()))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self))
        menu.exec(event.globalPos())

    # places

    def _ticks(self) -> list[int]:
        return sorted({at for curve in self.curves for at in curve.values})

    def _area(self) -> QRectF:
        top = TOP_PX + 30 + self._legend_rows(self.width()) * LEGEND_PX
        return QRectF(LEFT_PX, top, self.width() - LEFT_PX - RIGHT_PX, self.height() - top - FOOT_PX)

    def _point(self, repetitions: int, value: float) -> QPointF:
        area, ticks = self._area(), self._ticks()
        span = math.log2(ticks[-1] / ticks[0]) or 1.0
        x = area.left() + 12 + math.log2(repetitions / ticks[0]) / span * (area.width() - 24)
        return QPointF(x, area.bottom() - max(0.0, min(value, self.most)) / self.most * area.height())

    def _legend(self, width: int) -> list[tuple[int, QPointF]]:
        """(curve, left middle of its key) for every curve, in rows."""
        metrics = QFontMetrics(theme.font("caption"))
        places, x, row = [], 0.0, 0
        for number, curve in enumerate(self.curves):
            needed = metrics.horizontalAdvance(curve.name) + 48
            if x and x + needed > width:
                x, row = 0.0, row + 1
            places.append((number, QPointF(x, TOP_PX + 22 + row * LEGEND_PX + LEGEND_PX / 2)))
            x += needed
        return places

    def _legend_rows(self, width: int) -> int:
        places = self._legend(width)
        return 1 + round((places[-1][1].y() - places[0][1].y()) / LEGEND_PX) if places else 0

    def _number(self, value: float) -> str:
        return f"{100 * value:.0f} %" if self.percent else short_number(value, 3)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(0, 0, self.width(), 24), Qt.AlignmentFlag.AlignVCenter, self.title)
        if not self._ticks():
            return
        self._paint_axes(painter)
        self._paint_chance(painter)
        for number, curve in enumerate(self.curves):
            self._paint_curve(painter, number, curve)
        painter.setFont(theme.font("caption"))
        for number, place in self._legend(self.width()):
            self._paint_mark(painter, number, QPointF(place.x() + 12, place.y()), line=True)
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(place.x() + 28, place.y() - 10, 600, 20), Qt.AlignmentFlag.AlignVCenter,
                             self.curves[number].name)

    def _paint_axes(self, painter: QPainter) -> None:
        area = self._area()
        painter.setFont(theme.font("caption"))
        step = round_step(self.most / max(area.height() / TICK_PX, 1))
        for number in range(int(self.most / step + 1e-9) + 1):
            y = self._point(self._ticks()[0], number * step).y()
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(theme.color("faint"))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, y - 10, LEFT_PX - 8, 20), right, self._number(number * step))
        painter.setPen(theme.color("faint"))
        for at in self._ticks():
            x = self._point(at, 0).x()
            painter.drawText(QRectF(x - 24, area.bottom() + 4, 48, 16), Qt.AlignmentFlag.AlignHCenter, str(at))
        painter.drawText(QRectF(area.left(), area.bottom() + 20, area.width(), 18), Qt.AlignmentFlag.AlignHCenter,
                         self.axis)

    def _paint_chance(self, painter: QPainter) -> None:
        if self.chance is None:
            return
        y = self._point(self._ticks()[0], self.chance).y()
        area = self._area()
        painter.setPen(QPen(theme.color("muted"), 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(area.left() + 4, y + 1, area.width() - 8, 16), Qt.AlignmentFlag.AlignRight,
                         self.chance_text)

    def _paint_curve(self, painter: QPainter, number: int, curve: RepetitionCurve) -> None:
        points = [self._point(at, value) for at, value in sorted(curve.values.items())]
        painter.setPen(QPen(theme.series(number), 2))
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(QPen(theme.series(number), 1))
        for at, (low, high) in (curve.intervals or {}).items():
            painter.drawLine(self._point(at, low), self._point(at, high))
        for point in points:
            self._paint_mark(painter, number, point)

    def _paint_mark(self, painter: QPainter, number: int, at: QPointF, line: bool = False) -> None:
        """Circle, square, triangle or diamond, so that curves differ by more than colour."""
        painter.setPen(QPen(theme.series(number), 2))
        if line:
            painter.drawLine(QPointF(at.x() - 11, at.y()), QPointF(at.x() + 11, at.y()))
        painter.setBrush(theme.series(number))
        r = MARK_PX
        corners = {1: [(-r, -r), (r, -r), (r, r), (-r, r)], 2: [(0, -r - 1), (r + 1, r), (-r - 1, r)],
                   3: [(0, -r - 1), (r + 1, 0), (0, r + 1), (-r - 1, 0)]}.get(number % 4)  # fmt: skip
        painter.setPen(Qt.PenStyle.NoPen)
        if corners:
            painter.drawPolygon(QPolygonF([QPointF(at.x() + 0.85 * x, at.y() + 0.85 * y) for x, y in corners]))
        else:
            painter.drawEllipse(at, 4.5, 4.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
