"""Ask word vectors which tokens are alike: words in, for each token the nearest others with their cosines."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.state.context import AppContext
from app.translations import translate
from core.errors import say
from core.spec.messages import NeighboursFound, Problem
from widgets import theme
from widgets.cards import Button, Text
from widgets.notice import Notice

COUNT = 10
COLUMN_PX = 136


class NeighboursView(QWidget):
    """One column a token of what was asked; the nearest stand on top."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.source = context, ""
        self._id, self._connected = -1, False
        self.words = QLineEdit()
        self.words.setPlaceholderText(self.tr("A word, or several"))
        self.words.setAccessibleName(self.tr("Words whose neighbours are looked for"))
        self.find = Button(self.tr("Find neighbours"), "secondary", "search")
        self.note, self.problem, self.table = Text("", "caption"), Notice("error", ""), _table()
        self.table.setAccessibleName(self.tr("Nearest tokens"))
        self.problem.hide()
        for asked in (self.words.returnPressed, self.find.clicked):
            asked.connect(lambda *_: self.ask())
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.words, 1)
        row.addWidget(self.find)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(row)
        column.addWidget(self.note)
        column.addWidget(self.problem)
        column.addWidget(self.table, 1)
        column.addStretch(0)  # before there is a table, the words stay at the top
        self._clear()

    def set_source(self, source: str) -> None:
        """Ask this run from now on ("run:NAME", a checkpoint named or not)."""
        if source != self.source:
            self.source, self._id = source, -1
            self._clear()

    def ask(self, text: str = "") -> None:
        """Look for the neighbours of a text, or of what stands in the line."""
        if text:
            self.words.setText(text)
        if not self.words.text().strip() or not self.source:
            return
        self._connect()
        self.find.setEnabled(False)
        # within a text a word follows a blank, and that is how its token was learned
        self._id = self.context.session.neighbours(self.source, " " + self.words.text().strip(), COUNT)

    def rows(self) -> list[list[str]]:
        """What the table shows, without its heads."""
        return [[self.table.item(row, column).text() for column in range(self.table.columnCount())]
                for row in range(self.table.rowCount())]  # fmt: skip

    def _connect(self) -> None:
        """The engine's client is there once somebody asks."""
        if not self._connected:
            self._connected = True
            self.context.session.neighbours_found.connect(self._found)
            self.context.session.problem_raised.connect(self._failed)

    def _found(self, event: NeighboursFound) -> None:
        if event.id != self._id:
            return
        self._settle("")
        self.table.setColumnCount(len(event.tokens))
        self.table.setRowCount(max(len(near) for _, _, near in event.tokens))
        self.table.setHorizontalHeaderLabels([_shown(token) for _, token, _ in event.tokens])
        for column, (_, _, near) in enumerate(event.tokens):
            for row, (_, token, cosine) in enumerate(near):
                item = QTableWidgetItem(f"{_shown(token)}   {cosine:.2f}")
                item.setToolTip(self.tr("cosine {cosine}").format(cosine=f"{cosine:.4f}"))
                item.setBackground(theme.blend(theme.color("raised"), theme.color("accent"), 0.3 * max(0.0, cosine)))
                self.table.setItem(row, column, item)
        self.table.show()
        self.note.setText(self.tr("Beside each token its cosine: 1 = the vectors point the same way, 0 = nothing in "
                                  "common. ␣ is a blank before the word."))  # fmt: skip

    def _failed(self, event: Problem) -> None:
        if event.id == self._id:
            self._settle(say(event.problem, event.where, event.remedy, event.values, translate))

    def _settle(self, problem: str) -> None:
        self._id = -1
        self.find.setEnabled(True)
        self.problem.setVisible(bool(problem))
        if problem:
            self.problem.show_message("error", problem)

    def _clear(self) -> None:
        self._settle("")
        self.table.hide()
        self.table.setRowCount(0)
        self.note.setText(self.tr("Word vectors write nothing, but they know which words are used alike. Type one that "
                                  "is frequent in the corpus."))  # fmt: skip


def _shown(token: bytes) -> str:
    """A token as a person reads it: its leading blank visible."""
    text = token.decode("utf-8", "replace")
    return f"␣{text[1:]}" if text.startswith(" ") else repr(text)[1:-1] if not text.isprintable() else text


def _table() -> QTableWidget:
    table = QTableWidget(0, 0)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.setMinimumHeight(theme.space(16))
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setDefaultSectionSize(COLUMN_PX)
    return table
