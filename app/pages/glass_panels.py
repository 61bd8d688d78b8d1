"""The upper parts of the Glass page: the question, the answer's risk, and where to doubt it."""

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.state.look import Look
from app.translations import translate
from core.errors import join_sentences
from core.glass.uncertainty import AnswerRisk, is_unsure, summarise, unsupported_and_unsure, whole_words
from core.infer.sources import Source
from core.spec.glass import Support
from core.spec.token_record import TokenRecord
from widgets import theme
from widgets.cards import Button, Card, Disclosure, StatTile, Text
from widgets.sampler_panel import SamplerPanel

LIKELY = 0.5  # below this chance to be right an answer is to be doubted, however sure each word was


class AskPanel(Card):
    """Which model, and what to ask it."""

    submitted = Signal()  # Ctrl+Return in the question

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._sources: list[Source] = []
        self.model = QComboBox()
        self.model.setAccessibleName(self.tr("Model"))
        self.model.setFixedWidth(theme.space(36))  # a long name must not push the question aside
        self.question = QPlainTextEdit()
        self.question.setAccessibleName(self.tr("What the model is to continue or answer"))
        self.question.setPlaceholderText(self.tr("Type the beginning of a sentence, or a question."))
        self.question.setTabChangesFocus(True)
        self.question.setFixedHeight(theme.space(8))
        self.question.installEventFilter(self)
        self.sampler = SamplerPanel()
        self.sampler.hide()
        more = Disclosure(self.tr("How the next token is drawn"))
        more.toggled.connect(self.sampler.setVisible)
        side = QVBoxLayout()
        side.setSpacing(theme.space(1))
        side.addWidget(self.model)
        side.addWidget(more)
        side.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addLayout(side)
        row.addWidget(self.question, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.sampler)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Offer these models; the chosen one stays chosen where it is still there."""
        before = self.source()
        self._sources = list(sources)
        self.model.blockSignals(True)
        self.model.clear()
        for source in sources:
            name = source.name
            if source.origin == "built-in":
                name = self.tr("{name} (grown elsewhere)").format(name=name)
            self.model.addItem(name, source.source)
        self.model.blockSignals(False)
        self.choose(before)

    def choose(self, source: str) -> None:
        """Choose a model by its source (of whatever checkpoint), if it is offered."""
        place = max(self.model.findData(source), self.model.findData(source.partition("@")[0]))
        if place >= 0:
            self.model.setCurrentIndex(place)

    def chosen(self) -> Source | None:
        """The chosen model, if there is one."""
        place = self.model.currentIndex()
        return self._sources[place] if place >= 0 else None

    def source(self) -> str:
        """The chosen model's source; empty when there is none."""
        return self.model.currentData() or ""

    def eventFilter(self, watched, event: QEvent) -> bool:
        if watched is self.question and event.type() == QEvent.Type.KeyPress:
            key: QKeyEvent = event
            held = bool(key.modifiers() & Qt.KeyboardModifier.ControlModifier)
            if held and key.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.submitted.emit()
                return True
        return super().eventFilter(watched, event)


