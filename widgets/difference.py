"""What was changed in a text, piece by piece, for showing both at once."""

import os
import re
from collections import Counter
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MOST_COMPARISONS = 1_000_000  # of equal parts; beyond, texts are compared by lines, and then not at all
_WORDS = re.compile(r"\w+|\s+|[^\w\s]", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Piece(NamedTuple):
    """A stretch of text that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def pieces(before: str, after: str) -> list[Piece]:
    """Both texts as one: what is the same, what is gone, what is new, in reading order.

    Words are compared with words (Chinese character by character); long texts of the same few words line by line.
    """
    start = _same(before, after)
    end = _same(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    middle = _compare(old, new)
    return [piece for piece in (Piece("same", after[:start]), *middle, Piece("same", after[len(after) - end :]))
            if piece.text]  # fmt: skip


def _compare(before: str, after: str) -> list[Piece]:
    """Two texts with different beginnings and ends."""
    for cut in (_cut, lambda text: text.splitlines(keepends=True)):
        old, new = cut(before), cut(after)
        there = Counter(new)
        if sum(there[part] for part in old) <= MOST_COMPARISONS:
            break
    else:
        return [Piece("gone", before), Piece("new", after)]
    found: list[Piece] = []
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Piece("same", "".join(new[k:m])))
        else:
            found += [Piece(kind, "".join(part)) for kind, part in (("gone", old[i:j]), ("new", new[k:m])) if part]
    return found


def _same(one: str, other: str) -> int:
    """How many characters two texts have in common from their beginning."""
    return len(os.path.commonprefix([one, other]))


def _cut(text: str) -> list[str]:
    parts: list[str] = []
    for word in _WORDS.findall(text):
        parts += list(word) if _HAN.search(word) else [word]
    return parts
