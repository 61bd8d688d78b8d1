"""The end of a cleaning: the lines of all shards, in reading order, as one corpus."""

import heapq
from collections.abc import Callable
from pathlib import Path

import msgspec

from core.data.documents import Document, DocumentWriter, line_of
from core.data.split import Splitter, mended_share
from core.data.stages import Stages
from core.data.tally import Tally

_document = msgspec.json.Decoder(Document)


def merge(
    corpus: Path, stages: Stages, n_shards: int, last: int, tally: Tally, splitter: Splitter,
    tell: Callable[[int], None],
) -> int:  # fmt: skip
    """Write ``kept`` and ``rejected`` into the corpus folder; returns how many documents are held out.

    Args:
        last: the stage that holds the lines to keep.
        tally: of the whole corpus; decides whether another share must be held out.
        tell: called with the shards done; may raise to stop.
    Raises:
        LabError: the disk is full; no half file is left.
    """
    share = mended_share(splitter.share, tally.kept, tally.held_out, tally.lowest, tally.highest)
    kept, rejected = DocumentWriter(corpus, "kept"), DocumentWriter(corpus, "rejected")
    held_out = 0
    try:
        for shard in range(n_shards):
            for number, line in stages.kept(last, shard):
                if share is not None:
                    line = _on_side(line, Splitter(share, splitter.seed).side(number))
                    held_out += number < share
                kept.add_line(line)
            for _, line in heapq.merge(*(stages.aside(stage, shard) for stage in range(last + 1))):
                rejected.add_line(line)
            tell(shard + 1)
        rejected.commit()
        kept.commit()
    finally:
        kept.abandon()
        rejected.abandon()
    return tally.held_out if share is None else held_out


def _on_side(line: bytes, split: str) -> bytes:
    """A line of kept.jsonl, its document moved to a split."""
    return line_of(msgspec.structs.replace(_document.decode(b'{"id":0' + line), split=split))
