"""Views into a model by layer and place: the lens, and the length of the residual stream."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.pages.glass_panels import percent
from app.pages.page import scroll_area
from core.spec.inside import AnyLook, AnySeen, LensLook, LensSeen, ResidualLook
from widgets import theme
from widgets.cards import Text
from widgets.controls import SegmentedControl
from widgets.heat_grid import HeatGrid
from widgets.heat_strip import ColourScale
from widgets.tokens import quoted

WORD_COLUMN_PX, ROW_PX = 60, 22
CERTAIN = 6.0  # nats; an entropy drawn in the last colour


class View(QWidget):
    """One view: what it asks of the engine, what it draws, and the token it shares with all others.

    Attributes:
        sentence: what one sees and how to read it.
    """

    asked = Signal(object)  # a look, when the person wants another one
    token_chosen = Signal(int)
    sentence = ""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.place = -1
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(theme.space(1))

    def looks(self) -> list[AnyLook]:
        """What has to be asked before the view can be drawn."""
        return []

    def show_seen(self, seen: AnySeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        """Draw an answer."""

    def choose_token(self, place: int) -> None:
        """Follow the token that was chosen elsewhere."""
        self.place = place

    def refused(self) -> None:
        """What was asked last cannot be had: show again what is chosen for what is drawn."""

    def set_tokens(self, tokens: Sequence[tuple[int, bytes]]) -> None:
        """The text's tokens, the start token with them."""
        self.names = token_names(tokens)


class LensView(View):
    """Layer by place: what the model would say if it stopped there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each cell is what the model would say next if it stopped after that layer: read a column upwards to "
            "watch the guess form. Dark is unsure or unlikely, bright the opposite.")  # fmt: skip
        self.shade = SegmentedControl({
            "entropy": self.tr("Sureness"), "probability": self.tr("Chance of what follows"),
        }, name=self.tr("What the colour means"))  # fmt: skip
        self.kind = SegmentedControl({
            "logit": self.tr("Logit lens"), "tuned": self.tr("Tuned lens"),
        }, name=self.tr("How a layer is read"))  # fmt: skip
        self.kind.setToolTip(self.tr(
            "The logit lens reads every layer with the last layer's eyes. The tuned lens first learns, in seconds and "
            "on held-out text, how to translate each layer into the last one."))  # fmt: skip
        self.scale, self.grid, self.about = ColourScale(), HeatGrid(), Text("", "caption")
        self.grid.setAccessibleName(self.tr("Guesses by layer and token"))
        self.area = wide(self.grid)
        self.column.addLayout(in_row(self.kind, self.shade, None, self.scale))
        self.column.addWidget(self.area)
        self.column.addWidget(self.about)
        self.column.addStretch(1)
        self._seen: LensSeen | None = None
        self.shade.value_changed.connect(self._draw)
        self.kind.value_changed.connect(lambda _: self.asked.emit(self.looks()[0]))
        self.grid.clicked.connect(lambda _, column: self.token_chosen.emit(column))

    def looks(self) -> list[AnyLook]:
        return [LensLook(tuned=self.kind.value() == "tuned")]

    def show_seen(self, seen: LensSeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        self._seen = seen
        self._draw()

    def choose_token(self, place: int) -> None:
        super().choose_token(place)
        self.grid.choose(-1, place)
        if place >= 0:
            box = self.grid.cell_box(0, place)
            self.area.ensureVisible(int(box.center().x()), 0, WORD_COLUMN_PX * 2, 0)

    def refused(self) -> None:
        self.kind.set_value("tuned" if self._seen is not None and self._seen.tuned else "logit")

    def _draw(self, *_) -> None:
        seen = self._seen
        if seen is None:
            return
        rows = layer_names(len(seen.top))
        words = [[quoted(cell[0][0]) for cell in row] for row in seen.top]
        if self.shade.value() == "entropy":
            values, ends = -seen.entropy.numpy(), (-CERTAIN, 0.0)  # bright = sure
            self.scale.set_ends(CERTAIN, 0, self.tr("nats"))
        else:
            values, ends = seen.probability.numpy(), (0.0, 1.0)
            self.scale.set_ends(0, 100, "%")
        self.grid.setMinimumWidth(self.grid.gutter_px() + WORD_COLUMN_PX * len(self.names))
        self.grid.set_grid(rows, self.names, values, low=ends[0], high=ends[1], words=words, tell=self._tell)
        self.grid.setMinimumWidth(self.grid.gutter_px() + WORD_COLUMN_PX * len(self.names))
        self.area.setFixedHeight(ROW_PX * len(rows) + theme.space(5))
        self.about.setText(self._told())
        self.choose_token(self.place)

    def _tell(self, row: int, column: int) -> str:
        seen = self._seen
        lines = [self.tr("{layer}, behind {token}").format(layer=self._layer(row), token=self.names[column])]
        lines += [f"{quoted(data)}  {percent(chance)}" for data, chance in seen.top[row][column]]
        chance = float(seen.probability.numpy()[row, column])
        if np.isfinite(chance) and column + 1 < len(self.names):
            lines.append(self.tr("The text goes on with {token}: {percent}").format(
                token=self.names[column + 1], percent=percent(chance)))
        lines.append(self.tr("Entropy {value} nats").format(value=f"{float(seen.entropy.numpy()[row, column]):.2f}"))
        return "\n".join(lines)

    def _layer(self, row: int) -> str:
        return self.tr("Embedding") if row == 0 else self.tr("Layer {layer}").format(layer=row)

    def _told(self) -> str:
        """How far each layer's guess is from the answer."""
        seen = self._seen
        if seen.learnt:
            pairs = "   ".join(f"{self._layer(i)} {a:.2f} → {b:.2f}" for i, (a, b) in enumerate(seen.learnt))
            return self.tr(
                "Distance to the model's answer (KL, nats) on held-out text, logit lens → tuned lens:   {pairs}"
            ).format(pairs=pairs)  # fmt: skip
        values = "   ".join(f"{self._layer(i)} {kl:.2f}" for i, kl in enumerate(seen.kl.numpy()[:-1]))
        return self.tr("Distance to the model's answer (KL, nats), mean of this text:   {values}").format(values=values)


