"""Views into single parts: the vectors of tokens, and the neurons of a layer."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.pages.inside_views import WORD_COLUMN_PX, View, in_row, wide
from app.translations import translate
from core.spec.inside import AnyLook, EmbeddingsLook, EmbeddingsSeen, NeuronsLook, NeuronsSeen
from widgets import theme
from widgets.cards import Text
from widgets.heat_grid import HeatGrid
from widgets.token_map import TokenMap
from widgets.tokens import quoted, readable

NEURON_ROW_PX = 18


class EmbeddingsView(View):
    """Tokens as points."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each point is a token of the vocabulary, laid out on the two directions in which their vectors differ "
            "most: neighbours are used alike. Coloured points stand in this text. Hover for names, scroll to zoom, "
            "drag to move, double-click for all.")  # fmt: skip
        self.map, self.about = TokenMap(), Text("", "caption")
        self.map.setAccessibleName(self.tr("Tokens by their vectors"))
        self.column.addWidget(self.map, 1)
        self.column.addWidget(self.about)
        self._ids: list[int] = []
        self._text: list[int] = []
        self.map.clicked.connect(self._on_point)

    def looks(self) -> list[AnyLook]:
        return [EmbeddingsLook()]

    def show_seen(self, seen: EmbeddingsSeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        self._ids, self._text = seen.ids, [id for id, _ in tokens]
        names = [quoted(data) if data else f"#{id}" for id, data in zip(seen.ids, seen.tokens)]
        self.map.set_points(names, seen.places.numpy(), seen.of_text)
        self.about.setText(self.tr(
            "{count} tokens. The two axes hold {first} % and {second} % of how the vectors differ; what lies together "
            "here may still be far apart in the others.").format(
                count=f"{len(names):,}", first=round(100 * seen.share[0]), second=round(100 * seen.share[1])))
        self.choose_token(self.place)

    def choose_token(self, place: int) -> None:
        super().choose_token(place)
        id = self._text[place] if 0 <= place < len(self._text) else -1
        self.map.choose(self._ids.index(id) if id in self._ids else -1)

    def _on_point(self, point: int) -> None:
        id = self._ids[point]
        if id in self._text:
            self.token_chosen.emit(self._text.index(id))
        else:
            self.map.choose(point)


class NeuronsView(View):
    """The neurons of a layer that say most to the text, and where in the training text each says most."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sentence = self.tr(
            "Each row is one neuron of the chosen layer, those that answer this text most strongly: red says yes, blue "
            "says no. Choose one to read the places of the training text where it answers most; what they share is "
            "what it stands for, if anything.")  # fmt: skip
        self.layer = QComboBox()
        self.layer.setAccessibleName(self.tr("Layer"))
        self.grid, self.about = HeatGrid(upwards=False), Text("", "caption")
        self.grid.setAccessibleName(self.tr("Neurons by token"))
        self.area = wide(self.grid)
        self.examples = QTableWidget(0, 2)
        self.examples.setHorizontalHeaderLabels([self.tr("Strength"), self.tr("Training text")])
        self.examples.setAccessibleName(self.tr("Where the chosen neuron answers most"))
        self.examples.verticalHeader().hide()
        self.examples.setShowGrid(False)
        self.examples.setWordWrap(False)
        self.examples.setTabKeyNavigation(False)
        self.examples.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.examples.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.examples.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.examples.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.column.addLayout(in_row(Text(self.tr("Layer"), "muted", wrap=False), self.layer, None))
        self.column.addLayout(self._beside(), 1)
        self._seen: NeuronsSeen | None = None
        self.layer.activated.connect(lambda _: self.asked.emit(self.looks()[0]))
        self.grid.clicked.connect(self._on_cell)

    def _beside(self) -> QHBoxLayout:
        right = QVBoxLayout()
        right.addWidget(self.about)
        right.addWidget(self.examples, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.area, 1)
        row.addLayout(right, 1)
        return row

    def looks(self) -> list[AnyLook]:
        return [NeuronsLook(layer=max(self.layer.currentIndex(), 0))]

    def set_layers(self, count: int) -> None:
        """Offer so many layers."""
        if self.layer.count() != count:
            self.layer.clear()
            self.layer.addItems([str(layer + 1) for layer in range(count)])

    def show_seen(self, seen: NeuronsSeen, tokens: Sequence[tuple[int, bytes]]) -> None:
        self._seen = seen
        self.set_layers(seen.layers)
        self.layer.setCurrentIndex(seen.layer)
        values = seen.values.numpy()
        most = max(float(np.abs(values).max()), 1e-6)
        self.grid.set_grid([f"#{n}" for n in seen.neurons], self.names, values, low=-most, high=most, diverging=True,
                           tell=self._tell)  # fmt: skip
        width = self.grid.gutter_px() + WORD_COLUMN_PX // 3 * len(self.names)
        self.grid.setMinimumSize(width, NEURON_ROW_PX * len(seen.neurons) + theme.space(3))
        self._choose(0)
        self.choose_token(self.place)

    def refused(self) -> None:
        self.layer.setCurrentIndex(self._seen.layer if self._seen is not None else 0)

    def choose_token(self, place: int) -> None:
        super().choose_token(place)
        self.grid.choose(self.grid.chosen_row, place)

    def _on_cell(self, row: int, column: int) -> None:
        self._choose(row)
        self.token_chosen.emit(column)

    def _choose(self, row: int) -> None:
        """Show the examples of a neuron."""
        seen = self._seen
        self.grid.choose(row, self.grid.chosen_column)
        found = seen.examples[row] if seen.examples else []
        self.examples.setVisible(bool(found))
        if seen.missing:
            self.about.setText(translate(seen.missing).format(**seen.values_said))
        else:
            self.about.setText(self.tr("Neuron #{number}: its strongest places in {tokens} training tokens.").format(
                number=seen.neurons[row], tokens=f"{seen.scanned:,}"))
        self.examples.setRowCount(len(found))
        for place, example in enumerate(found):
            parts = [readable(data).replace("\n", "") for data in example.tokens]
            before, at, after = "".join(parts[: example.at]), parts[example.at], "".join(parts[example.at + 1 :])
            strength = QTableWidgetItem(f"{example.value:.2f}")
            strength.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.examples.setItem(place, 0, strength)
            text = QTableWidgetItem(f"{before}▸{at}◂{after}")
            text.setToolTip(text.text())
            self.examples.setItem(place, 1, text)

    def _tell(self, row: int, column: int) -> str:
        value = float(self._seen.values.numpy()[row, column])
        return self.tr("Neuron #{number} answers {token} with {value}").format(
            number=self._seen.neurons[row], token=self.names[column], value=f"{value:+.2f}")
