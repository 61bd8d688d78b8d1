"""One cleaning rule of a list: on or off, what it took away, and its thresholds beside what was measured."""

import msgspec
from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from core.spec.base import Field, fields
from core.spec.rules.base import Rule, tag_of
from widgets import icons, theme
from widgets.cards import Button, Text, restyle
from widgets.histogram import Histogram, Threshold
from widgets.spec_form import SpecForm
from widgets.spec_words import rule_title, say


def rule_tooltip(rule_type: type[Rule]) -> str:
    """What a rule does, and where its numbers come from."""
    about = say((rule_type.__doc__ or "").strip().split("\n")[0])
    return "\n".join(filter(None, (about, say(rule_type.source))))


class Grip(QWidget):
    """Six dots to drag a row by; with the keyboard, Up and Down move it."""

    dragged = Signal(QPointF)  # pointer, global
    dropped = Signal()
    stepped = Signal(int)  # -1 = up, 1 = down

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Move {rule}").format(rule=name))
        self.setToolTip(self.tr("Drag to reorder, or press Alt with Up or Down"))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFixedSize(16, 24)
        theme.bus.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("focus" if self.hasFocus() else "line_strong"))
        for x in (5, 11):
            for y in (6, 12, 18):
                painter.drawEllipse(QPointF(x, y), 1.5, 1.5)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(event.globalPosition())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.dropped.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        way = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if way:
            self.stepped.emit(way)
        else:
            super().keyPressEvent(event)


