"""Scores between 0 and 1 with their intervals: a row each, in groups, one of them chosen."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from widgets import plot_export, theme

ROW_PX, GROUP_PX, AXIS_PX = 28, 26, 30
VALUE_PX, GAP_PX, LEAST_NAME_PX, MOST_NAME_PX = 168, 20, 140, 300
CHANCE = 0.5
STEP = 0.1


@dataclass(frozen=True)
class ScoreRow:
    """One row; ``value`` is None where there is nothing to measure.

    Args:
        key: what ``chosen`` tells.
        about: a sentence, shown as a tooltip.
        group: rows of one group stand under its name.
    """

    key: str
    name: str
    about: str = ""
    group: str = ""
    value: float | None = None
    low: float = 0.0
    high: float = 0.0


class ScoreRows(QWidget):
    """Dots with intervals over one axis; the dashed line is chance. Rows are chosen by mouse or arrow keys."""

    chosen = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[ScoreRow] = []
        self.key, self.unit, self.chance_text = "", "", ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        theme.bus.changed.connect(self.update)

    def set_rows(self, rows: list[ScoreRow], unit: str, chance_text: str) -> None:
        """Show these, groups in the order in which they first come."""
        groups = list(dict.fromkeys(row.group for row in rows))
        self.rows = [row for group in groups for row in rows if row.group == group]
        self.unit, self.chance_text = unit, chance_text
        self.setAccessibleName(". ".join(f"{row.name}: {figures(row)}" for row in self.rows))
        self.updateGeometry()
        self.update()

    def choose(self, key: str) -> None:
        """Mark a row as the chosen one, silently."""
        self.key = key
        self.update()

    def sizeHint(self) -> QSize:
        groups = len({row.group for row in self.rows if row.group})
        return QSize(640, ROW_PX * len(self.rows) + GROUP_PX * groups + AXIS_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_NAME_PX + VALUE_PX + 160, self.sizeHint().height())

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        return [["name", "group", "value", "low", "high"],
                *([row.name, row.group, row.value, row.low, row.high] for row in self.rows)]  # fmt: skip

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction(self.tr("Copy values"), lambda: plot_export.copy_rows(self.values()))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self))
        menu.exec(event.globalPos())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        self.setToolTip(row.about if row else "")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self._take(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if step is None or not self.rows:
            super().keyPressEvent(event)
            return
        at = next((place for place, row in enumerate(self.rows) if row.key == self.key), -1)
        self._take(self.rows[min(max(at + step, 0), len(self.rows) - 1)])

    def _take(self, row: ScoreRow) -> None:
        self.choose(row.key)
        self.chosen.emit(row.key)

    def _row_at(self, y: float) -> ScoreRow | None:
        return next((row for row, box in self._boxes() if row and box.top() <= y < box.bottom()), None)

    def _boxes(self) -> list[tuple[ScoreRow | None, QRectF]]:
        """Every line from top to bottom: a row, or None for the name of a group."""
        found, top, group = [], 0.0, ""
        for row in self.rows:
            if row.group != group:
                group = row.group
                found.append((None, QRectF(0, top, self.width(), GROUP_PX)))
                top += GROUP_PX
            found.append((row, QRectF(0, top, self.width(), ROW_PX)))
            top += ROW_PX
        return found

    # painting

    def _name_px(self) -> int:
        widest = max((self.fontMetrics().horizontalAdvance(row.name) for row in self.rows), default=0)
        return min(max(widest + 24, LEAST_NAME_PX), MOST_NAME_PX, max(self.width() - VALUE_PX - 240, LEAST_NAME_PX))

    def _least(self) -> float:
        """Where the axis begins: at the last tenth below what is shown, and below chance."""
        found = [row.low for row in self.rows if row.value is not None] + [CHANCE]
        return max(0.0, int(min(found) / STEP - 1e-9) * STEP)

    def _place(self, value: float) -> float:
        left, right = self._name_px() + GAP_PX, self.width() - VALUE_PX - GAP_PX
        least = self._least()
        return left + (value - least) / (1 - least) * (right - left)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        boxes = self._boxes()
        foot = boxes[-1][1].bottom() if boxes else 0
        self._paint_axis(painter, foot)
        following = iter(self.rows)
        for row, box in boxes:
            if row is None:
                painter.setFont(theme.font("caption"))
                painter.setPen(theme.color("faint"))
                group = next(r.group for r, b in boxes if r and b.top() >= box.bottom() - 1)
                place = QRectF(8, box.top(), self._name_px(), box.height() - 3)
                painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, group)
            else:
                self._paint_row(painter, next(following), box)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("focus"), 1))
            painter.drawRect(QRectF(0.5, 0.5, self.width() - 1, foot - 1))

    def _paint_axis(self, painter: QPainter, foot: float) -> None:
        painter.setFont(theme.font("caption"))
        least, tenth = self._least(), 0
        while (tick := round(least + tenth * STEP, 6)) <= 1 + 1e-9:
            x, chance = self._place(tick), abs(tick - CHANCE) < 1e-9
            style = Qt.PenStyle.DashLine if chance else Qt.PenStyle.SolidLine
            painter.setPen(QPen(theme.color("line_strong" if chance else "line"), 1, style))
            painter.drawLine(QPointF(x, 0), QPointF(x, foot))
            painter.setPen(theme.color("faint"))
            words = f"{tick:.1f} ({self.chance_text})" if chance and self.chance_text else f"{tick:.1f}"
            painter.drawText(QRectF(x - 60, foot + 4, 120, 18), Qt.AlignmentFlag.AlignHCenter, words)
            tenth += 1
        right = QRectF(self.width() - VALUE_PX, foot + 4, VALUE_PX - 8, 18)
        painter.drawText(right, Qt.AlignmentFlag.AlignRight, self.unit)

    def _paint_row(self, painter: QPainter, row: ScoreRow, box: QRectF) -> None:
        taken = row.key == self.key
        if taken:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), 4, 4)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(theme.font("strong" if taken else "body"))
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideRight, self._name_px() - 12)
        painter.drawText(QRectF(8, box.top(), self._name_px(), box.height()), Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.setPen(theme.color("text" if row.value is not None else "faint"))
        place = QRectF(self.width() - VALUE_PX, box.top(), VALUE_PX - 8, box.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | middle, figures(row))
        if row.value is None:
            return
        colour, y = theme.color("accent" if taken else "muted"), box.center().y()
        painter.setPen(QPen(colour, 2.5))
        low, high = self._place(row.low), self._place(row.high)
        painter.drawLine(QPointF(low, y), QPointF(high, y))
        for end in (low, high):
            painter.drawLine(QPointF(end, y - 4), QPointF(end, y + 4))
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(self._place(row.value), y), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def figures(row: ScoreRow) -> str:
    """The value and its interval, ready to read."""
    return "–" if row.value is None else f"{row.value:.3f}  ({row.low:.3f} … {row.high:.3f})"
