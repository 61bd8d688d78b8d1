"""Shingles, MinHash signatures and candidates, without torch: the C++ kernels where they were built, else the
plain Python of :mod:`core.kernels.minhash_reference`, which gives the same numbers.

Rows of documents are uint32 here: at most 4,294,967,295 documents in one corpus.
"""

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from functools import cache
from typing import NamedTuple

import numpy as np

from core.kernels import minhash_reference as reference
from core.kernels import plain

_PADDING = 112  # permutations are computed in blocks that divide this
MOST_PERMUTATIONS = 4480
MOST_WORDS = 64  # in a shingle


class Shingles(NamedTuple):
    """Hashed shingles of documents: those of document i are ``hashes[starts[i]:starts[i + 1]]``, repeats included.

    Attributes:
        hashes: uint64, (S,).
        starts: int64, (D + 1,).
        n_words: int64, (D,): words of each document.
    """

    hashes: np.ndarray
    starts: np.ndarray
    n_words: np.ndarray


class _ShingleJob(Structure):
    _fields_ = [("text", c_char_p), ("ends", c_void_p), ("documents", c_int64), ("words", c_int64),
                ("hashes", c_void_p), ("starts", c_void_p), ("n_words", c_void_p)]


class _MinhashJob(Structure):
    _fields_ = [(name, c_void_p) for name in (
        "shingles", "starts", "multipliers", "offsets", "signatures", "keys")] + [("documents", c_int64)] + [
        (name, c_int32) for name in ("bands", "rows", "kept", "padded")]


class _MergeJob(Structure):
    _fields_ = [(name, c_void_p) for name in ("shingles", "starts", "left", "right", "left_row", "right_row")] + [
        ("pairs", c_int64), ("threshold", c_double), ("parents", c_void_p), ("similarity", c_void_p)]


def _at(array: np.ndarray) -> int:
    """Where the numbers of an array lie; ``array.ctypes.data`` takes five times as long to say."""
    return array.__array_interface__["data"][0]


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_merge"):  # not built, or from an older source
        return None
    library.coldframe_shingles.restype, library.coldframe_shingles.argtypes = c_int64, [POINTER(_ShingleJob)]
    library.coldframe_minhash.restype, library.coldframe_minhash.argtypes = None, [POINTER(_MinhashJob), c_int]
    library.coldframe_band_pairs.restype = c_int64
    library.coldframe_band_pairs.argtypes = [c_void_p, c_void_p, c_int64, c_void_p]
    library.coldframe_merge.restype, library.coldframe_merge.argtypes = c_int, [POINTER(_MergeJob)]
    return library