class RiskTiles(QWidget):
    """The answer's risk as four numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.risk = StatTile(self.tr("Answer risk"), unit=self.tr("nats"), term="answer risk")
        self.perplexity = StatTile(self.tr("Perplexity"), unit=self.tr("choices"), term="perplexity")
        self.entropy = StatTile(self.tr("Mean entropy"), unit=self.tr("nats"), term="entropy")
        self.verbatim = StatTile(self.tr("Word for word"), term="verbatim span")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.space(1))
        for place, tile in enumerate((self.risk, self.perplexity, self.entropy, self.verbatim)):
            grid.addWidget(tile, place // 2, place % 2)
            grid.setColumnStretch(place % 2, 1)

    def show_risk(
        self, risk: AnswerRisk | None, support: Sequence[Support] | None, right: tuple[float, int] | None = None
    ) -> None:
        """Fill in the numbers; None shows dashes.

        Args:
            right: the chance that the first sentence is right, and how many answers of this run it was learnt from.
        """
        found = risk is not None and risk.tokens > 0
        told = self.tr("grows with length")
        if right is not None:
            told = self.tr("right with {percent}, by {count} answers of this run").format(
                percent=percent(right[0]), count=f"{right[1]:,}")  # fmt: skip
        self.risk.set_value(f"{risk.risk:.1f}" if found else "", hint=told)
        self.risk.setToolTip(self.tr(
            "The chance is of the first sentence, as a short answer to a question about a fact of its world: isotonic "
            "regression on the answers that this run was marked for.") if right is not None else "")
        self.perplexity.set_value(f"{risk.perplexity:.1f}" if found else "", hint=self.tr("1 = no doubt"))
        self.entropy.set_value(f"{risk.mean_entropy:.2f}" if found else "", hint=self.tr("0 = no doubt"))
        share = 100 * sum(s == "verbatim" for s in support) / len(support) if support else 0
        self.verbatim.set_value(
            f"{share:.0f} %" if support else "",
            hint=self.tr("of the answer is in the training text") if support else self.tr("not known"))  # fmt: skip


class DoubtPanel(Card):
    """Where to doubt first: words that were guesses and that the training text does not have like this."""

    word_chosen = Signal(int, int)  # tokens, half-open

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(" ", parent=parent)
        self.about = Text("", "muted")
        self.body.addWidget(self.about)
        self._words = QVBoxLayout()
        self._words.setSpacing(theme.space(0.5))
        self.body.addLayout(self._words)
        self.body.addStretch(1)

    def show_doubts(self, records: Sequence[TokenRecord], support: Sequence[Support] | None, limit: int = 8) -> None:
        """List the most doubtful words, least likely first."""
        while self._words.count():
            self._words.takeAt(0).widget().deleteLater()
        marked = unsupported_and_unsure(records, support) if support is not None else [is_unsure(r) for r in records]
        words = [
            (min(records[i].probability for i in range(first, last) if marked[i]), first, last, text)
            for first, last, text in whole_words(records) if any(marked[first:last])
        ]  # fmt: skip
        for probability, first, last, text in sorted(words)[:limit]:
            self._words.addWidget(self._word(text, probability, first, last, support and support[first:last]))
        self.title.setText(self.tr("Unsure") if support is None else self.tr("Unsupported and unsure"))
        self.about.setText(self._told(len(words), limit, support))

    def _told(self, count: int, limit: int, support: Sequence[Support] | None) -> str:
        if support is None:
            told = self.tr("Guesses of the model. Whether its training text has these words is not known.")
        elif count:
            told = self.tr("Guesses in a wording that the training text does not have. Check these first.")
        else:
            told = self.tr("Nothing: every guess is part of a wording that the training text has.")
        if count > limit:
            told = join_sentences(told, self.tr("The first {shown} of {count} words:").format(shown=limit, count=count))
        return told

    def _word(self, text: str, probability: float, first: int, last: int, support: Sequence[Support] | None) -> Button:
        template = self.tr("▲ {word} · {percent}")
        if support and "absent" in support:
            template = self.tr("▲ {word} · {percent}, never read")
        elif support:
            template = self.tr("▲ {word} · {percent}, read in other wordings")
        button = Button(template.format(word=shortened(text), percent=percent(probability)), "link")
        button.setToolTip(self.tr("How likely the word's least likely token was. Click to show it in the answer."))
        button.clicked.connect(lambda: self.word_chosen.emit(first, last))
        return button


def told_of(look: Look, right: tuple[float, int] | None) -> tuple[str, str]:
    """How much an answer is to be doubted and why: the level of a notice, and its sentences.

    Args:
        right: the chance that its first sentence is right, and how many marked answers of its run say so.
    """
    doubtful = look.support is not None and any(unsupported_and_unsure(look.records, look.support))
    level = "warning" if doubtful else "info" if look.support is None else "good"
    sentence = summarise(look.records, look.support).sentence(translate)
    if right is None:
        return level, sentence
    chance = QCoreApplication.translate(
        "glass", "Of {count} marked answers of this run, those of such a risk are right with {percent}.").format(
            count=f"{right[1]:,}", percent=percent(right[0]))  # fmt: skip
    return "warning" if right[0] < LIKELY else level, join_sentences(chance, sentence)


def percent(probability: float) -> str:
    """A probability as a short percentage; small ones keep a digit that says something."""
    return f"{100 * probability:.0f} %" if probability >= 0.1 else f"{100 * probability:.2g} %"


def shortened(text: str, characters: int = 20) -> str:
    """At most so many characters, with a dash of what is missing."""
    text = " ".join(text.split())
    return text if len(text) <= characters else text[: characters - 1] + "…"


def column_of(widget: QWidget) -> QVBoxLayout:
    """A column that fills a widget."""
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.space(2))
    return column


def side_by_side(*panels: tuple[QWidget, int]) -> QHBoxLayout:
    """Panels in a row, each with its share of the width."""
    row = QHBoxLayout()
    row.setSpacing(theme.space(2))
    for panel, stretch in panels:
        row.addWidget(panel, stretch)
    return row
