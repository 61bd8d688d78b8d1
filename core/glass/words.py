"""Where the words of an answer begin and end, whatever its script and however it was cut into tokens."""

import re
import unicodedata
from itertools import pairwise

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTER = rf"[^\W{_IDEOGRAPH}]"
_WORD = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|[{_IDEOGRAPH}]")  # a Han character or a kana counts as a word
_ASCII_WORD = re.compile(r"\w+(?:'\w+)*", re.ASCII)  # the same in plain ASCII, where it is found twice as fast
_JOINER = "\u200d"  # glues emoji together
_FULL_STOP = re.compile(r"\.(?=\s|$)|[。！？]")
_LOOK_BACK = 64  # characters of the prompt that can share a word with the answer's beginning


def words(text: str) -> list[str]:
    """The words of a text, lower case, for counting and ranking."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return list(map(str.lower, _WORD.findall(text)))


def word_places(text: str) -> list[tuple[str, int, int]]:
    """The words of a text, lower case, each with the characters where it stands."""
    return [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(text)]


class Cut:
    """An answer cut into tokens: where words meet, and where sentences and lines end.

    Args:
        pieces: the exact bytes each token adds; ``b""`` for special tokens.
        before: the text that the answer continues.

    Attributes:
        edges: whether a whole word may begin or end at token boundary i, (n + 1).
        stops: whether token i holds a full stop: a dot before white space or the end, or 。！？, (n).
        breaks: whether no span may pass over token i: a line break, a special token, (n).
    """

    def __init__(self, pieces: list[bytes], before: str = "") -> None:
        self.data = b"".join(pieces)
        self.offsets = _running_sum(len(piece) for piece in pieces)  # byte where token i begins
        before = before[-_LOOK_BACK:]
        # a broken byte becomes one lone surrogate, so that every byte has its place in the text
        text = before + self.data.decode("utf-8", "surrogateescape")
        starts = _running_sum(len(c.encode("utf-8", "surrogateescape")) for c in text[len(before):])
        character_at = {byte: place + len(before) for place, byte in enumerate(starts)}
        inner = {place for word in _WORD.finditer(text) for place in range(word.start() + 1, word.end())}
        full_stops = {match.start() for match in _FULL_STOP.finditer(text)}

        places = [character_at.get(offset) for offset in self.offsets]
        self.edges = [place is not None and place not in inner and _separable(text, place) for place in places]
        self.stops = [self._holds(i, starts, full_stops, len(before)) for i in range(len(pieces))]
        self.breaks = [not piece or b"\n" in piece or b"\r" in piece for piece in pieces]

    def text(self, start: int, end: int) -> str:
        """What the tokens [start, end) say; broken bytes as U+FFFD."""
        return self.data[self.offsets[start] : self.offsets[end]].decode("utf-8", "replace")

    def bytes(self, start: int, end: int) -> bytes:
        """The exact bytes of the tokens [start, end)."""
        return self.data[self.offsets[start] : self.offsets[end]]

    def segments(self) -> list[tuple[int, int]]:
        """Token ranges between neighbouring edges: one word each, with the white space around it."""
        edges = sorted({0, len(self.edges) - 1} | {i for i, edge in enumerate(self.edges) if edge})
        return list(pairwise(edges))

    def _holds(self, token: int, starts: list[int], characters: set[int], shift: int) -> bool:
        if not characters:
            return False
        first, last = self.offsets[token], self.offsets[token + 1]
        return any(first <= starts[place - shift] < last for place in characters if place >= shift)


def _running_sum(lengths) -> list[int]:
    total, sums = 0, [0]
    for length in lengths:
        total += length
        sums.append(total)
    return sums


def _separable(text: str, place: int) -> bool:
    """Whether a cut here leaves both sides readable: no broken byte, no accent or emoji torn from its base."""
    left, right = text[place - 1 : place], text[place : place + 1]
    if any("\ud800" <= side <= "\udfff" for side in (left, right) if side):
        return False
    if right and (right == _JOINER or unicodedata.category(right)[0] == "M"):
        return False
    return left != _JOINER and not (
        left and right and unicodedata.category(left)[0] == "M" and _WORD.match(right) is not None
    )
