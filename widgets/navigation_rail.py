"""The rail on the left: where one can go, in the order of the work."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.cards import Text

WIDTH_PX = 184


@dataclass(frozen=True)
class RailEntry:
    """One place to go: id, translated text, icon name."""

    id: str
    text: str
    icon: str


class RailButton(QAbstractButton):
    """One row of the rail: icon, word, optional badge; the chosen one also carries a bar."""

    def __init__(self, entry: RailEntry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry, self.badge = entry, ""
        self.setText(entry.text)
        self.setAccessibleName(entry.text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_badge(self, text: str) -> None:
        """A short text at the right end, such as a count; empty = none."""
        self.badge = text
        self.setAccessibleDescription(text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(WIDTH_PX - theme.space(2), 36)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.HoverEnter, QEvent.Type.HoverLeave):
            self.update()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isChecked():
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(box, 6, 6)
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(1, box.center().y() - 9, 3, 18), 1.5, 1.5)
        elif self.underMouse():
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(box, 6, 6)
        token = "accent" if self.isChecked() else "muted"
        icons.draw(painter, self.entry.icon, QRectF(12, box.center().y() - 10, 20, 20), token)
        painter.setFont(theme.font("strong" if self.isChecked() else "body"))
        painter.setPen(theme.color("text" if self.isChecked() or self.underMouse() else "muted"))
        painter.drawText(box.adjusted(42, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.badge:
            self._paint_badge(painter, box)
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 6, 6)

    def _paint_badge(self, painter: QPainter, box: QRectF) -> None:
        painter.setFont(theme.font("caption"))
        width = max(18, painter.fontMetrics().horizontalAdvance(self.badge) + 10)
        pill = QRectF(QPointF(box.right() - width - 6, box.center().y() - 9), QSize(width, 18).toSizeF())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(pill, 9, 9)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, self.badge)


class NavigationRail(QFrame):
    """Entries in the order of the work, tools (theme, language) at the foot.

    Args:
        entries: places; one is always chosen.
        tools: small actions at the foot; they do not stay chosen.
        brand: the name beside the sign.
    """

    chosen = Signal(str)  # id of an entry
    tool_clicked = Signal(str)  # id of a tool

    def __init__(self, entries: list[RailEntry], tools: list[RailEntry] = (), brand: str = "Coldframe", *,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setProperty("role", "rail")
        self.setFixedWidth(WIDTH_PX)
        self._group = QButtonGroup(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(*[theme.space(1)] * 4)
        self._column.setSpacing(2)
        self._column.addWidget(_Brand(brand))
        self._column.addSpacing(theme.space(1))
        self.buttons: dict[str, RailButton] = {}
        for entry in entries:
            button = self._add(entry)
            button.setCheckable(True)
            self._group.addButton(button)
            button.clicked.connect(lambda _=False, key=entry.id: self.chosen.emit(key))
        self._column.addStretch(1)
        for entry in tools:
            self._add(entry).clicked.connect(lambda _=False, key=entry.id: self.tool_clicked.emit(key))
        if entries:
            self.set_current(entries[0].id)

    def _add(self, entry: RailEntry) -> RailButton:
        button = self.buttons[entry.id] = RailButton(entry)
        self._column.addWidget(button)
        return button

    def current(self) -> str:
        """Id of the chosen entry."""
        return next(key for key, button in self.buttons.items() if button.isChecked())

    def set_current(self, entry_id: str) -> None:
        """Choose without emitting."""
        self.buttons[entry_id].setChecked(True)

    def set_badge(self, entry_id: str, text: str) -> None:
        """Put a short text beside an entry; empty = none."""
        self.buttons[entry_id].set_badge(text)

    def set_entry(self, entry: RailEntry) -> None:
        """Change text and icon of an entry or tool (such as sun to moon)."""
        button = self.buttons[entry.id]
        button.entry = entry
        button.setText(entry.text)
        button.setAccessibleName(entry.text)
        button.update()


class _Brand(QWidget):
    """The sign of the house and its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.space(1), theme.space(1), 0, theme.space(1))
        sign = Text("")
        icons.set_icon(sign, "cold-frame", "accent", size_px=24)
        row.addWidget(sign)
        row.addWidget(Text(name, "section", wrap=False), 1)
