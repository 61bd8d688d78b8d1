"""The form of a new experiment: a prepared question, or one's own corpus with and without its rules."""

import os

from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.translations import translate
from app.views.rule_words import rule_label
from app.words import duration_text
from core.errors import LabError
from core.model.sizing import flops_per_token
from core.spec.base import build
from core.spec.experiment import ExperimentSpec
from core.spec.files import preset, preset_names
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.controls import SegmentedControl
from widgets.number_line import NumberLine
from widgets.spec_form import LABEL_WIDTH_PX

OWN = "duplicates"  # the preset whose model and training an own comparison takes
CORE_FLOPS = 3e10  # a second, of such small models on one processor: an estimate, on the careful side
START_S = 5.0  # of one training: loading the engine, timing, the last measurement
PREPARE_S = 20.0  # reading, cleaning, tokenizer
NUMBERS = ("seeds", "steps", "text_bytes")


class ExperimentForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.way = SegmentedControl(
            {"preset": self.tr("A prepared question"), "corpus": self.tr("My own corpus")}, name=self.tr("Ask"))
        self.way.value_changed.connect(lambda _: self._take())
        self.presets, self.corpora, self.name = QComboBox(), QComboBox(), QLineEdit()
        for name in preset_names("experiments"):
            self.presets.addItem(translate(preset("experiments", name).title), name)
        self.presets.activated.connect(lambda _: self._take())
        self.corpora.activated.connect(lambda _: self._take())
        self.about = Text("", "caption")
        self.rules: dict[str, QCheckBox] = {}
        self.numbers = {name: NumberLine(whole=True) for name in NUMBERS}
        for line in self.numbers.values():
            line.textEdited.connect(lambda _: self._refresh())
        self.estimate, self.wrong = Text("", "body"), Text("", "error")
        self.start = Button(self.tr("Start"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        self._arrange()
        self.opened()

    def opened(self, chosen: str = "") -> None:
        """Offer the finished corpora; ``chosen`` names one to ask about, or a preset."""
        before = self.corpora.currentData()
        self.corpora.clear()
        for name in self.context.jobs.names("corpus"):
            self.corpora.addItem(name, name)
        at = self.corpora.findData(chosen or before)
        self.corpora.setCurrentIndex(max(at, 0))
        if chosen and at >= 0:
            self.way.set_value("corpus")
        elif self.presets.findData(chosen) >= 0:
            self.presets.setCurrentIndex(self.presets.findData(chosen))
        self._take()

    def values(self) -> dict:
        """Plain data of the spec as it is asked for now."""
        own = self.way.value() == "corpus"
        values = dict(preset("experiments", OWN if own else self.presets.currentData()).values)
        if own:
            job = self.context.jobs.named("corpus", self.corpora.currentData() or "-")
            values |= {"base": job.folder.request["spec"] if job else {}, "arms": self._own_arms()}
        train = dict(values.get("train", {}))
        for name, line in self.numbers.items():
            try:
                (train if name == "steps" else values)[name] = line.number()
            except (ValueError, OverflowError):
                pass  # an empty line leaves the preset's number
        return values | {"train": train}

    def _own_arms(self) -> list[dict]:
        """All rules, and one arm without each rule that is ticked."""
        ticked = [tag for tag, box in self.rules.items() if box.isChecked()]
        return [{"name": self.tr("all rules")}, *(
            {"name": self.tr("without “{rule}”").format(rule=rule_label(tag)), "without": [tag]} for tag in ticked)]

    def spec(self) -> ExperimentSpec | None:
        """The spec, or None while something is wrong with it; the sentence is shown."""
        try:
            spec = build(ExperimentSpec, self.values())
        except LabError as error:
            self.wrong.setText(error.sentence(translate))
            return None
        self.wrong.setText("")
        return spec

    def estimate_s(self, spec: ExperimentSpec) -> float:
        """About how long it will take here, seconds."""
        train = build(TrainSpec, {**spec.train, "corpus": "-", "tokenizer": "-"})
        size = {"vocab_size": spec.model.vocab_size or spec.tokenizer.vocab_size}
        flops = flops_per_token(replace(spec.model, **size)).training * train.batch_size * spec.model.context
        trainings = spec.seeds * len(spec.arms)
        rounds = -(-trainings // (spec.at_once or os.cpu_count() or 1))
        return PREPARE_S + rounds * (START_S + train.steps * flops / CORE_FLOPS)

    def _take(self) -> None:
        """Show what belongs to the way of asking that was chosen, and its usual numbers."""
        own = self.way.value() == "corpus"
        self.prepared.setVisible(not own)
        self.own.setVisible(own)
        name = OWN if own else self.presets.currentData()
        chosen = preset("experiments", name)
        self.about.setText("" if own else translate(chosen.about))
        self.about.setVisible(not own)
        self.name.setText(f"{self.corpora.currentData() or 'corpus'}-rules" if own else name)
        given = {**chosen.values, "steps": chosen.values["train"]["steps"]}
        for field, line in self.numbers.items():
            line.setText(str(given.get(field, 0)))
        self.numbers["text_bytes"].parentWidget().setVisible("facts" not in chosen.values)
        self._offer_rules()
        self._refresh()

    def _offer_rules(self) -> None:
        for box in self.rules.values():
            box.hide()
            box.deleteLater()
        self.rules = {}
        job = self.context.jobs.named("corpus", self.corpora.currentData() or "-")
        for rule in job.folder.request["spec"].get("rules", []) if job else []:
            words = self.tr("without “{rule}”").format(rule=rule_label(rule["rule"]))
            box = self.rules[rule["rule"]] = QCheckBox(words)
            box.toggled.connect(lambda _: self._refresh())
            self.rule_column.addWidget(box)
        self.no_corpus.setVisible(job is None)

    def _refresh(self) -> None:
        spec = self.spec()
        self.start.setEnabled(spec is not None)
        self.wrong.setVisible(spec is None)
        self.estimate.setVisible(spec is not None)
        if spec is not None:
            self.estimate.setText(self.tr(
                "{arms} arms × {seeds} seeds = {twins} trainings; about {time} here (an estimate).").format(
                arms=len(spec.arms), seeds=spec.seeds, twins=spec.seeds * len(spec.arms),
                time=duration_text(self.estimate_s(spec))))  # fmt: skip

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or "experiment", spec)

    def _arrange(self) -> None:
        card = Card(self.tr("What does it do to the model?"))
        card.body.addWidget(Text(self.tr(
            "Small twins are trained on text treated in different ways, at equally many tokens and with several seeds, "
            "and measured on the same clean text that none of them has seen."), "muted"))  # fmt: skip
        card.body.addWidget(self.way)
        self.prepared, self.own = form_row(self.tr("Question"), self.presets), QWidget()
        self.no_corpus = Text(self.tr("There is no finished corpus yet: import text first."), "error")
        self.rule_column = QVBoxLayout()
        column = QVBoxLayout(self.own)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(form_row(self.tr("Corpus"), self.corpora))
        column.addWidget(self.no_corpus)
        column.addWidget(Text(self.tr("Trained with all its rules, and once more:"), "body"))
        column.addLayout(self.rule_column)
        for panel in (self.prepared, self.own):
            card.body.addWidget(panel)
        card.body.addWidget(self.about)
        finish_form(self, card, {
            "seeds": self.tr("Seeds"), "steps": self.tr("Steps"), "text_bytes": self.tr("Raw text, bytes")},
            self.tr("Name"))  # fmt: skip


def finish_form(form: QWidget, card: Card, labels: dict[str, str], name_label: str) -> None:
    """Put a form's name, numbers, estimate and buttons at the foot of its card, and the card into the form.

    Args:
        form: has ``name``, ``numbers``, ``estimate``, ``wrong``, ``start`` and ``cancel``.
        labels: of the numbers, translated.
    """
    card.body.addWidget(form_row(name_label, form.name))
    for name, line in form.numbers.items():
        line.setAccessibleName(labels[name])
        card.body.addWidget(form_row(labels[name], line))
    for text in (form.estimate, form.wrong):
        card.body.addWidget(text)
    buttons = QHBoxLayout()
    for button in (form.start, form.cancel):
        buttons.addWidget(button)
    buttons.addStretch(1)
    card.body.addLayout(buttons)
    column = QVBoxLayout(form)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(card)
    column.addStretch(1)


def form_row(label: str, widget: QWidget) -> QWidget:
    """A labelled line of the form."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.space(1))
    word = Text(label, "body", wrap=False)
    word.setFixedWidth(LABEL_WIDTH_PX)
    word.setBuddy(widget)
    if not isinstance(widget, NumberLine):
        widget.setMinimumWidth(theme.space(40))
    row.addWidget(word)
    row.addWidget(widget)
    row.addStretch(1)
    return line
