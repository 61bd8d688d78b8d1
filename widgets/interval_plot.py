"""Differences from a baseline: a dot with its interval a row, the single pairs as fine marks behind it."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from widgets import plot_export, theme
from widgets.numbers import round_step, short_number

ROW_PX, HEAD_PX, AXIS_PX = 52, 24, 28
LEAST_LABEL_PX, VALUE_PX, GAP_PX = 160, 176, 24
TICK_PX = 88


@dataclass(frozen=True)
class IntervalRow:
    """One row: a name with a second line, and at the right a value with a second line, all ready to read.

    Args:
        mean: the difference; None for the baseline itself.
        low, high: its interval; None where there is none.
        pairs: the single differences that ``mean`` is the mean of.
    """

    name: str
    note: str = ""
    value: str = ""
    value_note: str = ""
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: tuple[float, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low is not None and not self.low <= 0 <= self.high


class IntervalPlot(QWidget):
    """Rows over one axis through zero; filled dots are sure, hollow ones are not."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[IntervalRow] = []
        self.unit, self.better, self.worse = "", "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_rows(self, rows: list[IntervalRow], unit: str, better: str, worse: str) -> None:
        """Show these; ``better`` and ``worse`` name the sides left and right of zero."""
        self.rows, self.unit, self.better, self.worse = list(rows), unit, better, worse
        self.setAccessibleName(". ".join(f"{row.name}: {row.value}, {row.value_note}" for row in rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(720, HEAD_PX + ROW_PX * max(len(self.rows), 1) + AXIS_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_LABEL_PX + VALUE_PX + 160, self.sizeHint().height())

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        head = ["name", "note", "value", "mean_difference", "low", "high", "pairs"]
        return [head, *([r.name, r.note, r.value, r.mean, r.low, r.high, " ".join(map(repr, r.pairs))]
                        for r in self.rows)]  # fmt: skip

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy values"), lambda: plot_export.copy_rows(self.values()))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self))
        menu.exec(event.globalPos())

    # painting

    def _label_px(self) -> int:
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(text) for row in self.rows for text in (row.name, row.note)), default=0)
        return min(max(widest + 16, LEAST_LABEL_PX), max(self.width() - VALUE_PX - 260, LEAST_LABEL_PX))

    def _range(self) -> tuple[float, float]:
        """From the lowest to the highest of what is shown, zero and a little room included."""
        found = [0.0]
        for row in self.rows:
            found += [value for value in (row.mean, row.low, row.high, *row.pairs) if value is not None]
        low, high = min(found), max(found)
        room = 0.08 * ((high - low) or 1.0)
        return low - room, high + room

    def _place(self, value: float) -> float:
        low, high = self._range()
        left, right = self._label_px() + GAP_PX, self.width() - VALUE_PX - GAP_PX
        return left + (value - low) / (high - low) * (right - left)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axis(painter)
        for number, row in enumerate(self.rows):
            box = QRectF(0, HEAD_PX + number * ROW_PX, self.width(), ROW_PX)
            self._paint_words(painter, row, box)
            if row.mean is not None:
                self._paint_interval(painter, row, box.center().y())

    def _paint_axis(self, painter: QPainter) -> None:
        top, foot = HEAD_PX, HEAD_PX + ROW_PX * len(self.rows)
        low, high = self._range()
        step = round_step((high - low) * TICK_PX / max(self._place(high) - self._place(low), 1))
        painter.setFont(theme.font("caption"))
        tick = -int(-low // step) * step
        while tick <= high:
            x = self._place(tick)
            painter.setPen(QPen(theme.color("line"), 1))
            painter.drawLine(QPointF(x, top), QPointF(x, foot))
            painter.setPen(theme.color("faint"))
            words = short_number(round(tick / step) * step, 3)
            painter.drawText(QRectF(x - 40, foot + 4, 80, 20), Qt.AlignmentFlag.AlignHCenter, words)
            tick += step
        zero = self._place(0.0)
        painter.setPen(QPen(theme.color("line_strong"), 1.5))
        painter.drawLine(QPointF(zero, top - 4), QPointF(zero, foot))
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(zero - 208, 0, 200, HEAD_PX - 4), Qt.AlignmentFlag.AlignRight, f"← {self.better}")
        painter.drawText(QRectF(zero + 8, 0, 200, HEAD_PX - 4), Qt.AlignmentFlag.AlignLeft, f"{self.worse} →")

    def _paint_words(self, painter: QPainter, row: IntervalRow, box: QRectF) -> None:
        label, right = self._label_px(), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        upper = QRectF(0, box.top() + 6, label, 20)
        lower = QRectF(0, box.top() + 26, label, 18)
        side = self.width() - VALUE_PX
        for role, token, first, second, place in (
            ("strong", "text", row.name, row.value, upper), ("caption", "faint", row.note, row.value_note, lower)
        ):  # fmt: skip
            painter.setFont(theme.font(role))
            painter.setPen(theme.color(token))
            shown = painter.fontMetrics().elidedText(first, Qt.TextElideMode.ElideRight, label)
            painter.drawText(place, left, shown)
            painter.drawText(QRectF(side, place.top(), VALUE_PX, place.height()), right, second)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawLine(QPointF(0, box.bottom()), QPointF(box.right(), box.bottom()))

    def _paint_interval(self, painter: QPainter, row: IntervalRow, y: float) -> None:
        colour = theme.color("muted" if not row.sure else "accent" if row.mean < 0 else "clay")
        painter.setPen(QPen(theme.blend(theme.color("raised"), colour, 0.55), 1.5))
        for pair in row.pairs:
            painter.drawLine(QPointF(self._place(pair), y - 14), QPointF(self._place(pair), y - 8))
        painter.setPen(QPen(colour, 2.5))
        if row.low is not None:
            low, high = self._place(row.low), self._place(row.high)
            painter.drawLine(QPointF(low, y), QPointF(high, y))
            for end in (low, high):
                painter.drawLine(QPointF(end, y - 5), QPointF(end, y + 5))
        painter.setBrush(colour if row.sure else theme.color("raised"))
        painter.drawEllipse(QPointF(self._place(row.mean), y), 5, 5)
        painter.setBrush(Qt.BrushStyle.NoBrush)
