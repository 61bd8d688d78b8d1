"""Scoring under an n-gram model in C++, without torch; :mod:`core.model.ngram.model` has the readable form."""

import ctypes
from ctypes import Structure, c_int64, c_void_p
from functools import cache

import numpy as np

from core.kernels import plain


class _Level(Structure):
    """Mirror of the struct NgramLevel in cpu/ngram.cpp."""

    _fields_ = [(name, c_void_p) for name in ("keys", "starts", "log_p", "log_gamma")] + [("size", c_int64)]


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_ngram_score"):  # not built, or from an older source
        return None
    library.coldframe_ngram_score.restype = None
    library.coldframe_ngram_score.argtypes = [c_void_p, c_int64, c_int64, c_void_p, c_int64, c_void_p]
    return library


def built() -> bool:
    """Whether the C++ kernel runs."""
    return _library() is not None


class Scorer:
    """An n-gram model's arrays as the kernel reads them; they must not be moved or changed meanwhile.

    Args:
        vocab_size: number of token ids.
        keys, log_p, log_gamma: as in NgramModel.
    """

    def __init__(self, vocab_size: int, keys: list[np.ndarray], log_p: list[np.ndarray],
                 log_gamma: list[np.ndarray]) -> None:  # fmt: skip
        self._vocab_size, self._order = vocab_size, len(log_p)
        starts = [first_followers(found, vocab_size, len(above)) for found, above in zip(keys, log_p)]
        self._levels = (_Level * self._order)()
        self._held = [keys, starts, log_p, log_gamma]  # so that none is freed while the kernel may read it
        for n, level in enumerate(self._levels):
            level.keys = _at(keys[n - 1]) if n else None
            level.starts = _at(starts[n]) if n < len(starts) else None
            level.log_p = _at(log_p[n])
            level.log_gamma = _at(log_gamma[n]) if n < len(log_gamma) else None
            level.size = len(log_p[n])

    def score(self, stream: np.ndarray) -> np.ndarray:
        """log p of each token but the first, nats, float32.

        Args:
            stream: int64 ids, all of the vocabulary: a document between its boundary tokens.
        """
        stream = np.ascontiguousarray(stream, np.int64)
        found = np.empty(len(stream) - 1, np.float32)
        _library().coldframe_ngram_score(
            ctypes.addressof(self._levels), self._order, self._vocab_size, _at(stream), len(stream), _at(found))
        return found


def first_followers(keys: np.ndarray, vocab_size: int, contexts: int) -> np.ndarray:
    """Where the followers of each context begin among the ascending keys, and the end: uint32, (contexts + 1,)."""
    return np.searchsorted(keys, np.arange(contexts + 1, dtype=np.uint64) * np.uint64(vocab_size)).astype(np.uint32)


def _at(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
