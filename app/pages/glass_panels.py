"""The upper parts of the Glass page: the question, the answer as shades, its risk, and where to doubt it."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from core.glass.uncertainty import AnswerRisk, is_unsure, unsupported_and_unsure, word_around
from core.infer.sources import Source
from core.spec.glass import Support
from core.spec.messages import TokenRecord
from widgets import theme
from widgets.cards import Button, Card, Disclosure, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.sampler_panel import SamplerPanel
from widgets.token_strip import StripToken, TokenLegend, TokenStrip


class AskPanel(Card):
    """Which model, and what to ask it."""

    submitted = Signal()  # Ctrl+Return in the question
    source_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.model = QComboBox()
        self.model.setAccessibleName(self.tr("Model"))
        self.model.setMinimumWidth(theme.space(28))
        self.model.currentIndexChanged.connect(lambda: self.source_changed.emit(self.source()))
        self.question = QPlainTextEdit()
        self.question.setAccessibleName(self.tr("What the model is to continue or answer"))
        self.question.setPlaceholderText(self.tr("Type the beginning of a sentence, or a question."))
        self.question.setTabChangesFocus(True)
        self.question.setFixedHeight(theme.space(8))
        self.question.installEventFilter(self)
        self.sampler = SamplerPanel()
        more = Disclosure(self.tr("How the next token is drawn"))
        more.body.addWidget(self.sampler)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        column = QVBoxLayout()
        column.setSpacing(theme.space(0.5))
        column.addWidget(Text(self.tr("Model"), "caption"))
        column.addWidget(self.model)
        column.addStretch(1)
        row.addLayout(column)
        row.addWidget(self.question, 1)
        self.body.addLayout(row)
        self.body.addWidget(more)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Offer these models; the chosen one stays chosen where it is still there."""
        before = self.source()
        self.model.blockSignals(True)
        self.model.clear()
        for source in sources:
            grown = source.origin == "run"
            self.model.addItem(source.name if grown else self.tr("{name} (grown elsewhere)").format(name=source.name)
                               if source.origin == "built-in" else source.name, source.source)  # fmt: skip
        self.model.blockSignals(False)
        self.choose(before)

    def choose(self, source: str) -> None:
        """Choose a model by its source, if it is offered."""
        place = self.model.findData(source)
        if place >= 0:
            self.model.setCurrentIndex(place)

    def source(self) -> str:
        """The chosen model's source; empty when there is none."""
        return self.model.currentData() or ""

    def eventFilter(self, watched, event: QEvent) -> bool:
        if watched is self.question and event.type() == QEvent.Type.KeyPress:
            key: QKeyEvent = event
            if key.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and key.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self.submitted.emit()
                return True
        return super().eventFilter(watched, event)


class AnswerPanel(Card):
    """The answer as a heat strip, with a switch for what the shade means."""

    token_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("The answer, token by token"), parent=parent)
        self.mode = SegmentedControl({
            "probability": self.tr("Probability"), "rank": self.tr("Rank"), "entropy": self.tr("Entropy"),
        }, name=self.tr("What the shade means"))  # fmt: skip
        self.strip = TokenStrip()
        self.strip.setMinimumHeight(theme.space(16))
        self.strip.clicked.connect(self.token_clicked)
        self.legend = TokenLegend("probability", ("verbatim", "unsure", "unsupported"))
        self.mode.value_changed.connect(self.strip.set_mode)
        self.mode.value_changed.connect(self.legend.set_mode)
        self.body.removeWidget(self.title)
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.mode)
        self.body.addLayout(head)
        self.body.addWidget(self.strip, 1)
        self.body.addWidget(self.legend)

    def show_answer(self, prompt: str, records: Sequence[TokenRecord], support: Sequence[Support] | None) -> None:
        """Show a prompt and what followed, with what is known of its support."""
        self.strip.set_tokens([prompt_token(prompt), *map(strip_token, records)])
        self.strip.set_marks([(start + 1, end + 1, kind) for start, end, kind in marks(records, support)])

    def select(self, start: int, end: int) -> None:
        """Choose a range of the answer's tokens."""
        self.strip.select(start + 1, end + 1)


