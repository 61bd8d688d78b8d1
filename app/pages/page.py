"""What every page is: a header, a body, and the few things the window asks of it."""

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.state.context import AppContext
from widgets import theme
from widgets.cards import PageHeader


class Page(QWidget):
    """Base of the pages. A page keeps no truth of its own: it shows stores and asks the context."""

    def __init__(self, context: AppContext, *, scrolls: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(0, 0, 0, 0)
        content = QWidget()
        content.setProperty("role", "page")
        self.body = QVBoxLayout(content)
        self.body.setContentsMargins(theme.space(4), theme.space(3), theme.space(4), theme.space(3))
        self.body.setSpacing(theme.space(2))
        if scrolls:
            self._outer.addWidget(scroll_area(content))
        else:
            self._outer.addWidget(content)

    def set_header(self, title: str, sentence: str, primary: str = "", secondary: dict[str, str] | None = None,
                   primary_icon: str = "") -> PageHeader:  # fmt: skip
        """Put title, sentence and actions at the top of the body."""
        self.header = PageHeader(title, sentence, primary, secondary, primary_icon=primary_icon)
        self.body.addWidget(self.header)
        return self.header

    def open(self, **args) -> None:
        """Called each time the page is shown; ``args`` say what to open."""

    def remember(self) -> dict:
        """What a person has half done here, so that a change of language loses nothing."""
        return {}

    def restore(self, remembered: dict) -> None:
        """Put back what ``remember`` gave."""


FORM_WIDTH_PX = 880  # wider than this, labels lose their fields


def on_escape(form: QWidget, act) -> None:
    """Escape does this while the form is on screen, wherever the cursor is."""
    QShortcut(QKeySequence(Qt.Key.Key_Escape), form).activated.connect(act)


def scroll_area(content: QWidget) -> QScrollArea:
    """A frameless scroll area around a widget; sideways only where the window is too narrow for it."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes to what is inside, and brings it into view
    area.setWidget(content)
    for surface in (content, area.viewport()):  # what is behind shows through: the page, or a card
        surface.setAutoFillBackground(False)
    return area


def scroll_to(widget: QWidget) -> None:
    """Bring the top of a widget to the top of the scroll area it lies in, once what changed has been laid out."""
    for delay_ms in (0, 60):  # what was just made learns how tall it is only after it was shown
        QTimer.singleShot(delay_ms, widget, lambda: _scroll_now(widget))


def _scroll_now(widget: QWidget) -> None:
    area = widget.parentWidget()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parentWidget()
    if area is not None:
        area.verticalScrollBar().setValue(widget.mapTo(area.widget(), QPoint(0, 0)).y())
