"""What a document is in running text: the whole file, a block between blank lines, or so many characters."""

from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QComboBox

from core.spec.base import Field
from core.spec.corpus import MOST_SPLIT_CHARACTERS
from widgets import theme
from widgets.cards import restyle
from widgets.number_line import NumberLine
from widgets.spec_editors import FIELD_WIDTH_PX, Editor, Wrong

PIECES = "chars"
FIRST_CHARACTERS = 3000  # about a page and a half


class SplitEditor(Editor):
    """A list over the text ``file``, ``blank-line`` or ``chars:N`` of a spec; N has a line of its own."""

    def __init__(self, field: Field) -> None:
        choices = QComboBox()
        choices.setFixedWidth(FIELD_WIDTH_PX)
        choices.addItem(QCoreApplication.translate("SplitEditor", "Whole file (books are cut)"), "file")
        choices.addItem(QCoreApplication.translate("SplitEditor", "Between blank lines"), "blank-line")
        choices.addItem(QCoreApplication.translate("SplitEditor", "Every so many characters"), PIECES)
        super().__init__(field, choices)
        self.characters = NumberLine(True)
        self.characters.setFixedWidth(theme.space(8))
        self.characters.setText(str(FIRST_CHARACTERS))
        self.characters.setAccessibleName(QCoreApplication.translate("SplitEditor", "Characters in a document"))
        self.characters.setToolTip(self.characters.accessibleName())
        self.beside.hide()  # the line needs its room
        self.layout().addWidget(self.characters)
        self.layout().addStretch(1)
        choices.activated.connect(lambda _: (self._show_characters(), self.edited.emit()))
        self.characters.textEdited.connect(lambda _: self.edited.emit())
        self._show_characters()

    def value(self) -> str:
        if self.control.currentData() != PIECES:
            return self.control.currentData()
        try:
            characters = self.characters.number()
        except (ValueError, OverflowError):
            characters = 0
        if not 1 <= characters <= MOST_SPLIT_CHARACTERS:
            raise Wrong(QCoreApplication.translate("SplitEditor", "Give a whole number from 1 to {most}.").format(
                most=f"{MOST_SPLIT_CHARACTERS:,}"))  # fmt: skip
        return f"{PIECES}:{characters}"

    def set_value(self, value: Any) -> None:
        kind, _, characters = str(value or "file").partition(":")
        self.control.setCurrentIndex(max(self.control.findData(kind), 0))
        if kind == PIECES:
            self.characters.setText(characters)
        self._show_characters()

    def set_wrong(self, wrong: bool) -> None:
        if bool(self.characters.property("wrong")) != wrong:
            self.characters.setProperty("wrong", wrong)
            restyle(self.characters)

    def _show_characters(self) -> None:
        self.characters.setVisible(self.control.currentData() == PIECES)
