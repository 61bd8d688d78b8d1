"""One editor for each kind of spec field; all speak alike: ``edited``, ``value()``, ``set_value()``."""

import re
from typing import Any

import msgspec
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from core.spec.base import Field, fields
from widgets import theme
from widgets.cards import Text, restyle
from widgets.controls import SegmentedControl
from widgets.number_line import NumberLine
from widgets.spec_words import choice_text, meaning_text, number_text, range_text, rule_title, say, tooltip

FIELD_WIDTH_PX = 208
SEGMENTS_UP_TO, SEGMENT_PX, SEGMENTS_WIDTH_PX = 3, 40, 236


class Wrong(ValueError):
    """What was typed is not a value; the text says why, translated."""


class Editor(QWidget):
    """Base of the editors: one control that is named, coloured when wrong, and focusable."""

    edited = Signal()

    def __init__(self, field: Field, control: QWidget) -> None:
        super().__init__()
        self.field, self.control = field, control
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        row.addWidget(control)
        self.beside = Text(say(field.unit), "caption")
        row.addWidget(self.beside, 1)
        control.setAccessibleName(say(field.label))
        control.setToolTip(tooltip(field))
        self.setFocusProxy(control)

    def set_wrong(self, wrong: bool) -> None:
        """Show a red border or take it away."""
        if bool(self.control.property("wrong")) != wrong:
            self.control.setProperty("wrong", wrong)
            restyle(self.control)


class NumberEditor(Editor):
    """Whole and real numbers, with unit and range; scientific notation is welcome."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, NumberLine(field.kind == "int"))
        self.control.textEdited.connect(lambda _: self.edited.emit())
        self.control.textChanged.connect(lambda _: self._explain())

    def value(self) -> int | float:
        try:
            value = self.control.number()
        except (ValueError, OverflowError):
            words = "This must be a whole number." if self.field.kind == "int" else "This must be a number."
            raise Wrong(say(words)) from None
        below = self.field.low is not None and value < self.field.low
        above = self.field.high is not None and value > self.field.high
        if below or above or value != value:
            raise Wrong(range_text(self.field))
        return value

    def set_value(self, value: Any) -> None:
        self.control.setText(number_text(value))

    def _explain(self) -> None:
        """Say beside the number what it means, where that is more than its unit."""
        try:
            self.beside.setText(meaning_text(self.field, self.control.number()))
        except (ValueError, OverflowError):
            self.beside.setText(say(self.field.unit))


class BoolEditor(Editor):
    """Yes or no."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, QCheckBox())
        self.layout().setContentsMargins(0, theme.space(0.5), 0, 0)  # level with its label
        self.control.toggled.connect(lambda _: self.edited.emit())

    def value(self) -> bool:
        return self.control.isChecked()

    def set_value(self, value: Any) -> None:
        self.control.setChecked(bool(value))


class TextEditor(Editor):
    """One line of text."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, QLineEdit())
        self.control.setFixedWidth(FIELD_WIDTH_PX)
        self.control.textEdited.connect(lambda _: self.edited.emit())

    def value(self) -> str:
        return self.control.text()

    def set_value(self, value: Any) -> None:
        self.control.setText(str(value or ""))


class ChoiceEditor(Editor):
    """One of a few: segments up to three whose words fit beside a label, a list otherwise."""

    def __init__(self, field: Field) -> None:
        choices = {choice: choice_text(choice) for choice in field.choices}
        words = sum(QFontMetrics(theme.font("strong")).horizontalAdvance(text) for text in choices.values())
        self._segments = len(choices) <= SEGMENTS_UP_TO and words + SEGMENT_PX * len(choices) <= SEGMENTS_WIDTH_PX
        if self._segments:
            control = SegmentedControl(choices, name=say(field.label))
        else:
            control = QComboBox()
            control.setFixedWidth(FIELD_WIDTH_PX)
            for choice, text in choices.items():
                control.addItem(text, choice)
        super().__init__(field, control)
        (control.value_changed if self._segments else control.activated).connect(lambda _: self.edited.emit())

    def value(self) -> str:
        return self.control.value() if self._segments else self.control.currentData()

    def set_value(self, value: Any) -> None:
        if value not in self.field.choices:
            return
        if self._segments:
            self.control.set_value(value)
        else:
            self.control.setCurrentIndex(self.control.findData(value))


class PickEditor(Editor):
    """The name of something in the workspace; the choices are given from outside."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, QComboBox())
        self.control.setFixedWidth(FIELD_WIDTH_PX)
        self.control.setPlaceholderText(QCoreApplication.translate("SpecForm", "None yet"))
        self.control.activated.connect(lambda _: self.edited.emit())

    def set_choices(self, choices: list) -> None:
        """Offer names or (name, text) pairs; what was chosen stays, otherwise the first is taken."""
        before = self.control.currentData()
        self.control.clear()
        if not self.field.required:
            choices = [("", QCoreApplication.translate("SpecForm", "None")), *choices]
        for choice in choices:
            name, text = (choice, choice) if isinstance(choice, str) else choice
            self.control.addItem(text, name)
        at = self.control.findData(before)
        self.control.setCurrentIndex(max(at, 0) if choices else -1)
        self.control.setEnabled(bool(choices))

    def value(self) -> str:
        if self.field.required and not self.control.currentData():
            raise Wrong(QCoreApplication.translate("SpecForm", "There is nothing to choose yet."))
        return self.control.currentData() or ""

    def set_value(self, value: Any) -> None:
        if value and self.control.findData(value) < 0:
            self.control.addItem(str(value), str(value))
        self.control.setCurrentIndex(self.control.findData(value or ""))  # of a field that may be empty: None


