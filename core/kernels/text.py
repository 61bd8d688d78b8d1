"""Statistics of a text in one call: the C++ kernel where it was built, else the plain Python beside it.

Neither torch nor numpy is imported. A call works on one thread and lets go of Python's lock; what
it returns depends on the text alone.
"""

import ctypes
from array import array
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_void_p
from functools import cache

from core.kernels import plain
from core.kernels import text_reference as reference
from core.kernels.text_classes import table
from core.kernels.text_reference import LENGTHS, C4Result, C4Settings, Statistics
from core.kernels.text_specials import specials

__all__ = ["C4Result", "C4Settings", "Statistics", "built", "c4", "measure"]

_TOP, _REPEATED = 3, 6  # lengths of the two runs of figures at the end of the kernel's answer
_NUMBERS = len(Statistics._fields) - 3


class _Statistics(Structure):
    _fields_ = [("numbers", c_int64 * _NUMBERS), ("top", c_int64 * _TOP), ("repeated", c_int64 * _REPEATED)]


class _C4Settings(Structure):
    _fields_ = [(name, c_int32) for name in C4Settings._fields]


class _C4Result(Structure):
    _fields_ = [("text", c_void_p), ("verdict", c_int64), ("bytes", c_int64),
                ("numbers", c_int64 * (len(C4Result._fields) - 2))]


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_text_measure"):  # not built, or from an older source
        return None
    text = [c_char_p, c_int64, c_void_p, c_int64]
    library.coldframe_text_prepare.restype = None
    library.coldframe_text_prepare.argtypes = [c_void_p, c_int64, c_char_p, c_int64]
    library.coldframe_text_measure.restype = None
    library.coldframe_text_measure.argtypes = [*text, c_int32, POINTER(_Statistics), c_void_p]
    library.coldframe_text_c4.restype = None
    library.coldframe_text_c4.argtypes = [*text, POINTER(_C4Settings), POINTER(_C4Result)]
    classes = table()
    listed = "".join("".join(f"{piece}\x1f" for piece in pieces) + "\x1e" for pieces in specials().values()).encode()
    library.coldframe_text_prepare(classes.buffer_info()[0], len(classes), listed, len(listed))
    return library


def built() -> bool:
    """Whether the C++ kernel runs; the plain Python is some hundred times slower."""
    return _library() is not None


def measure(text: str, pieces: Sequence[int] | None = None, spaces: bool = True) -> Statistics:
    """Measure a text.

    Args:
        pieces: characters of each word, white space and punctuation being words too, where the words are known
            already; None = words are cut as in English.
        spaces: whether words are written with spaces between them, which then count in runs of words.
    """
    library = _library()
    if library is None:
        return reference.measure(text, pieces, spaces)
    data = text.encode("utf-8", "surrogatepass")
    found, lengths = _Statistics(), array("q", bytes(8 * LENGTHS))
    library.coldframe_text_measure(data, len(data), *_places(pieces), spaces, found, lengths.buffer_info()[0])
    return Statistics(*found.numbers, tuple(found.top), tuple(found.repeated), lengths)


def c4(text: str, settings: C4Settings, pieces: Sequence[int] | None = None) -> C4Result:
    """Drop the lines that C4's rules drop; ``pieces`` as in :func:`measure`.

    Source: Raffel et al. 2020, arXiv:1910.10683, as datatrove 0.10.1 carries it out.
    """
    library = _library()
    if library is None:
        return reference.c4(text, settings, pieces)
    data = text.encode("utf-8", "surrogatepass")
    found = _C4Result()
    library.coldframe_text_c4(data, len(data), *_places(pieces), _c4_settings(settings), found)
    kept = ctypes.string_at(found.text, found.bytes).decode("utf-8", "surrogatepass") if found.bytes else ""
    return C4Result(found.verdict, *found.numbers, kept)


@cache
def _c4_settings(settings: C4Settings) -> _C4Settings:
    return _C4Settings(*settings)


def _places(pieces: Sequence[int] | None) -> tuple[array | None, int]:
    if pieces is None:
        return None, 0
    held = array("I", pieces)
    return _Pieces(held), len(held)


class _Pieces:
    """Keeps an array alive for as long as the kernel reads it."""

    def __init__(self, held: array) -> None:
        self.held, self._as_parameter_ = held, held.buffer_info()[0]
