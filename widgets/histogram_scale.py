"""The axis of a histogram: all bins are equally wide, so even edges give a linear axis and others a bent one."""

import math
from dataclasses import dataclass

import numpy as np

from widgets.plot_parts import round_step

MOST_BARS = 48
OPEN = 1e300  # edges beyond are open ends


@dataclass(frozen=True)
class Bins:
    """Counts between edges; ``edges`` has one entry more than the counts and ascends.

    Edges may be -inf and inf: such bins are as wide as any other.
    """

    edges: tuple[float, ...] = (0.0, 1.0)
    kept: tuple[int, ...] = (0,)
    rejected: tuple[int, ...] = (0,)

    @property
    def total(self) -> int:
        """Documents counted."""
        return sum(self.kept) + sum(self.rejected)

    def trimmed(self, *show: float) -> "Bins":
        """Without the empty bins at both ends, as far as ``show`` (thresholds) stays in sight; at most 48 bars."""
        filled = [i for i, (kept, rejected) in enumerate(zip(self.kept, self.rejected)) if kept or rejected]
        if not filled:
            return self
        held = [self._bin(value) for value in show if self.edges[0] <= value <= self.edges[-1]]
        first, last = max(min(filled + held) - 1, 0), min(max(filled + held) + 1, len(self.kept) - 1)
        step = math.ceil((last - first + 1) / MOST_BARS)
        starts = range(first, last + 1, step)
        edges = [self.edges[i] for i in starts] + [self.edges[last + 1]]
        kept, rejected = ([sum(counts[i : min(i + step, last + 1)]) for i in starts] for counts in
                          (self.kept, self.rejected))  # fmt: skip
        return Bins(tuple(edges), tuple(kept), tuple(rejected))

    def _bin(self, value: float) -> int:
        return min(max(int(np.searchsorted(self.edges, value, "right")) - 1, 0), len(self.kept) - 1)


class Scale:
    """Values to places 0..1 along the axis, and back."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        finite = [edge for edge in edges if abs(edge) < OPEN] or [0.0, 1.0]
        if len(finite) == 1:
            finite = [finite[0], finite[0] + 1]
        widths = np.diff(finite)
        first, last = finite[0] - widths[0], finite[-1] + widths[-1]
        self._edges = np.array([first if e <= -OPEN else last if e >= OPEN else e for e in edges], dtype=float)
        self.even = len(widths) < 2 or float(widths.max()) <= 1.01 * float(widths.min())

    @property
    def low(self) -> float:
        """The value at the left end."""
        return float(self._edges[0])

    @property
    def high(self) -> float:
        """The value at the right end."""
        return float(self._edges[-1])

    def place(self, value: float) -> float:
        """Where a value stands, 0..1; values beyond the ends stand at the ends."""
        return float(np.interp(value, self._edges, np.linspace(0, 1, len(self._edges))))

    def value(self, place: float) -> float:
        """The value at a place."""
        return float(np.interp(place, np.linspace(0, 1, len(self._edges)), self._edges))

    def step(self, place: float, width: float) -> float:
        """A round number that is about what ``width`` of the axis is worth at a place."""
        worth = abs(self.value(min(place + width, 1)) - self.value(max(place - width, 0))) / 2
        return round_step(worth) if worth > 0 else 1e-9

    def ticks(self, most: int) -> list[float]:
        """Up to about ``most`` round values, spread over the axis."""
        if self.even:
            step = round_step((self.high - self.low) / max(most, 1))
            first = math.ceil(self.low / step - 1e-9)
            return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]
        candidates = [0.0] if self.low <= 0 else []
        for power in range(-6, 13):
            candidates += [factor * 10.0**power for factor in (1, 2, 5)]
        found: list[float] = []
        for value in sorted(candidates):
            apart = not found or self.place(value) - self.place(found[-1]) >= 0.8 / max(most, 1)
            if self.low <= value <= self.high and apart:
                found.append(value)
        return found
