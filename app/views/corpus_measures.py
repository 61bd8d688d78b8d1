"""How what the rules measured is spread over a corpus, with the thresholds that were set."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from app.views.rule_words import measure_label, rule_label
from core.data.report import cleaning_spec
from core.spec.base import fields
from core.spec.rules.base import Rule, tag_of
from widgets import theme
from widgets.cards import Button, Text
from widgets.histogram import Histogram, Threshold
from widgets.spec_words import say

PLOT_PX = 320  # a plot gets at least so much width


class CorpusMeasures(QWidget):
    """One histogram a measure, those of one rule together."""

    rule_asked = Signal(str)  # show what this rule set aside

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plots: dict[str, Histogram] = {}  # by "rule.measure"
        self._cells: list[QWidget] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.space(3))
        self._grid.setVerticalSpacing(theme.space(2))
        self._none = Text(self.tr("Nothing was measured: none of the rules has a threshold."), "muted")

    def show_measures(self, root: Path, histograms: dict[str, dict]) -> None:
        """Show the histograms of a report."""
        for cell in self._cells:
            self._grid.removeWidget(cell)
            cell.hide()
            if cell is not self._none:
                cell.deleteLater()
        self.plots, self._cells = {}, []
        spec = cleaning_spec(root)
        rules = [rule for rule in spec.rules if rule.on] if spec else []
        order = {tag_of(rule): rule for rule in rules}
        for name in sorted(histograms, key=lambda name: _place(name, list(order))):
            tag, _, measure = name.partition(".")
            self._cells.append(self._cell(name, order.get(tag), tag, measure, histograms[name]))
        if not self._cells:
            self._cells = [self._none]
            self._none.show()
        self._place_cells()

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._place_cells()

    def _cell(self, name: str, rule: Rule | None, tag: str, measure: str, counts: dict) -> QWidget:
        limits = [field for field in fields(type(rule)) if field.measure == measure] if rule else []
        label = " · ".join(say(field.label) for field in limits) or measure_label(name)
        share = bool(limits) and limits[0].kind == "float" and not limits[0].unit and limits[0].high in (0.5, 1)
        plot = self.plots[name] = Histogram(label, say(limits[0].unit) if limits else "", share, movable=False)
        plot.set_counts(**counts)
        plot.set_thresholds([
            Threshold(field.name, getattr(rule, field.name), field.keeps or "below", whole=field.kind == "int")
            for field in limits])  # fmt: skip
        cell = QWidget()
        column = QVBoxLayout(cell)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.25))
        title = Button(rule_label(tag), "link")
        title.setToolTip(self.tr("Show what this rule set aside"))
        title.clicked.connect(lambda: self.rule_asked.emit(tag))
        for widget in (title, Text(label, "caption"), plot):
            column.addWidget(widget)
        column.addStretch(1)
        return cell

    def _place_cells(self) -> None:
        columns = max(1, min(3, self.width() // PLOT_PX))
        for number, cell in enumerate(self._cells):
            self._grid.addWidget(cell, number // columns, number % columns)
        for column in range(3):
            self._grid.setColumnStretch(column, int(column < columns))


def _place(name: str, order: list[str]) -> tuple[int, str]:
    tag = name.partition(".")[0]
    return (order.index(tag) if tag in order else len(order), name)
