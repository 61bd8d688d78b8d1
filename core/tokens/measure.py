"""How good a tokenizer is at its work: bytes a token, and how much of its vocabulary is used."""

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec
import numpy as np

from core.tokens.tokenizer import Tokenizer

_BATCH = 64  # documents encoded at a time


class Measured(msgspec.Struct, frozen=True):
    """What was counted on some text.

    Args:
        n_bytes: UTF-8 bytes of the text.
        tokens: tokens it was cut into.
        bytes_per_token: the higher, the more text fits into a context.
        tokens_used: different tokens that occurred.
        vocabulary_used: the same as a share of the vocabulary.
        unknown: share of tokens that stand for something the vocabulary cannot spell.
    """

    n_bytes: int
    tokens: int
    bytes_per_token: float
    tokens_used: int
    vocabulary_used: float
    unknown: float


def measure(tokenizer: Tokenizer, texts: Iterable[str]) -> Measured:
    """Encode texts and count; all zeros for no text at all."""
    uses = np.zeros(tokenizer.vocab_size, np.int64)
    n_bytes = 0
    for batch in _batches(texts):
        n_bytes += sum(len(text.encode("utf-8")) for text in batch)
        for ids in tokenizer.encode_batch(batch):
            uses += np.bincount(np.array(ids, np.int64), minlength=len(uses))
    tokens, used = int(uses.sum()), int((uses > 0).sum())
    unknown = int(uses[tokenizer.unknown_id]) if tokenizer.unknown_id is not None else 0
    return Measured(
        n_bytes, tokens, round(n_bytes / max(tokens, 1), 4), used, round(used / len(uses), 4),
        round(unknown / max(tokens, 1), 6))


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    texts = iter(texts)
    while batch := list(islice(texts, _BATCH)):
        yield batch
