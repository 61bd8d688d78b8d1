"""How each training of a comparison stands: a row an arm, a cell a seed."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import icons, theme

ROW_PX, LEAST_NAME_PX, CELL_GAP_PX, MOST_CELL_PX = 36, 160, 8, 200
ICONS = {"completed": "check", "failed": "warning", "crashed": "warning", "stopped": "stop", "paused": "pause"}


@dataclass(frozen=True)
class TwinCell:
    """One training: its state, the share of it that is done, and its newest measurement, ready to read."""

    state: str = ""
    share: float = 0.0
    text: str = ""


class TwinGrid(QWidget):
    """Cells that fill as trainings go on."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.cells: list[list[TwinCell]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_cells(self, names: list[str], cells: list[list[TwinCell]]) -> None:
        """Show these rows; all have equally many cells."""
        if (names, cells) == (self.names, self.cells):
            return
        self.names, self.cells = list(names), [list(row) for row in cells]
        told = (f"{name}: " + ", ".join(cell.text or f"{cell.share:.0%}" for cell in row)
                for name, row in zip(names, cells))  # fmt: skip
        self.setAccessibleName(". ".join(told))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, ROW_PX * max(len(self.names), 1))

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_NAME_PX + 96, self.sizeHint().height())

    def _name_px(self) -> int:
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(name) for name in self.names), default=0) + 24
        return max(LEAST_NAME_PX, min(widest, self.width() // 2))

    def cell_box(self, row: int, column: int) -> QRectF:
        """Where a cell stands."""
        left, columns = self._name_px(), max(len(self.cells[row]), 1)
        width = min((self.width() - left) / columns, MOST_CELL_PX)
        return QRectF(left + column * width, row * ROW_PX + 5, width - CELL_GAP_PX, ROW_PX - 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font("body"))
        for row, name in enumerate(self.names):
            painter.setPen(theme.color("text"))
            room = self._name_px() - 16
            shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(0, row * ROW_PX, room, ROW_PX), Qt.AlignmentFlag.AlignVCenter, shown)
            for column, cell in enumerate(self.cells[row]):
                self._paint_cell(painter, cell, self.cell_box(row, column))

    def _paint_cell(self, painter: QPainter, cell: TwinCell, box: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(box, 4, 4)
        bad = cell.state in ("failed", "crashed")
        soft = theme.color("clay_soft" if bad else "accent_soft")
        painter.setBrush(soft)
        if cell.share > 0:
            painter.drawRoundedRect(QRectF(box.left(), box.top(), max(box.width() * cell.share, 6), box.height()), 4, 4)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left = box.left() + 8
        if cell.state in ICONS:
            place = QRectF(left, box.center().y() - 7, 14, 14)
            icons.draw(painter, ICONS[cell.state], place, "clay" if bad else "accent")
            left += 20
        painter.setPen(theme.color("text" if cell.text else "faint"))
        words = cell.text or (f"{cell.share:.0%}" if cell.share else "–")
        painter.drawText(QRectF(left, box.top(), box.right() - left - 4, box.height()), Qt.AlignmentFlag.AlignVCenter,
                         painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight,
                                                          round(box.right() - left - 4)))
