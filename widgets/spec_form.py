"""A form made from the fields of a spec: labels, units, ranges, help and sources come from there."""

import typing

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.errors import LabError
from core.spec.base import Field, build, fields
from core.spec.relevance import meaningful
from widgets import theme
from widgets.cards import Disclosure, Text, restyle
from widgets.notice import Notice
from widgets.spec_editors import Editor, PickEditor, Wrong, make_editor
from widgets.spec_words import say, tooltip

LABEL_WIDTH_PX = 152


class FieldRow(QWidget):
    """A label with its explanation, an editor, and room for one sentence about what is wrong."""

    def __init__(self, field: Field, editor: Editor) -> None:
        super().__init__()
        self.editor = editor
        label = self.label = QLabel(say(field.label))
        label.setToolTip(tooltip(field))
        label.setFixedWidth(LABEL_WIDTH_PX)
        label.setWordWrap(True)
        label.setBuddy(editor.control)
        label.setContentsMargins(0, theme.space(0.75), 0, 0)
        self.wrong = Text("", "error")
        self.wrong.hide()
        right = QVBoxLayout()
        right.setSpacing(2)
        right.addWidget(editor)
        right.addWidget(self.wrong)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        row.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(right, 1)

    def set_marked(self, marked: bool) -> None:
        """Make its label stand out among the others."""
        if (self.label.property("role") == "strong") != marked:
            self.label.setProperty("role", "strong" if marked else "")
            restyle(self.label)

    def set_problem(self, text: str) -> None:
        """Say what is wrong with this field; empty = nothing."""
        self.wrong.setText(text)
        self.wrong.setVisible(bool(text))
        self.editor.set_wrong(bool(text))