def shingles(texts: Sequence[str], words: int) -> Shingles:
    """Hash every ``words`` neighbouring words of each text; a shorter text is one shingle, one without words none.

    Words are lower case and without punctuation; a Han or kana character is a word, so that in Chinese
    these are n-grams of characters.

    Args:
        words: in a shingle, at most 64; 0 = a whole text is one.
    """
    if _library() is None:
        return _plain_shingles(texts, words)
    pieces = [(text if text.isascii() else text.lower()).encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)))
    data = b"".join(pieces)
    hashes = np.empty(len(data) // 2 + len(pieces), np.uint64)
    starts, n_words = np.zeros(len(pieces) + 1, np.int64), np.empty(len(pieces), np.int64)
    job = _ShingleJob(data, _at(ends), len(pieces), words,
                      _at(hashes), _at(starts), _at(n_words))
    found = _library().coldframe_shingles(job)
    assert found >= 0, f"{words} words in a shingle"
    return Shingles(hashes[:found], starts, n_words)


def unique(keys: np.ndarray) -> np.ndarray:
    """The different ones among uint64 keys, ascending: np.unique, faster."""
    keys = np.sort(keys)
    new = np.empty(len(keys), bool)
    new[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    return keys[new]


def _plain_shingles(texts: Sequence[str], words: int) -> Shingles:
    found = [reference.shingle_hashes(text, words) for text in texts]
    starts = np.cumsum([0, *map(len, found)], dtype=np.int64)
    flat = np.fromiter((h for hashes in found for h in hashes), np.uint64, int(starts[-1]))
    return Shingles(flat, starts, np.array([len(reference.words_of(text)) for text in texts], np.int64))


class MinHash:
    """The permutations of one setting: ``bands`` bands of ``rows`` rows.

    Two documents of Jaccard similarity s share a band with probability 1 - (1 - s**rows)**bands.

    Source: Broder 1997, On the resemblance and containment of documents; Lee et al. 2022, arXiv:2107.06499.
    """

    def __init__(self, bands: int = 14, rows: int = 8) -> None:
        assert 0 < bands * rows <= MOST_PERMUTATIONS
        self.bands, self.rows = bands, rows
        padded = -(-bands * rows // _PADDING) * _PADDING
        drawn = np.array([reference.stir(i + 1) for i in range(2 * padded)], np.uint64)
        drawn = (drawn >> np.uint64(32)).astype(np.uint32)
        self.multipliers, self.offsets = drawn[:padded] | np.uint32(1), drawn[padded:]

    def keys(self, shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The key of each band of each document: uint64, (D, bands); from uint32 shingles, (S,)."""
        return self._run(shingles, starts, 0)[1]

    def signatures(self, shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """The minima themselves: uint32, (D, bands * rows)."""
        return self._run(shingles, starts, self.bands * self.rows)[0]

    def _run(self, shingles: np.ndarray, starts: np.ndarray, kept: int) -> tuple[np.ndarray, np.ndarray]:
        shingles, starts = np.ascontiguousarray(shingles, np.uint32), np.ascontiguousarray(starts, np.int64)
        count = len(starts) - 1
        signatures, keys = np.empty((count, kept), np.uint32), np.empty((count, self.bands), np.uint64)
        library = _library()
        if library is None:
            used = self.bands * self.rows
            for d in range(count):
                found = reference.minima(
                    shingles[starts[d] : starts[d + 1]], self.multipliers[:used], self.offsets[:used])
                signatures[d], keys[d] = found[:kept], reference.band_keys(found, self.bands, self.rows)
            return signatures, keys
        job = _MinhashJob(
            _at(shingles), _at(starts), _at(self.multipliers), _at(self.offsets),
            _at(signatures), _at(keys), count, self.bands, self.rows, kept, len(self.multipliers))
        library.coldframe_minhash(job, 1)
        return signatures, keys


def band_pairs(keys: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Pairs of rows that share a key, as sorted uint64 ``low << 32 | high``, each once.

    Up to 16 rows with one key are all paired; of more, each with the first and with the one before it.

    Args:
        keys: uint64, (N,).
        rows: uint32, (N,): the row each key belongs to, ascending.
    """
    keys, rows = _shared(np.ascontiguousarray(keys, np.uint64), np.ascontiguousarray(rows, np.uint32))
    library = _library()
    if library is None:
        found = sorted(reference.band_pairs(keys, rows))
        return np.array([low << 32 | high for low, high in found], np.uint64)
    pairs = np.empty(8 * len(keys), np.uint64)
    count = library.coldframe_band_pairs(_at(keys), _at(rows), len(keys), _at(pairs))
    return unique(pairs[:count])


def _shared(keys: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The keys that more than one entry has, sorted, and their rows in the order they came in.

    The place of an entry takes the lowest bits of its key: sorting plain numbers is several times
    faster than sorting places by keys. What is left of a key may be shared by chance: the few
    entries that remain are sorted by the whole of it.
    """
    mask = np.uint64((1 << max(len(keys), 1).bit_length()) - 1)
    packed = (keys & ~mask) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    same = (packed[1:] ^ packed[:-1]) <= mask
    shared = np.zeros(len(keys), bool)
    shared[1:] |= same
    shared[:-1] |= same
    places = (packed[shared] & mask).astype(np.int64)
    order = np.argsort(keys[places], kind="stable")
    return keys[places[order]], rows[places[order]]


def merge(shingles: np.ndarray, starts: np.ndarray, left: np.ndarray, right: np.ndarray, threshold: float = 0.0,
          parents: np.ndarray | None = None, rows: np.ndarray | None = None) -> np.ndarray:
    """Exact Jaccard similarity of pairs of documents; joins those that reach the threshold.

    Args:
        shingles, starts: uint32 (S,) and int64 (D + 1,): the documents at hand.
        left, right: uint32, (P,): which of them make the pairs.
        parents: uint32: union-find over all rows, changed in place, the root being the lowest; None = only measure.
        rows: uint32, (D,): the row of each document at hand in ``parents``; None = its own number.
    Returns:
        float32, (P,): similarities; -1 where both were joined already, so that nothing had to be computed.
    """
    shingles, starts = np.ascontiguousarray(shingles, np.uint32), np.ascontiguousarray(starts, np.int64)
    left, right = np.ascontiguousarray(left, np.uint32), np.ascontiguousarray(right, np.uint32)
    low, high = (left, right) if rows is None else (rows[left].astype(np.uint32), rows[right].astype(np.uint32))
    similarity = np.empty(len(left), np.float32)
    library = _library()
    if library is None:
        for i, (a, b) in enumerate(zip(left.tolist(), right.tolist())):
            similarity[i] = _join(shingles, starts, (a, b), (int(low[i]), int(high[i])), threshold, parents)
        return similarity
    job = _MergeJob(
        _at(shingles), _at(starts), _at(left), _at(right), _at(low),
        _at(high), len(left), threshold, None if parents is None else _at(parents),
        _at(similarity))
    if not library.coldframe_merge(job):
        raise MemoryError("comparing near-duplicates")
    return similarity


def _join(shingles, starts, documents: tuple[int, int], rows: tuple[int, int], threshold: float, parents) -> float:
    if parents is not None:
        low, high = sorted(reference.root(parents, row) for row in rows)
        if low == high:
            return -1.0
    first, second = (shingles[starts[d] : starts[d + 1]] for d in documents)
    similarity = reference.jaccard(first, second)
    if parents is not None and similarity >= threshold:
        parents[high] = low
    return similarity
