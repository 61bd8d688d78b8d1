"""Documents of a corpus on disk: JSON lines beside an index of byte offsets, written once, read by row.

``kept.jsonl`` and ``rejected.jsonl`` hold one document a line; ``*.idx`` holds the byte offset of
each line and the final end, little-endian uint64, so that document one million opens at once.
"""

import mmap
import os
import struct
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import LabError
from core.record.atomic import TEMPORARY, commit_file, disk_error

Split = Literal["train", "held_out"]
_FLUSH_ROWS = 4096  # offsets held in memory between two writes
_BUFFER_BYTES = 1 << 20
_encoder = msgspec.json.Encoder()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was kept.

    Attributes:
        id: its row among the kept.
        row: its number in reading order, kept and set aside together; -1 in corpora made before it was told.
        line: where it starts in its source, from 1.
        changed: whether a rule mended it.
        marks: places that a rule found worth showing, in the text as it stood before that rule.
        corpus: in a mixture, the corpus that it was taken from.
    """

    id: int
    text: str
    source: str
    line: int
    split: Split = "train"
    changed: bool = False
    row: int = -1
    marks: list[dict] = []
    corpus: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was set aside, by which rule and why (a template over ``values``).

    ``measure``, ``value`` and ``limit`` say what was measured and the threshold that it broke, where there is one.
    """

    id: int
    text: str
    source: str
    line: int
    rule: str
    reason: str
    values: dict = {}
    row: int = -1
    measure: str = ""
    value: float | None = None
    limit: float | None = None


class Documents:
    """Documents of one corpus by row, memory-mapped: opening costs nothing, whatever the size.

    Args:
        folder: a corpus folder.
        which: ``kept`` gives :class:`Document`, ``rejected`` gives :class:`Rejected`.
    Raises:
        LabError: the folder holds no finished corpus; remedy: run the cleaning.
    """

    def __init__(self, folder: Path, which: Literal["kept", "rejected"] = "kept") -> None:
        lines, index = Path(folder) / f"{which}.jsonl", Path(folder) / f"{which}.idx"
        self._decoder = msgspec.json.Decoder(Document if which == "kept" else Rejected)
        try:
            self._lines, self._index = _map(lines), _map(index)
        except FileNotFoundError:
            raise LabError(
                "This folder holds no finished corpus.", str(folder), "Run the cleaning to its end first.") from None
        self._count = max(len(self._index) // 8 - 1, 0)
        if self._count and self._offset(self._count) != len(self._lines):
            raise LabError(
                "The corpus and its index do not fit together.", str(lines), "Run the cleaning again.")

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Document | Rejected:
        row = row + self._count if row < 0 else row
        if not 0 <= row < self._count:
            raise IndexError(f"row {row} of {self._count}")
        return self._decoder.decode(self._lines[self._offset(row) : self._offset(row + 1)])

    def __iter__(self) -> Iterator[Document | Rejected]:
        return self.iter()

    def __enter__(self) -> "Documents":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; a folder with open ones cannot be moved on every system."""
        for view in (self._lines, self._index):
            if isinstance(view, mmap.mmap):
                view.close()

    @property
    def n_bytes(self) -> int:
        """Size of the lines on disk, bytes."""
        return len(self._lines)

    def iter(self, split: Split | None = None, step: int = 1) -> Iterator[Document | Rejected]:
        """Documents in order, of one split or of both; ``step`` takes every n-th row."""
        for row in range(0, self._count, step):
            document = self[row]
            if split is None or getattr(document, "split", None) == split:
                yield document

    def _offset(self, row: int) -> int:
        return struct.unpack_from("<Q", self._index, 8 * row)[0]


_NOTHING_MORE = b',"marks":[],"corpus":""}'


def line_of(document: Document | Rejected) -> bytes:
    """A document as a line of JSON without its id, which :meth:`DocumentWriter.add_line` gives it."""
    line = _encoder.encode(document)
    line = line[:-len(_NOTHING_MORE)] + b"}" if line.endswith(_NOTHING_MORE) else line
    return line[line.index(b","):]


class DocumentWriter:
    """Writes one ``.jsonl`` and its ``.idx`` under temporary names; :meth:`commit` gives them their real ones."""

    def __init__(self, folder: Path, which: Literal["kept", "rejected"]) -> None:
        self._final = [Path(folder) / f"{which}.jsonl", Path(folder) / f"{which}.idx"]
        self._temporary = [path.with_name(TEMPORARY + path.name) for path in self._final]
        self._files = [open(path, "wb", buffering=_BUFFER_BYTES) for path in self._temporary]
        self._offsets = array("Q", [0])
        self._end = 0
        self.count = 0

    def add(self, document: Document | Rejected) -> None:
        """Append one document; its id is its place.

        Raises:
            LabError: the disk is full.
        """
        self.add_line(line_of(document))

    def add_line(self, line: bytes) -> None:
        """Append one document as :func:`line_of` gives it.

        Raises:
            LabError: the disk is full.
        """
        line = b'{"id":%d%b\n' % (self.count, line)
        self._end += len(line)
        self._offsets.append(self._end)
        self.count += 1
        try:
            self._files[0].write(line)
            if len(self._offsets) >= _FLUSH_ROWS:
                self._flush_offsets()
        except OSError as error:
            raise disk_error(error, self._final[0]) from error

    def commit(self) -> None:
        """Finish both files and give them their real names, the index last."""
        try:
            self._flush_offsets()
            for file in self._files:
                file.close()
            for temporary, final in zip(self._temporary, self._final, strict=True):
                commit_file(temporary, final)
        except OSError as error:
            raise disk_error(error, self._final[0]) from error

    def abandon(self) -> None:
        """Leave nothing behind; harmless after :meth:`commit`."""
        for file, temporary in zip(self._files, self._temporary, strict=True):
            try:
                file.close()
            except OSError:
                pass  # what is still buffered cannot be written, and nobody wants it
            temporary.unlink(missing_ok=True)

    def _flush_offsets(self) -> None:
        if sys.byteorder == "big":
            self._offsets.byteswap()
        self._files[1].write(self._offsets.tobytes())
        self._offsets = array("Q")


def _map(path: Path) -> bytes | mmap.mmap:
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # an empty file cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
