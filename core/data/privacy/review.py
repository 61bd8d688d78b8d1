"""What the personal-data rule found in a finished corpus, hit by hit, for a person to look through.

The hits lie with the kept documents, in their ``marks``. They are found by searching the memory-mapped
lines for that key, which no text can hold (a quote inside a text is escaped), so that a corpus without
hits costs one look and a large one is read a little at a time.
"""

import mmap
import time
from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from core.data.documents import Document, Documents

RULE = "personal_data"
_KEY = b',"marks":[{'


class Mark(msgspec.Struct):
    """One hit as the rule wrote it; ``at`` is its place in the text once the rule was done."""

    start: int
    end: int
    type: str = ""
    found: str = ""
    placeholder: str = ""
    at: int = -1
    rule: str = ""


class _Marked(msgspec.Struct):
    marks: list[dict] = []


class Hit(NamedTuple):
    """One hit and the document it was found in."""

    mark: Mark
    document: Document


class Context(NamedTuple):
    """The words around a hit in the text as it was kept; ``shown`` is empty when a later rule took it out."""

    before: str
    shown: str
    after: str


class Hits:
    """The hits of a corpus in the order of its documents; looked for in steps, read by number.

    Raises:
        LabError: the folder holds no finished corpus; remedy: run the cleaning.
    """

    def __init__(self, folder: Path) -> None:
        self.documents = Documents(folder, "kept")
        self.counts: Counter[str] = Counter()
        self._rows, self._numbers = array("Q"), array("L")  # of each hit: its document, its place among its marks
        self._by_type: dict[str, array] = {}
        self._decoder = msgspec.json.Decoder(_Marked)
        self._next = 0 if self.documents.n_bytes else -1  # where to look on; -1 = all is known
        self._lines, self._offsets = b"", np.zeros(0, "<u8")
        if self.documents.n_bytes:  # an empty file cannot be mapped
            with open(Path(folder) / "kept.jsonl", "rb") as file:
                self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._offsets = np.memmap(Path(folder) / "kept.idx", "<u8", "r")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: int) -> Hit:
        document = self.documents[self._rows[number]]
        return Hit(msgspec.convert(document.marks[self._numbers[number]], Mark), document)

    def of_type(self, kind: str) -> array:
        """Numbers of the hits of one type, ascending."""
        return self._by_type.get(kind, array("Q"))

    @property
    def done(self) -> bool:
        """Whether all of the corpus was looked through."""
        return self._next < 0

    def scan(self, budget_s: float = 0.02) -> bool:
        """Look on for about so long; whether that was all."""
        until = time.perf_counter() + budget_s
        while not self.done and time.perf_counter() < until:
            at = self._lines.find(_KEY, self._next)
            if at < 0:
                self._next = -1
                break
            row = int(np.searchsorted(self._offsets, at, "right")) - 1
            start, self._next = (int(offset) for offset in self._offsets[row : row + 2])
            self._take(row, self._decoder.decode(self._lines[start : self._next]).marks)
        return self.done

    def close(self) -> None:
        """Let go of the files."""
        self._next, self._offsets = -1, np.zeros(0, "<u8")
        if isinstance(self._lines, mmap.mmap):
            self._lines.close()
        self._lines = b""
        self.documents.close()

    def _take(self, row: int, marks: list[dict]) -> None:
        for number, mark in enumerate(marks):
            if mark.get("rule") == RULE:
                kind = str(mark.get("type", ""))
                self.counts[kind] += 1
                self._by_type.setdefault(kind, array("Q")).append(len(self._rows))
                self._rows.append(row)
                self._numbers.append(number)


def context_of(text: str, mark: Mark, width: int = 80) -> Context:
    """The hit, or what stands in its place, with so many characters on either side, on one line."""
    shown = mark.placeholder or mark.found
    at = mark.at if mark.at >= 0 else mark.start
    if not shown or not text.startswith(shown, at):  # a rule after this one has changed the text
        after, before = text.find(shown, max(at, 0)), text.rfind(shown, 0, max(at, 0) + len(shown))
        near = [place for place in (before, after) if shown and place >= 0]
        if not near:
            return Context("", "", "")
        at = min(near, key=lambda place: abs(place - at))
    end = at + len(shown)
    one_line = str.maketrans("\n\r\t", "   ")
    return Context(text[max(0, at - width) : at].translate(one_line), shown.translate(one_line),
                   text[end : end + width].translate(one_line))  # fmt: skip


def masked(found: str) -> str:
    """Enough of a value to know it again, and no more: its first and last character."""
    return f"{found[0]}{'•' * min(len(found) - 2, 10)}{found[-1]}" if len(found) > 3 else "•" * len(found)
