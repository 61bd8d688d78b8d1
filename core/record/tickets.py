"""The queue as files: ``WORKSPACE/queue/`` holds one small ticket a waiting job, the limits, and the runner's lock.

A ticket says that somebody wants a job started, or gone on with, when its turn comes. It stands until the job has
ended, so that whatever is killed meanwhile, the wish is still there.
"""

from pathlib import Path

import msgspec
from filelock import FileLock

from core.record.atomic import TEMPORARY, write_bytes

ROOM, LIMITS = "queue", "limits.json"


class Ticket(msgspec.Struct, frozen=True):
    """One job in the queue.

    Args:
        folder: ROOM/NAME below the workspace.
        order: place in the queue; smaller comes first.
        cores, memory_bytes: what it is expected to take while it works.
        attempt: how many workers the job had had when it was queued: the queue starts the next.
        held: it keeps its place, and is not started.
    """

    folder: str
    order: float = 0.0
    cores: int = 1
    memory_bytes: int = 1_000_000_000
    attempt: int = 0
    held: bool = False


class Limits(msgspec.Struct, frozen=True):
    """What the jobs of a queue may take together; 0 = the usual: every core, and 80 % of the memory."""

    cores: int = 0
    memory_bytes: int = 0
    paused: bool = False


def place(workspace: Path) -> Path:
    """The folder of a workspace's queue."""
    return Path(workspace) / ROOM


def editing(workspace: Path) -> FileLock:
    """Held while tickets are changed, for moments only; it is free again when its holder dies."""
    place(workspace).mkdir(parents=True, exist_ok=True)
    return FileLock(place(workspace) / "tickets.lock", preserve_lock_file=True, timeout=10)


def ticket_path(workspace: Path, folder: str) -> Path:
    """Where the ticket of ROOM/NAME stands: a job has one at most."""
    return place(workspace) / f"{folder.replace('/', '@')}.ticket"


def folder_of(root: Path) -> str:
    """ROOM/NAME of a job's folder."""
    return f"{Path(root).parent.name}/{Path(root).name}"


def read_ticket(root: Path) -> Ticket | None:
    """The ticket of a job's folder, if it is in the queue of its workspace."""
    root = Path(root)
    return _read(ticket_path(root.parent.parent, folder_of(root)))


def read_tickets(workspace: Path) -> list[Ticket]:
    """All tickets, the first to be started first."""
    found = [_read(path) for path in place(workspace).glob("*.ticket") if not path.name.startswith(TEMPORARY)]
    return sorted((ticket for ticket in found if ticket), key=lambda ticket: (ticket.order, ticket.folder))


def write_ticket(workspace: Path, ticket: Ticket) -> None:
    """Put a ticket down, or in place of the one the job has."""
    place(workspace).mkdir(parents=True, exist_ok=True)
    write_bytes(ticket_path(workspace, ticket.folder), msgspec.json.encode(ticket))


def drop_ticket(workspace: Path, folder: str) -> None:
    """Take a ticket away, if there is one."""
    ticket_path(workspace, folder).unlink(missing_ok=True)


def read_limits(workspace: Path) -> Limits:
    """The limits in force."""
    try:
        return msgspec.json.decode((place(workspace) / LIMITS).read_bytes(), type=Limits)
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        return Limits()


def write_limits(workspace: Path, limits: Limits) -> None:
    """Set the limits; a runner at work follows them from its next look on."""
    place(workspace).mkdir(parents=True, exist_ok=True)
    write_bytes(place(workspace) / LIMITS, msgspec.json.encode(limits))


def waits(root: Path, attempt: int) -> bool:
    """Whether a job that had so many workers waits in the queue for its next one."""
    ticket = read_ticket(root)
    return ticket is not None and ticket.attempt >= attempt


def _read(path: Path) -> Ticket | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ticket)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None  # taken away at this moment, or not ours
