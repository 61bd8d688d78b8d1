"""The form of a new training run: a preset shape, inputs from the workspace, and what it will cost."""

import msgspec
from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape, scroll_area
from app.state.context import AppContext
from app.state.family import presets, systems
from app.state.growth import MOST_STEPS, grow
from app.translations import translate
from app.views.sizing import SizingPanel
from core.errors import LabError
from core.spec.files import preset, preset_names
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.spec_form import SpecForm

FIRST_PRESET = "llama-1m"
SYSTEM = "system:"  # before the key of a system of the family tree


class NewRunForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    queued = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.name = QLineEdit("run")
        self.name.setAccessibleName(self.tr("Name"))
        self.shape = QComboBox()
        self.shape.setAccessibleName(self.tr("Shape"))
        for name in preset_names("models"):
            self.shape.addItem(translate(preset("models", name).title), name)
        self.shape.insertSeparator(self.shape.count())
        for key, system in systems().items():
            if system.shape.family != "ngram":
                self.shape.addItem(self.tr("{name}, 1 M").format(name=system.name), SYSTEM + key)
        self.about = Text("", "caption")
        self.form = SpecForm(TrainSpec)
        self.sizing = SizingPanel(columns=2)
        self.missing = Text("", "error")
        self.start = Button(self.tr("Start training"), "primary", "play")
        self.later = Button(self.tr("Queue"), "secondary", "clock")
        self.later.setToolTip(self.tr("The run waits for its turn and begins when the limits of the queue allow it."))
        self.cancel = Button(self.tr("Cancel"))
        self._arrange()
        on_escape(self, self.cancelled.emit)
        self.shape.activated.connect(lambda _: self.use_preset(self.shape.currentData()))
        self.form.values_changed.connect(lambda _: self._refresh())
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.start.clicked.connect(lambda: self._tell(self.started))
        self.later.clicked.connect(lambda: self._tell(self.queued))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.shape.setCurrentIndex(self.shape.findData(FIRST_PRESET))
        self.use_preset(FIRST_PRESET)

    def use_preset(self, name: str) -> None:
        """Take the shape of a model preset or of a system; the vocabulary is the tokenizer's."""
        if name.startswith(SYSTEM):
            self._use_system(name.removeprefix(SYSTEM))
            return
        chosen = preset("models", name)
        self.about.setText(translate(chosen.about))
        self.use_model(chosen.values)

    def _use_system(self, key: str) -> None:
        """Take a system's shape at a million parameters with the chosen tokenizer's vocabulary."""
        found = self.context.jobs.named("tokenizer", self.form.values().get("tokenizer", "") or "-")
        self.about.setText(translate(presets()[key].about))
        try:
            small = grow(systems()[key].shape, "1m", found.view.result.get("vocab_size", 0) if found else 0)
        except LabError as error:
            self.about.setText(error.sentence(translate))
            return
        self.use_model(msgspec.to_builtins(small))

    def use_model(self, values: dict, budget_s: float = 0) -> None:
        """Take a shape, such as the one designed on the Architecture page; with a budget, time decides the steps."""
        timed = {"budget_s": float(budget_s), "steps": MOST_STEPS} if budget_s else {}
        self.form.set_values({"model": {**values, "vocab_size": 0}, **timed})
        self._refresh()

    def offer_inputs(self) -> None:
        """Offer the corpora and tokenizers that are finished, the newest first."""
        values = self.form.values()
        for field, kind in (("corpus", "corpus"), ("tokenizer", "tokenizer")):
            names = self.context.jobs.names(kind)
            self.form.set_choices(field, names)
            if names and values.get(field) not in names:
                self.form.set_values({field: names[0]})
        self._refresh()

    def _refresh(self) -> None:
        values, spec = self.form.values(), self.form.spec()
        corpora, tokenizers = self.context.jobs.names_in("corpora"), self.context.jobs.names("tokenizer")
        missing = ""
        if not corpora:
            missing = self.tr("There is no finished corpus yet: import text on the Data page first.")
        elif not tokenizers:
            missing = self.tr("There is no finished tokenizer yet: train one on the Data page first.")
        self.missing.setText(missing)
        self.missing.setVisible(bool(missing))
        for button in (self.start, self.later):
            button.setEnabled(spec is not None and not missing)
        if spec is not None:
            tokenizer = self.context.jobs.named("tokenizer", values.get("tokenizer", "") or "-")
            found = tokenizer.view.result.get("vocab_size", 0) if tokenizer else 0
            model = replace(spec.model, vocab_size=spec.model.vocab_size or found)
            self.sizing.set_spec(model, spec.micro_batch or spec.batch_size, spec.precision)

    def _tell(self, wish: Signal) -> None:
        if self.form.spec() is not None:
            wish.emit(self.name.text().strip() or "run", self.form.spec())

    def _arrange(self) -> None:
        top = Card(self.tr("New training run"))
        for widget in (self.name, self.shape):
            widget.setMaximumWidth(theme.space(40))
        for label, widget in ((self.tr("Name"), self.name), (self.tr("Shape"), self.shape)):
            row = QHBoxLayout()
            word = Text(label, "body", wrap=False)
            word.setFixedWidth(152)
            row.addWidget(word)
            row.addWidget(widget, 1)
            row.addStretch()
            top.body.addLayout(row)
        top.body.addWidget(self.about)
        fields = Card()
        fields.body.addWidget(self.form)
        content = QWidget()
        left = QVBoxLayout(content)
        left.setContentsMargins(0, 0, theme.space(1), 0)
        left.setSpacing(theme.space(2))
        left.addWidget(top)
        left.addWidget(fields)
        left.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(theme.space(2))
        right.addWidget(self.sizing)
        right.addWidget(self.missing)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.later)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        right.addLayout(buttons)
        right.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        self.sizing.setMinimumWidth(theme.space(38))
        content.setMaximumWidth(FORM_WIDTH_PX)
        row.addWidget(scroll_area(content), 3)
        row.addLayout(right, 2)
