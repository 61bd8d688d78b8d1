"""Start and resume jobs: each in a detached process of its own that outlives whoever started it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from core.errors import LabError
from core.record.folder import JobFolder, Workspace
from core.record.lock import is_alive
from core.record.view import read_view

ROOT = Path(__file__).resolve().parents[2]


def start(workspace: Workspace, kind: str, name: str, spec: msgspec.Struct) -> JobFolder:
    """Create a job's folder and launch its worker.

    Raises:
        LabError: the name is taken, or an input is missing.
    """
    folder = workspace.create(kind, name, spec)
    launch(folder)
    return folder


def resume(folder: JobFolder) -> None:
    """Launch a worker on an existing folder; it goes on from the last checkpoint.

    Raises:
        LabError: a worker is still at work in it.
    """
    if is_alive(folder.root):
        raise LabError("This job is still running.", folder.name, "Stop it first, or let it finish.")
    launch(folder)


def launch(folder: JobFolder) -> subprocess.Popen:
    """Start ``python -m core.jobs.worker FOLDER``, detached from this process and its terminal."""
    # Waiting threads sleep instead of spinning: beside a window and other jobs, spinning ones cost half the speed.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    with open(folder.path("stderr.log"), "ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "core.jobs.worker", str(folder.root)],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=ROOT, env=environment, close_fds=True,
            **_detached(),
        )  # fmt: skip


def await_attempt(folder: JobFolder, attempt: int, timeout_s: float = 60.0) -> None:
    """Wait until a worker newer than ``attempt`` has said that it started; its old end is not the new one's."""
    deadline = time.monotonic() + timeout_s
    while read_view(folder.root).attempt == attempt and time.monotonic() < deadline:
        time.sleep(0.1)


def _detached() -> dict:
    if os.name == "posix":
        return {"start_new_session": True}
    # Broken away from the parent's job object, or closing the window would end the worker with it.
    flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_BREAKAWAY_FROM_JOB
    return {"creationflags": flags}
