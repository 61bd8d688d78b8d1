"""Files that are either whole or absent, whatever happens while they are written."""

import errno
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from core.errors import LabError

TEMPORARY = ".tmp-"  # names that begin so are leftovers of a write that was cut off
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PATIENCE_S = 2.0  # for a reader that holds the file: only Windows refuses to rename then


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: temporary name, fsync, rename.

    Raises:
        LabError: the disk is full; whatever stood at ``path`` before is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _rename(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, path) from error
    sync_dir(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value) -> None:
    """Write readable JSON atomically."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def commit_file(temporary: Path, final: Path) -> None:
    """Give a finished temporary file its real name, durably."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    _rename(temporary, final)
    sync_dir(Path(final).parent)


def commit_dir(temporary: Path, final: Path) -> None:
    """Give a finished temporary folder its real name, durably; every file in it is synced first."""
    for file in Path(temporary).iterdir():
        with open(file, "rb+") as handle:
            os.fsync(handle.fileno())
    sync_dir(temporary)
    _rename(temporary, final)
    sync_dir(Path(final).parent)


def remove_dir(folder: Path) -> None:
    """Take a folder away: gone at once and durably for whoever looks, whatever happens while it is deleted."""
    doomed = Path(folder).with_name(f"{TEMPORARY}old-{Path(folder).name}")
    shutil.rmtree(doomed, ignore_errors=True)
    _rename(folder, doomed)
    sync_dir(doomed.parent)
    shutil.rmtree(doomed, ignore_errors=True)


def _rename(temporary: Path, final: Path) -> None:
    """Rename over what is there; Windows refuses while somebody reads it, so ask again for a while."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return os.replace(temporary, final)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def clear_leftovers(folder: Path) -> None:
    """Remove what a killed process left half written in a folder it alone writes to."""
    for path in Path(folder).glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):  # held open somewhere (Windows): the next attempt removes it
                path.unlink()


def sync_dir(folder: Path) -> None:
    """Make a rename in ``folder`` durable; Windows has no such call and needs none."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_error(error: OSError, path: Path) -> Exception:
    """A full disk or a forbidden folder in plain words; any other error as it came."""
    if error.errno in FULL:
        return LabError(
            "The disk is full, so this file could not be written.", str(path),
            "Free some space and resume; nothing saved before was lost.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return LabError(
            "Writing here is not allowed.", str(path), "Choose a folder of your own or change its permissions.")
    return error
