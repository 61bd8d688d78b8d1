"""The table of what is true in a world, searchable: facts of people, or tasks and their answers."""

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets import icons, theme
from widgets.cards import Text
from widgets.document_table import DocumentModel
from widgets.spec_words import choice_text

COLUMN_PX = {"facts": (152, 112, 152), "tasks": (128, 280, 120)}


class FactModel(DocumentModel):
    """Rows of a world's table, read when they come into view; see DocumentModel for the search."""

    def __init__(self, parent=None) -> None:
        super().__init__(False, parent)
        self.tasks = False  # whether the rows are tasks

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 4

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            if self.tasks:
                return [self.tr("Task"), self.tr("Question"), self.tr("Answer"), self.tr("Split")][section]
            return [self.tr("Person"), self.tr("Relation"), self.tr("Truth"), self.tr("The text says")][section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        row = self.documents[self.source_row(index.row())]
        return self.cells(row)[index.column()]

    def cells(self, row) -> list[str]:
        """What a row shows."""
        if self.tasks:
            split = self.tr("Held out") if row.split == "held_out" else self.tr("Training")
            return [choice_text(row.task), " ".join(row.question.split()), row.answer, split]
        said = ", ".join(f"{stated.value} ×{stated.count}" for stated in row.stated) or "–"
        return [row.subject, choice_text(row.relation), row.value, said]


class FactTableView(QWidget):
    """A search line, a choice of group (stratum or task), and the rows; tells which row is chosen."""

    row_chosen = Signal(int)  # place in the whole table

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = FactModel(self)
        self.model.scanned.connect(lambda *_: self._show_count())
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search names, values and questions"))
        self.search.setAccessibleName(self.tr("Search names, values and questions"))
        self.search.setClearButtonEnabled(True)
        self._lens = self.search.addAction(icons.icon("search", "faint"), QLineEdit.ActionPosition.LeadingPosition)
        theme.bus.changed.connect(self._dress)  # a method, which is let go of with the table
        self.groups = QComboBox()
        self.groups.setAccessibleName(self.tr("Group"))
        self.count = Text("", "caption", wrap=False)
        self.search.textChanged.connect(self._filter)
        self.groups.currentIndexChanged.connect(self._filter)
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.search, 1)
        bar.addWidget(self.groups)
        bar.addWidget(self.count)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(bar)
        column.addWidget(self._make_table(), 1)

    def _dress(self) -> None:
        self._lens.setIcon(icons.icon("search", "faint"))

    def set_rows(self, rows, tasks: bool, groups: dict[str, str]) -> None:
        """Show a table (len and [i]); ``groups`` are strata or tasks with what they are called."""
        self.groups.blockSignals(True)
        self.groups.clear()
        self.groups.addItem(self.tr("All"), "")
        for group, text in groups.items():
            self.groups.addItem(text, group)
        self.groups.blockSignals(False)
        self.model.tasks = tasks
        self.model.set_documents(rows)
        for column, width in enumerate(COLUMN_PX["tasks" if tasks else "facts"]):
            self.table.horizontalHeader().resizeSection(column, width)
        self._filter()

    def show_group(self, group: str) -> None:
        """Show only one stratum or task; empty = all."""
        self.groups.setCurrentIndex(max(self.groups.findData(group), 0))

    def choose(self, row: int) -> None:
        """Choose a row by its place among those shown."""
        if row < self.model.rowCount():
            self.table.setCurrentIndex(self.model.index(row, 0))

    def _filter(self, *_) -> None:
        words, group = self.search.text().casefold().strip(), self.groups.currentData() or ""
        if not words and not group:
            self.model.set_filter(None)
        else:
            self.model.set_filter(lambda row: group in ("", getattr(row, "stratum", ""), getattr(row, "task", ""))
                                  and (not words or words in " ".join(self.model.cells(row)).casefold()))  # fmt: skip
        self._show_count()

    def _show_count(self) -> None:
        shown, there = self.model.rowCount(), len(self.model.documents)
        text = self.tr("{shown} found, searching…") if self.model.scanning else self.tr("{shown} of {there}")
        self.count.setText(text.format(shown=f"{shown:,}", there=f"{there:,}"))

    def _make_table(self) -> QTableView:
        table = self.table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("What is true"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(32)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        table.selectionModel().currentRowChanged.connect(
            lambda now, _: now.isValid() and self.row_chosen.emit(self.model.source_row(now.row())))
        return table
