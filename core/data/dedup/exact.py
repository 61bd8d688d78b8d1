"""Documents that say the same as one before."""

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path

from core.data.filters.verdict import Draft, Reason
from core.spec.rules.duplicates import ExactDuplicates as ExactDuplicatesRule

_MOST_FULL = 0.6  # of the table's slots; then it doubles
_FOLDED = bytes(32 if chr(byte).isspace() else ord(chr(byte).lower()) for byte in range(128)) + bytes(128)
_TELL_EVERY = 1 << 14  # documents between two words on how far it is


def fingerprint(text: str) -> bytes:
    """128 bits that two texts share exactly when they are equal once case and white space are folded."""
    if text.isascii():  # the same bytes, without a string for every word
        data = text.encode().translate(_FOLDED)
        while b"  " in data:
            data = data.replace(b"  ", b" ")
        data = data.strip(b" ")
    else:
        data = " ".join(text.casefold().split()).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=16).digest()


class ExactDuplicates:
    """Keeps the first of documents that are equal once case and white space are folded.

    Remembered of each document: its fingerprint. The decision: the rows of those that came
    before, uint64, ascending.
    """

    def __init__(self, rule: ExactDuplicatesRule, _workspace=None) -> None:
        self.rule = rule

    def remember(self, draft: Draft) -> bytes:
        """16 bytes that stand for the text."""
        return draft.fact(fingerprint)

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Write the rows of all but the first of each text."""
        seen, rows = FingerprintSet(), array("Q")
        with open(folder / "rows", "wb") as file:
            for done, (row, mark) in enumerate(notes):
                if not seen.add(mark):
                    rows.append(row)
                if done % _TELL_EVERY == 0:
                    tell(done, 0)
                    rows.tofile(file)
                    del rows[:]
            rows.tofile(file)

    def open(self, folder: Path) -> memoryview:
        """The rows to set aside, as a sorted view of uint64."""
        with open(folder / "rows", "rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file.seek(0, 2) else b""
        return memoryview(data).cast("Q")

    def judge(self, draft: Draft, decision: memoryview) -> Reason | None:
        """Set it aside if its text came before."""
        place = bisect_left(decision, draft.row)
        if place == len(decision) or decision[place] != draft.row:
            return None
        return Reason(
            "exact_duplicates", "The same text came before (fingerprint {fingerprint}).",
            {"fingerprint": draft.fact(fingerprint).hex()}, "similarity", 1.0, 1.0)


class FingerprintSet:
    """A set of 128-bit fingerprints in 27 to 54 bytes each, a third of what Python's own set takes.

    Open addressing with linear probing; the fingerprints are hashes already, so their low bits
    choose the slot.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(16 << 10))  # pairs (low, high); (0, 0) = free
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, mark: bytes) -> bool:
        """Whether the fingerprint was new."""
        low, high = int.from_bytes(mark[:8], "little"), int.from_bytes(mark[8:], "little") or 1
        if (self._count + 1) * 2 > _MOST_FULL * len(self._slots):
            self._double()
        new = self._put(low, high)
        self._count += new
        return new

    def _put(self, low: int, high: int) -> bool:
        slots = self._slots
        last = len(slots) // 2 - 1
        slot = low & last
        while slots[2 * slot + 1]:
            if slots[2 * slot] == low and slots[2 * slot + 1] == high:
                return False
            slot = (slot + 1) & last
        slots[2 * slot], slots[2 * slot + 1] = low, high
        return True

    def _double(self) -> None:
        old, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
        for i in range(0, len(old), 2):
            if old[i + 1]:
                self._put(old[i], old[i + 1])
