"""The same question asked again: which drawn answers agree, every score of it, and what the model says of its own."""

from collections.abc import Callable

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.glass_panels import percent, shortened
from app.state.context import AppContext
from app.state.examinations import Examinations
from app.state.look import Look
from app.translations import translate
from app.views.bar_rows import BarRows
from core.errors import join_sentences
from core.glass.answers import DETECTORS
from core.spec.doubt import SamplesExam, SamplesSeen, TruthExam, TruthSeen
from widgets import theme
from widgets.cards import Button, Card, EmptyState, Text
from widgets.notice import Notice

SAMPLES = 10
SELF_CHECK = ("Self-check by words", "Greatest surprise of a word of the answer under the words of all drawn answers.")
COLUMNS = 3  # of scores


class AgainPanel(Card):
    """Draws answers on request, and asks the model whether its own is true."""

    def __init__(self, context: AppContext, load: Callable[[str], None], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Asked again"), parent=parent)
        self.look: Look | None = None
        self.exams = Examinations(context, load, self)
        self.exams.found.connect(self._on_found)
        self.exams.refused.connect(self._on_refused)
        self.caption = Text(self.tr(
            "Answers are drawn from the model's own distribution, with no filter and at temperature 1, and compared up "
            "to the end of their first sentence. Clusters are of equal words, not of equal meaning."), "caption")
        self.draw = Button(self.tr("Ask it ten ways"), "primary")
        self.truth = Button(self.tr("Ask whether it is true"), "secondary")
        self.draw.clicked.connect(lambda: self._ask("samples"))
        self.truth.clicked.connect(lambda: self._ask("truth"))
        self.told, self.said, self.notice = Text(""), Text("", "muted"), Notice(closable=True)
        self.clusters = BarRows(self.tr("Drawn answers, equal words together"))
        self.scores = Card(self.tr("Scores of doubt; higher is worse"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(theme.space(3))
        self._grid.setVerticalSpacing(theme.space(1))
        self.scores.body.addLayout(self._grid)
        self.scores.body.addStretch(1)
        self.state = EmptyState("playground", " ", " ")
        self._arrange()
        self._clear()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.space(1))
        head.addWidget(self.caption, 1)
        head.addWidget(self.truth)
        head.addWidget(self.draw)
        beside = QHBoxLayout()
        beside.setSpacing(theme.space(2))
        for widget, stretch in ((self.clusters, 2), (self.scores, 3)):
            beside.addWidget(widget, stretch)
        self._found = QWidget()
        column = QVBoxLayout(self._found)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(beside)
        self.body.addLayout(head)
        for widget in (self.notice, self.told, self.said, self._found, self.state):
            self.body.addWidget(widget)
        self.body.addStretch(1)

    def show_look(self, look: Look) -> None:
        """Another answer, or more of the same."""
        if look is not self.look or not look.finished:
            self.exams.forget()
            self._clear()
        self.look = look
        ready = look.finished and bool(look.records)
        self.draw.setEnabled(ready)
        self.truth.setEnabled(ready)

    def _clear(self) -> None:
        for widget in (self.notice, self.told, self.said, self._found):
            widget.hide()
        self.state.say(self.tr("It has been asked once"), self.tr(
            "A model that knows gives the same answer again and again; one that guesses gives another each time."))
        self.state.show()

    def _ask(self, key: str) -> None:
        if self.exams.waits(key):
            return
        self.notice.hide()
        self.exams.ask(key, SamplesExam(samples=SAMPLES) if key == "samples" else TruthExam(), self.look)
        if not self._found.isVisible():
            self.state.say(self.tr("Asking the model"), self.tr("This takes seconds; the window stays free."))

    def _on_refused(self, key: str, sentence: str) -> None:
        if not self._found.isVisible() and self.said.isHidden():
            self._clear()
        self.notice.show_message("warning", sentence)
        self.notice.show()

    def _on_found(self, key: str, seen: SamplesSeen | TruthSeen) -> None:
        self.state.hide()
        if isinstance(seen, TruthSeen):
            self._show_truth(seen)
        else:
            self._show_samples(seen)

    def _show_truth(self, seen: TruthSeen) -> None:
        told = self.tr(
            "Shown its own answer, the model goes on with “True” with {true}, with “False” with {false}.").format(
            true=percent(seen.true), false=percent(seen.false))
        if seen.true + seen.false < 0.5:
            told = join_sentences(told, self.tr("Mostly it says something else, so this tells little."))
        self.said.setText(told)
        self.said.setToolTip(seen.asked)
        self.said.show()

    def _show_samples(self, seen: SamplesSeen) -> None:
        count = len(seen.answers)
        agree = sum(cluster.count for cluster in seen.clusters if cluster.same)
        told = self.tr("{agree} of {count} drawn answers have the words of this one.").format(agree=agree, count=count)
        first = seen.clusters[0]
        if not first.same and first.count > max(agree, 1):
            told = join_sentences(told, self.tr("More often it says “{text}”.").format(text=shortened(first.text, 60)))
        self.told.setText(told)
        self.clusters.set_rows(
            [(("✓ " if cluster.same else "") + (shortened(cluster.text, 44) or "∅"), str(cluster.count),
              cluster.count / count) for cluster in seen.clusters], self.tr("{count} answers").format(count=count),
            self.tr("✓ marks the answer under the glass."))  # fmt: skip
        self._show_scores(seen.scores)
        self.told.show()
        self._found.show()

    def _show_scores(self, scores: dict[str, float]) -> None:
        while self._grid.count():
            self._grid.takeAt(0).widget().deleteLater()
        for place, (name, value) in enumerate(scores.items()):
            title, about = SELF_CHECK if name == "self_check" else (DETECTORS[name].title, DETECTORS[name].about)
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(Text(translate(title), "caption"))
            column.addWidget(Text(f"{value:.2f}".replace("-", "−"), "strong"))
            cell.setToolTip(translate(about))
            self._grid.addWidget(cell, place // COLUMNS, place % COLUMNS)
