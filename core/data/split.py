"""Which documents are held out: decided by what they say, not by where they stand."""

from hashlib import blake2b
from pathlib import Path

import msgspec

from core.data.documents import Documents, DocumentWriter, Split
from core.data.filters.duplicates import fingerprint


def rank(text: str, seed: int) -> float:
    """A number in [0, 1) fixed by seed and text; equal for texts equal once case and space are folded."""
    digest = blake2b(fingerprint(text), digest_size=8, salt=seed.to_bytes(16, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53


class Splitter:
    """Assigns documents to train or held_out as they stream by, and remembers what would balance them."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.seed = share, seed
        self.counts: dict[Split, int] = {"train": 0, "held_out": 0}
        self._lowest, self._highest = 1.0, -1.0

    def assign(self, text: str) -> Split:
        """The split of one document."""
        number = rank(text, self.seed)
        self._lowest, self._highest = min(self._lowest, number), max(self._highest, number)
        split: Split = "held_out" if number < self.share else "train"
        self.counts[split] += 1
        return split

    @property
    def mended_share(self) -> float | None:
        """A share that leaves neither side empty, or at least something to train on; None when all is well.

        A small corpus may by chance hold out nothing, or everything.
        """
        if self._lowest >= self._highest:  # one document, or copies of one, which never part
            return 0.0 if self.counts["held_out"] else None
        if not self.share:
            return None
        if not self.counts["held_out"]:
            return self._lowest + 2.0**-53  # just the document with the lowest number
        return self._highest if not self.counts["train"] else None


def reassign(folder: Path, splitter: Splitter, share: float) -> None:
    """Write the kept documents of a corpus again with another share held out."""
    splitter.share, splitter.counts = share, {"train": 0, "held_out": 0}
    writer = DocumentWriter(folder, "kept")
    try:
        with Documents(folder) as documents:  # closed before it is replaced: some systems insist
            for document in documents:
                writer.add(msgspec.structs.replace(document, split=splitter.assign(document.text)))
        writer.commit()
    finally:
        writer.abandon()
