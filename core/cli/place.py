"""A corpus in a folder of its own, outside any workspace: ``clean --out DIR``."""

from pathlib import Path

import msgspec

from core.errors import LabError
from core.record.folder import JobFolder, Workspace
from core.record.lock import is_alive
from core.record.view import JobView, read_view
from core.spec.base import build
from core.spec.files import write_toml


def claim(out: Path, workspace: Workspace, kind: str, spec: msgspec.Struct) -> JobFolder:
    """Make DIR the folder of a job, or take up the same job that stands there.

    Raises:
        LabError: DIR holds something else, another request, or a job at work.
    """
    path = Path(out).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise LabError("This is a file.", str(path), "Give a folder that is new or empty.")
    if (path / "spec.toml").is_file():
        return _same_job(JobFolder(path), kind, spec)
    if path.is_dir() and any(path.iterdir()):
        raise LabError("This folder holds something else.", str(path), "Give a folder that is new or empty.")
    request = workspace.request(kind, spec) | {"workspace": str(workspace.root)}
    try:
        path.mkdir(parents=True, exist_ok=True)
        write_toml(path / "spec.toml", request)
    except OSError as error:
        raise LabError(
            "This folder cannot be made or written: {error}.", str(path), "Choose another place.",
            error=error.strerror or type(error).__name__) from None
    return JobFolder(path)


def _same_job(folder: JobFolder, kind: str, spec: msgspec.Struct) -> JobFolder:
    request = folder.request
    try:
        same = request["kind"] == kind and build(type(spec), request["spec"]) == spec
    except (LabError, KeyError):
        same = False  # of another version, or no job of ours
    if not same:
        raise LabError(
            "This folder holds the result of another request.", str(folder.root),
            "Give a folder that is new or empty, or ask for the same again.")
    if is_alive(folder.root):
        raise LabError("This job is still running.", str(folder.root), "Let it finish, or stop it first.")
    return folder


def finished(folder: JobFolder) -> JobView | None:
    """What a job that stands complete came to; None when there is work left."""
    view = read_view(folder.root)
    return view if view.state == "completed" and folder.path("outputs.json").is_file() else None
