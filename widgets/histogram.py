"""How a measured value is spread over documents, with the thresholds as lines that can be dragged."""

from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import theme
from widgets.histogram_scale import Bins, Scale
from widgets.numbers import short_number

TOP_PX, BOTTOM_PX, SIDE_PX = 24, 20, 10
NEAR_PX = 9
TICK_PX = 72
KEY_STEP = 0.01  # of the axis, for one press of an arrow key


@dataclass(frozen=True)
class Threshold:
    """One limit: the spec field it stands for, and the side of it that is kept, the limit itself included."""

    field: str
    value: float
    keeps: Literal["above", "below"] = "below"
    low: float | None = None
    high: float | None = None
    whole: bool = False
    label: str = ""


class Histogram(QWidget):
    """Bars of kept (filled) and set-aside (hatched) documents, and a line a threshold.

    A line follows the mouse and the arrow keys (Shift: ten times as far; Up and Down choose the line).

    Args:
        name: what was measured, translated.
        unit: its unit, translated; empty for a share or a bare number.
        share: values are shares and are written as per cent.
        movable: lines can be dragged; otherwise they only show what the thresholds were.
    """

    threshold_changed = Signal(str, float)  # field, value: while it moves
    threshold_released = Signal(str, float)  # field, value: when it rests

    def __init__(self, name: str = "", unit: str = "", share: bool = False, *, movable: bool = True,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.name, self.unit, self.share, self.movable = name, unit, share, movable
        self.bins, self.scale = Bins(), Scale((0.0, 1.0))
        self._whole, self.thresholds = self.bins, []
        self._span: tuple[float, ...] = ()  # values that the axis holds whatever is shown
        self._grabbed = self._current = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if movable else Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)
        self._describe()

    def set_counts(self, edges, kept, rejected) -> None:
        """Show documents by bin: ``edges`` has one entry more than ``kept`` and ``rejected``."""
        self._whole = Bins(tuple(edges), tuple(kept), tuple(rejected)) if len(edges) > 1 else Bins()
        self._fit()

    def set_span(self, *values: float) -> None:
        """Let the axis hold these values too, so that plots can be compared one under the other."""
        self._span = values
        self._fit()

    def set_thresholds(self, thresholds: list[Threshold]) -> None:
        """Show these limits, without telling."""
        self.thresholds = list(thresholds)
        self._current = min(max(self._current, 0), len(self.thresholds) - 1)
        self._fit()

    def set_threshold(self, field: str, value: float) -> None:
        """Move one line, without telling."""
        moved = [replace(line, value=value) if line.field == field else line for line in self.thresholds]
        if moved != self.thresholds:
            self.thresholds = moved
            if self._grabbed < 0:
                self._fit()
        self.update()

    def text(self, value: float) -> str:
        """A value as the axis writes it."""
        if self.share:
            return f"{short_number(100 * value, 3)} %"
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e6 else short_number(value, 3)

    def limit_text(self, line: Threshold) -> str:
        """What a line asks for: ≥ 50 words."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{'≥' if line.keeps == 'above' else '≤'} {self.text(line.value)}{unit}"

    def place(self, value: float) -> float:
        """Pixels from the left at which a value stands."""
        return SIDE_PX + self.scale.place(value) * self._room()

    def sizeHint(self) -> QSize:
        return QSize(320, 112)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 112)

    def _fit(self) -> None:
        shown = (*(line.value for line in self.thresholds), *self._span)
        self.bins = self._whole.fitted(*shown, share=self.share)
        self.scale = Scale(self.bins.edges)
        self._describe()
        self.update()

    def _describe(self) -> None:
        limits = ", ".join(self.limit_text(line) for line in self.thresholds)
        self.setAccessibleName(f"{self.name}: {limits}" if limits else self.name)
        self.setAccessibleDescription(self.tr("{kept} kept, {rejected} set aside").format(
            kept=f"{sum(self._whole.kept):,}", rejected=f"{sum(self._whole.rejected):,}"))  # fmt: skip

    def _room(self) -> float:
        return max(self.width() - 2 * SIDE_PX, 1)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self._bar_text(event.pos().x()), self)
            return True
        return super().event(event)

    # Moving a line.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grabbed = self._near(event.position().x()) if event.button() == Qt.MouseButton.LeftButton else -1
        if self._grabbed >= 0:
            self._current = self._grabbed
            self.update()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._grabbed >= 0:
            place = (x - SIDE_PX) / self._room()
            self._move(self._grabbed, self.scale.value(min(max(place, 0), 1)), 1 / self._room())
            return
        near = self._near(x)
        self.setCursor(Qt.CursorShape.SizeHorCursor if near >= 0 else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        grabbed, self._grabbed = self._grabbed, -1
        if grabbed >= 0:
            line = self.thresholds[grabbed]
            self._fit()
            self.threshold_released.emit(line.field, line.value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(event.key(), 0)
        choose = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key(), 0)
        if not self.thresholds or not (way or choose):
            super().keyPressEvent(event)
        elif choose:
            self._current = (self._current + choose) % len(self.thresholds)
            self.update()
        else:
            line = self.thresholds[self._current]
            width = KEY_STEP * (10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
            step = max(self.scale.step(self.scale.place(line.value), width), 1 if line.whole else 0)
            self._move(self._current, line.value + way * step, width / 10)
            self._fit()
            moved = self.thresholds[self._current]
            self.threshold_released.emit(moved.field, moved.value)

    def _move(self, index: int, value: float, resolution: float) -> None:
        """Bring a line to a value, as round as the resolution (a share of the axis) allows, within its range."""
        line = self.thresholds[index]
        step = self.scale.step(self.scale.place(value), resolution)
        value = float(f"{round(value / step) * step:.10g}")
        if line.whole:
            value = float(round(value))
        if line.low is not None:
            value = max(value, line.low)
        if line.high is not None:
            value = min(value, line.high)
        if value != line.value:
            self.thresholds[index] = replace(line, value=value)
            self._describe()
            self.update()
            self.threshold_changed.emit(line.field, value)

    def _near(self, x: float) -> int:
        """The line under the pointer; -1 = none."""
        away = [abs(self.place(line.value) - x) for line in self.thresholds] if self.movable else []
        nearest = min(range(len(away)), key=away.__getitem__, default=-1)
        return nearest if nearest >= 0 and away[nearest] <= NEAR_PX else -1

    def _bar_text(self, x: float) -> str:
        bars = len(self.bins.kept)
        index = int((x - SIDE_PX) / self._room() * bars)
        if not (self.bins.total and 0 <= index < bars):
            return ""
        low, high = self.bins.edges[index : index + 2]
        return self.tr("{low} to {high}: {kept} kept, {rejected} set aside").format(
            low=self.text(low), high=self.text(high), kept=f"{self.bins.kept[index]:,.0f}",
            rejected=f"{self.bins.rejected[index]:,.0f}")  # fmt: skip

    # Painting.

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("caption"))
        plot = QRectF(SIDE_PX, TOP_PX, self._room(), self.height() - TOP_PX - BOTTOM_PX)
        self._paint_aside(painter, plot)
        self._paint_bars(painter, plot)
        self._paint_axis(painter, plot)
        for index, line in enumerate(self.thresholds):
            self._paint_line(painter, plot, index, line)
        if not self.bins.total:
            painter.setPen(theme.color("faint"))
            painter.drawText(plot, Qt.AlignmentFlag.AlignCenter, self.tr("Nothing measured yet"))

    def _paint_aside(self, painter: QPainter, plot: QRectF) -> None:
        """A tint over the side that is set aside."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("amber_soft", 0.7))
        for line in self.thresholds:
            x = self.place(line.value)
            left, right = (plot.left(), x) if line.keeps == "above" else (x, plot.right())
            painter.drawRect(QRectF(left, plot.top(), max(right - left, 0), plot.height()))

    def _paint_bars(self, painter: QPainter, plot: QRectF) -> None:
        most = max((k + r for k, r in zip(self.bins.kept, self.bins.rejected)), default=0) or 1
        width = plot.width() / len(self.bins.kept)
        hatched = QBrush(theme.color("amber"), Qt.BrushStyle.BDiagPattern)
        for index, (kept, rejected) in enumerate(zip(self.bins.kept, self.bins.rejected)):
            left, bottom = plot.left() + index * width, plot.bottom()
            for count, brush, edge in ((kept, QBrush(theme.color("accent")), Qt.PenStyle.NoPen),
                                       (rejected, hatched, QPen(theme.color("amber"), 1))):  # fmt: skip
                if not count:
                    continue
                height = max(plot.height() * count / most, 2)
                painter.setPen(edge)
                painter.setBrush(brush)
                painter.drawRect(QRectF(left + 0.5, bottom - height, max(width - 1, 1), height))
                bottom -= height

    def _paint_axis(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(QPen(theme.color("line_strong"), 1))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.setPen(theme.color("faint"))
        metrics, end = painter.fontMetrics(), -1e9
        for value in self.scale.ticks(max(int(plot.width() / TICK_PX), 2)):
            words = self.text(value)
            wide, x = metrics.horizontalAdvance(words), self.place(value)
            left = min(max(x - wide / 2, 0), self.width() - wide)
            if left < end + 8:
                continue
            end = left + wide
            painter.drawLine(QPointF(x, plot.bottom()), QPointF(x, plot.bottom() + 3))
            painter.drawText(QPointF(left, self.height() - 4), words)

    def _paint_line(self, painter: QPainter, plot: QRectF, index: int, line: Threshold) -> None:
        x, chosen = self.place(line.value), self.hasFocus() and index == self._current
        painter.setPen(QPen(theme.color("focus" if chosen else "text"), 2.5 if chosen else 1.5))
        painter.drawLine(QPointF(x, plot.top() - 4), QPointF(x, plot.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("focus" if chosen else "text"))
        side = 5 if line.keeps == "above" else -5  # a flag that points to what is kept
        painter.drawPolygon(QPolygonF([
            QPointF(x, plot.top() - 6), QPointF(x + side * 1.6, plot.top() - 1), QPointF(x, plot.top() + 4)]))
        words = self.limit_text(line)
        wide = painter.fontMetrics().horizontalAdvance(words)
        left = x + 6 if line.keeps == "above" else x - wide - 6
        if len(self.thresholds) < 2 or self._apart():
            left = min(max(left, 2), self.width() - wide - 2)
        else:  # two lines close together: the labels stand outside of them, beside their own
            other = painter.fontMetrics().horizontalAdvance(self.limit_text(self.thresholds[1 - index]))
            left = (max(2, min(x - wide - 6, self.width() - other - wide - 12)) if index == 0 else
                    min(self.width() - wide - 2, max(x + 6, other + 12)))  # fmt: skip
        painter.setPen(theme.color("text"))
        painter.drawText(QPointF(left, 13), words)

    def _apart(self) -> bool:
        places = sorted(self.place(line.value) for line in self.thresholds)
        return min(b - a for a, b in zip(places, places[1:])) > 190
