"""The form of a new inspection: a prepared world and model, how many seeds, how many questions."""

from msgspec.structs import replace
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.translations import translate
from app.views.experiment_form import CORE_FLOPS, START_S, finish_form, form_row
from app.words import duration_text
from core.errors import LabError
from core.model.sizing import flops_per_token
from core.spec.base import build
from core.spec.files import preset, preset_names
from core.spec.inspect import InspectSpec
from core.spec.train import TrainSpec
from widgets.cards import Button, Card, Text
from widgets.number_line import NumberLine

ASK_S = 0.05  # a question, all its answers and their scores: an estimate, on the careful side
STAGES_S = 4 * START_S  # the other stages of a seed


class InspectionForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.presets, self.name = QComboBox(), QLineEdit()
        for name in preset_names("inspections"):
            self.presets.addItem(translate(preset("inspections", name).title), name)
        self.presets.activated.connect(lambda _: self._take())
        self.about = Text("", "caption")
        self.numbers = {name: NumberLine(whole=True) for name in ("seeds", "questions", "steps")}
        for line in self.numbers.values():
            line.textEdited.connect(lambda _: self._refresh())
        self.estimate, self.wrong = Text("", "body"), Text("", "error")
        self.start, self.cancel = Button(self.tr("Start"), "primary", "play"), Button(self.tr("Cancel"))
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        self._arrange()
        self._take()

    def opened(self, chosen: str = "") -> None:
        """Offer a preset by its name."""
        if self.presets.findData(chosen) >= 0:
            self.presets.setCurrentIndex(self.presets.findData(chosen))
            self._take()

    def spec(self) -> InspectSpec | None:
        """The spec, or None while something is wrong with it; the sentence is shown."""
        values = dict(preset("inspections", self.presets.currentData()).values)
        places = {"seeds": values, "questions": values.setdefault("asking", {}), "steps": values["train"]}
        try:
            for name, line in self.numbers.items():
                places[name][name] = line.number()
            places["steps"]["checkpoint_every"] = places["steps"]["steps"]
            spec = build(InspectSpec, values)
        except (LabError, ValueError, OverflowError) as error:
            self.wrong.setText(error.sentence(translate) if isinstance(error, LabError) else self.tr(
                "One of the numbers is missing."))
            return None
        self.wrong.setText("")
        return spec

    def estimate_s(self, spec: InspectSpec) -> float:
        """About how long one seed will take here, seconds."""
        train = build(TrainSpec, {**spec.train, "corpus": "-", "tokenizer": "-"})
        size = spec.model.vocab_size or spec.tokenizer.vocab_size
        flops = flops_per_token(replace(spec.model, vocab_size=size)).training * train.batch_size * spec.model.context
        return STAGES_S + train.steps * flops / CORE_FLOPS + spec.asking.questions * ASK_S

    def _take(self) -> None:
        name = self.presets.currentData()
        chosen = preset("inspections", name)
        self.about.setText(translate(chosen.about))
        self.name.setText(name)
        given = {"seeds": chosen.values["seeds"], "questions": chosen.values["asking"]["questions"],
                 "steps": chosen.values["train"]["steps"]}  # fmt: skip
        for field, line in self.numbers.items():
            line.setText(str(given[field]))
        self._refresh()

    def _refresh(self) -> None:
        spec = self.spec()
        self.start.setEnabled(spec is not None)
        self.wrong.setVisible(spec is None)
        self.estimate.setVisible(spec is not None)
        if spec is not None:
            self.estimate.setText(self.tr(
                "{seeds} seeds, about {time} each here, one beside the other as far as there are processors (an "
                "estimate).").format(seeds=spec.seeds, time=duration_text(self.estimate_s(spec))))  # fmt: skip

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or "inspection", spec)

    def _arrange(self) -> None:
        card = Card(self.tr("What does it know, and what does it make up?"))
        card.body.addWidget(Text(self.tr(
            "A small model learns a world whose truth is known, and is asked about it. Then its errors are looked for "
            "without the truth: by how sure it was, by asking again, and by asking its own training text."), "muted"))
        card.body.addWidget(form_row(self.tr("Preset"), self.presets))
        card.body.addWidget(self.about)
        finish_form(self, card, {
            "seeds": self.tr("Seeds"), "questions": self.tr("Questions"), "steps": self.tr("Steps")},
            self.tr("Name"))  # fmt: skip

