"""The append-only event log of a job: one JSON object a line, whole lines only."""

import os
import time
from pathlib import Path

import msgspec

from core.record.atomic import disk_error
from core.record.events import TERMINAL, AnyEvent, CheckpointSaved, Event

VERSION = 1
_DURABLE = (*TERMINAL, CheckpointSaved)  # worth an fsync; the rest survives a crash of the process anyway
_decoder = msgspec.json.Decoder(AnyEvent)


class _Head(msgspec.Struct):
    """What every line begins with, whatever its event."""

    seq: int
    t: float


_head = msgspec.json.Decoder(_Head)


class Record(msgspec.Struct, frozen=True):
    """One line of the log: its number, its time (Unix, s), and what happened."""

    seq: int
    t: float
    event: Event


class EventLog:
    """Appends events to ``events.jsonl``; call it with an event. One writer a folder (see lock)."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        cut_torn_line(self.path)
        records, _ = read_events(self.path)
        self._seq = records[-1].seq + 1 if records else 0
        self._file = open(self.path, "ab", buffering=0)

    def __call__(self, event: Event) -> None:
        body = msgspec.to_builtins(event, enc_hook=str)  # a path among an error's values must not silence it
        line = {"v": VERSION, "seq": self._seq, "t": round(time.time(), 3), **body}
        data = msgspec.json.encode(line) + b"\n"
        try:
            self._append(data)
            if isinstance(event, _DURABLE):
                os.fsync(self._file.fileno())
        except OSError as error:
            raise disk_error(error, self.path) from error
        self._seq += 1

    def _append(self, data: bytes) -> None:
        """One write; on a full disk the part that fitted is cut off again, so no line is ever torn."""
        size = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(data)
            while written < len(data):
                written += self._file.write(data[written:])
        except OSError:
            os.ftruncate(self._file.fileno(), size) if hasattr(os, "ftruncate") else None
            raise

    def close(self) -> None:
        """Close the file; the log can be opened again later."""
        self._file.close()


def read_events(path: Path, offset: int = 0) -> tuple[list[Record], int]:
    """Whole lines from a byte offset on, and the offset to continue at.

    A torn last line waits for its end; a line this version does not understand is passed over.
    """
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = data.rfind(b"\n") + 1
    records = []
    for line in data[:end].splitlines():
        try:
            head = _head.decode(line)
            records.append(Record(head.seq, head.t, _decoder.decode(line)))
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
    return records, offset + end


def cut_torn_line(path: Path) -> None:
    """Drop an unfinished last line that a killed writer left behind."""
    try:
        with open(path, "rb+") as file:
            end = file.seek(0, os.SEEK_END)
            while end:
                start = max(0, end - 65536)
                file.seek(start)
                cut = file.read(end - start).rfind(b"\n")
                if cut >= 0:
                    file.truncate(start + cut + 1)
                    return
                end = start
            file.truncate(0)
    except FileNotFoundError:
        pass
