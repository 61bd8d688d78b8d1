"""The causes of an answer: the training documents whose gradients agree with it, found slowly and with reservations."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QStackedWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.pages.glass_spans import DocumentPane, found_table, training_text
from app.state.context import AppContext
from app.state.jobs import Job
from app.state.run_causes import RunCauses
from app.translations import translate
from core.data.documents import Documents
from core.errors import LabError, say
from core.spec.glass import SpanDocument
from core.spec.influence import InfluenceResult, Influential
from core.spec.messages import TokenRecord
from core.train.sightings import Sightings
from widgets import theme
from widgets.cards import Button, Card, EmptyState, Text
from widgets.controls import SegmentedControl


class CausesPanel(Card):
    """Which documents pushed towards an answer, and which away from it.

    Args:
        context: of the window; its jobs look for the causes.
    """

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Which documents pushed towards this answer"), parent=parent)
        self.context, self.causes = context, RunCauses(context, self)
        self.run, self.prompt, self.records = "", "", []
        self.caption = Text(self.tr(
            "An estimate, not a proof: how far training on a document lowered the loss of this answer, by gradients at "
            "saved checkpoints. The order of the text and the optimizer's momentum are left out of it."), "caption")
        self.body.addWidget(self.caption)
        self._result: InfluenceResult | None = None
        self._corpus: Documents | None = None
        self._sightings: Sightings | None = None
        self.state = EmptyState("search", " ", " ", " ")
        self.state.action_clicked.connect(self._start)
        self.causes.changed.connect(self._on_changed)
        self._stack = QStackedWidget()
        for widget in (self.state, self._working(), self._found()):
            self._stack.addWidget(widget)
        self._stack.setMinimumHeight(theme.space(36))
        self.body.addWidget(self._stack, 1)

    def show_answer(self, run: str, prompt: str, records: Sequence[TokenRecord]) -> None:
        """How it stands with the causes of an answer; none of its tokens: it is still being written.

        Args:
            run: that wrote it; empty for models from elsewhere.
        """
        self.run, self.prompt, self.records = run, prompt, list(records)
        job = self._job()
        result = self.causes.result(job) if job is not None and not job.view.live else None
        if not run:
            self.show_state(
                self.tr("The training text of this model is not known here"),
                self.tr("Only runs grown in this workspace can be traced to the text they have read."))  # fmt: skip
        elif not records:
            self.show_state(self.tr("The answer is being written"), "")
        elif result is not None:
            self._show_result(result)
        elif job is not None:
            self.show_job(job)
        else:
            self.show_offer()

    def _job(self) -> Job | None:
        ids = [record.id for record in self.records]
        return self.causes.job(self.run, self.prompt, ids) if self.run and ids else None

    def _start(self) -> None:
        answer = b"".join(record.bytes for record in self.records).decode("utf-8", "replace")
        self.causes.start(self.run, self.prompt, answer, [record.id for record in self.records])

    def _stop(self) -> None:
        if job := self._job():
            self.causes.stop(job)

    def _on_changed(self, root: Path) -> None:
        job = self._job()
        if job is not None and job.root == root:
            self.show_answer(self.run, self.prompt, self.records)

    def show_state(self, title: str, text: str, action: str = "") -> None:
        """Say why there are no causes, and what can be done about it."""
        self.state.say(title, text, action)
        self._stack.setCurrentIndex(0)

    def show_offer(self) -> None:
        """Nothing was looked for yet."""
        self.show_state(
            self.tr("The causes of this answer have not been looked for"),
            self.tr("The gradients of the training passages that have the most in common with it are compared with its "
                    "own, at up to four checkpoints. With a small model that takes some minutes; you can go on "
                    "meanwhile."),
            self.tr("Look for causes"))  # fmt: skip

    def show_job(self, job: Job) -> None:
        """How far the search is, or why it ended without a result."""
        view = job.view
        if not view.live:
            told = view.error
            self.show_state(
                self.tr("The causes could not be looked for") if told else self.tr("The search was stopped"),
                say(told.problem, told.where, told.remedy, told.values, translate) if told else "",
                self.tr("Look for causes"))  # fmt: skip
            return
        share = min(1.0, view.done / view.total) if view.total else 0.0
        self.phase.setText(translate(view.phase) if view.phase else self.tr("Starting"))
        self.bar.setValue(round(1000 * share))
        self.count.setText(self.tr("{done} of {total} comparisons").format(
            done=f"{view.done:,.0f}", total=f"{view.total:,.0f}") if view.total else "")  # fmt: skip
        self._stack.setCurrentIndex(1)

    def _show_result(self, result: InfluenceResult) -> None:
        """List the documents; the strongest is opened."""
        try:
            self._corpus, self._sightings = training_text(self.context.workspace, self.run)
        except LabError as error:
            self.show_state(self.tr("The training text could not be opened"), error.sentence(translate))
            return
        self._result = result
        self.told.setText(self.tr(
            "{compared} of {passages} passages compared at {steps} checkpoints. The strongest document counts 1; half "
            "of all are below {usual}, and what is not far above that says nothing.").format(
                compared=f"{result.compared:,}", passages=f"{result.passages:,}", steps=len(result.steps),
                usual=f"{result.usual:.2g}"))  # fmt: skip
        self.side.set_choice_visible("away", bool(result.away))
        self.side.set_value("towards" if result.towards else "away")
        self._show_side()
        self._stack.setCurrentIndex(2)

    def _working(self) -> QWidget:
        self.phase, self.count = Text("", "section"), Text("", "caption")
        self.bar, self.stop = QProgressBar(), Button(self.tr("Stop"), "secondary")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("How far the search for causes is"))
        self.stop.clicked.connect(self._stop)
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        for widget in (self.phase, self.bar, self.count):
            column.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.stop)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(2)
        return page

    def _found(self) -> QWidget:
        self.told = Text("", "caption")
        self.side = SegmentedControl({
            "towards": self.tr("Towards the answer"), "away": self.tr("Away from it"),
        }, "towards", self.tr("Which documents to list"))  # fmt: skip
        self.side.value_changed.connect(self._show_side)
        self.table = found_table([self.tr("Document"), self.tr("Influence")])
        self.table.setAccessibleName(self.tr("Documents by their influence on the answer"))
        self.table.itemSelectionChanged.connect(self._choose)
        self.document = DocumentPane()
        self.document.list.hide()
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        head = QHBoxLayout()
        head.setSpacing(theme.space(2))
        head.addWidget(self.side)
        head.addWidget(self.told, 1)
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.table, 1)
        row.addWidget(self.document, 1)
        column.addLayout(row, 1)
        return page

    def _listed(self) -> Sequence[Influential]:
        return self._result.towards if self.side.value() == "towards" else self._result.away

    def _show_side(self, _: str = "") -> None:
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._listed()))
        for place, one in enumerate(self._listed()):
            text = QTableWidgetItem(one.snippet)
            text.setToolTip(f"{one.source}:{one.line}")
            strength = QTableWidgetItem(f"{one.influence:+.2f}".replace("-", "−"))
            strength.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(place, 0, text)
            self.table.setItem(place, 1, strength)
        self.table.clearSelection()
        self.table.setCurrentItem(None)
        self.table.blockSignals(False)
        self.table.selectRow(0)

    def _choose(self) -> None:
        place = self.table.currentRow()
        if 0 <= place < len(self._listed()):
            one = self._listed()[place]
            shown = SpanDocument(
                row=one.row, source=one.source, line=one.line, snippet=one.snippet, match=(0, 0), start=one.start,
                end=one.end, token=one.token + 1)  # fmt: skip
            self.document.show_places([shown], self._corpus, one.tokens - 1, self._sightings)
