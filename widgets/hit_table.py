"""Places found in texts, one a row, each in its words with the place itself marked."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QRect, Qt
from PySide6.QtGui import QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from widgets import theme

KIND, FOUND, CONTEXT, SOURCE = range(4)
PADDING_PX = 11  # of a cell, as the style sheet has it


class HitRow(NamedTuple):
    """One place as the table shows it; the words before and after it stand on either side of ``shown``."""

    kind: str
    found: str
    before: str
    shown: str
    after: str
    source: str
    place: str = ""  # the whole path and line, for the tooltip


class HitModel(QAbstractTableModel):
    """Rows that are made when they come into view: ``read(number)`` gives the :class:`HitRow` of a number."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers, self._read = [], lru_cache(512)(lambda number: HitRow(*[""] * 6))

    def set_rows(self, numbers, read: Callable[[int], HitRow]) -> None:
        """Show these numbers (a sequence) from now on."""
        self.beginResetModel()
        self._numbers, self._read = numbers, lru_cache(512)(read)
        self.endResetModel()

    def row(self, index: int) -> HitRow:
        """What a row of the table shows."""
        return self._read(self._numbers[index])

    def number(self, index: int) -> int:
        """Which hit a row of the table shows."""
        return self._numbers[index]

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._numbers)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 4

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (self.tr("Type"), self.tr("Found"), self.tr("In its words"), self.tr("Source"))[section]

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        row = self.row(index.row())
        text = (row.kind, row.found, f"{row.before}{row.shown}{row.after}", row.source)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return {SOURCE: row.place, CONTEXT: text}.get(index.column())
        return text


class ContextDelegate(QStyledItemDelegate):
    """Paints the words around a place, the place itself in the middle, underlined and coloured."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        self.initStyleOption(option, index)
        row: HitRow = index.model().row(index.row())
        option.text = ""
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        text = option.palette.color(option.palette.ColorRole.HighlightedText) if chosen else theme.color("text")
        area, metrics = option.rect.adjusted(PADDING_PX, 0, -PADDING_PX, 0), option.fontMetrics
        shown = metrics.elidedText(row.shown, Qt.TextElideMode.ElideMiddle, area.width() // 2)
        width = metrics.horizontalAdvance(shown)
        side = max((area.width() - width) // 2, 0)
        before = metrics.elidedText(row.before, Qt.TextElideMode.ElideLeft, side)
        x = area.left() + metrics.horizontalAdvance(before)
        painter.save()
        painter.setPen(text)
        _draw(painter, area, area.left(), before)
        if shown:
            place = QRect(x - 1, area.center().y() - metrics.height() // 2, width + 2, metrics.height())
            if not chosen:
                painter.fillRect(place, theme.color("amber_soft"))
            _draw(painter, area, x, shown)
            painter.fillRect(place.left(), place.bottom(), place.width(), 1, text if chosen else theme.color("amber"))
        left = area.right() - x - width
        _draw(painter, area, x + width, metrics.elidedText(row.after, Qt.TextElideMode.ElideRight, left))
        painter.restore()


def _draw(painter: QPainter, area: QRect, x: int, text: str) -> None:
    flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
    painter.drawText(QRect(x, area.top(), max(area.right() - x + 1, 0), area.height()), flags, text)


class HitTable(QTableView):
    """The table: rows are chosen whole, several at a time, and copied as tab-separated text."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hits = HitModel(self)
        self.setModel(self.hits)
        self.setAccessibleName(name)
        self.setItemDelegateForColumn(CONTEXT, ContextDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(32)
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(72)
        for column, width in ((KIND, 168), (FOUND, 184), (SOURCE, 168)):
            header.resizeSection(column, width)
        header.setSectionResizeMode(CONTEXT, QHeaderView.ResizeMode.Stretch)
        theme.bus.changed.connect(self.viewport().update)

    def keyPressEvent(self, event) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def copy(self) -> None:
        """Put the chosen rows on the clipboard, a line each, tabs between the columns."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        lines = ("\t".join(self.hits.data(self.hits.index(row, column)) for column in range(4)) for row in rows)
        QApplication.clipboard().setText("\n".join(lines))
