"""Answers as a job keeps them: one JSON line each."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from core.errors import LabError

One = TypeVar("One")


def write_lines(path: Path, answers: Iterable[msgspec.Struct]) -> bytes:
    """Write them atomically, and tell what was written."""
    from core.record.atomic import write_bytes

    data = b"".join(msgspec.json.encode(one) + b"\n" for one in answers)
    write_bytes(path, data)
    return data


def read_lines(path: Path, kind: type[One]) -> list[One]:
    """Answers written before.

    Raises:
        LabError: the file is missing or damaged.
    """
    try:
        decoder = msgspec.json.Decoder(kind)
        return [decoder.decode(line) for line in path.read_bytes().splitlines()]
    except FileNotFoundError:
        raise LabError("The questions are not answered yet.", str(path), "Let the job come to its end.") from None
    except msgspec.MsgspecError as error:
        raise LabError(
            "These answers cannot be read: {error}.", str(path), "Delete the file and ask again.", error=str(error),
        ) from None  # fmt: skip


def read_found(path: Path, kind: type[One]) -> One | None:
    """What a finished job found; None where there is nothing to read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
