"""A banner that says one thing, offers one way out, and keeps the details folded."""

from typing import Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.cards import Button, Disclosure, Text, restyle

Level = Literal["info", "good", "warning", "error"]
PICTURE = {"info": ("info", "sky"), "good": ("check-circle", "accent"), "warning": ("warning", "amber"),
           "error": ("error", "clay")}  # fmt: skip


class Notice(QFrame):
    """One sentence on a tinted ground, with an icon (never colour alone).

    Args:
        level: info, good, warning or error.
        text: the sentence.
        action: text of the one action; empty = none.
        details: long text (such as the end of stderr.log) behind a disclosure; empty = none.
        closable: show a cross.
    """

    action_clicked = Signal()
    closed = Signal()

    def __init__(self, level: Level = "info", text: str = "", action: str = "", details: str = "", *,
                 closable: bool = False, parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setProperty("role", "notice")
        self._picture, self.text = QLabel(), Text()
        self.action = Button("", "secondary")
        self.action.clicked.connect(lambda: self.action_clicked.emit())
        self._cross = QToolButton()
        self._cross.setAccessibleName(self.tr("Close"))
        icons.set_icon(self._cross, "close", "muted", size_px=16)
        self._cross.setVisible(closable)
        self._cross.clicked.connect(self._close)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self._picture)
        row.addWidget(self.text, 1)
        row.addWidget(self.action)
        row.addWidget(self._cross)
        self._more = Disclosure(self.tr("Details"))
        self._log = QPlainTextEdit()
        self._log.setProperty("role", "mono")
        self._log.setReadOnly(True)
        self._log.setFixedHeight(theme.space(18))
        self._more.body.addWidget(self._log)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.space(1.5), theme.space(1), theme.space(1.5), theme.space(1))
        column.addLayout(row)
        column.addWidget(self._more)
        self.show_message(level, text, action, details)

    def show_message(self, level: Level, text: str, action: str = "", details: str = "") -> None:
        """Say something else."""
        self.setProperty("level", level)
        icons.set_icon(self._picture, *PICTURE[level], size_px=18)
        self.text.setText(text)
        self.action.setText(action)
        self.action.setAccessibleName(action)
        self.action.setVisible(bool(action))
        self._log.setPlainText(details)
        self._more.setVisible(bool(details))
        self.setAccessibleName(text)
        restyle(self)

    def _close(self) -> None:
        self.hide()
        self.closed.emit()
