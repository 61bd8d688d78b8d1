"""The workspace and its jobs: plain folders a person can read, diff, zip and move."""

import json
import platform
import re
import time
from importlib import metadata
from operator import attrgetter
from pathlib import Path

import msgspec

from core.errors import LabError
from core.record.atomic import TEMPORARY, write_json
from core.record.lineage import identity, part_identity
from core.spec.base import fields
from core.spec.files import read_toml, write_toml

ROOMS = {
    "corpus": "corpora", "world": "corpora", "mixture": "corpora",
    "tokenizer": "tokenizers", "train": "runs", "export": "exports", "verify": "evaluations",
    "replay": "evaluations",
    "index": "indexes", "grow": "pipelines", "experiment": "experiments", "sweep": "sweeps",
    "reference": "filters", "classifier": "filters", "question": "evaluations", "inspect": "inspections",
    "influence": "evaluations", "mitigate": "evaluations",
}  # fmt: skip
# Fields of a spec that name another job's folder: {kind: {field: room}}.
INPUTS = {
    "tokenizer": {"corpus": "corpora"},
    "train": {"corpus": "corpora", "tokenizer": "tokenizers", "held_out_corpus": "corpora"},
    "export": {"run": "runs"}, "verify": {"export": "exports"}, "index": {"run": "runs"},
    "mixture": {"tokenizer": "tokenizers"},
    "reference": {"corpus": "corpora", "against": "corpora"},
    "classifier": {"good": "corpora", "candidates": "corpora"}, "question": {"run": "runs"},
    "influence": {"run": "runs"}, "mitigate": {"questioning": "evaluations"},
}  # fmt: skip
INPUTS["sweep"] = {f"base.{field}": room for field, room in INPUTS["train"].items()}
# Inputs of which a job needs one subfolder alone, so that it need not wait for the rest: {kind: subfolder}.
PARTS = {"index": "tokens"}
UNTIL = "until.json"  # {"step": n} in the folder of a run: it stops there, and can be taken further
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
_VERSIONED = ("torch", "tokenizers", "numpy", "safetensors", "llama-cpp-python", "gguf", "onnx", "onnxruntime")


