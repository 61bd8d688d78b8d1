"""What to ask: template, the words around the question, the question, worked examples."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from widgets import theme
from widgets.cards import Button, Text
from widgets.demonstration_table import DemonstrationTable
from widgets.terms import Term


@dataclass(frozen=True)
class PromptTemplate:
    """A way of asking: preset name, translated title and sentence, and the parts it uses.

    ``uses`` holds any of: system, instruction, demonstrations, reasoning.
    """

    id: str
    title: str
    about: str = ""
    uses: frozenset[str] = frozenset()


class GrowingText(QPlainTextEdit):
    """A text field as tall as its text, between a least and a most; Ctrl+Return submits."""

    submitted = Signal()

    def __init__(self, name: str, least_lines: int = 1, most_lines: int = 8) -> None:
        super().__init__()
        self._least, self._most = least_lines, most_lines
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.textChanged.connect(self._fit)
        self._fit()

    def _fit(self) -> None:
        lines = min(max(self.document().size().height(), self._least), self._most)
        height = round(lines * self.fontMetrics().lineSpacing() + 2 * self.document().documentMargin() + 12)
        if height != self.height():
            self.setFixedHeight(height)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.submitted.emit()
        else:
            super().keyPressEvent(event)


class PromptEditor(QWidget):
    """Template choice and the fields that the chosen template uses.

    A prompt is {"template", "system", "instruction", "input", "demonstrations":
    [{"input", "output", "reasoning"}]}: fields of core.spec.prompt.PromptSpec and the preset's name.
    """

    prompt_changed = Signal(dict)
    template_chosen = Signal(str)  # id; the page may then give the preset's own texts with set_prompt
    submitted = Signal(dict)  # on Ctrl+Return or the button
    stop_clicked = Signal()
    import_asked = Signal(str)  # a file of demonstrations; the page reads it and calls add_demonstrations

    def __init__(self, templates: list[PromptTemplate] = (), *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._busy, self._quiet = False, False
        self.templates: dict[str, PromptTemplate] = {}
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.tr("Template"))
        self.choice.setMinimumWidth(theme.space(26))
        self.about = Text("", "caption")
        self.system = GrowingText(self.tr("System"), 2)
        self.instruction = GrowingText(self.tr("Instruction"), 1)
        self.input = GrowingText(self.tr("Your text"), 3, 12)
        self.input.setPlaceholderText(self.tr("Type what the model should continue or answer"))
        self.demonstrations = DemonstrationTable()
        self._labels = {
            "system": Text(self.tr("System"), "caption"), "instruction": Text(self.tr("Instruction"), "caption"),
            "demonstrations": Term("few-shot", self.tr("Demonstrations")),
        }  # fmt: skip
        self._parts = {"system": self.system, "instruction": self.instruction, "demonstrations": self.demonstrations}
        self._build()
        self.set_templates(list(templates))

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addWidget(self.choice, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.about)
        for key, part in self._parts.items():
            column.addSpacing(theme.space(0.5))
            column.addWidget(self._labels[key], 0, Qt.AlignmentFlag.AlignLeft)
            column.addWidget(part)
        column.addSpacing(theme.space(0.5))
        column.addWidget(Text(self.tr("Your text"), "caption"))
        column.addWidget(self.input)
        self.button = Button(self.tr("Generate"), "primary", "send")
        self.hint = Text(self.tr("Ctrl+Return"), "caption", wrap=False)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.hint)
        row.addWidget(self.button)
        column.addSpacing(theme.space(0.5))
        column.addLayout(row)
        self.choice.activated.connect(self._template_activated)
        self.button.clicked.connect(self._press)
        for field in (self.system, self.instruction, self.input):
            field.textChanged.connect(self._changed)
            field.submitted.connect(self._submit)
        self.demonstrations.rows_changed.connect(lambda _: self._changed())
        self.demonstrations.import_asked.connect(self._ask_import)

    # values

    def set_templates(self, templates: list[PromptTemplate]) -> None:
        """Offer other templates; the choice stays where it can."""
        before = self.choice.currentData()
        self.templates = {template.id: template for template in templates}
        self.choice.clear()
        for template in templates:
            self.choice.addItem(template.title, template.id)
        self.choice.setCurrentIndex(max(self.choice.findData(before), 0) if templates else -1)
        self.choice.setVisible(len(templates) > 1)
        self._show_parts()

    def prompt(self) -> dict:
        """What is asked now; parts that the template does not use are empty."""
        uses = self._uses()
        return {
            "template": self.choice.currentData() or "",
            "system": self.system.toPlainText() if "system" in uses else "",
            "instruction": self.instruction.toPlainText() if "instruction" in uses else "",
            "input": self.input.toPlainText(),
            "demonstrations": self.demonstrations.rows() if "demonstrations" in uses else [],
        }

    def set_prompt(self, prompt: dict) -> None:
        """Show other values without telling; keys not given keep theirs."""
        self._quiet = True
        if prompt.get("template") in self.templates:
            self.choice.setCurrentIndex(self.choice.findData(prompt["template"]))
        for key, field in (("system", self.system), ("instruction", self.instruction), ("input", self.input)):
            if key in prompt:
                field.setPlainText(prompt[key])
        if "demonstrations" in prompt:
            self.demonstrations.set_rows(prompt["demonstrations"])
        self._show_parts()
        self._quiet = False

    def set_busy(self, busy: bool) -> None:
        """While busy the button says Stop and emits stop_clicked."""
        from widgets import icons

        self._busy = busy
        self.button.setText(self.tr("Stop") if busy else self.tr("Generate"))
        self.button.setAccessibleName(self.button.text())
        icons.set_icon(self.button, "stop" if busy else "send", "on_accent", size_px=16)

    def add_demonstrations(self, rows: list[dict]) -> None:
        """Put worked examples behind those there are; each has input, output, and perhaps reasoning."""
        self.demonstrations.set_rows(self.demonstrations.rows() + rows)
        self._changed()

    def _uses(self) -> frozenset[str]:
        template = self.templates.get(self.choice.currentData())
        return template.uses if template else frozenset()

    def _show_parts(self) -> None:
        template, uses = self.templates.get(self.choice.currentData()), self._uses()
        self.about.setText(template.about if template else "")
        self.about.setVisible(bool(self.about.text()))
        for key, part in self._parts.items():
            part.setVisible(key in uses)
            self._labels[key].setVisible(key in uses)
        self.demonstrations.show_reasoning("reasoning" in uses)

    def _template_activated(self, _) -> None:
        self._show_parts()
        self.template_chosen.emit(self.choice.currentData())
        self._changed()

    def _changed(self) -> None:
        if not self._quiet:
            self.prompt_changed.emit(self.prompt())

    def _press(self) -> None:
        if self._busy:
            self.stop_clicked.emit()
        else:
            self._submit()

    def _submit(self) -> None:
        if not self._busy:
            self.submitted.emit(self.prompt())

    def _ask_import(self) -> None:
        kinds = "JSONL, CSV, TSV (*.jsonl *.csv *.tsv)"
        path, _ = QFileDialog.getOpenFileName(self, self.tr("Import demonstrations"), "", kinds)
        if path:
            self.import_asked.emit(path)
