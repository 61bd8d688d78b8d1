"""Jobs of more than one process: who starts the others, and what those do."""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable

from core.errors import LabError
from core.jobs.registry import kind
from core.record.control import StopRequested
from core.record.folder import JobFolder
from core.spec.base import build
from core.spec.mesh import MeshSpec
from core.train.distributed.launch import command_here, fits_here, started_as_one_of_several


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
    except Exception:
        traceback.print_exc()
        return 1


def _mesh(request: dict) -> MeshSpec:
    return build(MeshSpec, request["spec"].get("mesh", {}))