class ResidualView(View):
    """Layer by place: how long the vectors of the stream are."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each cell is the length of a token's vector after that layer: each layer adds to it, so it usually "
            "grows upwards. A column far brighter than the others is often a token where heads rest that have nothing "
            "to do.")  # fmt: skip
        self.scale, self.grid = ColourScale(), HeatGrid()
        self.grid.setAccessibleName(self.tr("Length of the residual stream by layer and token"))
        self.area = wide(self.grid)
        self.column.addLayout(in_row(None, self.scale))
        self.column.addWidget(self.area)
        self.column.addStretch(1)
        self._norms = np.empty((0, 0))
        self.grid.clicked.connect(lambda _, column: self.token_chosen.emit(column))

    def looks(self) -> list[AnyLook]:
        return [ResidualLook()]

    def show_seen(self, seen: AnySeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        norms = self._norms = seen.norms.numpy()
        rows, most = layer_names(len(norms)), float(norms.max())
        rows[-1] = str(len(norms) - 1)
        words = [[f"{value:.3g}" for value in row] for row in norms]
        shares = np.log(np.maximum(norms, 1e-6))  # lengths grow by factors
        least = float(norms.min())
        self.grid.set_grid(rows, self.names, shares, low=float(np.log(max(least, 1e-6))), high=float(np.log(most)),
                           words=words, tell=self._tell)  # fmt: skip
        self.grid.setMinimumWidth(self.grid.gutter_px() + WORD_COLUMN_PX * len(self.names))
        self.area.setFixedHeight(ROW_PX * len(rows) + theme.space(5))
        self.scale.set_ends(least, most)
        self.choose_token(self.place)

    def choose_token(self, place: int) -> None:
        super().choose_token(place)
        self.grid.choose(-1, place)
        if place >= 0:
            self.area.ensureVisible(int(self.grid.cell_box(0, place).center().x()), 0, WORD_COLUMN_PX * 2, 0)

    def _tell(self, row: int, column: int) -> str:
        layer = self.tr("Embedding") if row == 0 else self.tr("Layer {layer}").format(layer=row)
        return self.tr("{layer}, {token}: length {value}").format(
            layer=layer, token=self.names[column], value=f"{self._norms[row, column]:.3g}")


def token_names(tokens: Sequence[tuple[int, bytes]]) -> list[str]:
    """Tokens on one line each; the first one without bytes starts the text, others go by their number."""
    start = QCoreApplication.translate("inside", "start")
    return [quoted(data) if data else f"⟨#{id}⟩" if place else f"⟨{start}⟩" for place, (id, data) in enumerate(tokens)]


def layer_names(count: int) -> list[str]:
    """Names of what stands after the embedding and after each layer, lowest first; the last is what the model says."""
    answer = QCoreApplication.translate("inside", "{layer} = answer").format(layer=count - 1)
    return [QCoreApplication.translate("inside", "embedding"), *map(str, range(1, count - 1)), answer]


def wide(grid: HeatGrid) -> QScrollArea:
    """A grid that may be wider than the page; the names of its rows stay in view."""
    area = scroll_area(grid)
    area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.horizontalScrollBar().valueChanged.connect(grid.update)
    return area


def in_row(*parts: QWidget | None) -> QHBoxLayout:
    """Parts beside each other; None = what room there is."""
    row = QHBoxLayout()
    row.setSpacing(theme.space(1.5))
    for part in parts:
        if part is None:
            row.addStretch(1)
        else:
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
    return row