class LinesEditor(Editor):
    """A list of texts, one a line."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, QPlainTextEdit())
        self.control.setFixedSize(FIELD_WIDTH_PX + theme.space(8), theme.space(9))
        self.control.setTabChangesFocus(True)
        self.control.setPlaceholderText(QCoreApplication.translate("SpecForm", "One a line"))
        self._quiet = False
        self.control.textChanged.connect(lambda: self._quiet or self.edited.emit())

    def value(self) -> list[str]:
        lines = [line.strip() for line in self.control.toPlainText().splitlines()]
        found = [line for line in lines if line]
        if self.field.required and not found:
            raise Wrong(QCoreApplication.translate("SpecForm", "Give at least one."))
        return found

    def set_value(self, value: Any) -> None:
        self._quiet = True
        self.control.setPlainText("\n".join(value or []))
        self._quiet = False


class NumbersEditor(Editor):
    """A few numbers on one line, with commas between."""

    def __init__(self, field: Field) -> None:
        super().__init__(field, QLineEdit())
        self.control.setFixedWidth(FIELD_WIDTH_PX)
        self.control.textEdited.connect(lambda _: self.edited.emit())
        self._whole = isinstance(field.default[0], int)

    def value(self) -> list[int | float]:
        number, parts = int if self._whole else float, re.split(r"[\s,，、]+", self.control.text().strip())
        try:
            return [number(part) for part in parts]
        except ValueError:
            raise Wrong(QCoreApplication.translate("SpecForm", "Write numbers with commas between.")) from None

    def set_value(self, value: Any) -> None:
        self.control.setText(", ".join(map(number_text, value or [])))


class ManyEditor(Editor):
    """Any of a few: a box for each."""

    def __init__(self, field: Field, choices: tuple[str, ...]) -> None:
        control = QWidget()
        column = QVBoxLayout(control)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._boxes = {choice: QCheckBox(choice_text(choice)) for choice in choices}
        for box in self._boxes.values():
            column.addWidget(box)
            box.toggled.connect(lambda _: self.edited.emit())
        super().__init__(field, control)

    def value(self) -> list[str]:
        chosen = [choice for choice, box in self._boxes.items() if box.isChecked()]
        if not chosen:
            raise Wrong(QCoreApplication.translate("SpecForm", "Choose at least one."))
        return chosen

    def set_value(self, value: Any) -> None:
        for choice, box in self._boxes.items():
            box.setChecked(choice in (value or []))


class StepsEditor(Editor):
    """A list of steps that can each be switched off and set, such as cleaning rules."""

    def __init__(self, field: Field) -> None:
        self._column = QVBoxLayout()
        control = QWidget()
        control.setLayout(self._column)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.space(0.5))
        self._rows: list[tuple[dict, QCheckBox, dict[str, Editor]]] = []
        super().__init__(field, control)
        self._types = {msgspec.to_builtins(step).get("rule"): type(step) for step in field.default}
        self.set_value(msgspec.to_builtins(field.default))

    def value(self) -> list[dict]:
        return [data | {"on": box.isChecked()} | {name: editor.value() for name, editor in editors.items()}
                for data, box, editors in self._rows]  # fmt: skip

    def set_value(self, value: Any) -> None:
        value = msgspec.to_builtins(value or [])
        if [step.get("rule") for step in value] != [data.get("rule") for data, _, _ in self._rows]:
            self._rebuild(value)
        for (_, box, editors), step in zip(self._rows, value):
            box.setChecked(step.get("on", True))
            for name, editor in editors.items():
                editor.set_value(step.get(name, editor.field.default))

    def _rebuild(self, value: list[dict]) -> None:
        while self._column.count():
            line = self._column.takeAt(0).widget()
            line.hide()
            line.deleteLater()
        self._rows = []
        for step in value:
            step_type = self._types.get(step.get("rule"))
            box = QCheckBox(rule_title(step_type) if step_type else str(step.get("rule")))
            box.setToolTip(say((step_type.__doc__ or "").strip().split("\n")[0]) if step_type else "")
            box.toggled.connect(lambda _: self.edited.emit())
            self._column.addWidget(box)
            editors = {}
            for field in fields(step_type) if step_type else []:
                if field.name != "on":
                    editors[field.name] = self._add_setting(field)
            self._rows.append((step, box, editors))

    def _add_setting(self, field: Field) -> Editor:
        editor = make_editor(field)
        editor.edited.connect(self.edited)
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(theme.space(3), 0, 0, 0)
        label = QLabel(say(field.label))
        label.setProperty("role", "muted")
        row.addWidget(label)
        row.addWidget(editor, 1)
        self._column.addWidget(line)
        return editor


def make_editor(field: Field, item_choices: tuple[str, ...] = ()) -> Editor | None:
    """The editor for a field, or None when a form cannot edit it."""
    if field.picks:
        return PickEditor(field)
    if field.kind == "list":
        if item_choices:
            return ManyEditor(field, item_choices)
        if isinstance(field.default, dict):
            return None
        if field.default and isinstance(field.default[0], msgspec.Struct):
            return StepsEditor(field)
        if field.default and isinstance(field.default[0], int | float):
            return NumbersEditor(field)
        return LinesEditor(field)
    kinds = {"int": NumberEditor, "float": NumberEditor, "bool": BoolEditor, "choice": ChoiceEditor, "str": TextEditor}
    return kinds[field.kind](field)
