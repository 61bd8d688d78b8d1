"""Texts as hashed n-grams: which of 2**18 buckets its words, and runs of words, fall into, and how much they weigh.

A token is a run of letters and digits, or one character of a script without spaces between words. Counted are
tokens, pairs of neighbouring tokens, and triples of characters; so English is seen as words and pairs of words,
Chinese as one to three characters. A whole text is cut and hashed with array operations, never word by word.

Source: Weinberger et al. 2009, Feature Hashing for Large Scale Multitask Learning, arXiv:0902.2206.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

BITS = 18
BUCKETS = 1 << BITS
_SLICE = 1 << 18  # characters hashed at once
_BASE = 0x9E3779B97F4A7C15 | 1  # odd, so that its powers can be undone modulo 2**64
_FIRST, _SECOND, _THIRD = (np.uint64(odd) for odd in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93))
# Chinese characters, kana, Thai, Lao, Burmese, Khmer.
_SINGLE = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF),
           (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip
_WORD, _ALONE = 1, 2


class Vectors(NamedTuple):
    """One sparse vector a text, of length 1: those of text i are ``[offsets[i] : offsets[i + 1]]``.

    Attributes:
        buckets: int32, ascending within a text.
        values: float32, log(1 + occurrences) divided by the vector's length.
        offsets: int64, one more than there are texts.
    """

    buckets: np.ndarray
    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self, wanted: np.ndarray) -> "Vectors":
        """The vectors of some texts, in the order asked for."""
        lengths = np.diff(self.offsets)[wanted]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        at = np.arange(offsets[-1]) + np.repeat(self.offsets[wanted] - offsets[:-1], lengths)
        return Vectors(self.buckets[at], self.values[at], offsets)


@cache
def _classes() -> np.ndarray:
    """Of every code point what it is: part of a word, a token alone, or neither (uint8)."""
    table = np.zeros(sys.maxunicode + 1, np.uint8)
    for start in range(0, sys.maxunicode + 1, 1 << 16):
        for run in re.finditer(r"[^\W_]+", "".join(map(chr, range(start, start + (1 << 16))))):
            table[start + run.start() : start + run.end()] = _WORD
    for low, high in _SINGLE:
        table[low : high + 1][table[low : high + 1] == _WORD] = _ALONE
    return table


@cache
def _powers() -> tuple[np.ndarray, np.ndarray]:
    """Powers of the base, and of its inverse, modulo 2**64; (_SLICE,) uint64 each."""
    inverse = pow(_BASE, -1, 1 << 64)
    powers = []
    for base in (_BASE, inverse):
        factors = np.full(_SLICE, base, np.uint64)
        factors[0] = 1
        powers.append(np.cumprod(factors))
    return tuple(powers)


def buckets_of(text: str) -> np.ndarray:
    """The bucket of each n-gram of a text, with repetitions: uint64, all below BUCKETS."""
    text = text.lower()
    parts = [_hashed(text[start : start + _SLICE]) for start in range(0, max(len(text), 1), _SLICE)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _hashed(text: str) -> np.ndarray:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    starts, ends, alone = _tokens(points)
    powers, inverses = _powers()
    sums = np.zeros(len(points) + 1, np.uint64)
    np.cumsum(points.astype(np.uint64) * powers[: len(points)], out=sums[1:])
    # The sum over a token, shifted to its start: the same wherever the token stands.
    token = _mixed((sums[ends] - sums[starts]) * inverses[starts])
    pairs = _mixed(token[:-1] * _FIRST + token[1:] * _SECOND)
    near = np.flatnonzero(alone[:-2] & alone[1:-1] & alone[2:])
    triples = _mixed(token[near] * _FIRST + token[near + 1] * _SECOND + token[near + 2] * _THIRD)
    return np.concatenate([token, pairs, triples]) >> np.uint64(64 - BITS)


def _tokens(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where tokens start and end, and which of them are single characters."""
    kinds = np.zeros(len(points) + 2, np.uint8)
    kinds[1:-1] = _classes()[points]
    here, before, after = kinds[1:-1], kinds[:-2], kinds[2:]
    alone = here == _ALONE
    starts = np.flatnonzero(alone | ((here == _WORD) & (before != _WORD)))
    ends = np.flatnonzero(alone | ((here == _WORD) & (after != _WORD))) + 1
    return starts, ends, alone[starts]


def _mixed(hashed: np.ndarray) -> np.ndarray:
    """Every bit of the result hangs on every bit of the argument (the end of splitmix64)."""
    hashed = (hashed ^ (hashed >> np.uint64(30))) * _FIRST
    hashed = (hashed ^ (hashed >> np.uint64(27))) * _SECOND
    return hashed ^ (hashed >> np.uint64(31))


def vector_of(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Buckets (ascending) and values of one text; both empty where it holds no token."""
    buckets, counts = np.unique(buckets_of(text), return_counts=True)
    values = np.log1p(counts)
    return buckets.astype(np.int32), (values / max(np.sqrt(values @ values), 1e-12)).astype(np.float32)


def vectors_of(texts: Iterable[str]) -> Vectors:
    """The vectors of many texts."""
    pairs = [vector_of(text) for text in texts]
    offsets = np.cumsum([0, *(len(buckets) for buckets, _ in pairs)])
    if not pairs:
        return Vectors(np.empty(0, np.int32), np.empty(0, np.float32), offsets)
    return Vectors(np.concatenate([b for b, _ in pairs]), np.concatenate([v for _, v in pairs]), offsets)


def spelled(text: str) -> Iterator[tuple[int, str]]:
    """(bucket, n-gram as a person reads it) of every n-gram of a text of up to 2**18 characters; slow."""
    text = text.lower()[:_SLICE]
    starts, ends, alone = _tokens(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32))
    tokens = [text[start:end] for start, end in zip(starts, ends)]
    near = np.flatnonzero(alone[:-2] & alone[1:-1] & alone[2:])
    grams = [(i,) for i in range(len(tokens))] + [(i, i + 1) for i in range(len(tokens) - 1)]
    grams += [(i, i + 1, i + 2) for i in near]
    for bucket, gram in zip(_hashed(text).tolist(), grams, strict=True):
        joined = tokens[gram[0]]
        for i in gram[1:]:
            joined += ("" if alone[i - 1] and alone[i] else " ") + tokens[i]
        yield bucket, joined
