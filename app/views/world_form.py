"""The form of a new synthetic world, with what it would read like beside it."""

import msgspec
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from app.pages.page import on_escape, scroll_area
from app.state.context import AppContext
from app.translations import translate
from app.views.world_words import stratum_text
from app.words import bytes_text, count_text, percent_text
from core.data.worlds.facts import STRATA
from core.data.worlds.job import glance
from core.data.worlds.strata import strata_shares
from core.errors import LabError
from core.spec.base import build, fields
from core.spec.files import preset, preset_names
from core.spec.world import Arithmetic, Biographies, Contexts, Symbolic, WorldSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.controls import SegmentedControl
from widgets.notice import Notice
from widgets.share_bar import ShareBar, Swatch
from widgets.spec_form import SpecForm

PAUSE_MS = 150
FIRST_PRESET = "biographies-fair"
WORLDS = {world.__struct_config__.tag: world for world in (Biographies, Arithmetic, Symbolic, Contexts)}
EXAMPLES = 3
NAME_PX = 224


class WorldForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()
    wide = True  # it needs the room of the lists too

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.presets = QComboBox()
        self.presets.setAccessibleName(self.tr("Start from"))
        for name in preset_names("worlds"):
            self.presets.addItem(translate(preset("worlds", name).title), name)
        self.presets.activated.connect(lambda _: self.use_preset(self.presets.currentData()))
        self.about = Text("", "caption")
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name of the corpus"))
        self.name.setFixedWidth(NAME_PX)
        self.kind = SegmentedControl({
            "biographies": self.tr("Biographies"), "arithmetic": self.tr("Arithmetic problems"),
            "symbolic": self.tr("Symbolic tasks"), "contexts": self.tr("Notes and questions"),
        }, name=self.tr("World"))  # fmt: skip
        self.kind.value_changed.connect(self._choose_kind)
        self.form = SpecForm(WorldSpec, hidden=("world",))
        self.forms = {kind: SpecForm(world) for kind, world in WORLDS.items()}
        for form in (self.form, *self.forms.values()):
            form.values_changed.connect(lambda _: self._changed())
        self.problem = Notice("error")
        self.start = Button(self.tr("Make this world"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.examples = [self._example(number) for number in range(EXAMPLES)]
        self.size = Text("", "muted")
        self._make_strata()
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.look)
        self._arrange()
        self.use_preset(FIRST_PRESET)
        on_escape(self, self.cancelled.emit)

    def opened(self, chosen: str = "") -> None:
        """Called whenever the form is shown; ``chosen`` may name a preset."""
        if chosen:
            self.use_preset(chosen)

    def use_preset(self, name: str) -> None:
        """Take all settings of a preset."""
        found = preset("worlds", name)
        self.presets.setCurrentIndex(self.presets.findData(name))
        self.about.setText(translate(found.about))
        self.about.setToolTip(found.source)
        self.set_values(msgspec.to_builtins(build(WorldSpec, found.values)))
        if not self.name.isModified():
            self.name.setText(name)

    def set_values(self, values: dict) -> None:
        """Show other settings: the plain data of a WorldSpec."""
        world = dict(values.get("world", {"kind": "biographies"}))
        kind = world.pop("kind")
        self.form.set_values({name: value for name, value in values.items() if name != "world"})
        self.kind.set_value(kind)
        self.forms[kind].set_values(world)
        self._choose_kind(kind)

    def values(self) -> dict:
        """The settings as plain data."""
        kind = self.kind.value()
        outer = {name: value for name, value in self.form.values().items() if name != "world"}
        return outer | {"world": {"kind": kind} | self.forms[kind].values()}

    def spec(self) -> WorldSpec | None:
        """The spec, or None while something is wrong; what is wrong is shown."""
        if not (self.form.valid and self.forms[self.kind.value()].valid):
            return None
        try:
            return build(WorldSpec, self.values())
        except LabError as error:
            self._tell(error)
            return None

    def remember(self) -> dict:
        """What was set so far."""
        return {"values": self.values(), "preset": self.presets.currentData(),
                "name": self.name.text() if self.name.isModified() else ""}  # fmt: skip

    def restore(self, remembered: dict) -> None:
        """Put back what ``remember`` gave."""
        self.use_preset(remembered["preset"])
        self.set_values(remembered["values"])
        if remembered["name"]:
            self.name.setText(remembered["name"])
            self.name.setModified(True)

    def look(self) -> None:
        """Show what such a world reads like now, and how large it would be."""
        self._pause.stop()
        self._tell(None)
        spec = self.spec()
        if spec is not None:
            try:
                self._show(glance(spec, EXAMPLES))
                self._show_strata(spec)
            except LabError as error:
                self._tell(error)
                spec = None
        self.start.setEnabled(spec is not None)

    def _show(self, seen) -> None:
        for box, text in zip(self.examples, seen.texts + [""] * EXAMPLES):
            box.setPlainText(text)
            box.setVisible(bool(text))
        facts = self.tr("facts") if self.kind.value() == "biographies" else self.tr("tasks")
        self.size.setText(self.tr("About {documents} documents, {bytes}; {rows} {facts} in the table.").format(
            documents=count_text(seen.documents), bytes=bytes_text(seen.n_bytes), rows=count_text(seen.rows),
            facts=facts))  # fmt: skip

    def _tell(self, error: LabError | None) -> None:
        self.problem.setVisible(error is not None)
        if error is not None:
            self.problem.show_message("error", error.sentence(translate))

    def _choose_kind(self, kind: str) -> None:
        for form in self.forms.values():
            form.setVisible(form is self.forms[kind])
        self._changed()

    def _changed(self) -> None:
        form = self.forms[self.kind.value()]
        values = form.values()
        for field in fields(WORLDS[self.kind.value()]):
            if field.when:
                name, _, wanted = field.when.partition("=")
                form.rows[field.name].setVisible(values.get(name) in wanted.split("|"))
        self._pause.start()

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or self.kind.value(), spec)

    def _example(self, number: int) -> QPlainTextEdit:
        box = QPlainTextEdit()
        box.setReadOnly(True)
        box.setAccessibleName(self.tr("Example {number}").format(number=number + 1))
        box.setFixedHeight(theme.space(13))
        return box

    def _arrange(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(Text(self.tr("Make a synthetic world"), "section", wrap=False))
        bar.addStretch(1)
        bar.addWidget(Text(self.tr("Name"), "muted", wrap=False))
        for widget in (self.name, self.cancel, self.start):
            bar.addWidget(widget)
        kind = Card()
        kind.body.addWidget(Text(self.tr(
            "Text made by rule, with a table of everything that is true in it, so that what a model knows, and what "
            "it makes up, can be counted."), "muted"))  # fmt: skip
        kind.body.addLayout(self._row(self.tr("Start from"), self.presets))
        kind.body.addWidget(self.about)
        content = Card(self.tr("What it is about"))
        content.body.addWidget(self.kind)
        for form in self.forms.values():
            content.body.addWidget(form)
        size = Card(self.tr("Size and split"))
        size.body.addWidget(self.form)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, theme.space(1), 0)
        column.setSpacing(theme.space(1.5))
        for card in (kind, content, size):
            column.addWidget(card)
        column.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(scroll_area(left), 3)
        row.addWidget(self._glance_card(), 2, Qt.AlignmentFlag.AlignTop)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(theme.space(1.5))
        outer.addLayout(bar)
        outer.addLayout(row, 1)

    def _glance_card(self) -> Card:
        shown = Card(self.tr("What it reads like"))
        for box in self.examples:
            shown.body.addWidget(box)
        for widget in (self.size, self.strata, self.legend, self.problem):
            shown.body.addWidget(widget)
        return shown

    def _make_strata(self) -> None:
        """How the facts are stated, as one bar with its legend; for biographies alone."""
        self.strata, self.legend, self._legend_texts = ShareBar(), QWidget(), {}
        grid = QGridLayout(self.legend)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(theme.space(1))
        grid.setVerticalSpacing(theme.space(0.5))
        grid.setColumnStretch(1, 1)
        for row, stratum in enumerate(STRATA):
            percent = self._legend_texts[stratum] = Text("", "caption", wrap=False)
            grid.addWidget(Swatch(row), row, 0)
            grid.addWidget(Text(stratum_text(stratum), "caption", wrap=False), row, 1)
            grid.addWidget(percent, row, 2)

    def _show_strata(self, spec: WorldSpec) -> None:
        biographies = isinstance(spec.world, Biographies)
        for widget in (self.strata, self.legend):
            widget.setVisible(biographies)
        if biographies:
            shares = strata_shares(spec.world)
            self.strata.set_rows([("", {stratum_text(stratum): share for stratum, share in shares.items()})])
            for stratum, share in shares.items():
                self._legend_texts[stratum].setText(percent_text(share))

    def _row(self, label: str, widget: QWidget) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        title = Text(label, "body", wrap=False)
        title.setFixedWidth(152)
        widget.setFixedWidth(theme.space(38))
        row.addWidget(title)
        row.addWidget(widget)
        row.addStretch(1)
        return row
