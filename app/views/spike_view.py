"""What happened when the loss of a run jumped: what was measured, what was left out, and the documents it came from."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from core.data.documents import Document, Documents
from core.errors import LabError
from core.record.events import RolledBack, SpikeFound
from core.record.folder import JobFolder
from core.record.view import JobView
from widgets import theme
from widgets.cards import Text
from widgets.document_browser import DocumentBrowser


class Named(Sequence):
    """Some rows of a corpus, in an order of their own; read when they are looked at."""

    def __init__(self, documents: Documents, rows: list[int]) -> None:
        self.documents, self.rows = documents, [row for row in rows if row < len(documents)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Document:
        return self.documents[self.rows[place]]


class SpikeView(QWidget):
    """Shows the spikes of the run it is told to, one at a time, the newest first."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._root: Path | None = None
        self._view = JobView()
        self._known: tuple = ()
        self._documents: Documents | None = None
        self.steps = QComboBox()
        self.steps.setAccessibleName(self.tr("Spike"))
        self.steps.currentIndexChanged.connect(lambda _: self._show_spike())
        self.said, self.named = Text("", "body"), Text("", "caption")
        self.browser = DocumentBrowser()
        self.browser.setMinimumHeight(theme.space(24))
        self.browser.source_asked.connect(self._open_source)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.steps)
        row.addWidget(self.said, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(row)
        column.addWidget(self.named)
        column.addWidget(self.browser, 1)
        column.addStretch(0)

    def show_run(self, view: JobView, root: Path) -> None:
        """Show the spikes of this run; the one chosen stays chosen as long as no newer one comes."""
        known = (root, view.spikes, view.rollbacks, view.live)
        if known == self._known:
            return
        news = known[:2] != self._known[:2]
        if root != self._root:
            self._close()
        self._known, self._root, self._view = known, root, view
        if news:
            self.steps.blockSignals(True)
            self.steps.clear()
            for number in range(len(view.spikes) - 1, -1, -1):
                self.steps.addItem(self.tr("Step {step}").format(step=f"{view.spikes[number].step:,}"), number)
            self.steps.blockSignals(False)
        self._show_spike(documents=news)

    def _show_spike(self, documents: bool = True) -> None:
        number = self.steps.currentData()
        for widget in (self.steps, self.named, self.browser):
            widget.setVisible(number is not None)
        if number is None:
            self.said.setText(self.tr(
                "The loss has not jumped so far. When it does, the run goes back to a checkpoint before the jump, "
                "leaves out the batches around it, and their documents stand here."))  # fmt: skip
            return
        spike = self._view.spikes[number]
        back = self._view.rollbacks[number] if number < len(self._view.rollbacks) else None
        self.said.setText(" ".join([self._measured(spike), self._left_out(back)]))
        if documents:
            self._show_documents(spike)

    def _measured(self, spike: SpikeFound) -> str:
        figures = {"step": f"{spike.step:,}", "value": _figure(spike.value), "usual": _figure(spike.usual),
                   "score": _figure(spike.score)}  # fmt: skip
        if spike.value is None:
            return self.tr("At step {step} the loss or its gradient was no number any more; the usual loss was "
                           "{usual}.").format(**figures)  # fmt: skip
        if spike.what == "grad_norm":
            return self.tr(
                "At step {step} the gradient was {value} long, where {usual} was usual: {score} robust standard "
                "deviations above the steps before.").format(**figures)  # fmt: skip
        return self.tr(
            "At step {step} the loss was {value} nats a token, where {usual} was usual: {score} robust standard "
            "deviations above the steps before.").format(**figures)  # fmt: skip

    def _left_out(self, back: RolledBack | None) -> str:
        if back is None:
            return (self.tr("The run is going back.") if self._view.live else
                    self.tr("The run did not go back any more."))  # fmt: skip
        words = self.tr("The run went back to step {to} and left out {sequences} sequences from step {first} on.")
        said = words.format(to=f"{back.to_step:,}", sequences=f"{back.sequences:,}", first=f"{back.skip_at:,}")
        if back.rate == 1.0:
            return said
        return said + " " + self.tr("Since then the learning rate is {rate} times that of the schedule.").format(
            rate=_figure(back.rate))  # fmt: skip

    def _show_documents(self, spike: SpikeFound) -> None:
        try:
            named = Named(self._corpus(), spike.documents)
        except (LabError, OSError, KeyError):
            self.browser.set_documents([])
            self.named.setText(self.tr("The corpus that the run was trained on cannot be read any more."))
            return
        self.named.setText(self.tr(
            "Documents that the batches left out were cut from and that stand out among them, the costliest first."))
        self.browser.set_documents(named)

    def _corpus(self) -> Documents:
        if self._documents is None:
            folder = JobFolder(self._root)
            self._documents = Documents(folder.workspace.root / folder.request["inputs"]["corpus"]["folder"])
        return self._documents

    def _close(self) -> None:
        """Let go of the corpus: a folder with open files cannot be moved on every system."""
        self.browser.set_documents([])
        if self._documents is not None:
            self._documents.close()
            self._documents = None

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
