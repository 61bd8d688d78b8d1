"""The cleaning lab: sources, the rules in their order, and beside them what they do to a sample."""

from pathlib import Path

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QSplitter, QVBoxLayout, QWidget

from app.pages.page import on_escape, scroll_area
from app.state.context import AppContext
from app.state.preview import CleaningPreview
from app.translations import translate
from app.views.clean_preview import CleanPreviewPane
from app.words import bytes_text
from core.errors import LabError, join_sentences
from core.record.folder import ROOMS
from core.spec import messages as m
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.files import Preset, preset, preset_names
from widgets import theme
from widgets.cards import Button, Card, Disclosure, Text
from widgets.notice import Notice
from widgets.path_picker import PathPicker
from widgets.rule_list import RuleList
from widgets.spec_form import SpecForm
from widgets.split_editor import SplitEditor

BUILT_IN = "builtin:python-docs"
FILTER = "*.txt *.md *.jsonl *.csv *.tsv *.parquet *.html *.htm"
FIRST_PRESET = "gentle"
NAME_PX = 224


class CleaningLab(QWidget):
    """The form of a new corpus; emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()
    wide = True  # it needs the room of the lists too

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.preview = CleaningPreview(context, self)
        self.preview.counted.connect(self._show_counted)
        self.picker = PathPicker(self.tr("Drop files or folders here"), filter=FILTER)
        self.picker.setToolTip(self.tr("Read are {endings}").format(endings=FILTER.replace("*", "")))
        self.picker.paths_changed.connect(lambda _: self._sources_changed())
        self.built_in = Button(self.tr("Use Python's own documentation"), "secondary", "data")
        self.built_in.setToolTip(self.tr(
            "Real English text that is already on this machine: about 8 MB, nothing is downloaded."))
        self.built_in.clicked.connect(self.use_built_in)
        self.counted = Text("", "caption")
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Name of the corpus"))
        self.name.setAccessibleName(self.tr("Name of the corpus"))
        self.name.setFixedWidth(NAME_PX)
        self.rules = RuleList()
        self.rules.rules_changed.connect(self._rules_changed)
        self.form = SpecForm(
            CorpusSpec, {"sources": [""]}, hidden=("sources", "rules"), editors={"split": SplitEditor})  # fmt: skip
        self.form.values_changed.connect(lambda _: self._ask())
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.notice = Notice("error")
        self.notice.hide()
        self.start = Button(self.tr("Start"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        self.pane = CleanPreviewPane(self.preview)
        self.pane.answered.connect(lambda answer: self.rules.set_outcome(answer.steps, answer.histograms))
        self.rules.fallen_asked.connect(self.pane.show_rule)
        self._make_presets()
        self._arrange()
        self.use_preset(FIRST_PRESET)
        on_escape(self, self._cancel)

    def opened(self, chosen: str = "") -> None:
        """Offer what the workspace holds now, and have the cleaning process ready."""
        self.context.cleaning_session.start()
        store = self.context.jobs
        rooms = {room: store.names_in(room) for room in dict.fromkeys(ROOMS.values())}
        self.rules.set_choices(rooms | {kind: store.names(kind) for kind in ("reference", "classifier")})

    def use_built_in(self) -> None:
        """Take the corpus that needs no file."""
        self.use_paths([*self.picker.paths(), BUILT_IN])

    def use_paths(self, paths: list[str]) -> None:
        """Take these files and folders."""
        self.picker.set_paths(paths)
        self._sources_changed()

    def use_preset(self, name: str) -> None:
        """Take the rules and settings of a preset."""
        self._preset: Preset = preset("data", name)
        self.presets.setCurrentIndex(self.presets.findData(name))
        self.about.setText(join_sentences(translate(self._preset.about), self._preset.source))
        values = {"rules": [], **self._preset.values}
        rules = values.pop("rules")
        self.rules.set_values(rules)
        self.rules.set_reference(rules)
        self.form.set_values(values)
        self._preset_rules = [msgspec.to_builtins(rule) for rule in self._convert(rules)]
        self._rules_changed()

    def spec(self) -> CorpusSpec | None:
        """The spec, or None while something in it is wrong or there is no source."""
        self._problem = ""
        if not (self.picker.paths() and self.form.valid and self.rules.valid):
            return None
        try:
            return build(CorpusSpec, self.form.values() | {
                "sources": self.picker.paths(), "rules": self.rules.values()})  # fmt: skip
        except LabError as error:
            self._problem = error.sentence(translate)
            return None

    def remember(self) -> dict:
        """What was chosen and set so far."""
        return {"paths": self.picker.paths(), "values": self.form.values() | {"rules": self.rules.values()},
                "preset": self._preset.name, "name": self.name.text() if self.name.isModified() else ""}  # fmt: skip

    def restore(self, remembered: dict) -> None:
        """Put back what ``remember`` gave."""
        self.use_preset(remembered["preset"])
        values = dict(remembered["values"])
        self.rules.set_values(values.pop("rules", []))
        self.rules.set_reference(self._preset_rules)
        self.form.set_values(values)
        if remembered["name"]:
            self.name.setText(remembered["name"])
            self.name.setModified(True)
        self.use_paths(remembered["paths"])
        self._rules_changed()

    def _sources_changed(self) -> None:
        """Count at once, then sample."""
        paths = self.picker.paths()
        self.built_in.setEnabled(BUILT_IN not in paths)
        if paths and not self.name.isModified():
            self.name.setText("python-docs" if paths[0] == BUILT_IN else Path(paths[0]).stem)
        if paths:
            self.counted.setText(self.tr("Counting…"))
            self.preview.count(paths)
        else:
            self.counted.setText("")
            self.preview.forget()
            self.pane.clear()
            self.rules.set_outcome([], {})
        self.counted.setVisible(bool(paths))
        self._ask()

    def _rules_changed(self) -> None:
        changed = self.rules.values() != self._preset_rules and self._convert(self.rules.values()) != self._convert(
            self._preset_rules)  # fmt: skip
        for widget in (self.changed, self.back):
            widget.setVisible(changed)
        self._ask()

    def _ask(self) -> None:
        """Ask what the rules do, as soon as they can be made."""
        self._refresh()
        spec = self.spec()
        if spec is not None:
            self.preview.ask(spec)

    def _refresh(self) -> None:
        self.start.setEnabled(self.spec() is not None)
        self.notice.setVisible(bool(self._problem))
        if self._problem:
            self.notice.show_message("error", self._problem)

    def _show_counted(self, event: m.SourcesCounted) -> None:
        kinds = ", ".join(f"{ending} {count:,}" for ending, count in sorted(
            event.endings.items(), key=lambda pair: -pair[1])[:6])  # fmt: skip
        template = self.tr("1 file, {size} ({kinds})") if event.files == 1 else self.tr(
            "{count} files, {size} ({kinds})")  # fmt: skip
        words = [template.format(
            count=f"{event.files:,}", size=bytes_text(event.n_bytes), kinds=kinds)]  # fmt: skip
        if event.unknown:
            endings = ", ".join(f"{ending} {count:,}" for ending, count in list(event.unknown.items())[:6])
            words.append(self.tr("{count} more that nothing reads ({endings})").format(
                count=f"{sum(event.unknown.values()):,}", endings=endings))  # fmt: skip
        self.counted.setText(" · ".join(words))

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.preview.forget()
            self.started.emit(self.name.text().strip() or "corpus", spec)

    def _cancel(self) -> None:
        self.preview.forget()
        self.cancelled.emit()

    def _convert(self, rules: list) -> list:
        """Rules with their defaults filled in, so that they can be compared; as they are where one is not valid."""
        try:
            return build(CorpusSpec, {"sources": ["-"], "rules": rules}).rules
        except LabError:
            return rules

    def _make_presets(self) -> None:
        self.presets = QComboBox()
        self.presets.setAccessibleName(self.tr("Preset"))
        for name in preset_names("data"):
            found = preset("data", name)
            self.presets.addItem(translate(found.title), name)
            about = "\n".join(filter(None, (translate(found.about), found.source)))
            self.presets.setItemData(self.presets.count() - 1, about, Qt.ItemDataRole.ToolTipRole)
        self.presets.activated.connect(lambda _: self.use_preset(self.presets.currentData()))
        self.about = Text("", "caption")
        self.changed = Text(self.tr("changed"), "caption", wrap=False)
        self.back = Button(self.tr("Back to the preset"), "link")
        self.back.clicked.connect(lambda: self.use_preset(self._preset.name))

    def _arrange(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(Text(self.tr("Import and clean text"), "section", wrap=False))
        bar.addStretch(1)
        bar.addWidget(Text(self.tr("Name"), "muted", wrap=False))
        for widget in (self.name, self.cancel, self.start):
            bar.addWidget(widget)
        sources = Card(self.tr("Text"))
        sources.body.addWidget(self.picker)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.built_in)
        row.addWidget(self.counted, 1)
        sources.body.addLayout(row)
        chosen = QHBoxLayout()
        chosen.setSpacing(theme.space(1))
        chosen.addWidget(self.presets)
        for widget in (self.changed, self.back):
            chosen.addWidget(widget)
        chosen.addStretch(1)
        rules = Card(self.tr("Rules, in the order of work"))
        rules.body.addLayout(chosen)
        rules.body.addWidget(self.about)
        rules.body.addWidget(self.rules)
        more = Card()
        settings = Disclosure(self.tr("Held out, cutting and limits"), opened=True)
        settings.body.addWidget(self.form)
        more.body.addWidget(settings)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, theme.space(1), 0)
        column.setSpacing(theme.space(1.5))
        for card in (sources, rules, more):
            column.addWidget(card)
        column.addStretch(1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(scroll_area(left))
        split.addWidget(self.pane)
        split.setSizes([1000, 1000])
        split.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(theme.space(1.5))
        outer.addLayout(bar)
        outer.addWidget(self.notice)
        outer.addWidget(split, 1)