class RuleRow(QFrame):
    """A rule's head, and when it is opened its form with a histogram under each threshold.

    Args:
        rule_type: a core.spec.rules type.
        data: its plain values.
        choices: {room of the workspace: names} for fields that pick from it.
    """

    edited = Signal()
    removed = Signal()
    stepped = Signal(int)
    fallen_asked = Signal()  # show what it set aside

    def __init__(self, rule_type: type[Rule], data: dict, choices: dict[str, list[str]],
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.rule_type, self.tag = rule_type, tag_of(rule_type)
        self._data, self._choices = dict(data), choices
        self._histograms: dict[str, dict] = {}
        self.form: SpecForm | None = None
        self.plots: dict[str, Histogram] = {}  # by measure
        self.setProperty("role", "card")
        title = rule_title(rule_type)
        self.setAccessibleName(title)
        self.grip = Grip(title)
        self.grip.stepped.connect(self.stepped)
        self.box = QCheckBox(title)
        self.box.setToolTip(rule_tooltip(rule_type))
        self.box.setChecked(self._data.get("on", True))
        self.box.toggled.connect(self._switch)
        self.mark = Text(self.tr("changed"), "caption", wrap=False)
        self.mark.hide()
        self.count, self.nothing = Button("", "link"), Text("", "caption", wrap=False)
        self.count.clicked.connect(lambda: self.fallen_asked.emit())
        for widget in (self.count, self.nothing):
            widget.hide()
        self.opener, self.cross = QToolButton(), QToolButton()
        self.opener.setCheckable(True)
        self.opener.setAccessibleName(self.tr("Settings of {rule}").format(rule=title))
        self.opener.setToolTip(self.opener.accessibleName())
        self.opener.toggled.connect(self.set_open)
        icons.set_icon(self.opener, "chevron-right", "muted", size_px=14)
        icons.set_icon(self.cross, "close", "muted", size_px=14)
        self.cross.setAccessibleName(self.tr("Remove {name}").format(name=title))
        self.cross.setToolTip(self.cross.accessibleName())
        self.cross.clicked.connect(lambda: self.removed.emit())
        self.passed_over = Text("", "caption")
        self.passed_over.hide()
        for keys, way in ((Qt.Key.Key_Up, -1), (Qt.Key.Key_Down, 1)):
            shortcut = QShortcut(QKeySequence(Qt.Modifier.ALT | keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(lambda way=way: self.stepped.emit(way))
        self._arrange()
        self._dim()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.space(0.75))
        for widget in (self.grip, self.box, self.mark):
            head.addWidget(widget)
        head.addStretch(1)
        for widget in (self.nothing, self.count, self.opener, self.cross):
            head.addWidget(widget)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(theme.space(0.75), theme.space(0.5), theme.space(0.75), theme.space(0.5))
        self._column.setSpacing(theme.space(0.5))
        self._column.addLayout(head)
        self._column.addWidget(self.passed_over)
        self.passed_over.setContentsMargins(theme.space(5.5), 0, 0, 0)

    @property
    def on(self) -> bool:
        """Whether the rule runs."""
        return self.box.isChecked()

    @property
    def valid(self) -> bool:
        """Whether its values make a rule."""
        return self.form is None or self.form.valid

    def value(self) -> dict:
        """The rule as plain data."""
        return self._data | (self.form.values() if self.form else {}) | {"rule": self.tag, "on": self.on}

    def set_open(self, opened: bool) -> None:
        """Show the settings or hide them; they are made when they are first asked for."""
        if opened and self.form is None:
            self._make_form()
        if self.form is not None:
            self._body.setVisible(opened)
        self.opener.setChecked(opened)
        icons.set_icon(self.opener, "chevron-down" if opened else "chevron-right", "muted", size_px=14)

    def set_choices(self, choices: dict[str, list[str]]) -> None:
        """Offer names of the workspace, {room, or kind of job that a rule needs: names}."""
        self._choices = choices
        if self.form is not None:
            for field in fields(self.rule_type):
                if field.picks and field.name in self.form.rows:
                    kind = getattr(self.rule_type, "needs", "")  # a rule that needs one kind of what the room holds
                    self.form.set_choices(field.name, choices.get(kind or field.picks, []))

    def set_reference(self, data: dict | None) -> None:
        """Mark the rule as changed where it differs from this; None = it has nothing to differ from."""
        self.mark.setVisible(data is not None and _plain(self.rule_type, data) != _plain(self.rule_type, self.value()))

    def set_outcome(self, step: dict | None, histograms: dict[str, dict]) -> None:
        """Show what the rule did to a sample; ``step`` as in a report, None = it did not run."""
        self._histograms = histograms
        fallen = step["documents_in"] - step["documents_out"] if step else 0
        changed = step.get("changed", 0) if step else 0
        self.count.setVisible(fallen > 0)
        self.nothing.setVisible(step is not None and not fallen)
        words = [self.tr("{count} set aside · {percent} %").format(
            count=f"{fallen:,}", percent=f"{100 * fallen / max(step['documents_in'], 1):.2g}")] if fallen else []
        words += [self.tr("{count} changed").format(count=f"{changed:,}")] if changed else []
        self.count.setText(" · ".join(words))
        self.count.setAccessibleName(f"{self.box.text()}: {self.count.text()}")
        self.nothing.setText(" · ".join(words) or self.tr("nothing set aside"))
        over = (step or {}).get("passed_over") or {}
        self.passed_over.setVisible(bool(over))
        self.passed_over.setText(" ".join(
            self.tr("Not applied to {count} documents: {why}").format(count=f"{count:,}", why=say(why))
            for why, count in over.items()))  # fmt: skip
        self._show_counts()

    def _switch(self) -> None:
        self._dim()
        self.edited.emit()

    def _dim(self) -> None:
        self.box.setProperty("role", "" if self.on else "muted")
        restyle(self.box)

    def _make_form(self) -> None:
        self._body = QWidget()
        column = QVBoxLayout(self._body)
        column.setContentsMargins(theme.space(3), 0, theme.space(1), theme.space(1))
        column.setSpacing(theme.space(1))
        column.addWidget(Text(rule_tooltip(self.rule_type), "caption"))
        self.form = SpecForm(self.rule_type, self._data, hidden=("on",))
        column.addWidget(self.form)
        self._column.addWidget(self._body)
        for measure, group in self._measured().items():
            self._add_plot(measure, group)
        self.set_choices(self._choices)
        self.form.values_changed.connect(lambda _: self._form_edited())
        self._show_lines()
        self._show_counts()

    def _measured(self) -> dict[str, list[Field]]:
        """Fields that are thresholds, by what they limit."""
        found: dict[str, list[Field]] = {}
        for field in fields(self.rule_type):
            if field.measure and field.name in self.form.rows:
                found.setdefault(field.measure, []).append(field)
        return found

    def _add_plot(self, measure: str, group: list[Field]) -> None:
        """A histogram under the last of the fields that limit one measure."""
        field = group[0]
        share = field.kind == "float" and not field.unit and field.high in (0.5, 1)
        plot = self.plots[measure] = Histogram(
            " · ".join(say(field.label) for field in group), say(field.unit), bool(share))
        plot.threshold_changed.connect(self._line_moved)
        row = self.form.rows[group[-1].name]
        layout = row.parentWidget().layout()
        layout.insertWidget(layout.indexOf(row) + 1, plot)

    def _form_edited(self) -> None:
        self._show_lines()
        self.edited.emit()

    def _line_moved(self, name: str, value: float) -> None:
        """A line was dragged: the number follows."""
        whole = next(field for field in fields(self.rule_type) if field.name == name).kind == "int"
        self.form.set_values({name: int(value) if whole else value})
        self.edited.emit()

    def _show_lines(self) -> None:
        values = self.value()
        for measure, group in self._measured().items():
            self.plots[measure].set_thresholds([
                Threshold(field.name, values[field.name], field.keeps or "below", field.low, field.high,
                          field.kind == "int", say(field.label))
                for field in group if isinstance(values.get(field.name), int | float)])  # fmt: skip

    def _show_counts(self) -> None:
        for measure, plot in self.plots.items():
            counts = self._histograms.get(f"{self.tag}.{measure}")
            plot.set_counts(**counts) if counts else plot.set_counts((), (), ())

    def minimumSizeHint(self) -> QSize:
        return QSize(min(super().minimumSizeHint().width(), 320), super().minimumSizeHint().height())


def _plain(rule_type: type[Rule], data: dict) -> dict:
    """The whole of a rule's values, defaults filled in."""
    try:
        return msgspec.to_builtins(msgspec.convert(data, rule_type, strict=False))
    except msgspec.ValidationError:
        return data
