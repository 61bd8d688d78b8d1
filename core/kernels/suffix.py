"""Suffix arrays in C++: sorted by induction, merged from parts, searched; else the plain Python beside it.

A suffix array lists all places of a text in the order of what follows them, so that all occurrences of an n-gram
stand side by side. Neither torch nor Qt is imported; a call works on one thread and lets go of Python's lock.
"""

import ctypes
from collections.abc import Sequence
from ctypes import Structure, c_int32, c_int64, c_void_p
from functools import cache

import numpy as np

from core.kernels import plain
from core.kernels import suffix_reference as reference
from core.kernels.suffix_reference import BOUNDARY

__all__ = ["BOUNDARY", "MOST", "Search", "built", "merge", "search", "sort", "sort_bytes"]

MOST = 2**31 - 2  # tokens sorted at once; more are sorted in parts
SORT_BYTES = 12  # of memory for each token while sorting: two 32-bit numbers, and the names of a third of them


class _Index(Structure):
    """Mirror of the struct SuffixIndex in cpu/suffix.cpp."""

    _fields_ = [*((name, c_void_p) for name in ("tokens", "order", "first")),
                ("count", c_int64), ("vocabulary", c_int64), ("token_bytes", c_int32), ("place_bytes", c_int32)]


_Range = c_int64 * 2


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_suffix_sort"):  # not built, or from an older source
        return None
    library.coldframe_suffix_sort.restype = c_int32
    library.coldframe_suffix_sort.argtypes = [c_void_p, c_int32, c_int64, c_void_p]
    library.coldframe_suffix_merge.restype = None
    library.coldframe_suffix_merge.argtypes = [c_void_p, c_int32, c_int64, *[c_void_p] * 3, c_int64, c_void_p, c_int32]
    library.coldframe_suffix_range.restype = None
    library.coldframe_suffix_range.argtypes = [c_void_p, c_void_p, c_int64, c_void_p]
    library.coldframe_suffix_rows.restype = None
    library.coldframe_suffix_rows.argtypes = [c_void_p, c_void_p, c_void_p, c_int64, c_void_p]
    library.coldframe_suffix_reach.restype = None
    library.coldframe_suffix_reach.argtypes = [c_void_p, *[c_void_p] * 3, c_int64, c_void_p]
    return library


def built() -> bool:
    """Whether the C++ kernel runs; the plain Python is some ten times slower."""
    return _library() is not None


def sort_bytes() -> int:
    """Bytes of memory that sorting takes for each token."""
    return SORT_BYTES if built() else reference.SORT_BYTES


def sort(tokens: np.ndarray) -> np.ndarray:
    """Places of all suffixes of a text in lexicographic order, uint32, (N,).

    Args:
        tokens: uint16 or uint32, (N,), at most ``MOST`` of them.

    Raises:
        MemoryError: there is not enough of it.
    """
    library = _library()
    if library is None:
        return reference.sort(tokens)
    tokens = np.ascontiguousarray(tokens)
    order = np.empty(len(tokens) + 1, np.uint32)
    if not library.coldframe_suffix_sort(_at(tokens), tokens.itemsize, len(tokens), _at(order)):
        raise MemoryError
    return order[:-1]


def merge(tokens: np.ndarray, parts: Sequence[tuple[int, np.ndarray]], out: np.ndarray) -> None:
    """Merge sorted parts of a text into ``out``, one after the other and straight to the disk, if that is mapped.

    Args:
        tokens: the whole text.
        parts: where the part begins, which is at a boundary, and its places in order from there, uint32.
        out: uint32 or uint64, (N,).
    """
    library = _library()
    if library is None:
        return reference.merge(tokens, parts, out)
    bases, sizes, places = (np.array(column, np.int64) for column in zip(
        *((base, len(order), _at(order)) for base, order in parts), strict=True))  # fmt: skip
    library.coldframe_suffix_merge(
        _at(tokens), tokens.itemsize, len(tokens), _at(places), _at(bases), _at(sizes), len(parts), _at(out),
        out.itemsize)  # fmt: skip


def search(tokens: np.ndarray, order: np.ndarray, first: np.ndarray) -> "Search | reference.Search":
    """Open an index for searching; see :class:`Search`."""
    return (Search if built() else reference.Search)(tokens, order, first)


class Search:
    """Binary searches in an index; the arrays may be mapped files, of which only what is asked for is read.

    Args:
        tokens: the text, uint16 or uint32, (N,).
        order: its suffix array, uint32 or uint64, (N,).
        first: row of the first suffix that begins with each token, and the end, int64, (vocabulary + 1,).
    """

    def __init__(self, tokens: np.ndarray, order: np.ndarray, first: np.ndarray) -> None:
        self._held = tokens, order, np.ascontiguousarray(first, np.int64)
        self._index = _Index(*map(_at, self._held), len(tokens), len(first) - 1, tokens.itemsize, order.itemsize)
        self._place = ctypes.addressof(self._index)

    def range(self, ngram: Sequence[int]) -> tuple[int, int]:
        """Rows [low, high) of the suffixes that begin with one n-gram."""
        found = _Range()
        _library().coldframe_suffix_range(self._place, (c_int64 * len(ngram))(*ngram), len(ngram), found)
        return found[0], found[1]

    def rows(self, ngrams: Sequence[Sequence[int]]) -> np.ndarray:
        """Rows [low, high) of the suffixes that begin with each n-gram, int64, (n, 2); low == high: it never occurs."""
        ids = np.array([id for ngram in ngrams for id in ngram], np.int64)
        ends = np.cumsum([len(ngram) for ngram in ngrams], dtype=np.int64)
        rows = np.empty((len(ngrams), 2), np.int64)
        _library().coldframe_suffix_rows(self._place, _at(ids), _at(ends), len(ngrams), _at(rows))
        return rows

    def reach(self, ids: Sequence[int], begins: Sequence[int], ends: Sequence[int]) -> np.ndarray:
        """Length of the longest beginning of each ``ids[begin:end]`` that stands somewhere, int64."""
        ids, begins, ends = (np.ascontiguousarray(values, np.int64) for values in (ids, begins, ends))
        lengths = np.empty(len(begins), np.int64)
        _library().coldframe_suffix_reach(self._place, _at(ids), _at(begins), _at(ends), len(begins), _at(lengths))
        return lengths


def _at(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
