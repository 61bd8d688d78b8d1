"""Cleaning rules in the order of work: drag them, switch them, set them, add and remove them."""

import typing

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from core.spec.corpus import AnyRule
from core.spec.rules.base import Rule, tag_of
from widgets import theme
from widgets.cards import Button, Text
from widgets.rule_row import RuleRow, rule_tooltip
from widgets.spec_words import rule_title, say

FAMILIES = ("repair", "language", "keywords", "statistics", "metric", "classifier", "duplicates", "privacy")


def rule_types() -> dict[str, type[Rule]]:
    """Every rule there is, by its name in specs."""
    types = typing.get_args(AnyRule) or (AnyRule,)
    return {tag_of(rule_type): rule_type for rule_type in types}


class RuleList(QWidget):
    """Emits ``rules_changed`` whenever a person changes anything; knows nothing of how rules work."""

    rules_changed = Signal()
    fallen_asked = Signal(str)  # a rule's name: show what it set aside

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.types = rule_types()
        self.rows: list[RuleRow] = []
        self._choices: dict[str, list[str]] = {}
        self._reference: dict[str, dict] = {}
        self._gap = -1  # where a dragged row would land
        self.none = Text(self.tr("No rule: every document is kept as it is."), "muted")
        self.add_button = Button(self.tr("Add a rule"), "secondary", "plus")
        self.add_button.setMenu(self._menu())
        self._column = QVBoxLayout()
        self._column.setSpacing(theme.space(0.75))
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.none)
        column.addLayout(self._column)
        column.addLayout(buttons)

    def values(self) -> list[dict]:
        """The rules as plain data, in order."""
        return [row.value() for row in self.rows]

    def set_values(self, rules: list[dict]) -> None:
        """Show other rules, without telling."""
        for row in self.rows:
            self._drop(row)
        self.rows = []
        for data in rules:
            if data.get("rule") in self.types:
                self._insert(data)
        self._renumber()

    @property
    def valid(self) -> bool:
        """Whether every rule that is on can be made."""
        return all(row.valid for row in self.rows if row.on)

    def set_choices(self, choices: dict[str, list[str]]) -> None:
        """Offer names of the workspace to fields that pick from it: {room: names}."""
        self._choices = choices
        for row in self.rows:
            row.set_choices(choices)

    def set_reference(self, rules: list[dict]) -> None:
        """Rules to differ from, such as those of a preset; rows that do are marked."""
        self._reference = {data["rule"]: data for data in rules}
        self._mark()

    def set_outcome(self, steps: list[dict], histograms: dict[str, dict]) -> None:
        """Show what each rule that is on did to a sample, as in a report; [] = not known."""
        waiting = list(steps)
        for row in self.rows:
            step = None
            if row.on and waiting and waiting[0]["rule"] == row.tag:
                step = waiting.pop(0)
            row.set_outcome(step, histograms)

    def move(self, row: RuleRow, place: int) -> None:
        """Bring a row to a place, as a person would, and tell."""
        place = min(max(place, 0), len(self.rows) - 1)
        if self.rows.index(row) == place:
            return
        self.rows.remove(row)
        self.rows.insert(place, row)
        self._column.removeWidget(row)
        self._column.insertWidget(place, row)
        self._order_tabs()
        self._changed()

    def add(self, tag: str) -> RuleRow:
        """Add a rule at the end, opened, and tell."""
        row = self._insert({"rule": tag, "on": True})
        row.set_open(True)
        self._changed()
        return row

    def remove(self, row: RuleRow) -> None:
        """Take a rule away, and tell."""
        self.rows.remove(row)
        self._drop(row)
        self._changed()

    def _insert(self, data: dict) -> RuleRow:
        row = RuleRow(self.types[data["rule"]], data, self._choices)
        row.edited.connect(self._changed)
        row.removed.connect(lambda: self.remove(row))
        row.stepped.connect(lambda way: self._step(row, way))
        row.fallen_asked.connect(lambda: self.fallen_asked.emit(row.tag))
        row.grip.dragged.connect(lambda at: self._drag(row, at))
        row.grip.dropped.connect(lambda: self._land(row))
        self.rows.append(row)
        self._column.addWidget(row)
        self._renumber()
        return row

    def _drop(self, row: RuleRow) -> None:
        self._column.removeWidget(row)
        row.hide()
        row.deleteLater()

    def _step(self, row: RuleRow, way: int) -> None:
        focused = self.window().focusWidget()
        self.move(row, self.rows.index(row) + way)
        (focused if focused is not None and row.isAncestorOf(focused) else row.grip).setFocus()

    def _drag(self, row: RuleRow, at: QPointF) -> None:
        y = self.mapFromGlobal(at.toPoint()).y()
        self._gap = sum(y > other.geometry().center().y() for other in self.rows)
        self.update()

    def _land(self, row: RuleRow) -> None:
        gap, self._gap = self._gap, -1
        self.update()
        if gap >= 0:
            self.move(row, gap - (gap > self.rows.index(row)))

    def _changed(self) -> None:
        self._renumber()
        self._mark()
        self.rules_changed.emit()

    def _mark(self) -> None:
        for row in self.rows:
            row.set_reference(self._reference.get(row.tag))

    def _renumber(self) -> None:
        self.none.setVisible(not self.rows)
        for number, row in enumerate(self.rows, 1):
            row.setAccessibleName(f"{number}. {row.box.text()}")

    def _order_tabs(self) -> None:
        for one, next_ in zip(self.rows, self.rows[1:]):
            QWidget.setTabOrder(one.cross, next_.grip)

    def _menu(self) -> QMenu:
        """Rules by family; a hover says what each does and where it comes from."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        families = [*FAMILIES, *(rule.family for rule in self.types.values() if rule.family not in FAMILIES)]
        for family in dict.fromkeys(families):
            rules = {tag: rule for tag, rule in self.types.items() if rule.family == family}
            if rules:
                below = menu.addMenu(family_text(family))
                below.setToolTipsVisible(True)
                for tag, rule in rules.items():
                    action = below.addAction(rule_title(rule))
                    action.setToolTip(rule_tooltip(rule))
                    action.triggered.connect(lambda _=False, tag=tag: self.add(tag))
        return menu

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._gap < 0:
            return
        places = [row.geometry() for row in self.rows]
        y = places[self._gap].top() - 4 if self._gap < len(places) else places[-1].bottom() + 4
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(QRectF(0, y - 1, self.width(), 3), 1.5, 1.5)


def family_text(family: str) -> str:
    """The name of a family of rules."""
    words = {
        "repair": say("Mending and length"), "language": say("Language"), "keywords": say("Keywords"),
        "statistics": say("Statistics"), "metric": say("Perplexity"), "classifier": say("Classifier"),
        "duplicates": say("Duplicates"), "privacy": say("Privacy"),
    }  # fmt: skip
    return words.get(family, family.capitalize())
