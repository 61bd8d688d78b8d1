"""The corpus between two passes: shards on disk, each whole or absent, so that a killed job goes on from them.

``work/STAGE/SHARD.*`` in the corpus folder; stage 0 is what was read, stage N what pass N left:

- ``.documents``: the documents still in, :class:`Held`; after the last pass, the lines of kept.jsonl.
- ``.aside``: the lines of rejected.jsonl for what this stage set aside.
- ``.result``: counts and notes. It is written last: where it stands, the shard is done.

``work/decisions/N`` holds what the rule at the end of pass N decided.
"""

import os
import shutil
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from core.data.tally import Tally
from core.record.atomic import TEMPORARY, clear_leftovers, commit_dir, disk_error, sync_dir, write_json

FORMAT = 2  # of these files; work begun in another is begun anew


class Held(msgspec.Struct, array_like=True):
    """A document between two passes; see :class:`core.data.filters.verdict.Draft`.

    ``mark`` is its fingerprint where a rule needed it: it is wanted again when the split is decided.
    """

    row: int
    text: str
    source: str
    line: int
    changed: bool = False
    number: float | None = None
    marks: list[dict] = []
    mark: bytes | None = None


class Blobs(msgspec.Struct, array_like=True, frozen=True):
    """Pieces of bytes, each with the row of its document; rows ascend."""

    rows: bytes = b""  # uint64 as this machine writes them, like the ends
    ends: bytes = b""  # where each piece ends in data
    data: bytes = b""

    @classmethod
    def pack(cls, rows: list[int], pieces: list[bytes]) -> "Blobs":
        """All pieces in one."""
        ends, end = array("Q"), 0
        for piece in pieces:
            end += len(piece)
            ends.append(end)
        return cls(array("Q", rows).tobytes(), ends.tobytes(), b"".join(pieces))

    def __len__(self) -> int:
        return len(self.rows) // 8

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        rows, ends, start = array("Q", self.rows), array("Q", self.ends), 0
        for row, end in zip(rows, ends, strict=True):
            yield row, self.data[start:end]
            start = end


class Kept(msgspec.Struct, array_like=True):
    """What is left after the last pass: a line each (without its id), and the number that decides its split."""

    lines: Blobs
    numbers: bytes  # float64

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        for number, (_, line) in zip(array("d", self.numbers), self.lines, strict=True):
            yield number, line


class Place(msgspec.Struct):
    """How far the sources were read when a shard was cut.

    Attributes:
        origin, taken: the file that is being read, by its number, and how much was taken from it.
        rows: documents read so far.
        files_read, files_skipped: so far.
        problem: the first reason why a file was skipped, in words.
        finished: whether this was all.
    """

    origin: int = 0
    taken: int = 0
    rows: int = 0
    files_read: int = 0
    files_skipped: int = 0
    problem: str = ""
    finished: bool = False


class Result(msgspec.Struct):
    """What is known of a finished shard of one stage."""

    tally: Tally
    notes: Blobs = Blobs()
    place: Place | None = None  # in stage 0: how far the reading was


_documents = msgspec.msgpack.Decoder(list[Held])
_kept = msgspec.msgpack.Decoder(Kept)
_blobs = msgspec.msgpack.Decoder(Blobs)
_result = msgspec.msgpack.Decoder(Result)
_encoder = msgspec.msgpack.Encoder()


class Stages:
    """The ``work`` folder of one cleaning."""

    def __init__(self, corpus: Path) -> None:
        self.root = Path(corpus) / "work"

    def prepare(self, plan: dict, n_stages: int) -> bool:
        """Make the folders, or take up those there are if they were made for the same plan; whether they were."""
        path = self.root / "plan.json"
        plan = {"format": FORMAT, **plan}
        same = path.is_file() and msgspec.json.decode(path.read_bytes()) == plan
        if not same:
            self.remove()
        for stage in range(n_stages):
            (self.root / str(stage)).mkdir(parents=True, exist_ok=True)
            clear_leftovers(self.root / str(stage))
        (self.root / "decisions").mkdir(exist_ok=True)
        clear_leftovers(self.root / "decisions")
        if not same:
            write_json(path, plan)
        return same

    def remove(self) -> None:
        """Take everything away; the plan first, so that what a kill leaves of it is never taken up."""
        (self.root / "plan.json").unlink(missing_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def write(self, stage: int, shard: int, documents: list[Held] | Kept, aside: Blobs, result: Result) -> None:
        """Commit a finished shard; the documents it was made from are no longer needed.

        Raises:
            LabError: the disk is full.
        """
        self._put(self._path(stage, shard, "documents"), documents)
        self._put(self._path(stage, shard, "aside"), aside)
        self._put(self._path(stage, shard, "result"), result)
        sync_dir(self.root / str(stage))
        if stage:
            self._path(stage - 1, shard, "documents").unlink(missing_ok=True)

    def is_done(self, stage: int, shard: int) -> bool:
        """Whether a shard of a stage was finished before."""
        return self._path(stage, shard, "result").is_file()

    def shards(self) -> int:
        """How many shards were cut so far: they are cut in order."""
        count = 0
        while self.is_done(0, count):
            count += 1
        return count

    def documents(self, stage: int, shard: int) -> list[Held]:
        """The documents of a shard that a stage left in."""
        return _documents.decode(self._path(stage, shard, "documents").read_bytes())

    def kept(self, stage: int, shard: int) -> Kept:
        """What the last stage left of a shard."""
        return _kept.decode(self._path(stage, shard, "documents").read_bytes())

    def aside(self, stage: int, shard: int) -> Blobs:
        """Lines of what a stage set aside of a shard."""
        return _blobs.decode(self._path(stage, shard, "aside").read_bytes())

    def result(self, stage: int, shard: int) -> Result:
        """Counts and notes of a shard."""
        return _result.decode(self._path(stage, shard, "result").read_bytes())

    def decision(self, number: int) -> Path:
        """Where the decision at the end of a pass stands, once it was made."""
        return self.root / "decisions" / str(number)

    def decide(self, number: int, write: Callable[[Path], None]) -> None:
        """Make the decision at the end of a pass: ``write`` fills an empty folder, which is then committed."""
        temporary = self.root / "decisions" / f"{TEMPORARY}{number}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        write(temporary)
        commit_dir(temporary, self.decision(number))

    def _path(self, stage: int, shard: int, what: str) -> Path:
        return self.root / str(stage) / f"{shard:06d}.{what}"

    def _put(self, path: Path, value) -> None:
        temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
        try:
            with open(temporary, "wb", buffering=0) as file:
                data = memoryview(_encoder.encode(value))
                while data:  # one write may take less than all of it
                    data = data[file.write(data):]
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise disk_error(error, path) from error
