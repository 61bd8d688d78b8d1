"""Jobs of more than one process: who starts the others, and what those do."""

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

from core.errors import LabError
from core.jobs.registry import kind
from core.record.atomic import TEMPORARY, write_text
from core.record.control import StopRequested
from core.record.folder import JobFolder
from core.spec.base import build
from core.spec.mesh import MeshSpec
from core.train.distributed.launch import command_here, started_as_one_of_several

WORD = f"{TEMPORARY}failed-"  # and the rank; the next attempt clears it away
PATIENCE_S = 3.0


def starts_others(folder: JobFolder) -> bool:
    """Whether this process, started alone, should start all processes of the job: it has several, and they fit here."""
    if started_as_one_of_several():
        return False
    try:
        request = folder.request
        world = _mesh(request).world if request.get("kind") == "train" else 1
    except LabError:
        return False  # the worker itself says what is wrong with the request
    return world > 1 and fits_here(world, request["spec"].get("device", "auto"))


def fits_here(world: int, device: str) -> bool:
    """Whether this machine has a GPU, or a processor core, for each process."""
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.device_count() >= world
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores >= world


def start_all(folder: JobFolder, arguments: list[str]) -> int:
    """Become the process that starts all processes of the job; returns its exit status where it cannot be replaced."""
    command, environment = command_here(_mesh(folder.request).world, arguments)
    if os.name == "posix":
        os.execve(sys.executable, command, environment)
    return subprocess.call(command, env=environment)


def follows() -> bool:
    """Whether this process is one of several, and not the first: that one has the folder's lock and its log."""
    return started_as_one_of_several() and os.environ.get("RANK", "0") != "0"


def follow(folder: JobFolder, silent: Callable) -> int:
    """Do this process's share of a job; the first one says how it goes. Returns the exit status."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the first is asked to stop, and tells the others
    request = folder.request
    chosen = kind(request["kind"])
    try:
        spec = build(chosen.spec_type(), request["spec"], str(folder.path("spec.toml")))
        chosen.run_function()(spec, folder, silent, None)
        return 0
    except StopRequested:
        return 0
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        traceback.print_exc()
        note_failure(folder, error)
        return 1


def note_failure(folder: JobFolder, error: Exception) -> None:
    """Leave word of why this process ends, for the first: it sees no more than a connection that was cut."""
    told = f"{type(error).__name__}: {error}"[:500]
    with suppress(OSError, LabError):
        write_text(folder.path(f"{WORD}{os.environ.get('RANK', '0')}"), told)


def failure_of_another(folder: JobFolder, patience_s: float = PATIENCE_S) -> LabError | None:
    """Why another process of the job ended, if one left word of it."""
    if not started_as_one_of_several():
        return None
    deadline = time.monotonic() + patience_s
    while not (found := sorted(folder.root.glob(f"{WORD}*"))):
        if time.monotonic() > deadline:
            return None
        time.sleep(0.1)
    return LabError(
        "The process of rank {rank} could not go on: {error}.", folder.name,
        "The details are in stderr.log; resuming may help.", rank=found[0].name.removeprefix(WORD),
        error=found[0].read_text("utf-8", "replace"))


def _mesh(request: dict) -> MeshSpec:
    return build(MeshSpec, request["spec"].get("mesh", {}))
