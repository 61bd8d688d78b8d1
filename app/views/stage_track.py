"""The stages of growing a model as a row of tiles; a click shows what happened there."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.state.story import TITLES, Stage
from app.translations import translate
from widgets import theme
from widgets.cards import Card, Text, restyle
from widgets.controls import Badge


class StageTrack(QWidget):
    """One tile a stage: title, state, and a line of its own."""

    stage_chosen = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        self.tiles: dict[str, _Tile] = {}
        for kind, title in TITLES.items():
            tile = self.tiles[kind] = _Tile(translate(title))
            tile.chosen.connect(lambda kind=kind: self.stage_chosen.emit(kind))
            row.addWidget(tile, 1)

    def set_stages(self, stages: list[Stage], details: dict[str, str]) -> None:
        """Show states and one line a stage."""
        for stage in stages:
            self.tiles[stage.kind].show_stage(stage.state, details.get(stage.kind, ""))

    def set_current(self, kind: str) -> None:
        """Mark the tile whose content is shown."""
        for key, tile in self.tiles.items():
            tile.set_current(key == kind)


class _Tile(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title, choosable=True)
        self.title.set_role("strong")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.body.setContentsMargins(theme.space(1.5), theme.space(1), theme.space(1.5), theme.space(1))
        self.body.setSpacing(theme.space(0.5))
        self.badge = Badge("queued", self.tr("Waiting"))
        self.detail = Text("", "caption")
        self.detail.setMinimumHeight(theme.space(4))
        self.detail.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self.badge)
        self.body.addWidget(self.detail)
        self.body.addStretch(1)
        for label in (self.title, self.detail):
            label.setTextInteractionFlags(label.textInteractionFlags().NoTextInteraction)

    def show_stage(self, state: str, detail: str) -> None:
        """State and one line."""
        if state == "waiting":
            self.badge.set_state("queued", self.tr("Waiting"))
        else:
            self.badge.set_state(state)
        self.detail.setText(detail)
        self.setAccessibleName(f"{self.title.text()}: {self.badge.text}. {detail}")

    def set_current(self, current: bool) -> None:
        """Mark as shown."""
        if self.property("current") != current:
            self.setProperty("current", current)
            restyle(self)

