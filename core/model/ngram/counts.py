"""How often every n-gram of a text occurs, as a trie of sorted arrays.

Text is cut into shards; each shard is counted by sorting, and the sorted tables are merged. Beside one
shard's working arrays, memory therefore grows with the number of different n-grams, not with the text.

An n-gram is a node. Level 1 has one node for every token of the vocabulary, seen or not, and its number is
the token. A node of level n > 1 is its number among the sorted ``keys[n]``, where

    key = (node of its first n - 1 tokens) * vocab_size + (its last token)

so that the nodes of a level stand in the order of their tokens, and what follows a context stands together.
Every document is led and ended by the boundary token; no n-gram reaches across two documents.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

SHARD_TOKENS = 2 << 20  # counted at once; some 60 bytes of memory each


class Counts(NamedTuple):
    """N-grams of one to ``order`` tokens and how often each occurs.

    Attributes:
        vocab_size: number of token ids; all are smaller.
        boundary: the token that leads and ends every document.
        keys: one ascending uint64 array a level from 2 on (``keys[0]`` is of level 2).
        counts: one int64 array a level from 1 on (``counts[0]`` has vocab_size entries). The boundary
            counts where it ends a document, where it can be predicted, not where it leads one.
    """

    vocab_size: int
    boundary: int
    keys: list[np.ndarray]
    counts: list[np.ndarray]

    @property
    def order(self) -> int:
        """The longest n-grams' length, tokens."""
        return len(self.counts)

    @property
    def tokens(self) -> int:
        """How many tokens were counted, ends of documents included."""
        return int(self.counts[0].sum())


def find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted key stands among the ascending ``keys``; -1 where it does not. int64."""
    if not len(keys):
        return np.full(wanted.shape, -1, np.int64)
    at = np.searchsorted(keys, wanted)
    return np.where(keys[np.minimum(at, len(keys) - 1)] == wanted, at, -1)


def count(documents: Iterable[np.ndarray], order: int, vocab_size: int, boundary: int = 0,
          shard_tokens: int = SHARD_TOKENS) -> Counts:  # fmt: skip
    """Count the n-grams of all documents.

    Args:
        documents: token ids of each, without the boundary; read once.
        order: the longest n-grams, 1 or more tokens.
        shard_tokens: how many are sorted at once; decides memory, never the result.
    """
    tables: list[Counts] = []
    for shard in _shards(documents, shard_tokens):
        tables.append(count_shard(shard, order, vocab_size, boundary))
        # Like a binary counter: only tables of like size are merged, so that each n-gram is moved seldom.
        while len(tables) > 1 and tables[-2].tokens < 2 * tables[-1].tokens:
            tables[-2:] = [merge(tables[-2], tables[-1])]
    if not tables:
        return count_shard([], order, vocab_size, boundary)
    while len(tables) > 1:
        tables[-2:] = [merge(tables[-2], tables[-1])]
    return tables[0]


def _shards(documents: Iterable[np.ndarray], shard_tokens: int) -> Iterable[list[np.ndarray]]:
    shard, size = [], 0
    for document in documents:
        shard.append(document)
        size += len(document) + 2
        if size >= shard_tokens:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def count_shard(documents: list[np.ndarray], order: int, vocab_size: int, boundary: int = 0) -> Counts:
    """Count the n-grams of a few documents at once."""
    edge = np.array([boundary], np.uint64)
    parts = [part for document in documents for part in (edge, np.asarray(document, np.uint64), edge)]
    stream = np.concatenate(parts) if parts else edge[:0]
    lengths = np.array([len(document) + 2 for document in documents], np.int64)
    starts = np.cumsum(lengths) - lengths
    ends = np.repeat(starts + lengths, lengths)  # of the document that each token stands in
    predicted = np.ones(len(stream), bool)
    predicted[starts] = False
    keys, counts = [], [np.bincount(stream[predicted].astype(np.int64), minlength=vocab_size)]
    places, nodes = np.arange(len(stream)), stream  # where an n-gram begins, and its node
    for n in range(2, order + 1):
        whole = places + n <= ends[places]
        places, nodes = places[whole], nodes[whole]
        key = nodes * np.uint64(vocab_size) + stream[places + n - 1]
        found, nodes, times = np.unique(key, return_inverse=True, return_counts=True)
        keys.append(found)
        counts.append(times.astype(np.int64))
        nodes = nodes.astype(np.uint64)
    return Counts(vocab_size, boundary, keys, counts)


def merge(one: Counts, other: Counts) -> Counts:
    """The counts of two texts together: each pair of sorted tables becomes one."""
    size = np.uint64(one.vocab_size)
    keys, counts = [], [one.counts[0] + other.counts[0]]
    renamed: list[np.ndarray | None] = [None, None]  # node before -> node after, of the level above
    for n in range(one.order - 1):
        both = []
        for table, names in zip((one.keys[n], other.keys[n]), renamed):
            both.append(table if names is None else names[table // size] * size + table % size)
        every, times = np.concatenate(both), np.concatenate([one.counts[n + 1], other.counts[n + 1]])
        rank = np.argsort(every, kind="stable")  # two ascending runs: linear time
        every = every[rank]
        new = np.ones(len(every), bool)
        new[1:] = every[1:] != every[:-1]
        names = np.empty(len(every), np.uint64)
        names[rank] = np.cumsum(new) - 1
        renamed = [names[: len(both[0])], names[len(both[0]) :]]
        keys.append(every[new])
        counts.append(np.add.reduceat(times[rank], np.flatnonzero(new)) if len(every) else times)
    return Counts(one.vocab_size, one.boundary, keys, counts)
