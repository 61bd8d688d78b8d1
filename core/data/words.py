"""What the statistics rules share: a text measured once, its words cut as its language asks for.

English and everything else written with spaces is cut by the kernel, as spaCy does. Chinese has no
spaces: rjieba cuts it by a dictionary into the likeliest words (without guessing at unknown ones, so
that the answer depends on the dictionary alone). Without rjieba each Han character counts as a word.

Source: jieba and its dictionary, github.com/fxsj/jieba (MIT), as packaged by rjieba.
"""

import re
from functools import cache
from typing import NamedTuple

from core.kernels import text as kernel
from core.kernels.text import Statistics

_LEAST_HAN = 0.25  # of the letters: a Latin word takes five, a Chinese one two
_MOST_KANA = 0.05  # of Han and kana together; more is Japanese
_SURROGATES = re.compile("[\ud800-\udfff]")
_HAN = "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
_PLAIN_PIECES = re.compile(rf"{_HAN}|(?:(?!{_HAN})\w)+|\s+|.", re.DOTALL)  # each Han character by itself


class Measured(NamedTuple):
    """The statistics of a text, and the characters of each of its words where it is Chinese."""

    statistics: Statistics
    pieces: list[int] | None = None

    @property
    def chinese(self) -> bool:
        return self.pieces is not None


def measured(text: str) -> Measured:
    """Measure a text, Chinese by its own words."""
    found = kernel.measure(text)
    if not is_chinese(found):
        return Measured(found)
    pieces = pieces_of(text)
    return Measured(kernel.measure(text, pieces, spaces=False), pieces)


def measured_as_english(text: str) -> Measured:
    """Measure a text as if it were English, whatever it is."""
    return Measured(kernel.measure(text))


def is_chinese(found: Statistics) -> bool:
    """Whether a good part of the letters are Han and hardly any kana."""
    return found.han > 0 and found.han >= _LEAST_HAN * found.letters and (
        found.kana <= _MOST_KANA * (found.han + found.kana))


def pieces_of(text: str) -> list[int]:
    """Characters of each word of a Chinese text; marks and white space are words here too, and nothing is left out."""
    cut = _cutter()
    pieces = list(map(len, cut(_SURROGATES.sub("\ufffd", text))))
    assert sum(pieces) == len(text)
    return pieces


@cache
def _cutter():
    try:
        import rjieba
    except ImportError:
        return _PLAIN_PIECES.findall
    return lambda text: rjieba.cut(text, False)
