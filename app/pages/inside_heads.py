"""Views into the heads: where each looks, how much it is missed, and which of them copy."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.pages.glass_panels import percent
from app.pages.inside_views import View, in_row
from app.pages.page import scroll_area
from core.spec.inside import AnyLook, AnySeen, AttentionLook, HeadsLook, HeadsSeen, InductionLook, InductionSeen
from widgets import theme
from widgets.cards import Button, Text
from widgets.controls import SegmentedControl
from widgets.head_thumbnails import HeadThumbnails
from widgets.heat_grid import HeatGrid
from widgets.heat_strip import ColourScale
from widgets.score_curves import ScoreCurves

STRONGEST = 3  # tokens named that a head looks at
MAP_PX = 420
IS_INDUCTION = 0.4  # Olsson et al. 2022, arXiv:2209.11895


class AttentionView(View):
    """Thumbnails of all heads, and one of them large."""

    head_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each small picture is one head (a row a layer, from below): bright where a token, going down, looks "
            "back at an earlier one, going right. Choose a head to see it large, and a token to see where every head "
            "looks from there.")  # fmt: skip
        self.thumbnails, self.map, self.about = HeadThumbnails(), HeatGrid(upwards=False, square=True), Text("", "body")
        self.thumbnails.setAccessibleName(self.tr("Heads"))
        self.mode = SegmentedControl({
            "head": self.tr("The chosen head"), "token": self.tr("All heads at the chosen token"),
        }, name=self.tr("What is shown large"))  # fmt: skip
        self.map.setMinimumHeight(MAP_PX)
        self.map.setAccessibleName(self.tr("Where one token looks from another"))
        left = scroll_area(self.thumbnails)
        left.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        right = QVBoxLayout()
        right.addLayout(in_row(self.mode, None))
        right.addWidget(self.about)
        right.addWidget(self.map, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(left, 2)
        row.addLayout(right, 3)
        self.column.addLayout(row, 1)
        self._weights = np.empty((0, 0, 0, 0), np.float32)
        self.thumbnails.head_chosen.connect(self._on_head)
        self.mode.value_changed.connect(self._draw)
        self.map.clicked.connect(self._on_cell)

    def looks(self) -> list[AnyLook]:
        return [AttentionLook()]

    def show_seen(self, seen: AnySeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        self._weights = seen.weights.numpy()
        self.thumbnails.set_weights(self._weights, lambda layer, head: head_name(self, layer, head))
        self._draw()

    def choose_head(self, layer: int, head: int) -> None:
        """Show a head large that was chosen elsewhere."""
        self.thumbnails.choose(layer, head)
        self._draw()

    def choose_token(self, place: int) -> None:
        super().choose_token(place)
        self._draw()

    def _on_head(self, layer: int, head: int) -> None:
        self.mode.set_value("head")
        self._draw()
        self.head_chosen.emit(layer, head)

    def _on_cell(self, row: int, column: int) -> None:
        if self.mode.value() == "head":
            self.token_chosen.emit(row)
        else:
            self.thumbnails.choose(*divmod(row, self._weights.shape[1]))
            self.mode.set_value("head")
            self._draw()

    def _draw(self, *_) -> None:
        if not self._weights.size:
            return
        place = min(self.place, len(self.names) - 1)
        place = place if place >= 0 else len(self.names) - 1
        layer, head = self.thumbnails.head
        if self.mode.value() == "head":
            shown = self._weights[layer, head]
            rows = self.names
            told = self._told(layer, head, place)
        else:
            layers, heads = self._weights.shape[:2]
            shown = self._weights[:, :, place].reshape(layers * heads, -1)
            rows = [f"{i + 1}.{j + 1}" for i in range(layers) for j in range(heads)]
            told = self.tr("Where every head (layer.head) looks from {token}.").format(token=self.names[place])
        self.map.square = self.mode.value() == "head"
        self.map.set_grid(rows, self.names, np.sqrt(shown), low=0, high=1,
                          tell=lambda row, column: self._tell(shown, rows, row, column))  # fmt: skip
        self.map.choose(place if self.mode.value() == "head" else -1, -1 if self.mode.value() == "head" else place)
        self.about.setText(told)

    def _told(self, layer: int, head: int, place: int) -> str:
        weights = self._weights[layer, head, place]
        best = np.argsort(-weights)[:STRONGEST]
        found = ", ".join(f"{self.names[at]} {percent(float(weights[at]))}" for at in best if weights[at] > 0.005)
        return self.tr("{head}: {token} looks at {found}.").format(
            head=head_name(self, layer, head), token=self.names[place], found=found)

    def _tell(self, shown: np.ndarray, rows: list[str], row: int, column: int) -> str:
        return self.tr("{row} looks at {token}: {percent}").format(
            row=rows[row], token=self.names[column], percent=percent(float(shown[row, column])))


class HeadsView(View):
    """Maps over layer and head: how much each is missed, and what each does on text said twice."""

    head_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each cell is one head. Left: how much worse the text is predicted without it (red = it helps, blue = it "
            "harms). Right: on random tokens said twice, how much it looks at what followed last time (an induction "
            "head, above 0.4) and at the token before.")  # fmt: skip
        self.effect = SegmentedControl({
            "text": self.tr("The whole text"), "token": self.tr("The chosen token"),
        }, name=self.tr("What a head is missed by"))  # fmt: skip
        self.how = SegmentedControl({
            "zero": self.tr("Nothing"), "mean": self.tr("Its mean"),
        }, name=self.tr("What stands in for the head"))  # fmt: skip
        self.worse, self.induction, self.previous = (HeatGrid(square=True) for _ in range(3))
        self.scales = [ColourScale(), ColourScale(), ColourScale()]
        self.about, self.curves = Text("", "caption"), ScoreCurves(IS_INDUCTION)
        self.curve_title = Text(self.tr("Induction score of every head over the checkpoints"), "strong")
        self.curves.setAccessibleName(self.curve_title.text())
        self.more = Button(self.tr("Over the checkpoints"), "link")
        self.more.setToolTip(self.tr("Measure every checkpoint that this run has kept."))
        self.column.addLayout(in_row(
            Text(self.tr("Missed by"), "muted", wrap=False), self.effect,
            Text(self.tr("in its place"), "muted", wrap=False), self.how, None, self.more))  # fmt: skip
        self.column.addLayout(self._maps(), 2)
        self.column.addWidget(self.about)
        for part in (self.curve_title, self.curves):
            self.column.addWidget(part, int(part is self.curves))
            part.hide()
        self._seen: dict[str, AnySeen] = {}
        self.effect.value_changed.connect(self._ask_effect)
        self.how.value_changed.connect(self._ask_effect)
        self.more.clicked.connect(lambda: self.asked.emit(InductionLook(history=True)))
        for grid in (self.worse, self.induction, self.previous):
            grid.clicked.connect(self.head_chosen)

    def _maps(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.space(3))
        titles = (self.tr("Missed by so many nats a token"), self.tr("Induction"), self.tr("Looks one token back"))
        for grid, title, scale in zip((self.worse, self.induction, self.previous), titles, self.scales):
            grid.setMinimumHeight(theme.space(18))
            grid.setAccessibleName(title)
            column = QVBoxLayout()
            column.addLayout(in_row(Text(title, "strong", wrap=False), None, scale))
            column.addWidget(grid, 1)
            row.addLayout(column, 1)
        return row

    def looks(self) -> list[AnyLook]:
        return [self._effect_look(), InductionLook()]

    def _effect_look(self) -> HeadsLook:
        place = self.place if self.effect.value() == "token" and self.place > 0 else -1
        return HeadsLook(place=place, how=self.how.value())

    def _ask_effect(self, *_) -> None:
        self.asked.emit(self._effect_look())

    def choose_token(self, place: int) -> None:
        changed = place != self.place
        super().choose_token(place)
        if changed and place > 0 and self.effect.value() == "token" and self.isVisible():
            self._ask_effect()

    def show_seen(self, seen: AnySeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        if isinstance(seen, HeadsSeen):
            self._show_effect(seen)
        else:
            self._show_scores(seen)

    def _show_effect(self, seen: HeadsSeen) -> None:
        worse = seen.worse.numpy()
        most = max(float(np.abs(worse).max()), 1e-4)
        rows, columns = heads_of(worse)
        words = [[f"{value:+.2g}" for value in row] for row in worse]

        def tell(layer: int, head: int) -> str:
            return self.tr("{head}: {value} nats a token worse without it").format(
                head=head_name(self, layer, head), value=f"{worse[layer, head]:+.4f}")  # fmt: skip

        self.worse.set_grid(
            rows, columns, worse, low=-most, high=most, words=words, diverging=True, tell=tell)
        self.scales[0].set_ends(-most, most, diverging=True)
        if seen.place > 0:
            told = self.tr("{token} costs {loss} nats with all heads.").format(
                token=self.names[seen.place], loss=f"{seen.whole:.3f}")
        else:
            told = self.tr("The text costs {loss} nats a token with all heads.").format(loss=f"{seen.whole:.3f}")
        self._seen["effect"] = seen
        self._told = told
        self._tell_all()

    def _show_scores(self, seen: InductionSeen) -> None:
        for grid, scale, scores in ((self.induction, self.scales[1], seen.induction.numpy()),
                                    (self.previous, self.scales[2], seen.previous.numpy())):  # fmt: skip
            rows, columns = heads_of(scores)
            words = [[f"{value:.2f}" for value in row] for row in scores]
            grid.set_grid(rows, columns, scores, low=0, high=1, words=words, tell=lambda layer, head, scores=scores: (
                self.tr("{head}: {value}").format(head=head_name(self, layer, head),
                                                  value=f"{scores[layer, head]:.2f}")))  # fmt: skip
            scale.set_ends(0, 1)
        self._seen["scores"] = seen
        if seen.history is not None:
            history = seen.history.numpy()
            heads = history.shape[2]
            flat = history.reshape(len(history), -1)
            self.curves.set_scores(seen.steps, flat, lambda line, step: self.tr("{head}, step {step}: {value}").format(
                head=head_name(self, *divmod(line, heads)), step=seen.steps[step], value=f"{flat[step, line]:.2f}"))
            self.curve_title.show()
            self.curves.show()
        self._tell_all()

    def _tell_all(self) -> None:
        words = [self._told] if "effect" in self._seen else []
        scores = self._seen.get("scores")
        if scores is not None:
            found = np.argwhere(scores.induction.numpy() > IS_INDUCTION)
            if len(found):
                names = ", ".join(f"{layer + 1}.{head + 1}" for layer, head in found[:12])
                words.append(self.tr("Induction heads (layer.head): {names}.").format(names=names))
            else:
                words.append(self.tr("No head of this checkpoint is an induction head."))
        self.about.setText(" ".join(words))


def heads_of(values: np.ndarray) -> tuple[list[str], list[str]]:
    """Names of the rows and columns of a map over layers and heads, both from 1."""
    layers, heads = values.shape
    return [str(layer + 1) for layer in range(layers)], [str(head + 1) for head in range(heads)]


def head_name(view: QWidget, layer: int, head: int) -> str:
    """Layer and head, both from 0, as a person counts them."""
    return view.tr("Layer {layer}, head {head}").format(layer=layer + 1, head=head + 1)
