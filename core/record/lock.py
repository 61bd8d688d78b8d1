"""Who works in a folder: an operating-system lock that dies with its holder."""

import errno
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import LabError

NAME = "worker.lock"


class WorkerLock:
    """Held by a worker for as long as it lives; a second worker is refused."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(Path(folder) / NAME, preserve_lock_file=True)

    def acquire(self, timeout_s: float = 2.0) -> None:
        """Take the lock; the wait outlasts a passing look by ``is_alive``.

        Raises:
            LabError: another worker holds the folder.
        """
        try:
            self._lock.acquire(timeout=timeout_s, poll_interval=0.02)
        except Timeout:
            raise LabError(
                "Another worker is already at work in this folder.", str(Path(self._lock.lock_file).parent),
                "Wait until it ends, or stop it first.") from None

    def release(self) -> None:
        """Give the folder free."""
        self._lock.release()


def is_alive(folder: Path) -> bool:
    """Whether a worker holds the folder right now."""
    path = Path(folder) / NAME
    if not path.exists():
        return False
    lock = FileLock(path, preserve_lock_file=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError as error:
        # Nobody works on a read-only disk. Otherwise it cannot be told: better the log's word than a false crash.
        return error.errno != errno.EROFS
    lock.release()
    return False
