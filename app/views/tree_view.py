"""The family tree with its search and the card of the chosen system."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from app.pages.page import scroll_area
from app.state.family import entries, systems
from app.views.system_card import SystemCard
from widgets import theme
from widgets.family_tree import FamilyTree, TreeLegend

CARD_PX = 300
FIRST = "palm"


class TreeView(QWidget):
    """Left the tree, right the card."""

    grow_asked = Signal(str, str)  # system, budget
    compare_asked = Signal(str)  # system
    train_asked = Signal(str)  # system

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tree, self.legend = FamilyTree(entries()), TreeLegend()
        self.card = SystemCard()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find a model or an idea"))
        self.search.setAccessibleName(self.tr("Find a model or an idea"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(theme.space(28))
        self.search.textChanged.connect(self.tree.set_query)
        self.search.returnPressed.connect(self._take_first)
        self.tree.chosen.connect(self.card.show_system)
        self.card.grow_asked.connect(self.grow_asked)
        self.card.compare_asked.connect(self.compare_asked)
        self.card.train_asked.connect(self.train_asked)
        self.card.system_asked.connect(self.choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addWidget(scroll_area(self.tree), 1)
        area = scroll_area(self.card)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFixedWidth(CARD_PX)
        row.addWidget(area)
        self.choose(FIRST)

    def choose(self, key: str) -> None:
        """Show a system."""
        if key in systems():
            self.tree.set_current(key)
            self.card.show_system(key)

    def _take_first(self) -> None:
        found = self.tree.matches()
        if found:
            self.choose(found[0])
