"""Near-duplicate pairs of a finished corpus, and where two texts differ: for people to see."""

import re
from bisect import bisect_left
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from core.data.dedup.rows import CorpusRows
from core.data.documents import Document, Rejected

PAIRS = "pairs.jsonl"
_WORDS = re.compile(r"[\u3005-\u3007\u3040-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
                    r"|[\U00020000-\U0003ffff]|[^\W\u3005-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+|[^\w\s]")
_EXACT_CELLS = 1_000_000  # words times words; beyond, the commonest words no longer align the texts


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One line of pairs.jsonl: a document that was set aside, the first of its cluster, and how similar the two are.

    A document that is joined to the first only through others may be less similar to it than the threshold.
    """

    row: int
    kept_row: int
    similarity: float


class OpenPair(NamedTuple):
    """A pair with both documents, as the rules before had left them."""

    similarity: float
    kept: Document | Rejected
    dropped: Document | Rejected


class Pairs:
    """The near-duplicate pairs of a corpus, in reading order of what was set aside; none where no rule looked.

    Raises:
        LabError: the folder holds no finished corpus.
    """

    def __init__(self, corpus: Path) -> None:
        path = Path(corpus) / PAIRS
        self._data = path.read_bytes() if path.is_file() else b""
        self._ends = np.flatnonzero(np.frombuffer(self._data, np.uint8) == ord("\n"))
        self._rows = CorpusRows(corpus)
        self._decoder = msgspec.json.Decoder(Pair)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> Pair:
        if not 0 <= index < len(self):
            raise IndexError(f"pair {index} of {len(self)}")
        start = int(self._ends[index - 1]) + 1 if index else 0
        return self._decoder.decode(self._data[start : int(self._ends[index])])

    def open(self, index: int) -> OpenPair | None:
        """Both documents of a pair; None where one of them is no longer in the corpus."""
        pair = self[index]
        kept, dropped = self._rows.find(pair.kept_row), self._rows.find(pair.row)
        return OpenPair(pair.similarity, kept, dropped) if kept and dropped else None

    def close(self) -> None:
        """Let go of the files."""
        self._rows.close()


class Difference(NamedTuple):
    """Characters [start, end) of each text that the other does not have; one of them may be empty."""

    first: tuple[int, int]
    second: tuple[int, int]


def differences(first: str, second: str) -> list[Difference]:
    """Where two texts differ, word by word (Han and kana: character by character), in order.

    White space makes no difference. Words that both texts have once and in the same order hold them
    together, and only what lies between is compared word by word: some milliseconds for texts of 10 kB.

    Source: the patience diff of Bram Cohen.
    """
    a, b = ([(m.group(), m.start(), m.end()) for m in _WORDS.finditer(text)] for text in (first, second))
    words_a, words_b = [w for w, _, _ in a], [w for w, _, _ in b]
    found, at_a, at_b = [], 0, 0
    for next_a, next_b in [*_anchors(words_a, words_b), (len(a), len(b))]:
        for edit in _edits(words_a[at_a:next_a], words_b[at_b:next_b]):
            found.append(Difference(_span(a, at_a + edit[0], at_a + edit[1]), _span(b, at_b + edit[2], at_b + edit[3])))
        at_a, at_b = next_a, next_b
    return found


def _anchors(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Places (in a, in b) of words that both have exactly once: the longest run of them that ascends in both."""
    once_b = {word: place for place, word in enumerate(b)}
    count_a, count_b = Counter(a), Counter(b)
    shared = [(i, once_b[word]) for i, word in enumerate(a) if count_a[word] == 1 == count_b[word]]
    tops, piles, before = [], [], []  # patience sorting: the last card of each pile, its place, and who lies below
    for at, (_, place) in enumerate(shared):
        pile = bisect_left(tops, place)
        before.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1], piles[pile : pile + 1] = [place], [at]
    run, at = [], piles[-1] if piles else -1
    while at >= 0:
        run.append(shared[at])
        at = before[at]
    return run[::-1]


def _edits(a: list[str], b: list[str]) -> list[tuple[int, int, int, int]]:
    """(start, end in a, start, end in b) of what differs."""
    if a == b:
        return []
    matcher = SequenceMatcher(None, a, b, autojunk=len(a) * len(b) > _EXACT_CELLS)
    return [places for tag, *places in matcher.get_opcodes() if tag != "equal"]


def _span(words: list[tuple[str, int, int]], start: int, end: int) -> tuple[int, int]:
    """The characters that words [start, end) take up; an empty span stands after the word before."""
    if start < end:
        return words[start][1], words[end - 1][2]
    at = words[start - 1][2] if start else 0
    return at, at
