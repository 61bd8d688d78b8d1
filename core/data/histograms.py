"""How often each value of a measure was met, in bins that are the same for every corpus.

A bin holds the values that agree in their first two digits (1.0, 1.1, ... 9.9, 10, 11, ...), or in
their fourth decimal below 0.001. So every threshold of two digits is the edge of a bin, counts of
parts add up to the counts of the whole, and a measure needs no range to be known beforehand.
"""

from array import array

import msgspec
import numpy as np

_FINEST = -3  # power of ten below which bins are equally wide
_HIGHEST = 15  # power of ten beyond which everything falls into the last bin
_HELD = 4096  # values of one measure held back before they are counted together
_SLACK = 1 + 1e-12  # 0.1 + 0.2 belongs to the bin that begins at 0.3


def _edges() -> np.ndarray:
    fine = [float(f"{n}e{_FINEST - 1}") for n in range(10)]
    return np.array(fine + [float(f"{n}e{e - 1}") for e in range(_FINEST, _HIGHEST + 1) for n in range(10, 100)])


EDGES = _edges()  # lower edges of the bins from zero up, float64; those below zero mirror them


def bins_of(values: np.ndarray) -> np.ndarray:
    """The number of each value's bin, from 0 at zero; below zero bin -1 - n mirrors bin n."""
    found = np.searchsorted(EDGES, np.abs(values) * _SLACK, side="right") - 1
    return np.where(values < 0, -1 - found, found)


def edge(bin: int) -> float:
    """Where a bin begins; the next one begins where it ends."""
    if bin >= 0:
        return float(EDGES[bin]) if bin < len(EDGES) else 10.0 ** (_HIGHEST + 1)
    return -edge(-bin)


class Histogram(msgspec.Struct):
    """Values of one measure: {bin: [documents that passed the rule, documents it set aside]}."""

    counts: dict[int, list[int]] = {}

    def add(self, values: array, side: int) -> None:
        """Count values (float64); side 0 = passed, 1 = set aside. What is not finite is left out."""
        numbers = np.frombuffer(values, np.float64)
        bins, counts = np.unique(bins_of(numbers[np.isfinite(numbers)]), return_counts=True)
        for bin, count in zip(bins.tolist(), counts.tolist(), strict=True):
            self.counts.setdefault(bin, [0, 0])[side] += count

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another part."""
        for bin, (passed, rejected) in other.counts.items():
            mine = self.counts.setdefault(bin, [0, 0])
            mine[0] += passed
            mine[1] += rejected

    def report(self) -> dict:
        """{edges, kept, rejected}: kept[i] documents from edges[i] on, below edges[i + 1]; gaps are bins of none."""
        edges, kept, rejected, end = [], [], [], None
        for bin in sorted(self.counts):
            if end is not None and bin > end:
                edges.append(edge(end))
                kept.append(0)
                rejected.append(0)
            edges.append(edge(bin))
            kept.append(self.counts[bin][0])
            rejected.append(self.counts[bin][1])
            end = bin + 1
        return {"edges": edges + ([edge(end)] if end is not None else []), "kept": kept, "rejected": rejected}


class Measured:
    """Collects measured values a few thousand at a time: counting one alone costs more than all the rest."""

    def __init__(self, histograms: dict[str, Histogram]) -> None:
        self.histograms = histograms
        self._held: dict[str, tuple[array, array]] = {}

    def add(self, measures: dict[str, float], rejected_by: str = "") -> None:
        """Count the measures of one document, {"rule.measure": value}, and which rule set it aside."""
        mark = f"{rejected_by}."
        for name, value in measures.items():
            sides = self._held.get(name)
            if sides is None:
                sides = self._held[name] = (array("d"), array("d"))
            held = sides[bool(rejected_by) and name.startswith(mark)]
            held.append(value)
            if len(held) >= _HELD:
                self._count(name, sides)

    def finish(self) -> None:
        """Count what is still held back."""
        for name, sides in self._held.items():
            self._count(name, sides)

    def _count(self, name: str, sides: tuple[array, array]) -> None:
        histogram = self.histograms.setdefault(name, Histogram())
        for side, values in enumerate(sides):
            if values:
                histogram.add(values, side)
                del values[:]
