"""A few lines about what is under the pointer: a child of the window, so that it stands where it is put everywhere."""

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QLabel, QWidget

from widgets import theme

AWAY_PX, EDGE_PX = 16, 4


class Tip(QLabel):
    """Shown beside a place of its owner; takes neither focus nor clicks, and goes when the owner is left or hidden."""

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self.owner = owner
        owner.installEventFilter(self)
        self.setTextFormat(Qt.TextFormat.PlainText)  # tokens may look like markup
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setProperty("role", "tip")
        self.setContentsMargins(theme.space(1), theme.space(0.75), theme.space(1), theme.space(0.75))
        self.setAutoFillBackground(True)
        self.setFrameShape(QLabel.Shape.Box)
        self.hide()

    def eventFilter(self, watched, event: QEvent) -> bool:
        if watched is self.owner and event.type() in (QEvent.Type.Leave, QEvent.Type.Hide):
            self.hide()
        return super().eventFilter(watched, event)

    def tell(self, text: str, place: QPoint) -> None:
        """Say something beside a place of the owner; nothing to say hides it."""
        if not text:
            self.hide()
            return
        window = self.owner.window()
        if self.parentWidget() is not window:
            self.setParent(window)
        self.setText(text)
        self.adjustSize()
        at = self.owner.mapTo(window, place)
        left = at.x() + AWAY_PX if at.x() + AWAY_PX + self.width() < window.width() else at.x() - AWAY_PX - self.width()
        top = at.y() + AWAY_PX if at.y() + AWAY_PX + self.height() < window.height() else at.y() - 8 - self.height()
        self.move(max(left, EDGE_PX), max(top, EDGE_PX))
        self.raise_()
        self.show()
