"""Answers to many questions: searchable, sortable, with how likely each is wrong and what the corpus says of it."""

from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
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

COLUMN_PX = (232, 116, 64, 72)
SORT = Qt.ItemDataRole.UserRole
CHANCE = 2  # the column that the table is sorted by at first


@dataclass(frozen=True)
class AnswerLine:
    """One answer, ready to read.

    Args:
        chance: to be wrong, 0 to 1; None where it was not told.
        says: what the corpus says of it.
        kind: key of its kind; see ``AnswerTable.set_lines``.
    """

    question: str
    answer: str
    truth: str
    wrong: bool
    chance: float | None
    says: str
    kind: str = ""


class AnswerModel(QAbstractTableModel):
    """The lines as a table."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.lines: list[AnswerLine] = []

    def set_lines(self, lines: list[AnswerLine]) -> None:
        """Show others."""
        self.beginResetModel()
        self.lines = lines
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 5

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return [self.tr("Question"), self.tr("Answer"), self.tr("Risk"), self.tr("Marked"),
                    self.tr("Its training text")][section]  # fmt: skip
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        line = self.lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            chance = "–" if line.chance is None else f"{100 * line.chance:.0f} %"
            marked = self.tr("wrong") if line.wrong else self.tr("right")
            return [f"{line.question} …", line.answer or "∅", chance, marked, line.says][index.column()]
        if role == SORT:
            chance = -1.0 if line.chance is None else line.chance
            return [line.question, line.answer, chance, int(line.wrong), line.says][index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and line.wrong and index.column() == 3:
            return theme.color("clay")
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == CHANCE:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class _Filter(QSortFilterProxyModel):
    """Only lines of one kind, one mark, and with all the words that are looked for."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.words, self.kind, self.mark = "", "", ""
        self.setSortRole(SORT)

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        line = self.sourceModel().lines[row]
        if self.kind not in ("", line.kind) or self.mark not in ("", "wrong" if line.wrong else "right"):
            return False
        return not self.words or self.words in f"{line.question} {line.answer} {line.truth} {line.says}".casefold()


class AnswerTable(QWidget):
    """A search line, choices of kind and mark, and the answers; tells which one is chosen."""

    answer_chosen = Signal(int)  # place among all lines

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model, self.shown = AnswerModel(self), _Filter(self)
        self.shown.setSourceModel(self.model)
        self.search = QLineEdit()
        for say in (self.search.setPlaceholderText, self.search.setAccessibleName):
            say(self.tr("Search questions and answers"))
        self.search.setClearButtonEnabled(True)
        self._lens = self.search.addAction(icons.icon("search", "faint"), QLineEdit.ActionPosition.LeadingPosition)
        theme.bus.changed.connect(self._dress)
        self.kinds, self.marks = QComboBox(), QComboBox()
        self.kinds.setAccessibleName(self.tr("Kind of fact"))
        self.marks.setAccessibleName(self.tr("Marked"))
        for key, text in (("", self.tr("Right and wrong")), ("wrong", self.tr("Only wrong")),
                          ("right", self.tr("Only right"))):  # fmt: skip
            self.marks.addItem(text, key)
        self.count = Text("", "caption", wrap=False)
        self.search.textChanged.connect(self._filter)
        for box in (self.kinds, self.marks):
            box.currentIndexChanged.connect(self._filter)
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.search, 1)
        for widget in (self.kinds, self.marks, self.count):
            bar.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(bar)
        column.addWidget(self._make_table(), 1)

    def set_lines(self, lines: list[AnswerLine], kinds: dict[str, str]) -> None:
        """Show these; ``kinds`` are the kinds that can be chosen, with what they are called."""
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(self.tr("All kinds"), "")
        for key, text in kinds.items():
            self.kinds.addItem(text, key)
        self.kinds.blockSignals(False)
        self.model.set_lines(lines)
        self._filter()

    def choose(self, row: int) -> None:
        """Choose a line by its place among those shown."""
        if row < self.shown.rowCount():
            self.table.setCurrentIndex(self.shown.index(row, 0))

    def _dress(self) -> None:
        self._lens.setIcon(icons.icon("search", "faint"))

    def _filter(self, *_) -> None:
        self.shown.words = self.search.text().casefold().strip()
        self.shown.kind, self.shown.mark = self.kinds.currentData() or "", self.marks.currentData() or ""
        self.shown.invalidate()
        self.count.setText(self.tr("{shown} of {there}").format(
            shown=f"{self.shown.rowCount():,}", there=f"{len(self.model.lines):,}"))

    def _make_table(self) -> QTableView:
        table = self.table = QTableView()
        table.setModel(self.shown)
        table.setAccessibleName(self.tr("Answers"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSortingEnabled(True)
        table.sortByColumn(CHANCE, Qt.SortOrder.DescendingOrder)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(32)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        for column, width in enumerate(COLUMN_PX):
            header.resizeSection(column, width)
        table.selectionModel().currentRowChanged.connect(
            lambda now, _: now.isValid() and self.answer_chosen.emit(self.shown.mapToSource(now).row()))
        return table
