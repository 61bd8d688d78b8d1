"""One's own design: the form, its drawing, and what it costs."""

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import scroll_area, scroll_to
from app.state.family import presets, systems
from app.translations import translate
from app.views.costs import CostColumn
from core.spec.files import preset, preset_names
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Card, Text, snug
from widgets.layer_diagram import LayerDiagram
from widgets.notice import Notice
from widgets.spec_form import SpecForm

FIRST = "llama-1m"
FORM_PX, COSTS_PX = 436, 244


class DesignView(QWidget):
    """Form on the left, drawing in the middle, honest numbers on the right."""

    changed = Signal()  # another design, or one that cannot be

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grown_from = ""  # the system the design was grown from
        self.start = QComboBox()
        self.start.setAccessibleName(self.tr("Begin with"))
        self.start.setPlaceholderText(self.tr("A design from the family tree"))
        for name in preset_names("models"):
            self.start.addItem(translate(preset("models", name).title), name)
        self.about, self.source = Text("", "body"), Text("", "caption")
        self.form = SpecForm(ModelSpec)
        self.diagram, self.problem = LayerDiagram(), Notice("error")
        self.costs = CostColumn()
        self.start.activated.connect(lambda _: self.use_preset(self.start.currentData()))
        self.form.values_changed.connect(lambda _: self._refresh())
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.diagram.part_clicked.connect(self._go_to)
        self._arrange()
        self.use_preset(FIRST)

    def use_preset(self, name: str) -> None:
        """Take the shape of a preset."""
        chosen = preset("models", name)
        self.take(chosen.values, translate(chosen.about), chosen.source)
        self.start.setCurrentIndex(self.start.findData(name))

    def take(self, values: dict, about: str, source: str, system: str = "") -> None:
        """Take a whole shape, and say what it is; ``system`` = what it was grown from."""
        self.grown_from = system
        self.start.setCurrentIndex(-1)
        self.about.setText(about)
        self.source.setText(source)
        self.form.set_values({**msgspec.to_builtins(ModelSpec()), **values})
        self._refresh()

    def take_system(self, values: dict, key: str) -> None:
        """Take a shape that was grown from a system of the family tree."""
        grown = self.tr("Grown from {name}: {about}").format(
            name=systems()[key].name, about=translate(presets()[key].about))  # fmt: skip
        self.take(values, grown, presets()[key].source, key)

    def focus_field(self, name: str) -> None:
        """Open the part of the form a field lies in and put the cursor there."""
        self.form.focus_field(name)

    def remember(self) -> dict:
        """What is designed."""
        return {"values": self.form.values(), "start": self.start.currentData(), "system": self.grown_from}

    def restore(self, remembered: dict) -> None:
        """Put back what was remembered, its sentences in the language of now."""
        if remembered["system"]:
            self.take_system(remembered["values"], remembered["system"])
            return
        if remembered["start"]:
            self.use_preset(remembered["start"])
        self.form.set_values(remembered["values"])
        self._refresh()

    def _go_to(self, names: list[str]) -> None:
        """The fields behind a box that mean something now: marked, and the first brought into view."""
        known = self.form.show_fields(names)
        if known:
            scroll_to(self.form.rows[known[0]])

    def _refresh(self) -> None:
        spec = self.form.spec()
        self.problem.setVisible(spec is None)
        if spec is None:
            self.problem.show_message("error", self.form.problem())
        else:
            self.diagram.set_spec(spec)
            self.costs.set_spec(spec)
        self.changed.emit()

    def _arrange(self) -> None:
        chosen = Card(self.tr("Begin with"))
        chosen.body.addWidget(self.start)
        chosen.body.addWidget(self.about)
        chosen.body.addWidget(self.source)
        fields = Card(self.tr("Parts"))
        fields.body.addWidget(self.form)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, theme.space(1), 0)
        column.setSpacing(theme.space(2))
        column.addWidget(chosen)
        column.addWidget(fields)
        column.addStretch(1)
        area = scroll_area(left)
        area.setFixedWidth(FORM_PX)
        holder = QWidget()
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.diagram)
        hint = Text(self.tr("Click a box, or the block around boxes, to change what is behind it."), "caption")
        hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        inner.addWidget(hint)
        inner.addStretch(1)
        costs = scroll_area(self.costs)
        costs.setMinimumWidth(COSTS_PX)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(theme.space(1.5))
        whole.addWidget(area)
        drawing = snug(scroll_area(holder))
        drawing.body.insertWidget(0, self.problem)
        whole.addWidget(drawing, 3)
        whole.addWidget(costs, 2)
