"""The lower part of the Glass page: the answer's verbatim spans and the training documents they stand in."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from core.data.documents import Document, Documents
from core.spec.glass import Span
from widgets import theme
from widgets.cards import Card, EmptyState, Text
from widgets.document_table import DocumentBrowser


class SpanPanel(Card):
    """The verbatim spans of the answer, and the training documents of the chosen one."""

    span_chosen = Signal(int)  # place in the list of spans
    index_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Word for word in the training text"), parent=parent)
        self.caption = Text(self.tr(
            "A match, not a cause: it shows where a wording stands, not why the model chose it."), "caption")
        self.body.addWidget(self.caption)
        self._spans: list[Span] = []
        self._documents: Documents | None = None
        self.table = _table([self.tr("Wording"), self.tr("Times")])
        self.table.setAccessibleName(self.tr("Wordings of the answer that stand in the training text"))
        self.table.itemSelectionChanged.connect(self._choose)
        self.browser = DocumentBrowser()
        self.browser.document_chosen.connect(self._highlight)
        found = QWidget()
        row = QHBoxLayout(found)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addWidget(self.table, 2)
        row.addWidget(self.browser, 5)
        self.state = EmptyState("search", "", "", " ")
        self.state.action_clicked.connect(self.index_asked)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.state)
        self._stack.addWidget(found)
        self._stack.setMinimumHeight(theme.space(42))
        self.body.addWidget(self._stack, 1)

    def show_state(self, title: str, text: str, action: str = "") -> None:
        """Say why there are no spans, and what can be done about it."""
        self.state.title.setText(title)
        self.state.text.setText(text)
        self.state.action.setText(action)
        self.state.action.setAccessibleName(action)
        self.state.action.setVisible(bool(action))
        self._stack.setCurrentIndex(0)

    def show_spans(self, spans: Sequence[Span], documents: Documents) -> None:
        """List the kept spans; the longest is chosen, so that its documents are on screen at once."""
        self._spans, self._documents = list(spans), documents
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._spans))
        for place, span in enumerate(self._spans):
            text = QTableWidgetItem(" ".join(span.text.split()))
            text.setToolTip(span.text.strip())
            count = QTableWidgetItem(f"{span.count:,}")
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(place, 0, text)
            self.table.setItem(place, 1, count)
        self.table.blockSignals(False)
        self._stack.setCurrentIndex(1)
        longest = max(range(len(self._spans)), key=lambda i: self._spans[i].end - self._spans[i].start)
        self.choose(longest)

    def choose(self, place: int) -> None:
        """Choose a span by its place in the list."""
        self.table.selectRow(place)

    def choose_token(self, token: int) -> None:
        """Choose the longest span that a token of the answer is in, if there is one."""
        around = [i for i, span in enumerate(self._spans) if span.start <= token < span.end]
        if around:
            self.choose(max(around, key=lambda i: self._spans[i].end - self._spans[i].start))

    def _choose(self) -> None:
        place = self.table.currentRow()
        if 0 <= place < len(self._spans):
            self.browser.set_documents(SpanDocuments(self._spans[place], self._documents))
            self._highlight(0)
            self.span_chosen.emit(place)

    def _highlight(self, row: int) -> None:
        found = self._spans[self.table.currentRow()].documents
        if 0 <= row < len(found):
            self.browser.show_document(row, max(found[row].start, 0), max(found[row].end, 0))


class SpanDocuments(Sequence):
    """The training documents of one span, best first, read from the corpus when asked for."""

    def __init__(self, span: Span, documents: Documents) -> None:
        self._rows, self._documents = [place.row for place in span.documents], documents

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> Document:
        return self._documents[self._rows[place]]


def _table(titles: list[str]) -> QTableWidget:
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    return table
