"""A small table: what a run was expected to take, what it took, and by how much the estimate missed."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.state.jobs import Job
from app.state.measured import Figure, figures, note
from widgets import theme
from widgets.cards import Text


class MeasuredTable(QWidget):
    """Rows of figures under three headings, and a sentence on where they come from."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.figures: list[Figure] = []
        self.note = Text("", "caption")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.space(2))
        self._grid.setVerticalSpacing(theme.space(0.5))
        self._cells: list[list[Text]] = []
        heads = (self.tr("Figure"), self.tr("Estimated"), self.tr("Measured"), self.tr("Error of the estimate"))
        self._heads = [Text(words, "caption", wrap=False) for words in heads]
        self._add(self._heads)
        self._grid.setColumnStretch(len(heads), 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(self._grid)
        column.addWidget(self.note)

    def show_job(self, job: Job) -> None:
        """Show a training run, finished or not."""
        result = job.view.result if job.view.state == "completed" else {}
        estimates = job.folder.read_choices().get("estimates", {})
        self.show_figures(figures(estimates, result), note(estimates, result, job.view.state))

    def show_figures(self, shown: list[Figure], words: str) -> None:
        """Show other figures."""
        self.note.setText(words)
        if shown == self.figures:
            return
        self.figures = shown
        while len(self._cells) <= len(shown):
            self._add([Text("", role, wrap=False) for role in ("body", "body", "strong", "body")])
        for place, cells in enumerate(self._cells[1:]):
            there = place < len(shown)
            for cell in cells:
                cell.setVisible(there)
            if there:
                figure = shown[place]
                for cell, words in zip(cells, (figure.name, figure.expected, figure.measured, figure.error)):
                    cell.setText(words or "–")
        for head in self._heads:
            head.setVisible(bool(shown))

    def _add(self, cells: list[Text]) -> None:
        for column, cell in enumerate(cells):
            side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
            self._grid.addWidget(cell, len(self._cells), column, side)
        self._cells.append(cells)
