"""Many views behind one row of names: a tab bar that is asked by key and scrolls where it is too narrow."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QTabBar, QWidget


class TabStrip(QTabBar):
    """One of several views: {key: name}; arrow keys move. Speaks as SegmentedControl does."""

    value_changed = Signal(str)  # chosen by a person

    def __init__(self, choices: dict[str, str], name: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        for key, text in choices.items():
            self.add_choice(key, text)
        self.currentChanged.connect(lambda _: self.value_changed.emit(self.value()))

    def add_choice(self, key: str, text: str, place: int = -1) -> None:
        """A further view, at the end or at a place."""
        self.blockSignals(True)
        self.setTabData(self.insertTab(place, text), key)
        self.blockSignals(False)

    def value(self) -> str:
        """The key of what is shown."""
        return self.tabData(self.currentIndex())

    def keys(self) -> list[str]:
        """All keys, in order."""
        return [self.tabData(place) for place in range(self.count())]

    def set_value(self, key: str) -> None:
        """Choose without telling."""
        self.blockSignals(True)
        self.setCurrentIndex(self.keys().index(key))
        self.blockSignals(False)
        self.update()

    def set_choice_visible(self, key: str, visible: bool) -> None:
        """Offer a view or hide it; tells nobody, even if it was the one chosen."""
        self.blockSignals(True)
        self.setTabVisible(self.keys().index(key), visible)
        self.blockSignals(False)

    def set_choice_text(self, key: str, text: str) -> None:
        """Another name, such as one with a count."""
        place = self.keys().index(key)
        if self.tabText(place) != text:
            self.setTabText(place, text)
