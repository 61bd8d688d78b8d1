"""The lower part of the Glass page: the answer's verbatim spans and the training documents they stand in."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QPlainTextEdit,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from core.data.documents import Documents
from core.errors import LabError
from core.record.folder import Workspace
from core.spec.glass import Span, SpanDocument
from core.train.sightings import Seen, Sightings
from widgets import theme
from widgets.cards import Card, EmptyState, Text

DOCUMENT_ROWS_SHOWN, DOCUMENT_ROW_UNITS = 3, 3.5
SHOWN_CHARACTERS = 20_000  # on each side of a match; a book is not put into a text pane whole


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
        self._corpus: Documents | None = None
        self._sightings: Sightings | None = None
        self.table = found_table([self.tr("Wording"), self.tr("Times")])
        self.table.setAccessibleName(self.tr("Wordings of the answer that stand in the training text"))
        self.table.itemSelectionChanged.connect(self._choose)
        self.documents = DocumentPane()
        found = QWidget()
        row = QHBoxLayout(found)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addWidget(self.table, 2)
        row.addWidget(self.documents, 3)
        self.state = EmptyState("search", " ", " ", " ")
        self.state.action_clicked.connect(self.index_asked)
        self._stack = QStackedWidget()
        for page in (self.state, found, self._nearest_page()):
            self._stack.addWidget(page)
        self._stack.setMinimumHeight(theme.space(36))
        self.body.addWidget(self._stack, 1)

    def show_state(self, title: str, text: str, action: str = "") -> None:
        """Say why there are no spans, and what can be done about it."""
        self.state.say(title, text, action)
        self._stack.setCurrentIndex(0)

    def show_spans(self, spans: Sequence[Span], corpus: Documents, sightings: Sightings | None = None) -> None:
        """List spans; the longest is chosen, so that its documents are on screen at once.

        Args:
            sightings: of the run; None = it was not trained in steps.
        """
        self._spans, self._corpus, self._sightings = list(spans), corpus, sightings
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._spans))
        for place, span in enumerate(self._spans):
            text = QTableWidgetItem(" ".join(span.text.split()))
            text.setToolTip(span.text.strip())
            count = QTableWidgetItem(f"{span.count:,}")
            count.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(place, 0, text)
            self.table.setItem(place, 1, count)
        self.table.clearSelection()
        self.table.setCurrentItem(None)
        self.table.blockSignals(False)
        self._stack.setCurrentIndex(1)
        self.choose(self._longest(range(len(self._spans))))

    def show_closest(self, sentence: str, places: Sequence[SpanDocument], corpus: Documents) -> None:
        """No wording was found: the documents with the most words in common, and a sentence that says so."""
        self._spans = []
        self.closest_about.setText(sentence)
        self.closest.show_places(places, corpus)
        self._stack.setCurrentIndex(2)

    def _nearest_page(self) -> QWidget:
        self.closest_about, self.closest = Text(""), DocumentPane()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.closest_about)
        column.addWidget(self.closest, 1)
        return page

    def choose(self, place: int) -> None:
        """Choose a span by its place in the list."""
        self.table.selectRow(place)

    def choose_token(self, token: int) -> None:
        """Choose the longest span that a token of the answer is in, if there is one."""
        around = [i for i, span in enumerate(self._spans) if span.start <= token < span.end]
        if around:
            self.choose(self._longest(around))

    def _longest(self, places: Sequence[int]) -> int:
        return max(places, key=lambda i: self._spans[i].end - self._spans[i].start)

    def _choose(self) -> None:
        place = self.table.currentRow()
        if 0 <= place < len(self._spans):
            span = self._spans[place]
            self.documents.show_places(span.documents, self._corpus, span.end - span.start, self._sightings)
            self.span_chosen.emit(place)


class DocumentPane(QWidget):
    """The documents that hold a span, best first, and the text of one with the place marked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: list[SpanDocument] = []
        self._corpus: Documents | None = None
        self._sightings: Sightings | None = None
        self._tokens = 1
        self._marked = (0, 0)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Training documents with this wording"))
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.currentRowChanged.connect(self._show)
        self.origin = Text("", "caption")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("Text of the document"))
        self.text.installEventFilter(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.list)
        column.addWidget(self.origin)
        column.addWidget(self.text, 1)
        theme.bus.changed.connect(self._mark)

    def show_places(
        self, places: Sequence[SpanDocument], corpus: Documents, tokens: int = 1, sightings: Sightings | None = None
    ) -> None:
        """List places of so many tokens each; the first is opened."""
        self._places, self._corpus = list(places), corpus
        self._tokens, self._sightings = tokens, sightings
        self.list.blockSignals(True)
        self.list.clear()
        for place in self._places:
            first = max(place.match[0] - 24, 0)
            dots = "…" if first or place.match[1] else ""
            self.list.addItem(f"{_short(place.source)}:{place.line}   {dots}{place.snippet[first:].strip()}…")
            item = self.list.item(self.list.count() - 1)
            item.setToolTip(f"{place.source}:{place.line}")
            item.setSizeHint(QSize(0, theme.space(DOCUMENT_ROW_UNITS)))
        rows = min(len(self._places), DOCUMENT_ROWS_SHOWN)
        self.list.setFixedHeight(rows * theme.space(DOCUMENT_ROW_UNITS) + 2 * self.list.frameWidth())
        self.list.setCurrentRow(0)
        self.list.blockSignals(False)
        self._show(0)

    def _show(self, row: int) -> None:
        if not 0 <= row < len(self._places):
            return
        place = self._places[row]
        document = self._corpus[place.row]
        start, end = max(place.start, 0), max(place.end, 0)
        first = max(start - SHOWN_CHARACTERS, 0)
        shown = document.text[first : end + SHOWN_CHARACTERS]
        self.text.setPlainText(shown)
        self._marked = (_cursor_place(shown, start - first), _cursor_place(shown, end - first))
        self.origin.setText(self._origin(place, document.changed))
        self._mark()

    def _origin(self, place: SpanDocument, changed: bool) -> str:
        parts = [
            f"{place.source}:{place.line}",
            self.tr("line {line} of its text").format(line=place.text_line) if place.start >= 0
            else self.tr("the tokenizer changed this text, so the place cannot be marked"),
            self.tr("mended by the cleaning") if changed else self.tr("kept by the cleaning as it was"),
        ]  # fmt: skip
        if self._sightings is not None:
            parts.append(self._seen(self._sightings.seen(place.token, place.token + self._tokens)))
        return " · ".join(parts)

    def _seen(self, seen: Seen) -> str:
        """In which training steps the place was read."""
        if not seen.times:
            return self.tr("in no sequence of the first {until} training steps").format(until=f"{seen.until:,}")
        if seen.times == 1:
            return self.tr("in one training sequence, of step {first}").format(first=f"{seen.first:,}")
        template = self.tr("in {times} training sequences, from step {first} to step {last}")
        if not seen.whole:
            template = self.tr("in {times} sequences of the first {until} training steps, from step {first} on")
        return template.format(times=f"{seen.times:,}", first=f"{seen.first:,}", last=f"{seen.last:,}",
                               until=f"{seen.until:,}")  # fmt: skip

    def eventFilter(self, watched, event: QEvent) -> bool:
        if watched is self.text and event.type() == QEvent.Type.Resize:
            QTimer.singleShot(0, self.text, self.text.centerCursor)  # after the text has wrapped anew
        return super().eventFilter(watched, event)

    def _mark(self) -> None:
        """Mark the wording, by ground and by underline, and bring it into view."""
        start, end = self._marked
        mark = QTextEdit.ExtraSelection()
        mark.cursor, mark.format = self.text.textCursor(), QTextCharFormat()
        mark.cursor.setPosition(start)
        mark.cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        mark.format.setBackground(theme.color("accent_soft"))
        mark.format.setForeground(theme.color("text"))
        mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        mark.format.setUnderlineColor(theme.color("accent"))
        self.text.setExtraSelections([mark] if end > start else [])
        at = self.text.textCursor()
        at.setPosition(start)
        self.text.setTextCursor(at)
        self.text.centerCursor()


def _cursor_place(text: str, characters: int) -> int:
    """Qt counts UTF-16 units (characters beyond the first plane take two), and a line break as one."""
    return len(text[:characters].replace("\r\n", "\n").encode("utf-16-le", "surrogatepass")) // 2


def _short(source: str) -> str:
    """The last two parts of a path: enough to know a document by."""
    return "/".join(source.replace("\\", "/").split("/")[-2:])


def training_text(workspace: Workspace, run: str) -> tuple[Documents, Sightings | None]:
    """What a run has read, and when; None where it made no steps.

    Raises:
        LabError: the corpus is gone.
    """
    folder = workspace.folder("runs", run)
    documents = Documents(workspace.folder("corpora", folder.request["spec"]["corpus"]).root, "kept")
    try:
        return documents, Sightings(folder.root)
    except LabError:
        return documents, None


def found_table(titles: list[str]) -> QTableWidget:
    """A table of what was found: texts in the first column, numbers in the second; one row is chosen at a time."""
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.verticalHeader().hide()
    table.setShowGrid(False)
    table.setTabKeyNavigation(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
    return table
