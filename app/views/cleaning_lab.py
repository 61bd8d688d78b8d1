"""Bring text in: drop files or folders, or take what the machine already has; choose the rules."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from core.spec.corpus import CorpusSpec
from widgets import theme
from widgets.cards import Button, Card, Text
from widgets.path_picker import PathPicker
from widgets.spec_form import SpecForm

BUILT_IN = "builtin:python-docs"
FILTER = "*.txt *.md *.jsonl *.csv *.tsv *.parquet *.html *.htm"


class CleaningLab(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picker = PathPicker(
            self.tr("Drop files or folders here: .txt .md .jsonl .csv .tsv .parquet .html"), filter=FILTER)
        self.picker.paths_changed.connect(lambda _: self._refresh())
        self.built_in = Button(self.tr("Use Python's own documentation"), "secondary", "data")
        self.built_in.clicked.connect(self.use_built_in)
        self.built_in_hint = Text(self.tr(
            "Real English text that is already on this machine: about 8 MB, nothing is downloaded."), "caption")
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("Name of the corpus"))
        self.name.setAccessibleName(self.tr("Name of the corpus"))
        self.form = SpecForm(CorpusSpec, {"sources": [""]}, hidden=("sources",))
        self.form.validity_changed.connect(lambda _: self._refresh())
        self.start = Button(self.tr("Start"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self._arrange()
        self._refresh()
        self.setMaximumWidth(FORM_WIDTH_PX)
        on_escape(self, self.cancelled.emit)

    def use_built_in(self) -> None:
        """Take the corpus that needs no file."""
        self.picker.set_paths([*self.picker.paths(), BUILT_IN] if BUILT_IN not in self.picker.paths() else
                              self.picker.paths())  # fmt: skip
        self._refresh()

    def use_paths(self, paths: list[str]) -> None:
        """Take these files and folders."""
        self.picker.set_paths(paths)
        self._refresh()

    def remember(self) -> dict:
        """What was chosen and set so far."""
        return {"paths": self.picker.paths(), "values": self.form.values()}

    def restore(self, remembered: dict) -> None:
        """Put back what ``remember`` gave."""
        self.form.set_values(remembered["values"])
        self.use_paths(remembered["paths"])

    def _refresh(self) -> None:
        paths = self.picker.paths()
        self.start.setEnabled(bool(paths) and self.form.valid)
        self.built_in.setEnabled(BUILT_IN not in paths)
        if paths and not self.name.isModified():
            self.name.setText("python-docs" if paths[0] == BUILT_IN else Path(paths[0]).stem)

    def _start(self) -> None:
        self.form.set_values({"sources": self.picker.paths()})
        spec = self.form.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or "corpus", spec)

    def _arrange(self) -> None:
        sources = Card(self.tr("Import text"))
        sources.body.addWidget(self.picker)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.built_in)
        row.addWidget(self.built_in_hint, 1)
        sources.body.addLayout(row)
        rules = Card(self.tr("Cleaning"))
        named = QHBoxLayout()
        label = Text(self.tr("Name"), "body", wrap=False)
        label.setFixedWidth(152)
        named.addWidget(label)
        self.name.setMaximumWidth(theme.space(40))
        named.addWidget(self.name, 1)
        named.addStretch()
        rules.body.addLayout(named)
        rules.body.addWidget(self.form)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        column.addWidget(sources)
        column.addWidget(rules)
        column.addLayout(buttons)
        column.addStretch(1)
