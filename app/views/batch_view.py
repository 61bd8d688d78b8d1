"""What a run is being trained on: the tokens of a step's batch, the darker the more they cost the model."""

import math
from pathlib import Path

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QVBoxLayout, QWidget

from app.state.jobs import Job
from widgets import theme
from widgets.cards import Button, Text
from widgets.token_strip import TokenStrip
from widgets.tokens import StripToken


class Part(msgspec.Struct, frozen=True):
    """The piece of a sequence that was cut from one document: its row in the corpus, and which tokens."""

    row: int
    start: int
    end: int


class Window(msgspec.Struct, frozen=True):
    """One sequence: where in the training text it begins, its tokens, and what each cost the model, nats."""

    place: int
    ids: list[int]
    losses: list[float | None]
    documents: list[Part]


class Batch(msgspec.Struct, frozen=True):
    """The batch of a step as the run wrote it down; ``bytes`` spell each token, one character a byte (Latin-1)."""

    step: int
    sequences: int
    weights_of: int
    windows: list[Window]
    bytes: dict[int, str]


def read_batch(path: Path) -> Batch | None:
    """The batch that a run wrote down; None where it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Batch)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


class BatchView(QWidget):
    """Asks for the batch of the next step, and shows those that were asked for, sequence by sequence."""

    asked = Signal()

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.batch: Batch | None = None
        self._root: Path | None = None
        self._files: dict[int, str] = {}
        self.ask = Button(self.tr("Show the next batch"), "secondary", "tokens")
        self.ask.setToolTip(self.tr(
            "The run writes down what its next step is trained on; nothing of the run changes."))
        self.ask.clicked.connect(lambda: self.asked.emit())
        self.steps = QComboBox()
        self.steps.setAccessibleName(self.tr("Step"))
        self.steps.activated.connect(lambda _: self._open(self.steps.currentData()))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Sequence of the batch"))
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(lambda _: self._show_window())
        self.said, self.strip = Text("", "caption"), TokenStrip("probability")
        self.strip.setMinimumHeight(theme.space(12))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for widget, stretch in ((self.ask, 0), (self.steps, 0), (self.slider, 1)):
            row.addWidget(widget, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(row)
        column.addWidget(self.said)
        column.addWidget(self.strip, 1)
        self._show_window()

    def show_job(self, job: Job) -> None:
        """Show the newest batch that this run wrote down, or the one that was chosen."""
        self.ask.setEnabled(job.view.state == "running")
        files = {step: path for step, path in job.view.batches.items()}
        if (job.root, files) == (self._root, self._files):
            return
        newer = [step for step in files if step not in self._files or job.root != self._root]
        self._root, self._files = job.root, files
        self.steps.clear()
        for step in sorted(files, reverse=True):
            self.steps.addItem(self.tr("Step {step}").format(step=f"{step:,}"), step)
        self._open(max(newer) if newer else None)

    def _open(self, step: int | None) -> None:
        self.batch = read_batch(self._root / self._files[step]) if step in self._files else None
        if step is not None:
            self.steps.setCurrentIndex(self.steps.findData(step))
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(self.batch.windows) - 1) if self.batch else 0)
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self._show_window()

    def _show_window(self) -> None:
        shown = self.batch is not None and bool(self.batch.windows)
        for widget in (self.steps, self.slider, self.strip):
            widget.setVisible(shown)
        if not shown:
            self.strip.clear()
            self.said.setText(self.tr(
                "Ask a running run for its next batch: its tokens stand here then, the darker the less the model "
                "expected them. Noise, boilerplate and wrong languages are found so."))  # fmt: skip
            return
        number = self.slider.value()
        window = self.batch.windows[number]
        self.strip.set_tokens([self._token(id, loss) for id, loss in zip(window.ids, window.losses)])
        known = [loss for loss in window.losses if loss is not None]
        rows = ", ".join(f"{part.row:,}" for part in window.documents)
        self.said.setText(self.tr(
            "Sequence {number} of {count} in the batch of step {step}, with {loss} nats a token before it; cut from "
            "document {rows} of the corpus. The darker a token, the less the model expected it.").format(
                number=number + 1, count=self.batch.sequences, step=f"{self.batch.step:,}", rows=rows,
                loss=f"{sum(known) / len(known):.3f}" if known else "–"))  # fmt: skip

    def _token(self, id: int, loss: float | None) -> StripToken:
        probability = None if loss is None or not math.isfinite(loss) else math.exp(-loss)
        return StripToken(self.batch.bytes.get(id, "").encode("latin-1"), probability, id=id)
