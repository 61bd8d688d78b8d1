"""What a job's log came to, kept beside it: 200 finished jobs are listed without reading their logs again.

``summary.json`` holds the few numbers that a person or a script looks for, and the whole folded view with the place
in ``events.jsonl`` up to which it stands. It is a convenience: missing, torn, stale or written by another version of
the lab, the log is folded again.
"""

import zlib
from contextlib import suppress
from pathlib import Path
from typing import get_args

import msgspec
from msgspec.structs import replace

from core.errors import LabError
from core.record import events as ev
from core.record.atomic import write_bytes
from core.record.folder import JobFolder
from core.record.log import Record, read_events
from core.record.view import JobView, Problem, empty_view, fold

NAME = "summary.json"
TAIL_BYTES = 512  # of the log, before the place up to which the view stands: they tell whether it is the same log


class Summary(msgspec.Struct, frozen=True):
    """What stands in summary.json."""

    kind: str = ""
    state: str = ""
    attempt: int = 0
    started_t: float = 0.0
    updated_t: float = 0.0
    val_loss: float | None = None
    bits_per_byte: float | None = None
    result: dict = {}
    form: int = 0  # of the view: the checksum of its fields
    offset: int = 0  # bytes of the log that are folded into it
    end: int = 0  # checksum of the log's last bytes before there
    view: JobView = JobView()


def _form() -> int:
    """Changes whenever what is folded, or what may be folded, changes."""
    structs = (JobView, Problem, *get_args(ev.AnyEvent))
    return zlib.crc32("\n".join(f"{struct.__name__} {struct.__struct_fields__}" for struct in structs).encode())


FORM = _form()
_decoder = msgspec.json.Decoder(Summary)


def read_summary(root: Path) -> tuple[JobView, int] | None:
    """The folded view of a job and the byte of its log up to which it stands; None where it cannot be trusted."""
    try:
        found = _decoder.decode((Path(root) / NAME).read_bytes())
        if found.form != FORM or found.end != _end(Path(root) / "events.jsonl", found.offset):
            return None
    except (OSError, msgspec.DecodeError, ValueError):
        return None
    return replace(found.view, name=Path(root).name), found.offset  # the folder may have been renamed


def write_summary(folder: JobFolder, view: JobView, offset: int) -> None:
    """Keep the view of a job that has ended, folded from its log up to a byte.

    Raises:
        LabError, OSError: it cannot be written.
    """
    last = view.validations[-1] if view.validations else None
    made = Summary(
        kind=view.kind, state=view.state, attempt=view.attempt, started_t=view.started_t, updated_t=view.updated_t,
        val_loss=last.loss if last else None, bits_per_byte=last.bits_per_byte if last else None, result=view.result,
        form=FORM, offset=offset, end=_end(folder.path("events.jsonl"), offset), view=view)  # fmt: skip
    write_bytes(folder.path(NAME), msgspec.json.encode(made, enc_hook=str) + b"\n")


def keep_summary(folder: JobFolder, view: JobView, offset: int) -> None:
    """As ``write_summary``; where it cannot be written (a full or read-only disk) the log is folded again next time."""
    with suppress(LabError, OSError):
        write_summary(folder, view, offset)


def summarise(folder: JobFolder) -> JobView:
    """Fold a job's log from where its summary ends, and keep what came out.

    Raises:
        LabError, OSError: the folder holds no job, or the summary cannot be written.
    """
    view, offset = read_summary(folder.root) or (empty_view(folder), 0)
    records, end = read_events(folder.path("events.jsonl"), offset)
    view = fold_all(view, records)
    write_summary(folder, view, end)
    return view


def fold_all(view: JobView, records: list[Record]) -> JobView:
    """The view after many more events."""
    for record in records:
        view = fold(view, record)
    return view


def _end(log: Path, offset: int) -> int:
    with open(log, "rb") as file:
        file.seek(max(0, offset - TAIL_BYTES))
        data = file.read(min(offset, TAIL_BYTES))
    return zlib.crc32(data) if len(data) == min(offset, TAIL_BYTES) else -1
