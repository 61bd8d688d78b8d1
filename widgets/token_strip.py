"""Tokens as flowing, coloured text."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractScrollArea, QWidget

# from widgets.tokens import StripToken:
#   StripToken(data: bytes, probability: float | None = None, rank: int | None = None, entropy: float | None = None,
#              top: tuple[(bytes, float), ...] = (), mark: "" | "verbatim" | "unsure" | "unsupported", prompt: bool = False,
#              id: int = -1)


class TokenStrip(QAbstractScrollArea):
    """Coloured tokens that wrap like text; hovering one lists what else the model considered."""

    hovered = Signal(int)  # index of a token, -1 = none
    clicked = Signal(int)
    selection_changed = Signal(int, int)  # start, end (half-open); equal = none

    def __init__(self, mode: str = "probability", *, parent: QWidget | None = None) -> None: ...  # probability | rank | entropy | plain

    def set_tokens(self, tokens: list) -> None:
        """Replace all (StripToken)."""

    def append(self, token) -> None:
        """Add one while it streams; keeps the end in view if it was."""

    def clear(self) -> None: ...

    def set_mode(self, mode: str) -> None: ...

    def set_marks(self, spans: list[tuple[int, int, str]]) -> None:
        """Mark (start, end, kind) token ranges: verbatim, unsure, unsupported."""

    def select(self, start: int, end: int) -> None:
        """Choose a range of tokens and bring it into view."""

    def text(self) -> str:
        """The whole text, or the chosen part."""


class TokenLegend(QWidget):
    """What the shades and marks of a mode mean."""

    def __init__(self, mode: str = "probability", marks: tuple[str, ...] = (), *, parent: QWidget | None = None) -> None: ...

    def set_mode(self, mode: str) -> None: ...
