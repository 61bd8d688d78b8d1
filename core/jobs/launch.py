"""Start and resume jobs: each in a detached process of its own that outlives whoever started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from core.errors import LabError
from core.record.folder import UNTIL, JobFolder, Workspace
from core.record.lock import is_alive
from core.record.view import read_view

ROOT = Path(__file__).resolve().parents[2]
LAST_WORD_S = 5.0


def start(workspace: Workspace, kind: str, name: str, spec: msgspec.Struct) -> JobFolder:
    """Create a job's folder and launch its worker.

    Raises:
        LabError: the name is taken, or an input is missing.
    """
    folder = workspace.create(kind, name, spec)
    launch(folder)
    return folder


def resume(folder: JobFolder) -> None:
    """Launch a worker on an existing folder; it goes on from the last checkpoint, and not to some step only.

    Raises:
        LabError: a worker is still at work in it.
    """
    deadline = time.monotonic() + LAST_WORD_S
    while (alive := is_alive(folder.root)) and not read_view(folder.root).live and time.monotonic() < deadline:
        time.sleep(0.05)  # it has said its last word and is just letting go of the folder
    if alive:
        raise LabError("This job is still running.", folder.name, "Stop it first, or let it finish.")
    folder.path(UNTIL).unlink(missing_ok=True)
    launch(folder)


def launch(folder: JobFolder, attempt: int = 0) -> subprocess.Popen:
    """Start ``python -m core.jobs.worker FOLDER``, detached from this process and its terminal.

    Args:
        attempt: for the queue: which worker of the job this must be, counted from 1, or it leaves at once; so
            whoever starts the same one twice starts it once. 0 = whichever it is.
    """
    asked = ["--attempt", str(attempt)] if attempt else []
    return detach(["core.jobs.worker", str(folder.root), *asked], folder.path("stderr.log"))


def detach(module: list[str], said_to: Path) -> subprocess.Popen:
    """Start a module of the lab with its arguments in a process of its own that outlives this one."""
    # Waiting threads sleep instead of spinning: beside a window and other jobs, spinning ones cost half the speed.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    command = [sys.executable, "-m", *module]
    with open(said_to, "ab") as said:
        settings = {"stdin": subprocess.DEVNULL, "stdout": said, "stderr": said, "cwd": ROOT, "env": environment}
        if os.name == "posix":
            return subprocess.Popen(command, start_new_session=True, **settings)
        return _launch_on_windows(command, settings)


def await_attempt(folder: JobFolder, attempt: int, timeout_s: float = 60.0) -> None:
    """Wait until a worker newer than ``attempt`` has said that it started; its old end is not the new one's."""
    deadline = time.monotonic() + timeout_s
    while read_view(folder.root).attempt == attempt and time.monotonic() < deadline:
        time.sleep(0.1)


def _launch_on_windows(command: list[str], settings: dict) -> subprocess.Popen:
    """Broken away from the parent's job object, or closing the window would end the worker with it."""
    flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        return subprocess.Popen(command, creationflags=flags | subprocess.CREATE_BREAKAWAY_FROM_JOB, **settings)
    except PermissionError:  # a parent that lets nobody break away (some terminals and services)
        return subprocess.Popen(command, creationflags=flags, **settings)
