"""A sample of what a corpus would read: spread over all its files, the same each time."""

import random
from collections.abc import Callable
from typing import NamedTuple

from core.data.readers.document import Origin, Raw, Reading, Refused, utf8_length
from core.data.readers.folder import gather
from core.errors import LabError
from core.spec.corpus import CorpusSpec

DOCUMENTS, BYTES = 800, 2_000_000  # of a sample
FILES, FILES_AT_LEAST = 2000, 50  # opened for it, in a random order, until there is enough
READ_BYTES = 12 << 20  # taken from all of them together; a file of many GB is not read to its end
_LEAST_OF_A_FILE = 128 << 10  # bytes
_LONGEST = 200_000  # characters of one document in a sample
_SEED = 20240229


class Sample(NamedTuple):
    """Documents as they were found, and how much there is of which they are a part.

    Attributes:
        raws: the documents, in reading order.
        refused: pieces of files that give no document.
        files, n_bytes: all there is to read.
        files_read, files_skipped, bytes_read: what was opened for the sample; bytes as on disk.
        seen: documents found in what was opened, sampled or not.
        whole: whether the sample is all there is.
    """

    raws: list[Raw]
    refused: list[Refused]
    files: int
    n_bytes: int
    files_read: int
    files_skipped: int
    bytes_read: int
    seen: int
    whole: bool

    @property
    def documents_estimated(self) -> int:
        """How many documents there will be: exact when the sample is the whole."""
        if self.whole or not self.bytes_read:
            return self.seen
        return round(self.seen * self.n_bytes / self.bytes_read)


class _Enough(Exception):
    """Enough bytes were taken from one file."""


def draw_sample(spec: CorpusSpec, tell: Callable[[int, int], None] = lambda done, total: None) -> Sample:
    """Read a sample of the sources: evenly from a random choice of files, the same for the same files.

    Args:
        spec: only what says how to read is used.
        tell: called with (files done, files there are to open); may raise to stop.
    Raises:
        LabError: a source does not exist, or nothing in them can be read.
    """
    found = gather(spec.sources)
    order = random.Random(_SEED).sample(range(len(found.origins)), min(len(found.origins), FILES))
    allowed = max(READ_BYTES // len(order), _LEAST_OF_A_FILE)
    raws, refused, text_bytes = [], [], 0
    bytes_read = skipped = seen = opened = 0
    whole, problem = len(order) == len(found.origins), None
    for place in order:
        tell(opened, len(order))
        plenty = len(raws) >= DOCUMENTS or text_bytes >= BYTES
        if bytes_read >= READ_BYTES or (plenty and opened >= FILES_AT_LEAST):
            whole = False
            break
        opened += 1
        try:
            items, taken, complete = _read(found.origins[place], spec, allowed)
        except (LabError, OSError) as error:
            skipped, problem = skipped + 1, problem or error
            continue
        bytes_read, whole, seen = bytes_read + taken, whole and complete, seen + len(items)
        refused += [item for item in items if isinstance(item, Refused)]
        raws += [(place, i, item) for i, item in enumerate(items) if isinstance(item, Raw)]
        text_bytes += sum(len(item.text) for item in items)
    if not seen and isinstance(problem, LabError):
        raise problem
    kept = _thin(raws)
    return Sample(
        [item._replace(text=item.text[:_LONGEST]) for _, _, item in kept], refused, len(found.origins), found.n_bytes,
        opened - skipped, skipped + len(found.closed), bytes_read, seen, whole and len(kept) == len(raws))


def _read(origin: Origin, spec: CorpusSpec, allowed: int) -> tuple[list[Raw | Refused], int, bool]:
    """What a file gives until ``allowed`` bytes of it were taken; the bytes taken; whether that was all."""
    items: list[Raw | Refused] = []
    taken = 0

    def advance(n_bytes: int) -> None:
        nonlocal taken
        if taken >= allowed:
            raise _Enough
        taken += n_bytes

    reading = Reading(lambda event: None, advance, spec.text_field, spec.split_longer_than, spec.max_document_bytes,
                      spec.split)
    try:
        for item in origin.read(origin, reading):
            items.append(item)
    except _Enough:
        return items, min(taken, origin.n_bytes), False
    return items, origin.n_bytes, True


def _thin(raws: list[tuple[int, int, Raw]]) -> list[tuple[int, int, Raw]]:
    """At most DOCUMENTS documents of at most BYTES together, drawn evenly, in reading order."""
    drawn, n_bytes = [], 0
    for found in random.Random(_SEED).sample(raws, min(len(raws), DOCUMENTS)):
        size = min(utf8_length(found[2].text), 4 * _LONGEST)
        if drawn and n_bytes + size > BYTES:
            continue
        drawn.append(found)
        n_bytes += size
    return sorted(drawn, key=lambda found: found[:2])
