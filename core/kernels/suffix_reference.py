"""What cpu/suffix.cpp computes, in plain Python: to be read, to be tested against, and to run where nothing was built.

Token 0 parts documents, and no n-gram reaches over it: each boundary, and the end of the text, counts as a letter of
its own, smaller than every token and ordered by place. So two suffixes differ at the end of their documents at the
latest, where the earlier one comes first, and parts made of whole documents merge into exactly the array that the
whole text has.
"""

import bisect
import heapq
from collections.abc import Callable, Iterator, Sequence

import numpy as np

BOUNDARY = 0
SORT_BYTES = 64  # of memory for each token while sorting


def sort(tokens: np.ndarray) -> np.ndarray:
    """Places of all suffixes in order, uint32, (N,): ranked by 1, 2, 4, 8 ... tokens until no two are alike.

    Source: Manber & Myers 1993, doi:10.1137/0222058.
    """
    letters = np.append(tokens, BOUNDARY).astype(np.int64)
    boundary = letters == BOUNDARY
    rank = np.where(boundary, np.cumsum(boundary) - 1, boundary.sum() + letters)
    length = 1
    while True:
        key = rank * (rank.max() + 1)
        key[:-length] += rank[length:]  # a suffix with fewer tokens than that has its rank to itself already
        order = np.argsort(key, kind="stable")
        rank[order] = np.concatenate([[0], np.cumsum(np.diff(key[order]) != 0)])
        if rank[order[-1]] == len(tokens):
            return order[order != len(tokens)].astype(np.uint32)
        length *= 2


def merge(tokens: np.ndarray, parts: Sequence[tuple[int, np.ndarray]], out: np.ndarray) -> None:
    """Merge sorted parts into ``out``; a part is the place where its stretch begins, and its places from there."""
    def suffix(place: int) -> tuple[list[int], int]:
        return _to_boundary(tokens, place), place

    def stream(base: int, order: np.ndarray) -> Iterator[int]:
        return (base + int(place) for place in order)

    for row, place in enumerate(heapq.merge(*(stream(*part) for part in parts), key=suffix)):
        out[row] = place


class Search:
    """Binary searches in an index: see :class:`core.kernels.suffix.Search`."""

    def __init__(self, tokens: np.ndarray, order: np.ndarray, first: np.ndarray) -> None:
        # memory views answer single elements and short slices several times faster than numpy does
        self._tokens, self._order, self._first = memoryview(tokens), memoryview(order), first

    def range(self, ngram: Sequence[int]) -> tuple[int, int]:
        """Rows [low, high) of the suffixes that begin with one n-gram."""
        wanted = list(ngram)
        low, high = (0, 0) if BOUNDARY in wanted else self._begin(wanted)
        key, rows = self._beginning(len(wanted)), range(len(self._order))
        low = bisect.bisect_left(rows, wanted, low, high, key=key)
        return low, bisect.bisect_right(rows, wanted, low, high, key=key)

    def rows(self, ngrams: Sequence[Sequence[int]]) -> np.ndarray:
        """Rows [low, high) of the suffixes that begin with each n-gram, int64, (n, 2)."""
        return np.array([self.range(ngram) for ngram in ngrams], np.int64).reshape(-1, 2)

    def reach(self, ids: Sequence[int], begins: Sequence[int], ends: Sequence[int]) -> np.ndarray:
        """Length of the longest beginning of each ``ids[begin:end]`` that stands somewhere, int64."""
        return np.array([self._reach(list(ids[a:b])) for a, b in zip(begins, ends, strict=True)], np.int64)

    def _reach(self, wanted: list[int]) -> int:
        """Of all suffixes, the two between which ``wanted`` would be sorted share the most with it."""
        wanted = wanted[: wanted.index(BOUNDARY)] if BOUNDARY in wanted else wanted
        beginning, (low, high) = self._beginning(len(wanted)), self._begin(wanted)
        row = bisect.bisect_left(range(len(self._order)), wanted, low, high, key=beginning)
        return max((_shared(wanted, beginning(near)) for near in (row - 1, row) if low <= near < high), default=0)

    def _begin(self, wanted: list[int]) -> tuple[int, int]:
        known = wanted and 0 < wanted[0] < len(self._first) - 1
        return (int(self._first[wanted[0]]), int(self._first[wanted[0] + 1])) if known else (0, 0)

    def _beginning(self, length: int) -> Callable[[int], list[int]]:
        """A function: row -> the first ``length`` tokens of its suffix."""
        tokens, order = self._tokens, self._order

        def beginning(row: int) -> list[int]:
            place = order[row]
            return tokens[place : place + length].tolist()

        return beginning


def _to_boundary(tokens: np.ndarray, place: int) -> list[int]:
    length, found = 16, []
    while BOUNDARY not in found and place + len(found) < len(tokens):
        found = tokens[place : place + length].tolist()
        length *= 2
    return found[: found.index(BOUNDARY)] if BOUNDARY in found else found


def _shared(first: list[int], second: list[int]) -> int:
    """Length of the common beginning of two lists."""
    for place, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return place
    return min(len(first), len(second))
