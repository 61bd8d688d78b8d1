"""The card of one system: its idea, the original's true numbers, what is missing, and how large to grow it."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.state.family import presets, systems
from app.translations import translate
from app.words import count_text
from core.errors import join_sentences
from core.model.sizing import parameters
from core.spec.system import SystemSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.notice import Notice
from widgets.spec_words import choice_text

BUDGETS = ("1m", "10m", "5min", "2gb")


class SystemCard(Card):
    """Emits what a person wants of the system it shows."""

    grow_asked = Signal(str, str)  # system, budget
    compare_asked = Signal(str)  # system

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(" ", parent=parent)
        self.key = ""
        self.place, self.idea = Text("", "caption"), Text("", "body")
        self.recipe = Notice("info")
        self.difference, self.source = Text("", "caption"), Text("", "caption")
        words = {"1m": self.tr("1 M parameters"), "10m": self.tr("10 M parameters"),
                 "5min": self.tr("5 minutes here"), "2gb": self.tr("2 GB of memory")}  # fmt: skip
        self.budgets = {key: Button(words[key]) for key in BUDGETS}
        self.compare = Button(self.tr("Put it beside another"))
        for key, button in self.budgets.items():
            button.clicked.connect(lambda _=False, key=key: self.grow_asked.emit(self.key, key))
        self.compare.clicked.connect(lambda: self.compare_asked.emit(self.key))
        self._facts = QGridLayout()
        self._arrange()

    def show_system(self, key: str) -> None:
        """Show another system."""
        self.key, system = key, systems()[key]
        self.title.setText(system.name)
        kind = self.tr("recipe") if system.recipe else self.tr("shape")
        weights = self.tr("weights open") if system.open_weights else self.tr("weights closed")
        self.place.setText(f"{system.year} · {kind} · {weights}")
        self.idea.setText(translate(presets()[key].about))
        self.recipe.setVisible(system.recipe)
        if system.recipe:
            words = self.tr("A recipe on top of {base}.").format(base=system.base)
            self.recipe.show_message("info", join_sentences(words, translate(system.not_yet)))
        self.difference.setText(translate(system.difference))
        self.difference.setVisible(bool(system.difference))
        self.source.setText(presets()[key].source)
        self._show_facts(facts(system))
        counted = system.shape.family not in ("word_vectors", "ngram")
        self.budgets["5min"].setEnabled(counted)
        for budget in ("1m", "10m", "2gb"):
            self.budgets[budget].setEnabled(system.shape.family != "ngram" or budget == "1m")

    def _show_facts(self, rows: list[tuple[str, str]]) -> None:
        while self._facts.count():
            widget = self._facts.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        for place, (name, value) in enumerate(rows):
            self._facts.addWidget(Text(name, "caption", wrap=False), place, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(Text(value, "body"), place, 1)

    def _arrange(self) -> None:
        self._facts.setColumnStretch(1, 1)
        self._facts.setHorizontalSpacing(theme.space(1.5))
        self._facts.setVerticalSpacing(2)
        self.body.setSpacing(theme.space(0.75))
        sizes = QGridLayout()
        sizes.setSpacing(theme.space(0.75))
        for place, button in enumerate(self.budgets.values()):
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            sizes.addWidget(button, place // 2, place % 2)
        grow = QVBoxLayout()
        grow.addWidget(Text(self.tr("Grow it at"), "strong"))
        grow.addLayout(sizes)
        for widget in (self.place, self.idea, self.recipe):
            self.body.addWidget(widget)
        self.body.addLayout(grow)
        self.body.addWidget(self.compare)
        self.body.addWidget(Text(self.tr("The original"), "strong"))
        self.body.addLayout(self._facts)
        self.body.addWidget(self.difference)
        self.body.addWidget(self.source)
        self.body.addStretch(1)


def facts(system: SystemSpec) -> list[tuple[str, str]]:
    """The original's numbers, each with its name; what is not known is left out."""
    say, shape = QCoreApplication.translate, system.shape
    rows = [(say("facts", "Published size"), count_text(system.published_parameters or 0)),
            (say("facts", "This shape has"), count_text(parameters(shape)["total"])),
            (say("facts", "Data"), data_text(system.data)), (say("facts", "Hardware"), system.hardware)]  # fmt: skip
    if shape.family != "ngram":
        rows.append((say("facts", "Width"), f"{shape.d_model:,}"))
    if shape.family in ("transformer", "lstm"):
        layers = f"{shape.encoders} + {shape.n_layers}" if shape.encoders else f"{shape.n_layers}"
        rows.append((say("facts", "Layers"), layers))
    if shape.family == "transformer":
        heads = f"{shape.n_heads} × {shape.head}"
        if shape.kv != shape.n_heads:
            heads += say("facts", ", {kv} key/value").format(kv=shape.kv)
        rows += [(say("facts", "Heads"), heads), (say("facts", "Feed-forward"), f"{shape.ff:,}")]
        rows.append((say("facts", "Context"), f"{shape.context:,}"))
    if shape.experts.count:
        rows.append((say("facts", "Experts"), f"{shape.experts.top} / {shape.experts.count:,}"))
    rows.append((say("facts", "Vocabulary"), f"{shape.vocab_size:,}" if shape.vocab_size else ""))
    rows.append((say("facts", "Learns"), choice_text(shape.objective.task)))
    return [(name, value) for name, value in rows if value not in ("", "0")]


def data_text(data: str) -> str:
    """What an original read, in the user's language."""
    if data.endswith(" tokens"):
        return QCoreApplication.translate("facts", "{count} tokens").format(count=data.removesuffix(" tokens"))
    return data
