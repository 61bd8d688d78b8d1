"""The job that makes a run's training text searchable."""

import time
from collections.abc import Callable
from pathlib import Path

from core.data.shards import TokenShard
from core.errors import LabError
from core.glass import document_ranking
from core.glass.suffix_array import META, build
from core.glass.training_text import tokenizer_hash, training_documents
from core.record.control import Control
from core.record.events import Event, Noted, Phase, Progress
from core.record.folder import JobFolder, Workspace
from core.spec.export import IndexSpec


def run(spec: IndexSpec, folder: JobFolder, emit: Callable[[Event], None], control: Control) -> dict:
    """Sort the suffixes of the run's training tokens into ``sa.bin``, and rank its documents by their words.

    Sorting takes a few seconds for 10 M tokens, and 4 bytes a token; ranking about as long, and about as much.

    Returns:
        ``{"tokens", "bytes", "elapsed_s"}``.

    Raises:
        LabError: the run has no training tokens, or they do not fit into memory; remedy: let it take less at once.
    """
    began = time.perf_counter()
    emit(Phase(name="Reading the training tokens"))
    run_folder = folder.workspace.folder("runs", spec.run)
    shard = TokenShard.open(run_folder.path(), "train")
    tokens = shard.tokens
    if not len(tokens):
        raise LabError("This run has no training tokens.", spec.run, "Train it on a corpus with text in it.")
    control.check()
    ranked = _rank(spec, folder, run_folder, shard, emit, control)
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
    return {"tokens": len(tokens), "bytes": size + ranked, "elapsed_s": round(time.perf_counter() - began, 3)}


def _rank(spec: IndexSpec, folder: JobFolder, run: JobFolder, shard: TokenShard, emit, control: Control) -> int:
    """Rank the documents by their words, where they are there and fit; returns the bytes that were written."""
    try:
        documents = training_documents(folder.workspace, run)
    except LabError:
        emit(Noted(text="The documents were not ranked by their words: the corpus that the run was trained on is gone "
                        "or was changed."))
        return 0
    if not document_ranking.fits(documents.n_bytes, spec.memory_mb << 20):
        emit(Noted(text="The documents were not ranked by their words: they are too many for {memory_mb} MB of memory.",
                   values={"memory_mb": spec.memory_mb}))  # fmt: skip
        return 0
    emit(Phase(name="Ranking the documents by their words"))
    rows = shard.doc_ids.tolist()
    return document_ranking.build(((row, documents[row].text) for row in rows), folder.path(), control.check)


def attribution_index(workspace: Workspace, run: str) -> Path | None:
    """The folder of the newest finished index of a run, or None."""
    for folder in reversed(workspace.jobs("indexes")):
        if folder.path(META).is_file() and folder.request["spec"].get("run") == run:
            return folder.path()
    return None