class SpecForm(QWidget):
    """Editors for every field of a spec, checked while one types.

    Args:
        spec_type: a core.spec type.
        values: plain data to begin with; missing fields take their defaults.
        hidden: names of fields (dotted for nested ones) that the page fills in itself; their values are kept.
        editors: editors of fields (dotted names) that need another than their kind has.
    """

    values_changed = Signal(dict)  # the whole plain data, after each edit by the person
    validity_changed = Signal(bool)

    def __init__(self, spec_type: type, values: dict | None = None, hidden: tuple[str, ...] = (), *,
                 editors: dict[str, type[Editor]] | None = None, parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self._type, self._hidden, self._kept, self._editors = spec_type, set(hidden), {}, editors or {}
        self.rows: dict[str, FieldRow] = {}
        self._groups: dict[str, list[Disclosure]] = {}  # dotted field name -> the disclosures it lies in
        self._nested: list[tuple[str, type]] = []  # prefix of every spec in the form, and its type
        self._sections: dict[str, QWidget] = {}  # prefix of a nested spec -> what shows it
        self._problem, self._spec, self._quiet = "", None, False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        self._add_fields(spec_type, "", column)
        self._notice = Notice("error")
        self._notice.hide()
        column.addWidget(self._notice)
        column.addStretch(1)
        self.set_values(values or {})

    def _add_fields(self, spec_type: type, prefix: str, column: QVBoxLayout, within: tuple = ()) -> None:
        self._nested.append((prefix, spec_type))
        folds: dict[str, Disclosure] = {}  # by group, in order of the first field of each
        nested = []
        for field in fields(spec_type):
            name = prefix + field.name
            if name in self._hidden:
                continue
            if field.kind == "spec":
                nested.append(field)
                continue
            own = self._editors.get(name)
            editor = own(field) if own else make_editor(field, _item_choices(spec_type, field))
            if editor is None:
                continue
            row = self.rows[name] = FieldRow(field, editor)
            editor.edited.connect(self._edited)
            fold = self._fold(field, folds) if field.group or (field.expert and not within) else None  # once is enough
            (fold.body if fold else column).addWidget(row)
            self._groups[name] = [*within, fold] if fold else [*within]
        for fold in folds.values():
            column.addWidget(fold)
        for field in sorted(nested, key=lambda field: not field.expert):  # folded ones first, under their own spec
            self._add_nested(field, f"{prefix}{field.name}.", column, within)

    def _fold(self, field: Field, folds: dict[str, Disclosure]) -> Disclosure:
        """Where a field for experts belongs: with the others of its group."""
        if field.group not in folds:
            fold = folds[field.group] = Disclosure(say(field.group) if field.group else self.tr("Expert settings"))
            fold.body.setSpacing(theme.space(1))
        return folds[field.group]

    def _add_nested(self, field: Field, prefix: str, column: QVBoxLayout, within: tuple) -> None:
        """A spec within the spec: under a heading, or folded where it is for experts."""
        if field.expert:
            section = Disclosure(say(field.label))
            section.button.setToolTip(tooltip(field))
            section.body.setSpacing(theme.space(1))
            self._sections[prefix] = section
            column.addWidget(section)
            self._add_fields(field.spec, prefix, section.body, (*within, section))
            return
        heading = Text(say(field.label), "section")
        heading.setToolTip(tooltip(field))
        column.addSpacing(theme.space(1))
        column.addWidget(heading)
        self._add_fields(field.spec, prefix, column, within)

    def values(self) -> dict:
        """Plain data of all fields, ready for core.spec.base.build; a field that is wrong is left out."""
        data = _copy(self._kept)
        for name, row in self.rows.items():
            try:
                _put(data, name, row.editor.value())
            except Wrong:
                _drop(data, name)
        return data

    def set_values(self, values: dict) -> None:
        """Show other values without telling; fields not named keep theirs."""
        self._quiet = True
        first = not self._kept
        given = _merge(self._kept, msgspec.to_builtins(values))
        defaults = _defaults(self._type)
        self._kept = _merge(defaults, given) if first else given
        for name, row in self.rows.items():
            found, value = _get(self._kept, name)
            row.editor.set_value(value if found else row.editor.field.default)
        self._quiet = False
        self._check()

    def set_choices(self, field: str, choices: list) -> None:
        """Offer choices for a ``picks`` field (dotted name); each a name or (name, text)."""
        editor = self.rows[field].editor
        if not isinstance(editor, PickEditor):
            raise TypeError(f"{field} is not a field that picks from the workspace")
        editor.set_choices(choices)
        self._check()

    @property
    def valid(self) -> bool:
        """Whether the values make a spec."""
        return self._spec is not None

    def spec(self):
        """The spec, or None while it is not valid."""
        return self._spec

    def problem(self) -> str:
        """The sentence that says what is wrong; empty when valid."""
        return self._problem

    def focus_field(self, field: str) -> None:
        """Open the group a field lies in and put the cursor there."""
        for group in self._groups.get(field, []):
            group.set_open(True)
        if field in self.rows:
            self.rows[field].editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_fields(self, names: list[str]) -> list[str]:
        """Open the groups of those of these fields that mean something now, mark them, put the cursor into the first.

        Returns:
            Those fields.
        """
        known = [name for name in names if name in self.rows and not self.rows[name].isHidden()]
        for name, row in self.rows.items():
            row.set_marked(name in known)
        for name in reversed(known):
            self.focus_field(name)
        return known

    def _edited(self) -> None:
        if not self._quiet:
            self._check()
            self.values_changed.emit(self.values())

    def _check(self) -> None:
        """Validate everything; say what is wrong where it is wrong."""
        was_valid, problems, form_problem = self.valid, {}, ""
        shown = self._show_meaningful()
        for name in [name for name in self.rows if name in shown]:
            try:
                self.rows[name].editor.value()
            except Wrong as wrong:
                problems[name] = str(wrong)
        self._spec = None
        if not problems:
            try:
                self._spec = build(self._type, self.values())
            except LabError as error:
                name = self._row_of(error)
                if name:
                    there = LabError(error.problem, "", error.remedy, **error.values)
                    problems[name] = there.sentence(say)
                else:
                    form_problem = error.sentence(say)
        for name, row in self.rows.items():
            row.set_problem(problems.get(name, ""))
            for group in self._groups[name] if name in problems else []:  # what is wrong is never folded away
                group.set_open(True)
        self._notice.setVisible(bool(form_problem))
        if form_problem:
            self._notice.show_message("error", form_problem)
        self._problem = form_problem or next(iter(problems.values()), "")
        if self.valid != was_valid:
            self.validity_changed.emit(self.valid)

    def _row_of(self, error: LabError) -> str:
        """The row that an error is about: it names a field, or ends in one of a nested spec; empty = none in sight."""
        for name in (str(error.values.get("field", "")), error.where):
            found = [row for row in self.rows if name and (row == name or row.endswith(f".{name}"))]
            if len(found) == 1 and not self.rows[found[0]].isHidden():
                return found[0]
        return ""

    def _show_meaningful(self) -> set[str]:
        """Show the fields that mean something for the values of the others, and hide the rest; names of those shown."""
        values, shown = self.values(), set()
        for prefix, spec_type in self._nested:
            _, own = _get(values, prefix.rstrip(".")) if prefix else (True, values)
            names = meaningful(spec_type, own if isinstance(own, dict) else {})
            shown |= {prefix + name for name in names}
        for name, row in self.rows.items():
            row.setVisible(name in shown)
        for prefix, section in self._sections.items():
            section.setVisible(prefix.rstrip(".") in shown)
        return shown


def _item_choices(spec_type: type, field: Field) -> tuple[str, ...]:
    """The choices of a list whose items are literals; empty for any other field."""
    if field.kind != "list":
        return ()
    plain = typing.get_type_hints(spec_type).get(field.name)  # strips Annotated
    items = typing.get_args(plain)[:1]
    return typing.get_args(items[0]) if items and typing.get_origin(items[0]) is typing.Literal else ()


def _defaults(spec_type: type) -> dict:
    """Plain data of every field that has a default."""
    data = {}
    for field in fields(spec_type):
        if field.default is not None:
            data[field.name] = msgspec.to_builtins(field.default)
        elif field.spec is not None:
            data[field.name] = _defaults(field.spec)
    return data


def _copy(data: dict) -> dict:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in data.items()}


def _merge(under: dict, over: dict) -> dict:
    merged = _copy(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _get(data: dict, dotted: str) -> tuple[bool, object]:
    for part in dotted.split("."):
        if not isinstance(data, dict) or part not in data:
            return False, None
        data = data[part]
    return True, data


def _put(data: dict, dotted: str, value) -> None:
    *path, last = dotted.split(".")
    for part in path:
        data = data.setdefault(part, {})
    data[last] = value


def _drop(data: dict, dotted: str) -> None:
    *path, last = dotted.split(".")
    for part in path:
        data = data.get(part, {})
    data.pop(last, None)
