"""Documents, searchable, with the text of the chosen one beside."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QSplitter,
    QTableView,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from widgets import icons, theme
from widgets.cards import Button, Text
from widgets.difference import pieces
from widgets.document_table import COLUMNS, DocumentModel, place_text, reason_text

MOST_CHARACTERS_SHOWN = 200_000
MOST_MARKS = 2000
TEXT_PX = 120  # the least a text takes
NEEDED = ("rule", "measured", "limit", "characters", "source")
WIDTHS_PX = {"rule": 128, "measured": 86, "limit": 72, "characters": 92, "source": 152}


class DocumentBrowser(QWidget):
    """A searchable table over any number of documents and a pane with the chosen one's text.

    Documents are anything with .id .text .source .line and, for rejects, .rule .reason .values, .value
    and .limit (a core.data.documents Documents object, or a list). One with .before, its text before
    cleaning, shows what was changed in it. A click on the head of a column sorts by it.

    Args:
        reasons: show why each document was set aside, and offer the rules as a filter.
        stacked: the text lies under the table instead of beside it.
    """

    document_chosen = Signal(int)  # row in the source
    source_asked = Signal(str, int)  # source, line: open where it came from

    def __init__(self, *, reasons: bool = False, stacked: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = DocumentModel(reasons, self, brief=stacked)
        self._opened = -1  # row in the source of the document shown
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search the text"))
        self.search.setAccessibleName(self.tr("Search the text"))
        self.search.setClearButtonEnabled(True)
        self._lens = self.search.addAction(icons.icon("search", "faint"), QLineEdit.ActionPosition.LeadingPosition)
        theme.bus.changed.connect(self._dress)
        self.rules = QComboBox()
        self.rules.setAccessibleName(self.tr("Rule"))
        self.rules.setVisible(reasons)
        self.count = Text("", "caption", wrap=False)
        self.search.textChanged.connect(self._filter)
        self.rules.currentIndexChanged.connect(self._filter)
        self.model.scanned.connect(lambda *_: self._show_count())
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.search, 1)
        bar.addWidget(self.rules)
        bar.addWidget(self.count)
        split = QSplitter(Qt.Orientation.Vertical if stacked else Qt.Orientation.Horizontal)
        split.addWidget(self._build_table())
        split.addWidget(self._build_detail())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 4 if stacked else 2)
        if stacked:
            split.setHandleWidth(theme.space(1.5))
            split.setStyleSheet("QSplitter::handle { background: transparent; margin: 0; }")
        split.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(bar)
        column.addWidget(split, 1)
        self.set_rules({})

    def _build_table(self) -> QTableView:
        table = self.table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Documents"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(32)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(72)
        header.setSectionsClickable(True)
        header.sectionClicked.connect(self._order_by)
        for column, name in enumerate(self.model.columns[1:], 1):
            header.resizeSection(column, WIDTHS_PX[name])
        self._order = ("", False)
        table.viewport().installEventFilter(self)
        table.selectionModel().currentRowChanged.connect(lambda now, _: now.isValid() and self._open_row(now.row()))
        return table

    def eventFilter(self, watched, event) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._fit_columns()
        return super().eventFilter(watched, event)

    def _fit_columns(self) -> None:
        """Columns that leave the text no room go, the least needed first."""
        left = self.table.viewport().width() - TEXT_PX
        for name in NEEDED:
            if name in self.model.columns:
                left -= WIDTHS_PX[name]
                self.table.setColumnHidden(self.model.columns.index(name), left < 0)

    def _build_detail(self) -> QWidget:
        detail = QWidget()
        self.place, self.reason, self.trail = Button("", "link", "file"), Text("", "muted"), Text("", "caption")
        self._trail_of = lambda document: ""
        self.place.clicked.connect(self._ask_source)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("Text of the document"))
        self.text.setPlaceholderText(self.tr("Choose a document to read it."))
        self.changes = QCheckBox(self.tr("Show what was changed"))
        self.changes.setChecked(True)
        self.changes.toggled.connect(lambda _: self._show_text(self.model.documents[self._opened]))
        for widget in (self.place, self.reason, self.trail, self.changes):
            widget.hide()
        column = QVBoxLayout(detail)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        for widget in (self.place, self.reason, self.trail, self.changes, self.text):
            column.addWidget(widget)
        return detail

    def _dress(self) -> None:
        self._lens.setIcon(icons.icon("search", "faint"))

    def set_documents(self, documents) -> None:
        """Show a sequence (len and [i]); only rows in view are read."""
        self.model.set_documents(documents)
        self._opened = -1
        self.text.clear()
        for widget in (self.place, self.reason, self.trail, self.changes):
            widget.hide()
        self._filter()

    def set_trail(self, trail_of: Callable[[object], str]) -> None:
        """Give what says in one line which cleaning a document went through."""
        self._trail_of = trail_of

    def set_rules(self, labels: dict[str, str]) -> None:
        """Offer rules as a filter: {rule: text}."""
        self.rules.blockSignals(True)
        self.rules.clear()
        self.rules.addItem(self.tr("All rules"), "")
        for rule, text in labels.items():
            self.rules.addItem(text, rule)
        self.rules.blockSignals(False)
        self.model.rule_names = dict(labels)

    def set_rule(self, rule: str) -> None:
        """Show only documents rejected by this rule; empty = all."""
        if self.rules.findData(rule) < 0:
            self.rules.addItem(rule, rule)
        self.rules.setCurrentIndex(self.rules.findData(rule))

    def show_document(self, row: int, start: int = 0, end: int = 0) -> None:
        """Open one document and highlight characters [start, end)."""
        if self.model.shown_row(row) < 0:
            self.search.clear()
            self.set_rule("")
        index = self.model.index(self.model.shown_row(row), 0)
        self.table.setCurrentIndex(index)
        self.table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
        self._open_row(index.row())
        if end > start:
            self.highlight(start, end)

    @property
    def opened(self):
        """The document shown; None before one is chosen."""
        return self.model.documents[self._opened] if 0 <= self._opened < len(self.model.documents) else None

    def reopen(self, row: int) -> None:
        """Show a document's text where its row may be filtered away; the selection stays where it is."""
        self._show_document(row)

    def highlight(self, start: int, end: int) -> None:
        """Mark characters [start, end) of the text shown and bring them into view."""
        text = self.text.toPlainText()
        self.text.setExtraSelections([self._mark(_units(text, start), _units(text, end), "found")])
        at = self.text.textCursor()
        at.setPosition(_units(text, start))
        self.text.setTextCursor(at)
        self.text.centerCursor()

    def _open_row(self, row: int) -> None:
        self._show_document(self.model.source_row(row))
        self.document_chosen.emit(self._opened)

    def _show_document(self, row: int) -> None:
        self._opened = row
        document = self.model.documents[row]
        self._show_text(document)
        self.place.setText(place_text(document))
        self.place.setVisible(True)
        self.reason.setText(reason_text(document))
        self.reason.setVisible(bool(self.reason.text()))
        self.trail.setText(self._trail_of(document))
        self.trail.setVisible(bool(self.trail.text()))

    def _show_text(self, document) -> None:
        """The text, with what cleaning took out struck through and what it put in underlined."""
        before = getattr(document, "before", None)
        changed = before is not None and before != document.text
        self.changes.setVisible(changed)
        self.text.setExtraSelections([])
        if not (changed and self.changes.isChecked()):
            self.text.setPlainText(document.text[:MOST_CHARACTERS_SHOWN])
            return
        found = pieces(before[:MOST_CHARACTERS_SHOWN], document.text[:MOST_CHARACTERS_SHOWN])
        self.text.setPlainText("".join(piece.text for piece in found))
        marks, at = [], 0
        for piece in found:
            end = at + _units(piece.text, len(piece.text))
            if piece.kind != "same":
                marks.append(self._mark(at, end, piece.kind))
            at = end
        self.text.setExtraSelections(marks[:MOST_MARKS])

    def _mark(self, start: int, end: int, kind: str) -> QTextEdit.ExtraSelection:
        """A stretch of the text shown (UTF-16 units) as gone, new or found."""
        cursor, mark = self.text.textCursor(), QTextEdit.ExtraSelection()
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        mark.cursor, mark.format = cursor, QTextCharFormat()
        token = "clay" if kind == "gone" else "accent"
        mark.format.setBackground(theme.color(f"{token}_soft"))
        if kind == "gone":
            mark.format.setFontStrikeOut(True)
            mark.format.setForeground(theme.color(token))
        else:
            mark.format.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
            mark.format.setUnderlineColor(theme.color(token))
        return mark

    def _order_by(self, section: int) -> None:
        """Largest first, then smallest first, then as they were read."""
        column, header = self.model.columns[section], self.table.horizontalHeader()
        was, descending = self._order
        again = was == column
        if COLUMNS[column] is None:
            return
        self._order = ("", False) if again and not descending else (column, not again)  # falling, rising, as read
        shown, falling = self._order
        header.setSortIndicatorShown(bool(shown))
        header.setSortIndicator(section, Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder)
        self.model.set_order(shown, falling)
        self._show_count()

    def _ask_source(self) -> None:
        document = self.model.documents[self._opened]
        self.source_asked.emit(document.source, getattr(document, "line", 1))

    def _filter(self, *_) -> None:
        words, rule = self.search.text().casefold().strip(), self.rules.currentData() or ""
        if not words and not rule:
            self.model.set_filter(None)
        else:
            self.model.set_filter(
                lambda document: rule in ("", getattr(document, "rule", "")) and words in document.text.casefold()
            )
        self._show_count()

    def _show_count(self) -> None:
        shown, there = self.model.rowCount(), len(self.model.documents)
        if self.model.scanning:
            text = self.tr("{shown} found, searching…")
        elif shown == there:
            text = self.tr("{there} documents")
        else:
            text = self.tr("{shown} of {there} documents")
        self.count.setText(text.format(shown=f"{shown:,}", there=f"{there:,}"))


def _units(text: str, characters: int) -> int:
    """Qt counts UTF-16 units; characters beyond the first plane take two."""
    return len(text[:characters].encode("utf-16-le", "surrogatepass")) // 2
