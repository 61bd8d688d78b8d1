"""Text and surfaces: headers, cards, tiles, empty states, disclosures."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from widgets import icons, theme


def restyle(widget: QWidget) -> None:
    """Apply the style sheet again after a dynamic property has changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Text(QLabel):
    """A label with a role of the type scale.

    Args:
        text: what to show; plain text, never markup.
        role: body, strong, section, title, display, caption, muted, mono or error.
    """

    def __init__(self, text: str = "", role: str = "body", *, wrap: bool = True, parent: QWidget | None = None):
        super().__init__(text, parent)
        self.setProperty("role", role)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._keep_whole()

    def setText(self, text: str) -> None:
        super().setText(text)
        self._keep_whole()

    def _keep_whole(self) -> None:
        """Layouts squeeze wrapped labels; none of their lines may be cut."""
        if self.wordWrap() and self.text():
            self.setMinimumHeight(0)  # the height asked for next is never less than the minimum set before
            self.setMinimumHeight(self.heightForWidth(self.width()))

    def set_role(self, role: str) -> None:
        """Change the role."""
        self.setProperty("role", role)
        restyle(self)


class Name(Text):
    """A name on one line: as wide as it needs where there is room, elided (and whole as a tooltip) where not."""

    LEAST_PX = 96

    def __init__(self, text: str = "", role: str = "section", *, parent: QWidget | None = None) -> None:
        super().__init__(text, role, wrap=False, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        return QSize(min(hint.width(), self.LEAST_PX), hint.height())

    def shown(self) -> str:
        """What fits into the width there is."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self.setToolTip(self.text() if self.shown() != self.text() else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.shown() == self.text():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.shown())


class Button(QPushButton):
    """A button with a role: primary (one a page), secondary, quiet, danger or link."""

    def __init__(self, text: str, role: str = "secondary", icon: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("role", role)
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor if role == "link" else Qt.CursorShape.ArrowCursor)
        if icon:
            token = {"primary": "on_accent", "danger": "clay", "link": "sky"}.get(role, "text")
            icons.set_icon(self, icon, token, size_px=16)


class PageHeader(QWidget):
    """Title, one sentence, one primary action and some secondary ones.

    Args:
        title: name of the page.
        sentence: what the page is for.
        primary: text of the primary action; empty = none.
        secondary: {id: text} of further actions.
    """

    primary_clicked = Signal()
    secondary_clicked = Signal(str)

    def __init__(self, title: str, sentence: str, primary: str = "", secondary: dict[str, str] | None = None, *,
                 primary_icon: str = "", parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.title, self.sentence = Text(title, "title"), Text(sentence, "muted")
        words = QVBoxLayout()
        words.setSpacing(theme.space(0.5))
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        row.addLayout(words, 1)
        self.secondary = {key: Button(text) for key, text in (secondary or {}).items()}
        for key, button in self.secondary.items():
            button.clicked.connect(lambda _=False, key=key: self.secondary_clicked.emit(key))
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.primary = Button(primary, "primary", primary_icon)
        self.primary.setVisible(bool(primary))
        self.primary.clicked.connect(lambda: self.primary_clicked.emit())
        row.addWidget(self.primary, 0, Qt.AlignmentFlag.AlignTop)


class Card(QFrame):
    """A raised surface; put things into ``card.body`` (a QVBoxLayout).

    Args:
        title: shown at the top; empty = none.
        choosable: the whole card is a button and emits ``chosen``.
    """

    chosen = Signal()

    def __init__(self, title: str = "", *, choosable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setProperty("choosable", choosable)
        self._choosable = choosable
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(*[theme.space(2)] * 4)
        self.body.setSpacing(theme.space(1))
        self.title = Text(title, "section")
        self.title.setVisible(bool(title))
        self.body.addWidget(self.title)
        if choosable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setAccessibleName(title)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._choosable and self.rect().contains(event.position().toPoint()):
            self.chosen.emit()
        super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._choosable and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


def snug(widget: QWidget) -> Card:
    """A card around one widget that brings its own inner room, such as a plot."""
    card = Card()
    card.body.setContentsMargins(*[theme.space(1)] * 4)
    card.body.addWidget(widget, 1)
    return card


class ActionCard(Card):
    """A choosable card with an icon, a title, a sentence and a hint of what it costs (Home's three cards)."""

    def __init__(self, icon: str, title: str, sentence: str, hint: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(title, choosable=True, parent=parent)
        picture = QLabel()
        icons.set_icon(picture, icon, "accent", size_px=32)
        self.body.insertWidget(0, picture)
        self.sentence, self.hint = Text(sentence, "muted"), Text(hint, "caption")
        self.body.addWidget(self.sentence)
        self.body.addStretch(1)
        self.hint.setVisible(bool(hint))
        self.body.addWidget(self.hint)
        self.setAccessibleDescription(sentence)
        for label in (self.title, self.sentence, self.hint):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)  # a click belongs to the card


class StatTile(QFrame):
    """One number with its unit: label above, value large, hint below.

    Args:
        label: what is counted.
        value: the number, already formatted; empty shows a dash.
        unit: its unit.
        hint: small print, such as "estimate".
    """

    def __init__(self, label: str, value: str = "", unit: str = "", hint: str = "", *,
                 term: str = "", parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setProperty("role", "card")
        from widgets.terms import Term  # terms need Text from here

        self.label = Term(term, label) if term else Text(label, "caption", wrap=False)
        self.value, self.unit = Text("", "title", wrap=False), Text("", "caption", wrap=False)
        self.hint = Text("", "caption")
        number = QHBoxLayout()
        number.setSpacing(theme.space(0.5))
        number.addWidget(self.value, 0, Qt.AlignmentFlag.AlignBaseline)
        number.addWidget(self.unit, 1, Qt.AlignmentFlag.AlignBaseline)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.space(2), theme.space(1.5), theme.space(2), theme.space(1.5))
        column.setSpacing(theme.space(0.5))
        column.addWidget(self.label, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(number)
        column.addWidget(self.hint)
        column.addStretch(1)
        self.set_value(value, unit, hint)

    def set_value(self, value: str, unit: str | None = None, hint: str | None = None) -> None:
        """Show another number; ``None`` leaves unit or hint as they are."""
        self.value.setText(value or "–")
        if unit is not None:
            self.unit.setText(unit)
        if hint is not None:
            self.hint.setText(hint)
            self.hint.setVisible(bool(hint))
        self.setAccessibleName(f"{self.label.text()}: {value} {self.unit.text()}".strip())


class EmptyState(QWidget):
    """What a page says when it has nothing yet, and what to do next."""

    action_clicked = Signal()

    def __init__(self, icon: str, title: str, text: str, action: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        picture = QLabel()
        icons.set_icon(picture, icon, "line_strong", size_px=48)
        self.title, self.text = Text(title, "section", wrap=False), Text(text, "muted")
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.text.setFixedWidth(theme.space(52))
        self.action = Button(action, "primary")
        self.action.setVisible(bool(action))
        self.action.clicked.connect(lambda: self.action_clicked.emit())
        column = QVBoxLayout(self)
        column.setSpacing(theme.space(1))
        column.addStretch(1)
        for widget in (picture, self.title):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        row = QHBoxLayout()  # stretches, not an alignment: an aligned label is never asked how tall it wraps
        row.addStretch(1)
        row.addWidget(self.text)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(theme.space(1))
        column.addWidget(self.action, 0, Qt.AlignmentFlag.AlignHCenter)
        self._others = QHBoxLayout()
        self._others.setSpacing(theme.space(1))
        column.addLayout(self._others)
        column.addStretch(1)

    def say(self, title: str, text: str, action: str = "") -> None:
        """Say something else; without an action its button goes."""
        self.title.setText(title)
        self.text.setText(text)
        self.action.setText(action)
        self.action.setAccessibleName(action)
        self.action.setVisible(bool(action))

    def add_others(self, *buttons: QWidget) -> None:
        """Other ways to begin, in a row under the first."""
        self._others.addStretch(1)
        for button in buttons:
            self._others.addWidget(button)
        self._others.addStretch(1)


class Disclosure(QWidget):
    """A heading that opens and closes what is under it; put things into ``disclosure.body`` (a QVBoxLayout)."""

    toggled = Signal(bool)

    def __init__(self, title: str, opened: bool = False, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton()
        self.button.setProperty("role", "disclosure")
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setAccessibleName(title)
        self.content = QWidget()
        self.body = QVBoxLayout(self.content)
        self.body.setContentsMargins(0, theme.space(1), 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.content)
        self.button.toggled.connect(self._show)
        self.button.setChecked(opened)
        self._show(opened)

    def set_open(self, opened: bool) -> None:
        """Open or close it."""
        self.button.setChecked(opened)

    def is_open(self) -> bool:
        """Whether the content is shown."""
        return self.button.isChecked()

    def _show(self, opened: bool) -> None:
        self.content.setVisible(opened)
        icons.set_icon(self.button, "chevron-down" if opened else "chevron-right", "muted", size_px=14)
        self.toggled.emit(opened)
