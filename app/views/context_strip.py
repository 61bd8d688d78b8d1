"""A context with the words of an answer marked in it, and the answer's tokens with the context and without it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTableWidgetItem, QTextEdit, QVBoxLayout, QWidget

from app.pages.glass_spans import found_table
from app.words import percent_text
from core.glass.context_match import Match, Weighed
from widgets import theme
from widgets.cards import Text
from widgets.tokens import readable

NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MOST_ROWS = 12  # of the table that are shown without scrolling


class ContextStrip(QWidget):
    """Shows one answer beside its context."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.legend = QPlainTextEdit(), Text("", "caption")
        self.context.setReadOnly(True)
        self.context.setFixedHeight(theme.space(12))
        self.context.setAccessibleName(self.tr("The context"))
        self.tokens = found_table([
            self.tr("Token"), self.tr("With the context"), self.tr("Without it"), self.tr("Gain, nats"),
            self.tr("Stands in the context")])  # fmt: skip
        self.tokens.horizontalHeader().setToolTip(self.tr(
            "The gain is how much likelier the context makes a token (their pointwise mutual information). It explains "
            "where a word comes from; it is a poor score of whether the context was followed."))
        for column in range(1, 5):
            self.tokens.setColumnWidth(column, theme.space(18))
            if column < 4:
                self.tokens.horizontalHeaderItem(column).setTextAlignment(NUMBER)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        for widget in (self.context, self.legend, self.tokens):
            column.addWidget(widget)
        theme.bus.changed.connect(self._mark)
        self._matches: list[Match] = []

    def show_context(self, context: str, matches: Sequence[Match]) -> None:
        """Show a context, and mark what the answer has from it."""
        self.context.setPlainText(context)
        self._matches = list(matches)
        self._mark()
        self.legend.setText(self.tr("Underlined: words that the answer has in common with the context.") if matches else
                            self.tr("The answer has no telling word in common with the context."))

    def show_tokens(self, tokens: Sequence[Weighed]) -> None:
        """Show the answer's tokens, with the context and without."""
        self.tokens.setRowCount(len(tokens))
        for row, token in enumerate(tokens):
            cells = [readable(token.text), percent_text(token.with_context), percent_text(token.without),
                     f"{round(token.gain, 1) + 0.0:+.1f}", self.tr("yes") if token.found else ""]  # fmt: skip
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if 0 < column < 4:
                    item.setTextAlignment(NUMBER)
                self.tokens.setItem(row, column, item)
        height = self.tokens.horizontalHeader().sizeHint().height() + 2 * self.tokens.frameWidth()
        self.tokens.setFixedHeight(height + sum(self.tokens.rowHeight(row) for row in
                                                range(min(len(tokens), MOST_ROWS))))  # fmt: skip

    def _mark(self) -> None:
        ground = QTextCharFormat()
        ground.setBackground(theme.color("accent", 0.22))
        ground.setFontUnderline(True)
        marks, text = [], self.context.toPlainText()
        for start, end in (place for match in self._matches for place in match.places):
            mark = QTextEdit.ExtraSelection()
            mark.format, mark.cursor = ground, QTextCursor(self.context.document())
            mark.cursor.setPosition(utf16(text, start))
            mark.cursor.setPosition(utf16(text, end), QTextCursor.MoveMode.KeepAnchor)
            marks.append(mark)
        self.context.setExtraSelections(marks)


def utf16(text: str, place: int) -> int:
    """A place in a text as Qt counts it: characters beyond the basic plane are two."""
    return place + sum(ord(character) > 0xFFFF for character in text[:place])
