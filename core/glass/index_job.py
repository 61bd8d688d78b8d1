"""The job that makes a run's training text searchable."""

import time
from collections.abc import Callable
from pathlib import Path

from core.data.shards import TokenShard
from core.errors import LabError
from core.glass.suffix_array import META, build
from core.record.control import Control
from core.record.events import Event, Phase, Progress
from core.record.folder import JobFolder, Workspace
from core.record.lineage import sha256_file
from core.spec.export import IndexSpec
from core.tokens.tokenizer import FILE as TOKENIZER


def run(spec: IndexSpec, folder: JobFolder, emit: Callable[[Event], None], control: Control) -> dict:
    """Sort the suffixes of the run's training tokens into ``sa.bin``.

    Takes about a second for 10 M tokens; the index has 4 bytes a token.

    Returns:
        ``{"tokens", "bytes", "elapsed_s"}``.

    Raises:
        LabError: the run has no training tokens, or they do not fit into memory; remedy: let it take less at once.
    """
    began = time.perf_counter()
    emit(Phase(name="Reading the training tokens"))
    run_folder = folder.workspace.folder("runs", spec.run)
    tokens = TokenShard.open(run_folder.path(), "train").tokens
    if not len(tokens):
        raise LabError("This run has no training tokens.", spec.run, "Train it on a corpus with text in it.")
    control.check()
    emit(Phase(name="Sorting the training text"))

    def progress(done: int, total: int) -> None:
        emit(Progress(done=done, total=total, unit="tokens"))
        control.check()

    try:
        size = build(
            tokens, folder.path(), spec.run, spec.memory_mb << 20, tokenizer_hash(run_folder), progress)
    except MemoryError:
        raise LabError(
            "There is not enough memory to sort the training text: it may take {memory_mb} MB.", spec.run,
            "Give the index less memory: the text is then sorted in parts.", memory_mb=spec.memory_mb) from None
    return {"tokens": len(tokens), "bytes": size, "elapsed_s": round(time.perf_counter() - began, 3)}


def tokenizer_hash(run: JobFolder) -> str:
    """sha256 of a run's tokenizer file; empty where it has none of its own."""
    file = run.path(TOKENIZER)
    return sha256_file(file) if file.is_file() else ""


def attribution_index(workspace: Workspace, run: str) -> Path | None:
    """The folder of the newest finished index of a run, or None."""
    for folder in reversed(workspace.jobs("indexes")):
        if folder.path(META).is_file() and folder.request["spec"].get("run") == run:
            return folder.path()
    return None
