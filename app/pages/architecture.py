"""Architecture: design a decoder, see it drawn, and know what it costs before it is built."""

import msgspec
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.translations import translate
from app.views.sizing import SizingPanel
from core.spec.files import preset, preset_names
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Card, Text
from widgets.controls import SegmentedControl
from widgets.layer_diagram import LayerDiagram
from widgets.spec_form import SpecForm

FAMILIES = {"gpt2": "GPT-2", "llama": "LLaMA"}
FIRST = ("llama", "1m")
FORM_WIDTH_PX, PARTS_WIDTH_PX = 440, 208


class ArchitecturePage(Page):
    """Presets and form on the left, the drawing in the middle, honest numbers on the right."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.set_header(
            self.tr("Architecture"),
            self.tr("Choose a shape the field knows, change any part, and see what it costs before you train it."),
            self.tr("Train this"), primary_icon="training")  # fmt: skip
        self.header.primary_clicked.connect(self._train)
        self.family = SegmentedControl(FAMILIES, FIRST[0], name=self.tr("Family"))
        self.size = QComboBox()
        self.size.setAccessibleName(self.tr("Size"))
        self.about, self.source = Text("", "body"), Text("", "caption")
        self.form = SpecForm(ModelSpec)
        self.diagram = LayerDiagram()
        self.sizing = SizingPanel(parts=True)
        self.family.value_changed.connect(lambda _: self._family_chosen())
        self.size.activated.connect(lambda _: self.use_preset(self.size.currentData()))
        self.form.values_changed.connect(lambda _: self._refresh())
        self.form.validity_changed.connect(self.header.primary.setEnabled)
        self.diagram.part_clicked.connect(lambda names: self.form.focus_field(names[0]) if names else None)
        self._arrange()
        self._family_chosen(FIRST[1])

    def use_preset(self, name: str) -> None:
        """Take the shape of a preset."""
        chosen = preset("models", name)
        self.about.setText(translate(chosen.about))
        self.source.setText(chosen.source)
        self.form.set_values({**msgspec.to_builtins(ModelSpec()), **chosen.values})
        self._refresh()

    def remember(self) -> dict:
        return {"values": self.form.values(), "family": self.family.value(), "size": self.size.currentData()}

    def restore(self, remembered: dict) -> None:
        self.family.set_value(remembered["family"])
        self._family_chosen(remembered["size"].partition("-")[2])
        self.form.set_values(remembered["values"])
        self._refresh()

    def _family_chosen(self, size: str = "") -> None:
        """Offer the sizes of the family; keep the size where both families have it."""
        kept = size or (self.size.currentData() or "").partition("-")[2]
        self.size.clear()
        names = [name for name in preset_names("models") if name.startswith(self.family.value() + "-")]
        for name in names:
            self.size.addItem(translate(preset("models", name).title), name)
        wanted = f"{self.family.value()}-{kept}"
        self.size.setCurrentIndex(names.index(wanted) if wanted in names else 0)
        if names:
            self.use_preset(self.size.currentData())

    def _refresh(self) -> None:
        spec = self.form.spec()
        self.header.primary.setEnabled(spec is not None)
        if spec is not None:
            self.diagram.set_spec(spec)
            self.sizing.set_spec(spec)

    def _train(self) -> None:
        spec = self.form.spec()
        if spec is not None:
            self.context.navigate("training", new=True, model=msgspec.to_builtins(spec))

    def _arrange(self) -> None:
        chosen = Card(self.tr("Begin with"))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.family)
        row.addWidget(self.size, 1)
        chosen.body.addLayout(row)
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
        area.setFixedWidth(FORM_WIDTH_PX)
        drawing = Card()
        drawing.body.addWidget(self.diagram, 1)
        parts = QVBoxLayout()
        self.sizing.parts.setFixedWidth(PARTS_WIDTH_PX)
        parts.addWidget(self.sizing.parts)
        parts.addStretch(1)
        whole = QHBoxLayout()
        whole.setSpacing(theme.space(2))
        whole.addWidget(area)
        whole.addWidget(drawing, 1)
        whole.addLayout(parts)
        self.body.addWidget(self.sizing)
        self.body.addLayout(whole, 1)