class JobFolder:
    """One job on disk: what was asked for, and where its records and outputs stand."""

    def __init__(self, path: Path) -> None:
        self.root = Path(path).resolve()

    def path(self, *parts: str) -> Path:
        """A path inside the folder."""
        return self.root.joinpath(*parts)

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.name

    @property
    def workspace(self) -> "Workspace":
        """The workspace it builds on: the one it lives in, or that its request names where it stands elsewhere."""
        named = self.request.get("workspace") if self.path("spec.toml").is_file() else None
        return Workspace(named or self.root.parent.parent)

    @property
    def request(self) -> dict:
        """The content of spec.toml: kind, created, spec, versions, inputs.

        Raises:
            LabError: the folder holds no job.
        """
        return read_toml(self.path("spec.toml"))

    @property
    def kind(self) -> str:
        """The kind of job, as in the registry."""
        return self.request["kind"]

    @property
    def until(self) -> int | None:
        """The step after which a run is to stop for now; None = it goes on to its end."""
        try:
            return int(json.loads(self.path(UNTIL).read_bytes())["step"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write_summary(self, summary: dict) -> None:
        """Write the few numbers that a list of runs shows, atomically."""
        write_json(self.path("summary.json"), summary)

    def read_choices(self) -> dict:
        """What was decided by measuring on this machine; empty before the first decision."""
        path = self.path("choices.json")
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}

    def write_choices(self, choices: dict) -> None:
        """Keep a decision, so that a resume never measures again."""
        write_json(self.path("choices.json"), choices)


class Workspace:
    """A folder of rooms (corpora, runs, ...), each holding one folder a job."""

    def __init__(self, path: Path) -> None:
        self.root = Path(path).expanduser().resolve()

    def path(self, room: str, name: str) -> Path:
        """Where the job NAME of a room stands or would stand."""
        return self.root / room / check_name(name)

    def folder(self, room: str, name: str) -> JobFolder:
        """An existing job.

        Raises:
            LabError: there is none of that name; remedy lists those there are.
        """
        path = self.path(room, name)
        if not (path / "spec.toml").is_file():
            names = ", ".join(f.name for f in self.jobs(room)) or "none yet"
            raise LabError(
                "There is no {name} among the {room}.", str(self.root), "There are: {names}.",
                name=name, room=room, names=names)
        return JobFolder(path)

    def jobs(self, room: str) -> list[JobFolder]:
        """The jobs of one room, oldest first."""
        found = [p.parent for p in (self.root / room).glob("*/spec.toml")]
        return [JobFolder(p) for p in sorted(found, key=lambda p: ((p / "spec.toml").stat().st_mtime_ns, p.name))]

    def free_name(self, room: str, stem: str) -> str:
        """``stem``, or ``stem-2``, ``stem-3``, ... : the first that is not taken."""
        stem = re.sub(r"[^\w.-]+", "-", stem.strip()).strip("-.") or "job"
        number, name = 1, stem
        while (self.root / room / name).exists():
            number += 1
            name = f"{stem}-{number}"
        return name

    def create(self, kind: str, name: str, spec: msgspec.Struct, **more) -> JobFolder:
        """Make the folder of a new job with its complete spec.toml; nothing starts yet.

        Args:
            more: kept in spec.toml beside what was asked for, such as the job that this one is part of.
        Raises:
            LabError: the name is taken or not allowed, or an input is missing or unfinished.
        """
        folder, request = JobFolder(self.path(ROOMS[kind], name)), self.request(kind, spec)
        try:
            folder.root.mkdir(parents=True)
        except FileExistsError:
            if not _abandoned(folder.root):
                raise LabError(
                    "The name {name} is taken.", str(folder.root.parent), "Choose another name.", name=name) from None
        write_toml(folder.path("spec.toml"), request | more)
        return folder

    def request(self, kind: str, spec: msgspec.Struct) -> dict:
        """What the spec.toml of a new job holds: what is asked for, and the hash of every job that it builds on.

        Raises:
            LabError: an input is missing or unfinished.
        """
        inputs, part = {}, PARTS.get(kind, "")
        for field, (room, given) in inputs_of(kind, spec).items():
            source = self.folder(room, given)
            mark = part_identity(source.root, part) if part else identity(source.root)
            inputs[field] = {"folder": f"{room}/{source.name}", "part": part, "sha256": mark}
        return {"kind": kind, "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "spec": msgspec.to_builtins(spec),
                "versions": versions(), "inputs": inputs}


def inputs_of(kind: str, spec: msgspec.Struct) -> dict[str, tuple[str, str]]:
    """The jobs that a request builds on: {field: (room, name)}; an optional field left empty asks for none.

    Beside the request's own fields these are the fields of the items of its lists that pick from a room: the
    filter of the third cleaning rule is called ``rules.2.filter``. An item that is switched off asks for none.
    """
    named = {field: (room, attrgetter(field)(spec)) for field, room in INPUTS.get(kind, {}).items()}
    named = {field: place for field, place in named.items() if place[1] or not _optional(spec, field)}
    for field in spec.__struct_fields__:
        items = getattr(spec, field)
        for number, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
            if isinstance(item, msgspec.Struct) and getattr(item, "on", True):
                named |= {f"{field}.{number}.{name}": place for name, place in _picked(item).items()}
    return named


def _optional(spec: msgspec.Struct, dotted: str) -> bool:
    owner, _, name = dotted.rpartition(".")
    there = attrgetter(owner)(spec) if owner else spec
    return any(field.name == name and field.default == "" for field in msgspec.structs.fields(there))


def _picked(item: msgspec.Struct) -> dict[str, tuple[str, str]]:
    found = {field.name: (field.picks, getattr(item, field.name)) for field in fields(type(item)) if field.picks}
    return {name: place for name, place in found.items() if place[1]}


def _abandoned(path: Path) -> bool:
    """Whether a folder is what a process left that was killed before it could write the request."""
    return path.is_dir() and all(p.name.startswith(TEMPORARY) for p in path.iterdir())


def check_name(name: str) -> str:
    """A folder name that is safe on Linux, Windows and macOS.

    Raises:
        LabError: empty, too long, reserved, or with characters a file system refuses.
    """
    bad = not name or len(name) > 100 or re.search(r'[<>:"/\\|?*\x00-\x1f]', name) or name[0] in ". "
    if bad or name[-1] in ". " or _RESERVED.match(name):
        raise LabError(
            "{name} cannot be the name of a folder on every system.", "",
            "Use letters, digits, dots, dashes and underscores.", name=repr(name))
    return name


def versions() -> dict[str, str]:
    """Versions of what decides a result: Python, the machine, and the libraries that compute."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            pass
    return found
