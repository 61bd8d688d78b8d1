"""A corpus as tokens on disk, memory-mapped: what training reads and what the glass room searches.

``tokens/SPLIT.bin`` is the token ids, little-endian, each document led by token 0; ``tokens/SPLIT.docs``
holds two uint64 a document: where its token 0 stands, and its row among the kept documents.
"""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from core.data.documents import Document, Documents, Split
from core.errors import LabError
from core.record.atomic import TEMPORARY, commit_dir
from core.tokens.tokenizer import Tokenizer

BATCH = 256  # documents encoded at once
META = "meta.json"


def id_type(vocab_size: int) -> np.dtype:
    """The narrowest unsigned type that holds every token id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


class TokenShard:
    """One split of a tokenized corpus, memory-mapped."""

    def __init__(self, run: Path, split: str) -> None:
        folder = Path(run) / "tokens"
        try:
            self.meta = json.loads((folder / META).read_text("utf-8"))
            self.tokens = _map(folder / f"{split}.bin", self.meta["dtype"])
            docs = _map(folder / f"{split}.docs", "<u8").reshape(-1, 2)
        except FileNotFoundError:
            raise LabError(
                "This run has no tokens yet.", str(folder), "Start or resume its training first.") from None
        self.doc_starts, self.doc_ids = docs[:, 0], docs[:, 1]

    @classmethod
    def open(cls, run: Path, split: str) -> "TokenShard":
        """The "train" or "held_out" tokens of a run folder."""
        return cls(run, split)


def _map(path: Path, dtype: str) -> np.ndarray:
    return np.memmap(path, dtype, "r") if path.stat().st_size else np.empty(0, dtype)


def write_shards(
    run: Path, corpus: Path, tokenizer: Tokenizer, progress=lambda done, total: None, held_out: Path | None = None,
) -> dict:  # fmt: skip
    """Encode both splits of a corpus into ``RUN/tokens``; nothing to do if they stand there already.

    Args:
        progress: called with documents done and in all; may raise to stop.
        held_out: another corpus to take the held-out split from, or all of it where nothing is held out;
            the rows in ``held_out.docs`` are then rows of that corpus.
    Returns:
        The content of meta.json: dtype, tokens and bytes of each split.
    """
    final = Path(run) / "tokens"
    if (final / META).is_file():
        return json.loads((final / META).read_text("utf-8"))
    temporary = Path(run) / f"{TEMPORARY}tokens"
    temporary.mkdir(exist_ok=True)
    sources = [Documents(path, "kept") for path in (corpus, held_out) if path]
    total, done = sum(map(len, sources)), 0
    dtype = id_type(tokenizer.vocab_size)
    meta = {"dtype": dtype.str, "vocab_size": tokenizer.vocab_size}
    with _Split(temporary, "train", dtype) as train, _Split(temporary, "held_out", dtype) as measured:
        splits = {"train": train, "held_out": measured}
        placed = _placed(*sources)
        while batch := list(islice(placed, BATCH)):
            for (document, split), ids in zip(batch, tokenizer.encode_batch([d.text for d, _ in batch]), strict=True):
                splits[split].add(document.id, ids, len(document.text.encode("utf-8")))
            done += len(batch)
            progress(min(done, total - 1), total)
        progress(total, total)
    for name, split in splits.items():
        meta |= {f"{name}_tokens": split.tokens, f"{name}_bytes": split.bytes, f"{name}_documents": split.documents}
    (temporary / META).write_text(json.dumps(meta, indent=1))
    commit_dir(temporary, final)
    return meta


def _placed(corpus: Documents, elsewhere: Documents | None = None) -> Iterator[tuple[Document, Split]]:
    """The documents to encode, each with the split it counts to."""
    for document in corpus:
        if elsewhere is None or document.split == "train":
            yield document, document.split
    if elsewhere is not None:
        whole = all(document.split == "train" for document in elsewhere)
        for document in elsewhere:
            if whole or document.split == "held_out":
                yield document, "held_out"


class _Split:
    """Appends documents to one split's two files."""

    def __init__(self, folder: Path, name: str, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.tokens = self.bytes = self.documents = 0
        self._ids = open(folder / f"{name}.bin", "wb")
        self._docs = open(folder / f"{name}.docs", "wb")

    def add(self, row: int, ids: list[int], n_bytes: int) -> None:
        self._docs.write(np.array([self.tokens, row], "<u8").tobytes())
        self._ids.write(np.array([0, *ids], self.dtype).tobytes())
        self.tokens += 1 + len(ids)
        self.bytes += n_bytes
        self.documents += 1

    def __enter__(self) -> "_Split":
        return self

    def __exit__(self, *_) -> None:
        self._ids.close()
        self._docs.close()
