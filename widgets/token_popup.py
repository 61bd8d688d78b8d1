"""What else the model considered: the ten likeliest tokens beside the chosen one."""

from PySide6.QtCore import QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from widgets import theme
from widgets.tokens import StripToken, quoted

WIDTH_PX, ROW_PX, HEAD_PX, PAD_PX = 328, 21, 50, 12
NAME_PX, PERCENT_PX = 104, 52


class TokenPopup(QWidget):
    """A small card over the window that never takes the focus.

    It is a child of the window rather than a window of its own: some desktops place those where they like.
    """

    def __init__(self, owner: QWidget) -> None:
        super().__init__(owner)
        self.owner = owner
        self.hide()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.token = StripToken(b"")

    def show_token(self, token: StripToken, below: QPoint, above: QPoint) -> None:
        """Show for a token, under it or, where there is no room, over it (places in the owner)."""
        self.token = token
        window = self.owner.window()
        if self.parentWidget() is not window:
            self.setParent(window)
        self.setFixedSize(self.sizeHint())
        below, above = self.owner.mapTo(window, below), self.owner.mapTo(window, above)
        left = max(min(below.x(), window.width() - self.width() - 4), 4)
        fits = below.y() + 6 + self.height() <= window.height() or above.y() < window.height() / 2
        self.move(left, below.y() + 6 if fits else above.y() - 6 - self.height())
        self.raise_()
        self.show()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH_PX, HEAD_PX + ROW_PX * len(self.token.top[:10]) + PAD_PX)

    def _facts(self) -> str:
        facts = []
        if self.token.probability is not None:
            facts.append(self.tr("probability {value}").format(value=percent(self.token.probability)))
        if self.token.rank is not None:
            facts.append(self.tr("rank {value}").format(value=self.token.rank))
        if self.token.entropy is not None:
            facts.append(self.tr("entropy {value} nats").format(value=f"{self.token.entropy:.2f}"))
        if self.token.margin is not None:
            facts.append(self.tr("margin {value}").format(value=percent(self.token.margin)))
        return " · ".join(facts) or self.tr("Part of the prompt")

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme.color("line_strong"))
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        inner = self.rect().adjusted(PAD_PX, 8, -PAD_PX, 0)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("text"))
        name = f"{quoted(self.token.data)}" + (f"   #{self.token.id}" if self.token.id >= 0 else "")
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop, name)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("muted"))
        painter.drawText(inner.adjusted(0, 18, 0, 0), Qt.AlignmentFlag.AlignTop, self._facts())
        for row, (data, probability) in enumerate(self.token.top[:10]):
            self._paint_row(painter, HEAD_PX + row * ROW_PX, data, probability)

    def _paint_row(self, painter: QPainter, top: int, data: bytes | str, probability: float) -> None:
        chosen = quoted(data) == quoted(self.token.data)
        left, width = PAD_PX, self.width() - 2 * PAD_PX
        painter.setPen(theme.color("text" if chosen else "muted"))
        painter.setFont(theme.font("strong" if chosen else "body"))
        name = painter.fontMetrics().elidedText(quoted(data), Qt.TextElideMode.ElideRight, NAME_PX)
        painter.drawText(QRectF(left, top, NAME_PX, ROW_PX), Qt.AlignmentFlag.AlignVCenter, name)
        room = width - NAME_PX - PERCENT_PX - 16
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(QRectF(left + NAME_PX + 8, top + 7, room, 7), 3, 3)
        painter.setBrush(theme.color("accent" if chosen else "line_strong"))
        painter.drawRoundedRect(QRectF(left + NAME_PX + 8, top + 7, max(room * min(probability, 1), 2), 7), 3, 3)
        painter.setPen(theme.color("text"))
        painter.setFont(theme.font("caption"))
        place = QRectF(left + width - PERCENT_PX, top, PERCENT_PX, ROW_PX)
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, percent(probability))


def percent(share: float) -> str:
    """A probability as a person reads it: 41.2 %, 0.03 %, < 0.01 %."""
    if share >= 0.001:
        return f"{100 * share:.1f} %"
    return f"{100 * share:.2f} %" if share >= 0.0001 else "< 0.01 %"
