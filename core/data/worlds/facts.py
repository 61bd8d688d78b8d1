"""The table of what is true in a world: one row a fact or a task, on disk beside the documents.

``facts.jsonl`` holds a row a line and ``facts.idx`` where each line begins, as the documents of a
corpus have it. This module reads and writes it and imports nothing heavy.
"""

import json
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Union

import msgspec

from core.data.documents import Document, DocumentWriter, Split
from core.errors import LabError

Stratum = Literal["true_stated", "false_stated", "conflicting", "accidental", "never_stated"]
STRATA: tuple[Stratum, ...] = ("true_stated", "false_stated", "conflicting", "accidental", "never_stated")
TABLE, WORLD = "facts", "world.json"


class Stated(msgspec.Struct, frozen=True):
    """A value that training documents state of the fact: in how many, and in which of the wordings."""

    value: str
    count: int
    wordings: list[int]


class Met(msgspec.Struct, frozen=True):
    """A value of the same kind that stands in so many training documents with the subject, unstated of it there."""

    value: str
    count: int


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="fact"):
    """What is so of one person, and what the text says of it.

    Attributes:
        value: the truth.
        stated: what training documents say, each value with its count; empty when nothing is said.
        met: values that meet the subject without being stated of it there.
        documents: rows of the training documents that state it or, in the stratum "accidental", of the meetings.
        held_out: rows of the held-out documents that state the truth.
        questions: one a wording: the text up to the value; a document goes on with ``before`` and the value.
        unseen_wording: the wording that no training document uses for this fact.
        shared_value: whether the truth is also a possible value of another relation.
        subject_documents: how many training documents name the subject.
    """

    id: int
    subject: str
    relation: str
    value: str
    stratum: Stratum
    stated: list[Stated]
    met: list[Met]
    documents: list[int]
    held_out: list[int]
    questions: list[str]
    before: str
    unseen_wording: int
    shared_value: bool
    subject_documents: int


class Item(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="item"):
    """One task and its only right answer.

    Attributes:
        task, level: which task, and how long it is ("2+1" digits, or a number of things).
        question: what is asked, as a sentence.
        prompt: the document's text up to where the answer (or the first step) goes on, after ``before``.
        steps: the worked steps; empty where none are shown.
        documents: rows of the documents that hold it, all in ``split``.
    """

    id: int
    task: str
    level: str
    question: str
    prompt: str
    steps: list[str]
    answer: str
    before: str
    split: Split
    documents: list[int]


Row = Union[Fact, Item]


class FactTable:
    """Rows of a world's table, memory-mapped: opening costs nothing, whatever the size.

    Args:
        folder: the corpus folder of a world.
    Raises:
        LabError: the folder holds no finished world.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        try:
            self._lines, self._index = (self._map(f"{TABLE}.{ending}") for ending in ("jsonl", "idx"))
        except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
            raise LabError(
                "This folder holds no finished world.", str(folder), "Choose a corpus that was made as a world.",
            ) from None  # fmt: skip
        self._decoder = msgspec.json.Decoder(Row)

    def __len__(self) -> int:
        return len(self._index) // 8 - 1

    def __getitem__(self, row: int) -> Row:
        row = row + len(self) if row < 0 else row
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        start, end = struct.unpack_from("<QQ", self._index, 8 * row)
        return self._decoder.decode(self._lines[start:end])

    def __iter__(self) -> Iterator[Row]:
        return (self[row] for row in range(len(self)))

    def __enter__(self) -> "FactTable":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    @property
    def world(self) -> dict:
        """What was asked for and what came of it (``world.json``)."""
        return json.loads((self.folder / WORLD).read_text("utf-8"))

    def facts(self, *strata: Stratum) -> Iterator[Fact]:
        """The facts of these strata, or all."""
        return (row for row in self if isinstance(row, Fact) and (not strata or row.stratum in strata))

    def items(self, split: Split | None = None, task: str = "") -> Iterator[Item]:
        """The tasks of one split, or of one kind, or all."""
        return (row for row in self if isinstance(row, Item) and split in (None, row.split)
                and task in ("", row.task))  # fmt: skip

    def of_document(self, document: Document) -> Row | None:
        """The row that a document says it was made from; None for a document from elsewhere."""
        return self[document.line - 1] if document.source == SOURCE and document.line <= len(self) else None

    def close(self) -> None:
        """Let go of the files."""
        self._lines.close()
        self._index.close()

    def _map(self, name: str) -> mmap.mmap:
        with open(self.folder / name, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


SOURCE = f"{TABLE}.jsonl"  # what documents of a world name as their source; the line is the row, from 1


class FactWriter(DocumentWriter):
    """Writes the table row by row."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, TABLE)

    def add(self, row: Row) -> None:
        """Append one row; its id is its place."""
        kind, _, rest = msgspec.json.encode(row)[1:].split(b",", 2)  # "kind":..,"id":.., and all the others
        self.add_line(b"," + kind + b"," + rest)
