"""Where each token goes: flowing text that wraps between tokens and breaks at their newlines."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF

LINE_PX = 28
BOX_PX = 22
PAD_PX = 1.5


@dataclass(frozen=True)
class Piece:
    """A part of a token on one line."""

    token: int
    text: str
    x: float
    line: int
    width: float

    def box(self) -> QRectF:
        """The rectangle behind it."""
        return QRectF(self.x, self.line * LINE_PX + (LINE_PX - BOX_PX) / 2, self.width, BOX_PX)


class TokenLayout:
    """Places tokens one after another; only a new width lays all out again."""

    def __init__(self, font: QFont) -> None:
        self._metrics = QFontMetricsF(font)
        self._widths: dict[str, float] = {}
        self.pieces: list[Piece] = []
        self._firsts: list[int] = []  # token -> its first piece
        self._lines: list[int] = []  # piece -> line, for bisection
        self._x, self._line, self.width = 0.0, 0, 600.0

    def clear(self) -> None:
        """Forget all tokens."""
        self.pieces, self._firsts, self._lines = [], [], []
        self._x, self._line = 0.0, 0

    @property
    def height(self) -> int:
        """Pixels of all lines."""
        return (self._line + 1) * LINE_PX

    def measure(self, text: str) -> float:
        """Width of a text, remembered."""
        width = self._widths.get(text)
        if width is None:
            width = self._widths[text] = self._metrics.horizontalAdvance(text)
        return width

    def append(self, text: str) -> None:
        """Place the next token (readable text; ``\\n`` breaks the line)."""
        token = len(self._firsts)
        self._firsts.append(len(self.pieces))
        for part, ends in _parts(text):
            self._place(token, part)
            if ends:
                self._x, self._line = 0.0, self._line + 1

    def _place(self, token: int, text: str) -> None:
        width = self.measure(text) + 2 * PAD_PX
        if self._x + width > self.width and self._x > 0:
            self._x, self._line = 0.0, self._line + 1
        if width <= self.width:
            self._put(token, text, width)
            return
        start = 0  # longer than a line: cut where it is full
        while start < len(text):
            end = start + 1
            while end < len(text) and self.measure(text[start : end + 1]) + 2 * PAD_PX <= self.width:
                end += 1
            if end < len(text):  # between words where there is a place, anywhere in a word that fills the line
                end = max(text.rfind(" ", start + 1, end), 0) or end
            self._put(token, text[start:end], self.measure(text[start:end]) + 2 * PAD_PX)
            start = end
            if start < len(text):
                self._x, self._line = 0.0, self._line + 1

    def _put(self, token: int, text: str, width: float) -> None:
        self.pieces.append(Piece(token, text, self._x, self._line, width))
        self._lines.append(self._line)
        self._x += width

    def of(self, token: int) -> list[Piece]:
        """All pieces of a token."""
        end = self._firsts[token + 1] if token + 1 < len(self._firsts) else len(self.pieces)
        return self.pieces[self._firsts[token] : end]

    def between(self, top: float, bottom: float) -> list[Piece]:
        """Pieces on lines that touch [top, bottom]."""
        first = bisect_left(self._lines, int(top // LINE_PX))
        last = bisect_right(self._lines, int(bottom // LINE_PX))
        return self.pieces[first:last]

    def at(self, place: QPointF) -> int:
        """The token under a point; -1 = none."""
        for piece in self.between(place.y(), place.y()):
            if piece.x <= place.x() < piece.x + piece.width:
                return piece.token
        return -1


def _parts(text: str) -> list[tuple[str, bool]]:
    """Cut at newlines: (part, whether the line ends after it)."""
    *ended, rest = text.split("\n")
    parts = [(part, True) for part in ended]
    return parts + [(rest, False)] if rest or not parts else parts
