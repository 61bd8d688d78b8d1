"""Worked examples as a small table that one types into."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets import theme
from widgets.cards import Button

NAMES = ("input", "reasoning", "output")
ROW_PX, MOST_ROWS_SHOWN = 34, 6


class DemonstrationTable(QWidget):
    """Rows of input, reasoning (when shown) and output; add, remove, import."""

    rows_changed = Signal(list)
    import_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(self.tr("Demonstrations"))
        self.table.setHorizontalHeaderLabels([self.tr("Input"), self.tr("Reasoning"), self.tr("Output")])
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        self.table.itemChanged.connect(lambda _: self._told())
        self.add_button = Button(self.tr("Add"), "quiet", "plus")
        self.remove_button = Button(self.tr("Remove"), "quiet", "minus")
        self.import_button = Button(self.tr("Import…"), "quiet", "import")
        self.add_button.clicked.connect(self._add)
        self.remove_button.clicked.connect(self._remove)
        self.import_button.clicked.connect(lambda: self.import_asked.emit())
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(0.5))
        for button in (self.add_button, self.remove_button, self.import_button):
            bar.addWidget(button)
        bar.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addWidget(self.table)
        column.addLayout(bar)
        self._quiet = False
        self.show_reasoning(False)
        self._fit()

    def rows(self) -> list[dict]:
        """[{"input", "output", "reasoning"}], without empty rows."""
        found = []
        for row in range(self.table.rowCount()):
            cells = [self.table.item(row, column) for column in range(3)]
            values = dict(zip(NAMES, (cell.text() if cell else "" for cell in cells)))
            if values["input"] or values["output"]:
                found.append({name: values[name] for name in ("input", "output", "reasoning")})
        return found

    def set_rows(self, rows: list[dict]) -> None:
        """Show other rows without telling."""
        self._quiet = True
        self.table.setRowCount(len(rows))
        for place, values in enumerate(rows):
            for column, name in enumerate(NAMES):
                self.table.setItem(place, column, QTableWidgetItem(str(values.get(name, ""))))
        self._quiet = False
        self._fit()

    def show_reasoning(self, shown: bool) -> None:
        """Show or hide the middle column."""
        self.table.setColumnHidden(NAMES.index("reasoning"), not shown)

    def _add(self) -> None:
        row = self.table.rowCount()
        self._quiet = True
        self.table.insertRow(row)
        for column in range(3):
            self.table.setItem(row, column, QTableWidgetItem(""))
        self._quiet = False
        self._fit()
        self.table.setCurrentCell(row, 0)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _remove(self) -> None:
        row = self.table.currentRow()
        if row < 0:
            row = self.table.rowCount() - 1
        if row >= 0:
            self.table.removeRow(row)
            self._fit()
            self._told()

    def _fit(self) -> None:
        rows = min(max(self.table.rowCount(), 1), MOST_ROWS_SHOWN)
        self.table.setFixedHeight(rows * ROW_PX + self.table.horizontalHeader().sizeHint().height() + 4)
        self.remove_button.setEnabled(self.table.rowCount() > 0)

    def _told(self) -> None:
        if not self._quiet:
            self.rows_changed.emit(self.rows())
