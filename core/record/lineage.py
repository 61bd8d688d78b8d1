"""What was made from what: a hash of every output, and one hash that stands for a whole folder."""

import hashlib
import json
from pathlib import Path

from core.errors import LabError
from core.record.atomic import TEMPORARY, write_json

OUTPUTS = "outputs.json"
# Working records differ from run to run though the outputs are equal; they are not part of the identity.
_RECORDS = {
    OUTPUTS, "spec.toml", "events.jsonl", "metrics.bin", "summary.json", "choices.json", "worker.lock", "stderr.log",
    "until.json", "layers.bin", "health.bin", "metrics.overview", "notes.json",
}  # fmt: skip

_ASIDE = ("control", "batches", "lenses")  # folders of what was asked for on the way


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, read in pieces."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_outputs(folder: Path) -> None:
    """Record size and SHA-256 of every output file of a finished job."""
    folder = Path(folder)
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder)
        if name.name in _RECORDS or name.parts[0] in _ASIDE or any(p.startswith(TEMPORARY) for p in name.parts):
            continue
        found[name.as_posix()] = {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    write_json(folder / OUTPUTS, found)


def identity(folder: Path) -> str:
    """SHA-256 that stands for all outputs of a finished job.

    Raises:
        LabError: the job is not finished, so it has no outputs to build on.
    """
    path = Path(folder) / OUTPUTS
    if not path.is_file():
        raise LabError("This has not been finished yet.", str(folder), "Let it finish (or resume it) first.")
    return sha256_file(path)


def part_identity(folder: Path, part: str) -> str:
    """SHA-256 that stands for one subfolder, which may be whole long before its job is finished.

    Raises:
        LabError: the subfolder is not there yet.
    """
    path = Path(folder) / part
    if not path.is_dir():
        raise LabError("This has not got so far yet.", str(path), "Wait a moment, or resume the job.")
    files = {p.name: sha256_file(p) for p in sorted(path.iterdir()) if p.is_file()}
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def check_unchanged(folder: Path, expected: str, part: str = "") -> None:
    """Make sure that an input (or one subfolder of it) is still what it was when the job was asked for.

    Raises:
        LabError: an output file is missing or differs from its recorded hash.
    """
    folder = Path(folder)
    changed = LabError(
        "This input has changed since the job was asked for ({file}).", str(folder),
        "Start a new job on it, or restore the file.", file=OUTPUTS)
    if (part_identity(folder, part) if part else identity(folder)) != expected:
        raise changed
    if part:
        return
    for name, entry in json.loads((folder / OUTPUTS).read_text("utf-8")).items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != entry["bytes"] or sha256_file(path) != entry["sha256"]:
            changed.values["file"] = name
            raise LabError(changed.problem, changed.where, changed.remedy, **changed.values)
