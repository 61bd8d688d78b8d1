"""Do the exported files answer as the model does? One row a file, a plain verdict each."""

from pathlib import PurePath

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets import icons, plot_export, theme
from widgets.cards import Button
from widgets.funnel import bytes_text
from widgets.spec_words import choice_text
from widgets.terms import explain

FIELDS = ("format", "bytes", "max_logit_difference", "top1_agreement", "perplexity", "tokens_per_s", "verdict")
TERMS = {"max_logit_difference": "logit", "top1_agreement": "top-1 agreement", "perplexity": "perplexity",
         "tokens_per_s": "tokens/s"}  # fmt: skip
VERDICTS = {True: ("check-circle", "accent"), False: ("warning", "clay"), None: ("clock", "faint")}
ROW_PX = 46  # two lines of a verdict


class ParityTable(QWidget):
    """Format, size, differences, perplexity, speed and verdict of each file; copies and exports."""

    file_chosen = Signal(str)  # path of the row's file
    exported = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[dict] = []
        self.table = _Table(0, len(FIELDS))
        self.table.setAccessibleName(self.tr("Exported files"))
        self.table.copy_asked.connect(self.copy)
        self.table.itemActivated.connect(lambda item: self.file_chosen.emit(self._rows[item.row()].get("file", "")))
        self._dress_header()
        self.copy_button = Button(self.tr("Copy"), "quiet", "copy")
        self.save_button = Button(self.tr("Save as CSV…"), "quiet", "export")
        self.copy_button.clicked.connect(self.copy)
        self.save_button.clicked.connect(self._ask_and_save)
        bar = QHBoxLayout()
        bar.addStretch(1)
        bar.addWidget(self.copy_button)
        bar.addWidget(self.save_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addWidget(self.table)
        column.addLayout(bar)
        theme.bus.changed.connect(self._recolour)
        self.set_rows([])

    def _dress_header(self) -> None:
        names = (self.tr("Format"), self.tr("Size"), self.tr("Logit diff."), self.tr("Same choice"),
                 self.tr("Perplexity"), self.tr("Tokens/s"), self.tr("Verdict"))  # fmt: skip
        for column, (name, field) in enumerate(zip(names, FIELDS)):
            item = QTableWidgetItem(name)
            item.setToolTip(explain(TERMS[field]) if field in TERMS else "")
            side = Qt.AlignmentFlag.AlignLeft if field in ("format", "verdict") else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            self.table.setHorizontalHeaderItem(column, item)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(len(FIELDS) - 1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)

    def set_rows(self, rows: list[dict]) -> None:
        """Rows as in the Verified event: format, file, bytes, max_logit_difference, top1_agreement (0..1),
        perplexity, tokens_per_s, verdict (ready to read), within (None while it is being checked), note (tooltip)."""
        self._rows = list(rows)
        self.table.setRowCount(len(rows))
        for place, row in enumerate(rows):
            for column, field in enumerate(FIELDS):
                item = QTableWidgetItem(cell_text(field, row.get(field)))
                side = Qt.AlignmentFlag.AlignLeft if field in ("format", "verdict") else Qt.AlignmentFlag.AlignRight
                item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
                told = row.get("verdict") if field == "verdict" else row.get("note") or row.get("file")
                item.setToolTip(str(told or ""))
                if field == "verdict":
                    item.setIcon(icons.icon(*VERDICTS[row.get("within")]))
                    item.setText(item.text() if row.get("within") is not None else self.tr("Being checked…"))
                self.table.setItem(place, column, item)
        self.table.setFixedHeight(ROW_PX * max(len(rows), 1) + self.table.horizontalHeader().sizeHint().height() + 2)

    def _recolour(self) -> None:
        self.set_rows(self._rows)

    def values(self) -> list[list]:
        """Header and rows, full precision, for copying."""
        names = [PurePath(str(row.get("file", ""))).name for row in self._rows]
        cells = [[row.get(field) for field in FIELDS] for row in self._rows]
        return [["file", *FIELDS], *([name, *row] for name, row in zip(names, cells))]

    def copy(self) -> None:
        """Put the table on the clipboard."""
        plot_export.copy_rows(self.values())

    def save(self, path: str) -> None:
        """Write the table as CSV."""
        plot_export.write_csv(path, self.values())
        self.exported.emit(path)

    def _ask_and_save(self) -> None:
        path = plot_export.ask_path(self, "csv", "parity.csv")
        if path:
            self.save(path)


class _Table(QTableWidget):
    """A read-only table of rows that copies."""

    copy_asked = Signal()

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__(rows, columns)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)

    def keyPressEvent(self, event) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_asked.emit()
        else:
            super().keyPressEvent(event)


def cell_text(field: str, value) -> str:
    """A value as it stands in the table; a dash where it was not measured."""
    if value is None:
        return "–"
    if field == "format":
        return choice_text(value)
    if field == "bytes":
        return bytes_text(value)
    if field == "max_logit_difference":
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{value:.3g}" if value >= 0.01 or not value else f"{mantissa}e{int(exponent)}"
    if field == "top1_agreement":
        return f"{100 * value:.2f} %"
    if field == "perplexity":
        return f"{value:.3f}"
    return f"{value:,.0f}" if field == "tokens_per_s" else str(value)
