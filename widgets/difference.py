"""What was changed in a text, piece by piece, for showing both at once."""

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

WORDS_COMPARED = 6000  # longer texts are compared by lines
_WORDS = re.compile(r"\w+|\s+|[^\w\s]", re.UNICODE)
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Piece(NamedTuple):
    """A stretch of text that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def pieces(before: str, after: str) -> list[Piece]:
    """Both texts as one: what is the same, what is gone, what is new, in reading order.

    Words are compared with words (Chinese character by character); very long texts line by line.
    """
    if before == after:
        return [Piece("same", after)] if after else []
    old, new = _cut(before), _cut(after)
    if max(len(old), len(new)) > WORDS_COMPARED:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    found: list[Piece] = []
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Piece("same", "".join(new[k:m])))
        else:
            found += [Piece(kind, "".join(part)) for kind, part in (("gone", old[i:j]), ("new", new[k:m])) if part]
    return found


def _cut(text: str) -> list[str]:
    parts: list[str] = []
    for word in _WORDS.findall(text):
        parts += list(word) if _HAN.search(word) else [word]
    return parts
