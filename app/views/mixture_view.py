"""One mixture: what each corpus was asked to give, and what it gave by documents, bytes and tokens."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.translations import fill
from app.views.job_head import JobHead
from app.words import bytes_text, count_text, percent_text
from widgets import theme
from widgets.cards import Button, Card, Name, Text
from widgets.share_bar import ShareBar, Swatch


class MixtureView(QWidget):
    """Shows the mixture it is told to; its table is there once it is finished."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.head = JobHead(context)
        self.next = Button(self.tr("Train a tokenizer on it"), "secondary", "tokens")
        self.next.clicked.connect(lambda: context.navigate("data", new="tokenizer", chosen=self.root.name))
        self.head.add_button(self.next)
        self.bar, self.grid, self.notes = ShareBar(), QGridLayout(), Text("", "muted")
        self.grid.setHorizontalSpacing(theme.space(2))
        self.grid.setVerticalSpacing(theme.space(0.5))
        self.grid.setColumnStretch(1, 1)
        self.card = Card(self.tr("What each corpus gives"))
        self.card.body.addWidget(self.bar)
        self.card.body.addSpacing(theme.space(1))
        self.card.body.addLayout(self.grid)
        self.card.body.addWidget(self.notes)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addWidget(self.card)

    def show_job(self, root: Path) -> None:
        """Show this mixture."""
        self.root = root
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        parts = job.view.result.get("parts", [])
        self.next.setVisible(job.view.state == "completed")
        self.card.setVisible(bool(parts))
        if parts:
            self._show_parts(parts, job.view.result["tokens"] > 0)
        self.notes.setText("\n".join(fill(note.text, note.values) for note in job.view.notes))
        self.notes.setVisible(bool(self.notes.text()))

    def _show_parts(self, parts: list[dict], tokens: bool) -> None:
        while self.grid.count():
            self.grid.takeAt(0).widget().deleteLater()
        shares = {self.tr("Asked for"): "asked", self.tr("By documents"): "share_documents",
                  self.tr("By bytes"): "share_bytes"} | ({self.tr("By tokens"): "share_tokens"} if tokens else {})
        self.bar.set_rows([(label, {part["corpus"]: part[key] for part in parts}) for label, key in shares.items()])
        heads = ["", self.tr("Corpus"), *shares, self.tr("Documents"), self.tr("Text"), self.tr("Passes"),
                 self.tr("Held out")]  # fmt: skip
        for column, head in enumerate(heads):
            self.grid.addWidget(Text(head, "caption", wrap=False), 0, column, _aligned(column))
        for row, part in enumerate(parts):
            numbers = [percent_text(part[key], 1) for key in shares.values()]
            numbers += [count_text(part["documents"]), bytes_text(part["bytes"]), f"{part['epochs']:.2f}",
                        count_text(part["held_out"])]  # fmt: skip
            cells = [Swatch(row), Name(part["corpus"], "body"), *(Text(n, "body", wrap=False) for n in numbers)]
            for column, cell in enumerate(cells):
                self.grid.addWidget(cell, row + 1, column, _aligned(column))


def _aligned(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column < 2 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter
