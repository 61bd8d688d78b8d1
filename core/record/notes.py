"""What a person writes about a job: tags and a remark, in ``notes.json`` beside what the job itself wrote."""

from pathlib import Path

import msgspec

from core.record.atomic import write_json

FILE = "notes.json"


class Notes(msgspec.Struct, frozen=True):
    """Tags (short, without commas, each once) and a remark of any length."""

    tags: tuple[str, ...] = ()
    text: str = ""


def read_notes(folder: Path) -> Notes:
    """The notes on a job; empty where there are none, or none that can be read."""
    try:
        return msgspec.json.decode((Path(folder) / FILE).read_bytes(), type=Notes)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return Notes()


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep the notes on a job; empty ones leave no file.

    Raises:
        LabError: the disk is full, or the folder may not be written to; what was noted before stays.
    """
    path = Path(folder) / FILE
    if notes == Notes():
        path.unlink(missing_ok=True)
    else:
        write_json(path, msgspec.to_builtins(notes))


def tags_of(text: str) -> tuple[str, ...]:
    """Tags from a line a person typed: separated by commas (of any script), each once, in order."""
    parts = text.replace("，", ",").replace("、", ",").split(",")
    return tuple(dict.fromkeys(tag for part in parts if (tag := " ".join(part.split()))))
