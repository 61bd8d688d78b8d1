"""The two cards of a conversation: what is asked of which model, and its answer as coloured tokens."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.state.dialogue import template_uses
from app.translations import translate
from core.infer.sources import Source
from core.prompt.template import prompt_preset_names
from core.spec.files import preset
from core.spec.messages import TokenRecord
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.controls import SegmentedControl
from widgets.prompt_editor import PromptEditor, PromptTemplate
from widgets.token_legend import TokenLegend
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken

STRIP_UNITS = (16, 60)  # least and most height of an answer, in grid units


class AskingCard(Card):
    """Model, its state, and the prompt editor with every template of presets/prompts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.model = QComboBox()
        self.model.setAccessibleName(self.tr("Model"))
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.state = Text("", "caption", wrap=False)
        self.reload = Button(self.tr("Reload newest checkpoint"), "quiet", "refresh")
        self.fresh = Button(self.tr("New conversation"), "quiet", "plus")
        self.editor = PromptEditor([_template(name) for name in prompt_preset_names()])
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.model, 1)
        for widget in (self.reload, self.fresh):
            row.addWidget(widget)
        self.body.addLayout(row)
        self.body.addWidget(self.state)
        self.body.addWidget(self.editor)


class AnswerCard(Card):
    """The answer, coloured by probability, rank or entropy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.strip, self.legend = TokenStrip(), TokenLegend()
        self.waiting = Text(self.tr("The answer appears here, token by token."), "muted")
        self.mode = SegmentedControl({"probability": self.tr("Probability"), "rank": self.tr("Rank"),
                                      "entropy": self.tr("Entropy")}, name=self.tr("Colour by"))  # fmt: skip
        self.mode.value_changed.connect(self.set_mode)
        self.result = Text("", "caption")
        self.strip.content_changed.connect(self._make_room)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.mode)
        row.addWidget(self.legend, 1)
        self.body.addLayout(row)
        self.body.addWidget(self.waiting)
        self.body.addWidget(self.strip, 1)
        self.body.addWidget(self.result)
        self._make_room()

    def _make_room(self) -> None:
        """Give the answer the height it needs, within reason; a longer one scrolls in itself."""
        low, high = (theme.space(units) for units in STRIP_UNITS)
        self.strip.setMinimumHeight(min(max(self.strip.content_height(), low), high))
        self.waiting.setVisible(not self.strip.tokens)

    def set_mode(self, mode: str) -> None:
        """Colour by another figure."""
        self.strip.set_mode(mode)
        self.legend.set_mode(mode)


def strip_token(record: TokenRecord) -> StripToken:
    """A token of an answer as the strip shows it."""
    return StripToken(record.bytes, record.probability, record.rank, record.entropy,
                      tuple((data, probability) for _, data, probability in record.top), id=record.id)  # fmt: skip


def asked(text: str) -> StripToken:
    """What was asked; it carries no colour."""
    return StripToken(text, prompt=True)


def source_text(source: Source) -> str:
    """A model as the chooser names it: name, format and where it comes from."""
    say = QCoreApplication.translate
    kind = {"torch": "", "gguf": "GGUF", "onnx": "ONNX"}[source.kind]
    origin = {"run": say("source", "your run"), "export": say("source", "exported file"),
              "built-in": say("source", "built in")}[source.origin]  # fmt: skip
    return f"{source.name}  ·  {kind} {origin}".replace("  ·   ", "  ·  ")


def _template(name: str) -> PromptTemplate:
    shown = preset("prompts", name)
    return PromptTemplate(name, translate(shown.title), translate(shown.about), template_uses(name))
