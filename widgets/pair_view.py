"""Two texts side by side, what differs marked in both."""

from bisect import bisect_left
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from widgets import theme
from widgets.cards import Button, Text

MOST_MARKS = 2000  # in one text; more would only slow the drawing down

Span = tuple[int, int]  # characters [start, end)


class PairView(QWidget):
    """A text that was kept and its near-duplicate that was set aside.

    What only the kept text has is shaded green and underlined; what only the other has is shaded
    red and underlined with dashes. The buttons lead both texts from one difference to the next.
    """

    source_asked = Signal(str, int)  # source, line: open where a text came from

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.similarity, self.count = Text("", "strong", wrap=False), Text("", "caption", wrap=False)
        self.before = Button(self.tr("Previous difference"), "quiet")
        self.after = Button(self.tr("Next difference"), "quiet")
        self.before.clicked.connect(lambda: self.go(-1))
        self.after.clicked.connect(lambda: self.go(1))
        self.kept = _Side(self.tr("Kept"), "accent", Qt.PenStyle.SolidLine)
        self.dropped = _Side(self.tr("Set aside"), "clay", Qt.PenStyle.DashLine)
        self._differences: list[tuple[Span, Span]] = []
        self._at = -1
        for side in (self.kept, self.dropped):
            side.source.clicked.connect(lambda _=False, side=side: self.source_asked.emit(*side.place))
        theme.bus.changed.connect(self._mark)
        self._arrange()
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.set_pair("", "", [], None)

    def set_pair(self, kept: str, dropped: str, differences: Sequence[tuple[Span, Span]], similarity: float | None,
                 kept_place: tuple[str, int] = ("", 1), dropped_place: tuple[str, int] = ("", 1)) -> None:
        """Show two texts.

        Args:
            differences: ((start, end) in kept, (start, end) in dropped), characters, in order; either may be empty.
            similarity: Jaccard, 0..1; None = not known.
            kept_place, dropped_place: (source, line) each came from.
        """
        self.kept.show_text(kept, kept_place)
        self.dropped.show_text(dropped, dropped_place)
        self._differences, self._at = list(differences), -1
        self.similarity.setText("" if similarity is None else self.tr("Similarity {value}").format(
            value=f"{similarity:.2f}"))  # fmt: skip
        self.count.setVisible(bool(kept or dropped))
        for button in (self.before, self.after):
            button.setEnabled(bool(self._differences))
        self._mark()
        self._tell()

    def go(self, step: int) -> None:
        """Bring the next (1) or the previous (-1) difference into view, around the ends."""
        if not self._differences:
            return
        if self._at < 0 and step < 0:
            self._at = 0  # going back from nowhere leads to the last
        self._at = (self._at + step) % len(self._differences)
        for side, (start, _) in zip((self.kept, self.dropped), self._differences[self._at], strict=True):
            side.bring_into_view(start)
        self._tell()

    def _tell(self) -> None:
        there = len(self._differences)
        if not there:
            words = self.tr("No word differs")
        elif self._at < 0:
            words = self.tr("1 difference") if there == 1 else self.tr("{there} differences")
        else:
            words = self.tr("Difference {at} of {there}")
        self.count.setText(words.format(at=self._at + 1, there=f"{there:,}"))

    def _mark(self) -> None:
        for which, side in enumerate((self.kept, self.dropped)):
            side.mark([pair[which] for pair in self._differences[:MOST_MARKS]])

    def _arrange(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.similarity)
        bar.addWidget(self.count)
        bar.addStretch(1)
        bar.addWidget(self.before)
        bar.addWidget(self.after)
        texts = QHBoxLayout()
        texts.setSpacing(theme.space(1))
        texts.addWidget(self.kept, 1)
        texts.addWidget(self.dropped, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(bar)
        column.addLayout(texts, 1)


class _Side(QWidget):
    """One of the two texts: what became of it, where it came from, and the text."""

    def __init__(self, title: str, token: str, line: Qt.PenStyle) -> None:
        super().__init__()
        self._token, self._dashed = token, line == Qt.PenStyle.DashLine
        self.place = ("", 1)
        self.title, self.source = Text(title, "strong", wrap=False), Button("", "link", "file")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(title)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.title)
        row.addWidget(self.source)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addLayout(row)
        column.addWidget(self.text, 1)

    def show_text(self, text: str, place: tuple[str, int]) -> None:
        self.place = place
        source, line = place
        short = "/".join(str(source).replace("\\", "/").split("/")[-2:])
        self.source.setText(f"{short}:{line}")
        self.source.setToolTip(f"{source}:{line}")
        self.source.setVisible(bool(source))
        self.text.setExtraSelections([])
        self.text.setPlainText(text)

    def mark(self, spans: list[Span]) -> None:
        """Shade and underline characters of the text."""
        units = _Units(self.text.toPlainText())
        form = QTextCharFormat()
        form.setBackground(theme.color(f"{self._token}_soft"))
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DashUnderline if self._dashed
                               else QTextCharFormat.UnderlineStyle.SingleUnderline)  # fmt: skip
        form.setUnderlineColor(theme.color(self._token))
        marks = []
        for start, end in spans:
            mark = QTextEdit.ExtraSelection()
            mark.cursor, mark.format = self.text.textCursor(), form
            mark.cursor.setPosition(units.of(start))
            mark.cursor.setPosition(units.of(end), QTextCursor.MoveMode.KeepAnchor)
            marks.append(mark)
        self.text.setExtraSelections(marks)

    def bring_into_view(self, start: int) -> None:
        """Scroll to a character."""
        cursor = self.text.textCursor()
        cursor.setPosition(_Units(self.text.toPlainText()).of(start))
        self.text.setTextCursor(cursor)
        self.text.centerCursor()


class _Units:
    """Qt counts UTF-16 units; characters beyond the first plane take two."""

    def __init__(self, text: str) -> None:
        self._wide = [] if text.isascii() else [at for at, char in enumerate(text) if ord(char) > 0xFFFF]
        self._length = len(text)

    def of(self, characters: int) -> int:
        """UTF-16 units before a character; never beyond the end."""
        characters = min(characters, self._length)
        return characters + bisect_left(self._wide, characters)
