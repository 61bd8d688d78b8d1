"""A line that holds a number."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from widgets.spec_words import number_text

WIDTH_PX = 120


class NumberLine(QLineEdit):
    """A line that holds a number: thousands may be parted by _ or ,; the arrow keys step."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole
        self.setFixedWidth(WIDTH_PX)

    def number(self) -> int | float:
        """The number typed; ValueError if it is none."""
        text = self.text().strip().replace("_", "").replace(",", "").replace(" ", "")
        if not self.whole:
            return float(text)
        try:
            return int(text)
        except ValueError:
            value = float(text)  # 1e6 is a fine way to write a whole number
            if value != int(value):
                raise
            return int(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(event.key())
        if step is None:
            super().keyPressEvent(event)
            return
        try:
            value = self.number()
        except (ValueError, OverflowError):
            return
        self.setText(number_text(value + step if self.whole else float(f"{value * 1.1**step:.3g}")))
        self.textEdited.emit(self.text())
