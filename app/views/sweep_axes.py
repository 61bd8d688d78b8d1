"""The fields of a sweep as a person names them: one line each, with the field, its values, and what they come to."""

import msgspec
from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.translations import translate
from core.errors import LabError
from core.spec.base import Field, fields
from core.spec.sweep import Axis, field_of, read_axis
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Button, Text
from widgets.spec_words import number_text, say, tooltip

# Offered first; all others follow.
FIRST = ("learning_rate", "batch_size", "optimizer", "schedule", "weight_decay", "warmup_steps", "model.d_model",
         "model.n_layers", "model.context", "model.dropout", "model.position", "model.activation")  # fmt: skip
LEAVES = ("int", "float", "bool", "choice", "str")
LEFT_OUT = {"seed", "sample_prompt", "sample_tokens", "device"}
SHOWN = 6  # values spelled out below the line
FIELD_PX = 232


def field_names() -> list[str]:
    """Dotted names of every field that can be varied, the usual ones first."""
    found = [name for name in _leaves(TrainSpec, "") if name not in LEFT_OUT]
    return [*FIRST, *(name for name in found if name not in FIRST)]


def _leaves(spec_type: type, prefix: str) -> list[str]:
    names = []
    for field in fields(spec_type):
        if field.kind == "spec" and field.spec is not None:
            names += _leaves(field.spec, f"{prefix}{field.name}.")
        elif field.kind in LEAVES:
            names.append(prefix + field.name)
    return names


def field_label(name: str) -> str:
    """What a field is called, with what it belongs to: Model › Width."""
    parts = name.split(".")
    labels = [say(field_of(".".join(parts[: depth + 1])).label) for depth in range(len(parts))]
    return " › ".join(labels)


def short_label(name: str) -> str:
    """The field's own label alone, for narrow places."""
    return say(field_of(name).label)


def suggestion(field: Field, value, names: list[str]) -> str:
    """Values to begin with: around the one in force, or all there are to choose from."""
    if field.kind == "bool":
        return "true, false"
    if field.kind == "choice":
        return ", ".join(str(choice) for choice in field.choices if choice != "auto")
    if field.kind == "str":
        return ", ".join(names[:2])
    if not isinstance(value, (int, float)) or not value:
        return "0, 0.1" if field.kind == "float" else "0, 1, 2"
    if field.kind == "int":
        found = sorted({max(1, value // 2), value, value * 2})
    else:
        found = [float(f"{value * factor:.2g}") for factor in (1 / 3, 1, 3)]
    return ", ".join(number_text(number) for number in found if _within(field, number))


def _within(field: Field, number: float) -> bool:
    return (field.low is None or field.low <= number) and (field.high is None or number <= field.high)


class AxisRow(QWidget):
    """One varied field: which, its values as text, and below what they come to or what is wrong."""

    changed = Signal()
    removed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field, self.values = QComboBox(), QLineEdit()
        self.field.setFixedWidth(FIELD_PX)
        self.field.setEditable(True)
        self.field.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.field.setAccessibleName(self.tr("Field"))
        for name in field_names():
            self.field.addItem(field_label(name), name)
            self.field.setItemData(self.field.count() - 1, tooltip(field_of(name)), Qt.ItemDataRole.ToolTipRole)
        self.field.insertSeparator(len(FIRST))
        completer: QCompleter = self.field.completer()
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.values.setAccessibleName(self.tr("Values"))
        self.values.setPlaceholderText(self.tr("1e-4, 3e-4, 1e-3   or   1e-4 .. 1e-2 log 5"))
        self.said = Text("", "caption")
        self.remove = Button("", "quiet", "close")
        self.remove.setAccessibleName(self.tr("Leave this field out"))
        self.remove.setToolTip(self.tr("Leave this field out"))
        self.field.activated.connect(lambda _: self._take())
        self.values.textChanged.connect(lambda _: self.changed.emit())
        self.remove.clicked.connect(lambda: self.removed.emit())
        self._suggest = lambda name: ""
        line = QHBoxLayout()
        line.setSpacing(theme.space(1))
        for widget, share in ((self.field, 0), (self.values, 1), (self.remove, 0)):
            line.addWidget(widget, share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addLayout(line)
        column.addWidget(self.said)

    def begin(self, name: str, suggest) -> None:
        """Vary this field; ``suggest(name)`` gives the values that a field begins with."""
        self._suggest = suggest
        self.field.setCurrentIndex(self.field.findData(name))
        self._take()

    def name(self) -> str:
        """The dotted name of the field."""
        return self.field.currentData() or self.field.currentText().strip()

    def axis(self) -> Axis:
        """What is asked for.

        Raises:
            LabError: no such field, or nothing that could be its values.
        """
        return read_axis(self.name(), self.values.text())

    def show_values(self, random: bool) -> None:
        """Say what the line comes to, or what is wrong with it."""
        try:
            axis = self.axis()
        except LabError as error:
            self._say(error.sentence(translate), "error")
            return
        translated = QCoreApplication.translate
        if random and not axis.values:
            text = translated("AxisRow", "Drawn between {low} and {high}.").format(
                low=number_text(axis.low), high=number_text(axis.high))
        else:
            found = axis.grid()
            shown = ", ".join(map(value_text, found[:SHOWN])) + (" …" if len(found) > SHOWN else "")
            text = translated("AxisRow", "{count} values: {values}").format(count=len(found), values=shown)
        self._say(text, "caption")

    def _say(self, text: str, role: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)

    def _take(self) -> None:
        """A field was chosen: its tooltip, and values to begin with."""
        name = self.name()
        self.field.setToolTip(tooltip(field_of(name)))
        self.values.setText(self._suggest(name))
        self.changed.emit()


def value_text(value) -> str:
    """A value of a field as people read it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return number_text(value if isinstance(value, int) else float(f"{value:.4g}"))


def plain(axes: list[Axis]) -> list[dict]:
    """Axes as plain data, without what is not said."""
    return [{key: value for key, value in msgspec.to_builtins(axis).items() if value is not None} for axis in axes]
