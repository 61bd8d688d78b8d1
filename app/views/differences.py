"""What sets several runs apart: the lines of their requests that differ, and nothing else."""

from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from app.state.run_facts import SpecBook
from app.state.spec_difference import DifferingLine, differing
from widgets import plot_export, theme
from widgets.cards import Text

COLUMN_PX = 136


class DifferenceModel(QAbstractTableModel):
    """A differing field a row, a run a column."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.lines: list[DifferingLine] = []

    def set_lines(self, names: list[str], lines: list[DifferingLine]) -> None:
        """Show these runs and where they differ."""
        self.beginResetModel()
        self.names, self.lines = names, lines
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.names)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.lines[index.row()].values[index.column()]
        return None

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.names[section] if orientation == Qt.Orientation.Horizontal else self.lines[section].label
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None


class DifferencesView(QWidget):
    """The table, and a sentence where there is nothing to show."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: list[Path] = []
        self.model = DifferenceModel(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(self.tr("Differences between the runs' requests"))
        self.table.setFrameShape(QTableView.Shape.NoFrame)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.horizontalHeader().setDefaultSectionSize(COLUMN_PX)
        self.table.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.table.verticalHeader().setDefaultSectionSize(theme.space(4))
        self.sentence = Text("", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.sentence)
        column.addWidget(self.table, 1)

    def show_runs(self, runs: list[tuple[Path, str]], books: SpecBook) -> None:
        """Compare the requests of these runs."""
        roots = [root for root, _ in runs]
        if roots == self._shown:
            return
        self._shown = roots
        lines = differing([books.of(root) for root in roots]) if len(runs) > 1 else []
        self.model.set_lines([name for _, name in runs], lines)
        self.table.setVisible(bool(lines))
        if len(runs) < 2:
            self.sentence.setText(self.tr("Tick a second run in the list: here stands then what was asked for "
                                          "differently, and nothing else."))  # fmt: skip
        elif not lines:
            self.sentence.setText(self.tr("These {count} runs were asked for alike, line by line.").format(
                count=len(runs)))  # fmt: skip
        else:
            self.sentence.setText("")
        self.sentence.setVisible(bool(self.sentence.text()))

    def keyPressEvent(self, event) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def copy(self) -> None:
        """Put the whole table on the clipboard."""
        plot_export.copy_rows([["", *self.model.names], *([line.label, *line.values] for line in self.model.lines)])
