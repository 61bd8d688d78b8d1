"""A card of named figures under one total, each with its share as a bar."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from widgets import theme
from widgets.cards import Card, Text


class BarRows(Card):
    """Rows of (name, figure, share 0..1 or None for no bar); the total stands beside the title."""

    def __init__(self, title: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.body.setContentsMargins(*[theme.space(1.5)] * 4)
        self.body.setSpacing(theme.space(0.5))
        self.total, self.note = Text("", "strong", wrap=False), Text("", "caption")
        top = QHBoxLayout()
        top.addWidget(Text(title, "strong"), 1)
        top.addWidget(self.total)
        self.body.addLayout(top)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(theme.space(0.5))
        self._made: list[tuple[Text, Text, QProgressBar]] = []
        self.body.addLayout(self._rows)
        self.body.addWidget(self.note)
        self.note.hide()

    def set_rows(self, rows: list[tuple[str, str, float | None]], total: str = "", note: str = "") -> None:
        """Show other figures."""
        while len(self._made) < len(rows):
            self._add()
        for place, (name, figure, bar) in enumerate(self._made):
            there = place < len(rows)
            for widget in (name, figure, bar):
                widget.setVisible(there)
            if there:
                words, value, share = rows[place]
                name.setText(words)
                figure.setText(value)
                bar.setVisible(share is not None)
                bar.setValue(round(1000 * (share or 0)))
                bar.setAccessibleName(words)
        self.total.setText(total)
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def rows(self) -> list[tuple[str, str]]:
        """Names and figures as they are shown."""
        return [(name.text(), figure.text()) for name, figure, _ in self._made if not name.isHidden()]

    def _add(self) -> None:
        name, figure, bar = Text("", "caption"), Text("", "caption", wrap=False), QProgressBar()
        bar.setRange(0, 1000)
        bar.setTextVisible(False)
        row = QHBoxLayout()
        row.addWidget(name, 1)
        row.addWidget(figure)
        self._rows.addLayout(row)
        self._rows.addWidget(bar)
        self._made.append((name, figure, bar))
