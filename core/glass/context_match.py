"""What an answer and its context have in common: which words stand in both, what the context changes. Torch-free."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from core.glass.words import Cut, word_places
from core.spec.token_record import TokenRecord

MOST_PLACES = 20  # of one run of words that are pointed at
LONE_WORD = 4  # characters; shorter words alone stand in every text
SMALLEST = 1e-30
LEAST_TEST, MOST_TEST = 4, 40  # words of a context that are said twice to see whether a model copies
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


class Match(msgspec.Struct, frozen=True):
    """A run of words of the answer that stands in the context: its tokens, half-open, and the characters there."""

    start: int
    end: int
    places: list[tuple[int, int]]


class Weighed(NamedTuple):
    """One token of an answer: how likely with the context and without it, and whether it stands in the context."""

    text: bytes
    with_context: float
    without: float
    found: bool

    @property
    def gain(self) -> float:
        """How much likelier the context makes it, nats: their pointwise mutual information."""
        return math.log(max(self.with_context, SMALLEST)) - math.log(max(self.without, SMALLEST))


def context_matches(context: str, pieces: Sequence[bytes], before: str = "") -> list[Match]:
    """The longest runs of whole words of an answer that stand word for word in the context, from left to right.

    A single word counts where it has at least four characters, or is a number.

    Args:
        pieces: the exact bytes of the answer's tokens.
        before: the text that the answer continues.
    """
    there = word_places(context)
    where: dict[str, list[int]] = {}
    for number, (word, _, _) in enumerate(there):
        where.setdefault(word, []).append(number)
    cut = Cut(list(pieces), before)
    mine = [(word, start, end) for start, end in cut.segments() for word, _, _ in word_places(cut.text(start, end))]
    found, at = [], 0
    while at < len(mine):
        runs = {place: _run(mine, at, there, place) for place in where.get(mine[at][0], [])}
        length = max(runs.values(), default=0)
        if length > 1 or length and _telling(mine[at][0]):
            places = [(there[place][1], there[place + length - 1][2]) for place, run in runs.items() if run == length]
            found.append(Match(mine[at][1], mine[at + length - 1][2], places[:MOST_PLACES]))
        at += max(length, 1)
    return found


def split_prompt(prompt: str) -> int:
    """Where the context of a prompt ends and its question begins, as a guess: before the last sentence or line."""
    whole = prompt.rstrip()
    ends = [match.end() for match in _SENTENCE_END.finditer(whole) if match.end() < len(whole)]
    return ends[-1] if ends else 0


def tokens_of(pieces: Sequence[bytes], start: int, end: int) -> range:
    """Tokens that lie whole inside the bytes [start, end)."""
    edges = np.cumsum([0, *map(len, pieces)])
    inside = [i for i in range(len(pieces)) if pieces[i] and start <= edges[i] and edges[i + 1] <= end]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def copy_test(pieces: Sequence[bytes], ids: Sequence[int], room: int) -> list[list[int]]:
    """Words of a context in an order that says nothing, as their tokens; empty where there are too few.

    Said twice, the second saying can only be known by copying the first.

    Args:
        pieces, ids: of the context's tokens.
        room: tokens that all of the words may have at most.
    """
    cut = Cut(list(pieces))
    words = [list(ids[start:end]) for start, end in cut.segments() if word_places(cut.text(start, end))]
    different = list({tuple(word): word for word in words}.values())
    chosen = [different[int(place)] for place in np.random.default_rng(0).permutation(len(different))]
    ends = np.cumsum([len(word) for word in chosen])
    chosen = chosen[: min(MOST_TEST, int(np.searchsorted(ends, room, side="right")))]
    return chosen if len(chosen) >= LEAST_TEST else []


def copy_accuracy(records: Sequence[TokenRecord], twice: int) -> float:
    """Share of the second saying that was the likeliest token each time.

    Args:
        records: of a text that ends with the same ``twice`` tokens twice.
    """
    return float(np.mean([record.rank == 1 for record in records[-twice:]]))


def _run(mine: list, at: int, there: list, place: int) -> int:
    length = 0
    while at + length < len(mine) and place + length < len(there) and mine[at + length][0] == there[place + length][0]:
        length += 1
    return length


def _telling(word: str) -> bool:
    return len(word) >= LONE_WORD or word.isdigit()
