"""How the next token is drawn: each dial with its explanation."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLineEdit, QSlider, QWidget

from core.spec.base import fields
from core.spec.sampling import SamplingSpec
from widgets import theme
from widgets.cards import restyle
from widgets.spec_words import number_text
from widgets.terms import Term


@dataclass(frozen=True)
class Dial:
    """One setting: its field in SamplingSpec, its glossary term, and the reach and grain of its slider."""

    field: str
    term: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0  # 0 = no slider


DIALS = (
    Dial("temperature", "temperature", 0, 2, 0.05), Dial("top_k", "top-k", 0, 200, 1),
    Dial("top_p", "top-p", 0, 1, 0.01), Dial("min_p", "min-p", 0, 1, 0.01),
    Dial("repetition_penalty", "repetition penalty", 1, 2, 0.01),
    Dial("max_tokens", "longest answer"), Dial("seed", "seed"),
)  # fmt: skip
NUMBER_UNITS, COUNT_UNITS = 7, 12  # widths of the lines
FIELDS = {field.name: field for field in fields(SamplingSpec)}


class SamplerPanel(QWidget):
    """Temperature, top-k, top-p, min-p, repetition penalty, longest answer, seed."""

    settings_changed = Signal(dict)

    def __init__(self, values: dict | None = None, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = {dial.field: FIELDS[dial.field].default for dial in DIALS}
        self.lines: dict[str, QLineEdit] = {}
        self.sliders: dict[str, QSlider] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.space(1))
        grid.setVerticalSpacing(theme.space(1))
        grid.setColumnStretch(1, 1)
        for row, dial in enumerate(DIALS):
            self._add(grid, row, dial)
        self.set_values(values or {})

    def _add(self, grid: QGridLayout, row: int, dial: Dial) -> None:
        label = Term(dial.term)
        grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignLeft)
        line = self.lines[dial.field] = QLineEdit()
        line.setFixedWidth(theme.space(NUMBER_UNITS if dial.step else COUNT_UNITS))
        line.setAlignment(Qt.AlignmentFlag.AlignRight)
        line.setAccessibleName(label.text())
        line.setToolTip(label.toolTip())
        line.editingFinished.connect(lambda dial=dial: self._typed(dial))
        if dial.step:
            grid.addWidget(line, row, 2)
        else:  # no slider: room for long numbers
            grid.addWidget(line, row, 1, 1, 2, Qt.AlignmentFlag.AlignRight)
        if dial.step:
            slider = self.sliders[dial.field] = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, round((dial.high - dial.low) / dial.step))
            slider.setAccessibleName(label.text())
            slider.valueChanged.connect(lambda place, dial=dial: self._slid(dial, place))
            grid.addWidget(slider, row, 1)

    def values(self) -> dict:
        """{"temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "seed"} of SamplingSpec."""
        return dict(self._values)

    def set_values(self, values: dict) -> None:
        """Show other values without telling; keys not given keep theirs."""
        for dial in DIALS:
            if dial.field in values:
                self._values[dial.field] = self._number(dial, values[dial.field])
            self._show(dial)

    def _number(self, dial: Dial, value: float) -> int | float:
        field = FIELDS[dial.field]
        value = min(max(value, field.low), field.high)
        return int(value) if field.kind == "int" else round(float(value), 4)

    def _show(self, dial: Dial) -> None:
        value = self._values[dial.field]
        line = self.lines[dial.field]
        line.setText(number_text(value))
        line.setProperty("wrong", False)
        restyle(line)
        if dial.step:
            slider = self.sliders[dial.field]
            slider.blockSignals(True)
            slider.setValue(round((value - dial.low) / dial.step))
            slider.blockSignals(False)

    def _slid(self, dial: Dial, place: int) -> None:
        self._take(dial, dial.low + place * dial.step)

    def _typed(self, dial: Dial) -> None:
        line = self.lines[dial.field]
        try:
            self._take(dial, float(line.text()))
        except ValueError:
            line.setProperty("wrong", True)
            restyle(line)

    def _take(self, dial: Dial, value: float) -> None:
        taken = self._number(dial, value)
        changed = taken != self._values[dial.field]
        self._values[dial.field] = taken
        self._show(dial)
        if changed:
            self.settings_changed.emit(self.values())
