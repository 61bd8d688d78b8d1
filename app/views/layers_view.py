"""What happens inside a run, layer by layer, as strips of colour under its curve."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.jobs.metrics_tail import MetricsTail
from app.state.jobs import Job
from widgets import theme
from widgets.cards import Text
from widgets.controls import SegmentedControl
from widgets.heat_strip import ColourScale, HeatStrip
from widgets.numbers import short_number

LOGARITHMIC = ("grad_norm", "weight_norm", "activation")


class LayersView(QWidget):
    """One measure at a time of one run; its horizontal axis is whatever the plot above shows."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tail: MetricsTail | None = None
        self._to_pixels: Callable[[np.ndarray], np.ndarray] = lambda steps: steps
        self._steps = np.empty(0)
        self.measure = SegmentedControl({
            "grad_norm": self.tr("Gradients"), "weight_norm": self.tr("Weights"),
            "activation": self.tr("Activations"), "dead": self.tr("Dead units"),
            "entropy": self.tr("Attention entropy")}, name=self.tr("Measure"))  # fmt: skip
        self.measure.value_changed.connect(lambda _: self._fill())
        self.scale = ColourScale()
        self.about = Text("", "caption")
        self.strip = HeatStrip()
        self.strip.setAccessibleName(self.tr("Layers over the steps"))
        self.strip.pointed.connect(self._tell)
        head = QHBoxLayout()
        head.setSpacing(theme.space(2))
        head.addWidget(self.measure)
        head.addStretch(1)
        head.addWidget(self.scale)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(head)
        column.addWidget(self.about)
        column.addWidget(self.strip, 1)

    def show_job(self, job: Job) -> None:
        """Show what was measured so far."""
        if self.tail is None or self.tail.path.parent != job.root:
            self.tail = MetricsTail(job.root, "layers.bin")
            self._fill()
        if self.tail.poll():
            self._fill()

    def follow(self, to_pixels: Callable[[np.ndarray], np.ndarray], left_px: int, right_px: int) -> None:
        """Stand under a plot.

        Args:
            to_pixels: where steps lie in the plot, in pixels from its left edge.
            left_px, right_px: where the plot begins and ends, in pixels of this view.
        """
        self._to_pixels = to_pixels
        self.strip.set_margins(left_px, self.strip.width() - right_px)
        self.strip.set_view(0, right_px - left_px)
        if len(self._steps):
            self.strip.set_places(to_pixels(self._steps))

    def _fill(self) -> None:
        measure = self.measure.value()
        columns = [name for name, _ in self.tail.columns] if self.tail else []
        wanted = [name for name in columns if name.startswith(f"{measure}/")]
        rows = self.tail.rows if self.tail else np.empty((0, 0))
        self._steps = rows[:, 0].copy() if len(rows) else np.empty(0)
        values = (rows[:, [columns.index(name) for name in wanted]].T.copy() if len(rows)
                  else np.empty((len(wanted), 0)))  # fmt: skip
        names = [layer_text(name.partition("/")[2]) for name in wanted]
        logarithmic = measure in LOGARITHMIC
        self.strip.set_values(names, self._to_pixels(self._steps), values, logarithmic=logarithmic,
                              least=None if logarithmic else 0.0, most=1.0 if measure == "dead" else None)  # fmt: skip
        self.scale.set_ends(self.strip.low, self.strip.high, self.tr("nats") if measure == "entropy" else "")
        self.scale.setVisible(bool(values.size))
        self._tell(-1, -1)

    def _tell(self, row: int, column: int) -> None:
        """What the cell under the pointer or the cursor says; else what the strip is about."""
        if not self.strip.values.size:
            self.about.setText(self._nothing(bool(len(self._steps))))
            return
        if row < 0:
            self.about.setText(self._about(self.measure.value()))
            return
        value = self.strip.values[row, column]
        text = short_number(float(value), 4) if value == value else self.tr("not measured")
        if self.measure.value() == "dead" and value == value:
            text = f"{100 * value:.1f} %"
        self.about.setText(self.tr("{layer}, step {step}: {value}").format(
            layer=self.strip.names[row], step=f"{self._steps[column]:,.0f}", value=text))  # fmt: skip

    def _about(self, measure: str) -> str:
        """What one sees, and what to look out for."""
        return {
            "grad_norm": self.tr("Length of each layer's gradient before clipping; the input is at the bottom. Layers "
                                 "that stay dark learn little, a bright stripe across all is a spike."),
            "weight_norm": self.tr("Length of each layer's weights; the input is at the bottom. Growth without end "
                                   "asks for more weight decay."),
            "activation": self.tr("Root mean square of what each layer passes on; the input is at the bottom. It "
                                  "grows with depth in most designs; a jump from one look to the next is a warning."),
            "dead": self.tr("Share of each layer's hidden units that no token of the batch opened; the input is at "
                            "the bottom. A unit that stays closed learns nothing any more."),
            "entropy": self.tr("How widely each layer's heads look around, on average; the input is at the bottom. "
                               "Close to zero every query looks at a single token: training often breaks then."),
        }[measure]  # fmt: skip

    def _nothing(self, looked: bool) -> str:
        if looked:
            return self.tr("Nothing of the kind is measured in this model.")
        return self.tr("No layer was looked at yet. A run looks inside at its first step and then every few steps, as "
                       "'Look inside every' says.")  # fmt: skip


def layer_text(name: str) -> str:
    """The name of a part of a model, such as "blocks.3", in few words."""
    say = QCoreApplication.translate
    stack, _, number = name.rpartition(".")
    if number.isdecimal():
        words = {"blocks": say("layers", "Block {n}"), "encoder.blocks": say("layers", "Encoder {n}"),
                 "decoder.blocks": say("layers", "Decoder {n}"), "generator.blocks": say("layers", "Generator {n}"),
                 "forwards.cells": say("layers", "LSTM {n}"),
                 "backwards.cells": say("layers", "Backward {n}")}
        if stack in words:
            return words[stack].format(n=int(number) + 1)
    words = {"embed": say("layers", "Embed"), "final_norm": say("layers", "Norm"),
             "head": say("layers", "Head"), "positions": say("layers", "Positions"),
             "query_block": say("layers", "Query layer")}  # fmt: skip
    return words.get(name, name.replace("_", " "))