class RiskTiles(QWidget):
    """The answer's risk as four numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.risk = StatTile(self.tr("Answer risk"), unit=self.tr("nats"), term="answer risk")
        self.perplexity = StatTile(self.tr("Perplexity"), unit=self.tr("choices a token"), term="perplexity")
        self.entropy = StatTile(self.tr("Mean entropy"), unit=self.tr("nats"), term="entropy")
        self.verbatim = StatTile(self.tr("Word for word"), unit=self.tr("of the answer"), term="verbatim span")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(theme.space(1))
        for place, tile in enumerate((self.risk, self.perplexity, self.entropy, self.verbatim)):
            grid.addWidget(tile, place // 2, place % 2)

    def show_risk(self, risk: AnswerRisk | None, support: Sequence[Support] | None) -> None:
        """Fill in the numbers; None shows dashes."""
        found = risk is not None and risk.tokens > 0
        self.risk.set_value(f"{risk.risk:.1f}" if found else "", hint=self.tr("the longer, the higher"))
        self.perplexity.set_value(f"{risk.perplexity:.1f}" if found else "", hint=self.tr("1 = never in doubt"))
        self.entropy.set_value(f"{risk.mean_entropy:.2f}" if found else "", hint=self.tr("0 = never in doubt"))
        share = 100 * sum(s == "verbatim" for s in support) / len(support) if support else 0
        self.verbatim.set_value(
            f"{share:.0f} %" if support else "",
            hint=self.tr("in the training text") if support is not None else self.tr("not known"))  # fmt: skip


class DoubtPanel(Card):
    """Where to doubt first: each word that was a guess, and whether the training text has it."""

    word_chosen = Signal(int)  # token

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Unsupported and unsure"), parent=parent)
        self.about = Text("", "muted")
        self.body.addWidget(self.about)
        self._words = QVBoxLayout()
        self._words.setSpacing(theme.space(0.5))
        self.body.addLayout(self._words)
        self.body.addStretch(1)

    def show_doubts(self, records: Sequence[TokenRecord], support: Sequence[Support] | None, limit: int = 5) -> None:
        """List the most doubtful words, least likely first."""
        while self._words.count():
            self._words.takeAt(0).widget().deleteLater()
        doubtful = unsupported_and_unsure(records, support) if support is not None else map(is_unsure, records)
        places = sorted((i for i, mark in enumerate(doubtful) if mark), key=lambda i: records[i].probability)
        for place in places[:limit]:
            self._words.addWidget(self._word(records, support, place))
        if support is None:
            told = self.tr("Guesses of the model. Whether its training text has these words is not known.")
        elif places:
            told = self.tr("Guesses in a wording that the training text does not have. Check these first.")
        else:
            told = self.tr("Nothing: every guess is part of a wording that the training text has.")
        if len(places) > limit:
            told += " " + self.tr("The first {shown} of {count}:").format(shown=limit, count=len(places))
        self.about.setText(told)

    def _word(self, records: Sequence[TokenRecord], support: Sequence[Support] | None, place: int) -> Button:
        template = self.tr("▲ {word} · {percent} likely")
        if support is not None and support[place] == "absent":
            template = self.tr("▲ {word} · {percent} likely, never read")
        elif support is not None:
            template = self.tr("▲ {word} · {percent} likely, read in other wordings")
        word = word_around(records, place)
        button = Button(template.format(word=shortened(word), percent=percent(records[place].probability)), "link")
        button.clicked.connect(lambda: self.word_chosen.emit(place))
        return button


def strip_token(record: TokenRecord) -> StripToken:
    """A produced token as the heat strip takes it."""
    top = tuple((data, probability) for _, data, probability in record.top)
    return StripToken(record.bytes, record.probability, record.rank, record.entropy, top, id=record.id)


def prompt_token(prompt: str) -> StripToken:
    """The prompt as one token without shade."""
    return StripToken(prompt.encode("utf-8"), prompt=True)


def marks(records: Sequence[TokenRecord], support: Sequence[Support] | None) -> list[tuple[int, int, str]]:
    """Marks of the answer's tokens, each with its own shape: verbatim spans, guesses, unsupported guesses."""
    if support is None:
        return [(i, i + 1, "unsure") for i, record in enumerate(records) if is_unsure(record)]
    found, doubtful = [], unsupported_and_unsure(records, support)
    start = 0
    for place in range(len(support) + 1):
        if place == len(support) or support[place] != "verbatim":
            if start < place:
                found.append((start, place, "verbatim"))
            start = place + 1
    for place, record in enumerate(records[: len(support)]):
        if doubtful[place]:
            found.append((place, place + 1, "unsupported"))
        elif is_unsure(record) and support[place] != "verbatim":
            found.append((place, place + 1, "unsure"))
    return found


def percent(probability: float) -> str:
    """A probability as a short percentage; small ones keep a digit that says something."""
    return f"{100 * probability:.0f} %" if probability >= 0.1 else f"{100 * probability:.2g} %"


def shortened(text: str, characters: int = 24) -> str:
    """At most so many characters, with a dash of what is missing."""
    text = " ".join(text.split())
    return text if len(text) <= characters else text[: characters - 1] + "…"
