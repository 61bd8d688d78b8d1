"""Which documents are held out: decided by what they say, not by where they stand."""

from hashlib import blake2b

from core.data.dedup.exact import fingerprint
from core.data.documents import Split
from core.data.filters.verdict import Draft


class Splitter:
    """Decides by seed and text alone which documents are held out."""

    def __init__(self, share: float, seed: int) -> None:
        self.share, self.seed = share, seed

    def number(self, draft: Draft) -> float:
        """A number in [0, 1) fixed by seed and text; equal for texts equal once case and space are folded."""
        mark = draft.fact(fingerprint)
        digest = blake2b(mark, digest_size=8, salt=self.seed.to_bytes(16, "little")).digest()
        return (int.from_bytes(digest, "little") >> 11) / 2**53

    def side(self, number: float) -> Split:
        """The split of a document of this number."""
        return "held_out" if number < self.share else "train"


def mended_share(share: float, kept: int, held_out: int, lowest: float, highest: float) -> float | None:
    """A share that leaves neither side empty, or at least something to train on; None when all is well.

    A small corpus may by chance hold out nothing, or everything.

    Args:
        share: asked for.
        kept, held_out: documents, and those of them that ``share`` holds out.
        lowest, highest: of the kept documents' numbers.
    """
    if lowest >= highest:  # one document, or copies of one, which never part
        return 0.0 if held_out else None
    if not share:
        return None
    if not held_out:
        return lowest + 2.0**-53  # just the document with the lowest number
    return highest if held_out == kept else None
