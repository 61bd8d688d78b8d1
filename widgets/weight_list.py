"""Words with how much each weighs, as bars: what a linear model goes by."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme

ROW_PX, BAR_SHARE = 24, 0.35


class WeightList(QWidget):
    """One line a word: its name, a bar as long as its weight, and the number.

    Args:
        token: the colour of the bars, a name of the theme.
        name: what the list is, translated, for those who do not see it.
    """

    def __init__(self, token: str = "accent", name: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.token = token
        self.rows: list[tuple[str, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(name)
        theme.bus.changed.connect(self.update)

    def set_weights(self, rows: list[tuple[str, float]]) -> None:
        """Show words with their weights, as (word, weight), in this order."""
        self.rows = rows
        self.setAccessibleDescription(", ".join(word for word, _ in rows))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, ROW_PX * max(len(self.rows), 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(theme.font("body"))
        most = max((abs(weight) for _, weight in self.rows), default=1) or 1
        bar, number = self.width() * BAR_SHARE, 56
        name = self.width() - bar - number - 8
        upright = Qt.AlignmentFlag.AlignVCenter
        for line, (word, weight) in enumerate(self.rows):
            top = line * ROW_PX
            painter.setPen(theme.color("text"))
            shown = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, int(name) - 8)
            painter.drawText(QRectF(0, top, name, ROW_PX), upright, shown)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(self.token))
            painter.drawRoundedRect(QRectF(name, top + 8, max(bar * abs(weight) / most, 2), ROW_PX - 16), 2, 2)
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(self.width() - number, top, number, ROW_PX), upright | Qt.AlignmentFlag.AlignRight,
                             f"{weight:+.2f}")  # fmt: skip
