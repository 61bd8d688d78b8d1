"""The job that makes a run's training text searchable."""

import time
from collections.abc import Callable
from pathlib import Path

from core.data.shards import TokenShard
from core.errors import LabError
from core.glass.suffix_array import META, build
from core.record.control import Control
from core.record.events import Event, Phase
from core.record.folder import JobFolder, Workspace
from core.spec.export import IndexSpec


def run(spec: IndexSpec, folder: JobFolder, emit: Callable[[Event], None], control: Control) -> dict:
    """Sort the suffixes of the run's training tokens into ``sa.bin``.

    Takes about a second for 2 M tokens and needs some 14 bytes of memory a token while it works; the
    index has 4 bytes a token.

    Returns:
        ``{"tokens", "bytes", "elapsed_s"}``.

    Raises:
        LabError: the run has no training tokens.
    """
    began = time.perf_counter()
    emit(Phase(name="Reading the training tokens"))
    tokens = TokenShard.open(folder.workspace.folder("runs", spec.run).path(), "train").tokens
    if not len(tokens):
        raise LabError("This run has no training tokens.", spec.run, "Train it on a corpus with text in it.")
    control.check()
    emit(Phase(name="Sorting the training text"))
    size = build(tokens, folder.path(), spec.run)
    control.check()
    return {"tokens": len(tokens), "bytes": size, "elapsed_s": round(time.perf_counter() - began, 3)}


def attribution_index(workspace: Workspace, run: str) -> Path | None:
    """The folder of the newest finished index of a run, or None."""
    for folder in reversed(workspace.jobs("indexes")):
        if folder.path(META).is_file() and folder.request["spec"].get("run") == run:
            return folder.path()
    return None
