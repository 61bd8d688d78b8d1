"""Small controls: a segmented choice, a state badge, a mono copy field."""

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from widgets import theme

Shape = Literal["dot", "ring", "bars", "check", "square", "triangle", "cross"]
STATES: dict[str, tuple[str, Shape]] = {
    "queued": ("faint", "ring"), "running": ("accent", "dot"), "paused": ("amber", "bars"),
    "completed": ("accent", "check"), "stopped": ("muted", "square"), "failed": ("clay", "cross"),
    "crashed": ("clay", "triangle"), "good": ("accent", "check"), "warning": ("amber", "triangle"),
    "bad": ("clay", "cross"), "info": ("sky", "dot"),
}  # fmt: skip


class SegmentedControl(QWidget):
    """One of a few choices, all visible: {value: text}; arrow keys move."""

    value_changed = Signal(str)

    def __init__(self, choices: dict[str, str], value: str = "", name: str = "", *, parent: QWidget | None = None):
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for index, (key, text) in enumerate(choices.items()):
            button = QToolButton()
            button.setText(text)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            last = index == len(choices) - 1
            button.setProperty("place", "only" if len(choices) == 1 else "first" if not index else
                               "last" if last else "middle")  # fmt: skip
            button.setAccessibleName(f"{name}: {text}" if name else text)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)  # scripts differ in height
            self._group.addButton(button)
            self._buttons[key] = button
            row.addWidget(button)
            button.clicked.connect(lambda _=False, key=key: self.value_changed.emit(key))
        self.set_value(value or next(iter(choices)))

    def value(self) -> str:
        """The chosen key."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def set_value(self, value: str) -> None:
        """Choose without emitting."""
        self._buttons[value].setChecked(True)

    def set_choice_visible(self, value: str, visible: bool) -> None:
        """Offer a choice or hide it; the ends stay round."""
        self._buttons[value].setVisible(visible)
        shown = [button for button in self._buttons.values() if not button.isHidden()]
        for index, button in enumerate(shown):
            last = index == len(shown) - 1
            place = "only" if len(shown) == 1 else "first" if not index else "last" if last else "middle"
            if button.property("place") != place:
                button.setProperty("place", place)
                button.style().unpolish(button)
                button.style().polish(button)


def state_text(state: str) -> str:
    """The word for a job's state, in the user's language."""
    from PySide6.QtCore import QCoreApplication

    words = {
        "queued": QCoreApplication.translate("state", "Queued"),
        "running": QCoreApplication.translate("state", "Running"),
        "paused": QCoreApplication.translate("state", "Paused"),
        "completed": QCoreApplication.translate("state", "Done"),
        "stopped": QCoreApplication.translate("state", "Stopped"),
        "failed": QCoreApplication.translate("state", "Failed"),
        "crashed": QCoreApplication.translate("state", "Crashed"),
    }
    return words.get(state, state)


class Badge(QWidget):
    """A state as a word and a shape, so that colour is never alone.

    Args:
        state: a key of STATES (running, paused, completed, failed, good, warning, bad, ...).
        text: the word; empty = the state's own.
    """

    def __init__(self, state: str = "queued", text: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFont(theme.font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)
        self.set_state(state, text)

    def set_state(self, state: str, text: str = "") -> None:
        """Show another state."""
        self.state, self.text = state, text or state_text(state)
        self.setAccessibleName(self.text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.text) + 30, 20)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        token, shape = STATES.get(self.state, ("muted", "dot"))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = theme.color(token)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.blend(theme.color("raised"), colour, 0.12))
        painter.drawRoundedRect(QRectF(self.rect()), 10, 10)
        draw_shape(painter, shape, QRectF(8, self.height() / 2 - 4, 8, 8), colour)
        painter.setPen(theme.color("text"))
        painter.drawText(self.rect().adjusted(21, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, self.text)


def draw_shape(painter: QPainter, shape: Shape, box: QRectF, colour: QColor) -> None:
    """Paint the shape of a state into an 8 px box."""
    pen = QPen(colour, 1.6)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    left, top, right, bottom = box.left(), box.top(), box.right(), box.bottom()
    middle = box.center()
    if shape == "ring":
        painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
    elif shape == "check":
        painter.drawPolyline(QPolygonF([QPointF(left, middle.y()), QPointF(left + 3, bottom - 1), QPointF(right, top)]))
    elif shape == "cross":
        painter.drawLine(box.topLeft(), box.bottomRight())
        painter.drawLine(box.topRight(), box.bottomLeft())
    elif shape == "bars":
        painter.drawLine(QPointF(left + 2, top), QPointF(left + 2, bottom))
        painter.drawLine(QPointF(right - 2, top), QPointF(right - 2, bottom))
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        if shape == "dot":
            painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))
        elif shape == "square":
            painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        else:
            painter.drawPolygon(QPolygonF([QPointF(middle.x(), top), QPointF(right, bottom), QPointF(left, bottom)]))
