"""The card of one system: its idea, the original's true numbers, what is missing, and how large to grow it."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.state.family import presets, systems
from app.translations import translate
from app.words import count_text
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
    train_asked = Signal(str)  # system
    system_asked = Signal(str)  # another system, to be shown

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(" ", parent=parent)
        self.key = self.base = ""
        self.place, self.idea = Text("", "caption"), Text("", "body")
        self.recipe, self.on_top = Notice("info"), Text("", "body")
        self.base_link = Button("", "link")
        self.unsized = Text(self.tr("It counts instead of learning: its size follows from the corpus."), "caption")
        self.difference, self.source = Text("", "caption"), Text("", "caption")
        words = {"1m": self.tr("1 M parameters"), "10m": self.tr("10 M parameters"),
                 "5min": self.tr("5 minutes here"), "2gb": self.tr("2 GB of memory")}  # fmt: skip
        self.budgets = {key: Button(words[key]) for key in BUDGETS}
        self.compare = Button(self.tr("Put it beside another"))
        self.train = Button("", "primary", "training")
        self.train.setToolTip(self.tr(
            "Starts a run of five minutes at 1 M parameters on the newest corpus and tokenizer, and shows it."))
        for key, button in self.budgets.items():
            button.clicked.connect(lambda _=False, key=key: self.grow_asked.emit(self.key, key))
        self.compare.clicked.connect(lambda: self.compare_asked.emit(self.key))
        self.train.clicked.connect(lambda: self.train_asked.emit(self.key))
        self.base_link.clicked.connect(lambda: self.system_asked.emit(self.base))
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
        self._show_recipe(system)
        self.difference.setText(translate(system.difference))
        self.difference.setVisible(bool(system.difference))
        self.source.setText(presets()[key].source)
        self._show_facts(facts(system))
        sized = system.shape.family != "ngram"
        for button in self.budgets.values():
            button.setVisible(sized)
        self.unsized.setVisible(not sized)

    def _show_recipe(self, system: SystemSpec) -> None:
        """Of a recipe: whose shape it has, what is done on top, and what of it is not there yet."""
        for widget in (self.base_link, self.on_top, self.recipe):
            widget.setVisible(system.recipe)
        self.train.setText(self.tr("Train its base here") if system.recipe else self.tr("Train it here"))
        self.train.setAccessibleName(self.train.text())
        if system.recipe:
            self.base = next(key for key, other in systems().items() if other.name == system.base)
            self.base_link.setText(self.tr("A recipe on top of {base}").format(base=system.base))
            self.on_top.setText(self.tr("On top: {what}.").format(what=translate(system.itself)))
            self.recipe.show_message("info", translate(system.not_yet))

    def _show_facts(self, rows: list[tuple[str, str]]) -> None:
        while self._facts.count():
            widget = self._facts.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        for place, (name, value) in enumerate(rows):
            label, figure = Text(name, "caption", wrap=False), Text(value, "body")
            for text in (label, figure):
                text.setMinimumHeight(text.fontMetrics().height() + 2)  # rows of a full card are not squeezed
            self._facts.addWidget(label, place, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(figure, place, 1)

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
        grow.addWidget(self.unsized)
        for widget in (self.place, self.idea):
            self.body.addWidget(widget)
        self.body.addWidget(self.base_link, 0, Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.on_top)
        self.body.addWidget(self.recipe)
        self.body.addLayout(grow)
        for button in (self.train, self.compare):
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            self.body.addWidget(button)
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
