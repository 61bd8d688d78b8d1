"""What to ship: a run, a checkpoint, and formats with the size each file will have."""

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.state.jobs import Job
from app.words import bytes_text, count_text
from core.errors import LabError
from core.model.sizing import parameters
from core.spec.base import build
from core.spec.export import FORMATS, ExportSpec
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.controls import SegmentedControl
from widgets.spec_words import choice_text

# Bits of storage a weight: whole blocks with their scales (ggml's block layouts).
BITS = {"gguf-f32": 32.0, "gguf-f16": 16.0, "gguf-q8_0": 8.5, "gguf-q4_k_m": 4.85, "onnx": 32.0}
BITS_FALLBACK = 5.7  # what Q4_K_M becomes where rows are no multiple of 256
VOCABULARY_BYTES = 24  # of tokenizer and metadata, a token


class ExportForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.run = QComboBox()
        self.run.setAccessibleName(self.tr("Run"))
        self.run.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.run.currentIndexChanged.connect(lambda _: self._refresh())
        self.checkpoint = SegmentedControl({"best": self.tr("Best"), "last": self.tr("Last")},
                                           name=self.tr("Checkpoint"))  # fmt: skip
        self.facts = Text("", "caption")
        self.boxes: dict[str, QCheckBox] = {}
        self.sizes: dict[str, Text] = {}
        self.verify = QCheckBox(self.tr("Verify: load every file in its own runtime and compare its answers"))
        self.verify.setChecked(True)
        self.start = Button(self.tr("Export"), "primary", "export")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)
        self._arrange()

    def offer_runs(self, run: str = "") -> None:
        """Offer runs that have a checkpoint; choose one."""
        runs = [job.name for job in self.context.jobs.jobs("train") if job.view.checkpoints]
        chosen = run or self.run.currentText()
        self.run.blockSignals(True)
        self.run.clear()
        self.run.addItems(runs)
        self.run.setCurrentIndex(runs.index(chosen) if chosen in runs else 0 if runs else -1)
        self.run.blockSignals(False)
        self._refresh()

    def _refresh(self) -> None:
        job = self.context.jobs.named("train", self.run.currentText() or "-")
        model = resolved_model(self.context, job) if job else None
        self.start.setEnabled(model is not None and any(box.isChecked() for box in self.boxes.values()))
        if model is None:
            self.facts.setText(self.tr("No run has a checkpoint yet. Train a model first, or grow one on Home.")
                               if job is None else self.tr("The shape of this run cannot be read."))  # fmt: skip
            for text in self.sizes.values():
                text.setText("")
            return
        total = parameters(model)["total"]
        self.facts.setText(self.tr("{count} parameters, {vocab} tokens, context {context}").format(
            count=count_text(total), vocab=count_text(model.vocab_size), context=f"{model.context:,}"))  # fmt: skip
        for name, size in predicted_bytes(model).items():
            self.sizes[name].setText(self.tr("about {size}").format(size=bytes_text(size)))

    def _start(self) -> None:
        formats = [name for name, box in self.boxes.items() if box.isChecked()]
        try:
            spec = build(ExportSpec, {"run": self.run.currentText(), "checkpoint": self.checkpoint.value(),
                                      "formats": formats, "verify": self.verify.isChecked()})  # fmt: skip
        except LabError as error:
            self.context.notify(error)
            return
        self.started.emit(spec.run, spec)

    def _arrange(self) -> None:
        card = Card(self.tr("New export"))
        for label, widget in ((self.tr("Run"), self.run), (self.tr("Checkpoint"), self.checkpoint)):
            row = QHBoxLayout()
            word = Text(label, "body", wrap=False)
            word.setFixedWidth(theme.space(14))
            row.addWidget(word)
            row.addWidget(widget, 1 if widget is self.run else 0)
            if widget is not self.run:
                row.addStretch(1)
            card.body.addLayout(row)
        card.body.addWidget(self.facts)
        card.body.addSpacing(theme.space(1))
        for name in FORMATS:
            card.body.addLayout(self._format_row(name))
        card.body.addSpacing(theme.space(1))
        card.body.addWidget(self.verify)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        card.body.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        column.addStretch(1)

    def _format_row(self, name: str) -> QHBoxLayout:
        box = self.boxes[name] = QCheckBox(choice_text(name))
        box.setChecked(True)
        box.setFixedWidth(theme.space(18))
        box.toggled.connect(lambda _: self._refresh())
        self.sizes[name] = Text("", "body", wrap=False)
        self.sizes[name].setFixedWidth(theme.space(14))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(box)
        row.addWidget(self.sizes[name])
        row.addWidget(Text(_purpose(name), "muted"), 1)
        return row


def resolved_model(context: AppContext, job: Job) -> ModelSpec | None:
    """The shape of a run with its vocabulary filled in; None when its request cannot be read."""
    try:
        spec = job.folder.request["spec"]
        values = dict(spec["model"])
        if not values.get("vocab_size"):
            tokenizer = context.jobs.named("tokenizer", spec.get("tokenizer", "-"))
            values["vocab_size"] = tokenizer.view.result.get("vocab_size", 0) if tokenizer else 0
        return build(ModelSpec, values)
    except (LabError, KeyError, TypeError, ValueError):
        return None


def predicted_bytes(model: ModelSpec) -> dict[str, float]:
    """Size of each format's file: parameters times bits, and the vocabulary; an estimate."""
    total, vocabulary = parameters(model)["total"], model.vocab_size * VOCABULARY_BYTES
    bits = dict(BITS)
    if model.d_model % 256 or model.ff % 256:
        bits["gguf-q4_k_m"] = BITS_FALLBACK
    return {name: total * bits[name] / 8 + (vocabulary if name != "onnx" else 0) for name in FORMATS}


def _purpose(name: str) -> str:
    say = QCoreApplication.translate
    return {
        "gguf-f32": say("export", "exact; for llama.cpp, to compare against"),
        "gguf-f16": say("export", "half the size; for llama.cpp and Ollama on a GPU"),
        "gguf-q8_0": say("export", "a quarter of the size, hardly any loss; the usual choice"),
        "gguf-q4_k_m": say("export", "the smallest; look at its agreement first"),
        "onnx": say("export", "for ONNX Runtime: browsers, phones, servers"),
    }[name]
