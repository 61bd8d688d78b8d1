"""The axis of a histogram: all bins are equally wide, so even edges give a linear axis and others a bent one."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from widgets.numbers import round_step

MOST_BARS = 48
WIDE = 100.0  # from a highest value of so much on, bars may grow with the value


@dataclass(frozen=True)
class Bins:
    """Documents between edges; ``edges`` has one entry more than the counts and ascends."""

    edges: tuple[float, ...] = (0.0, 1.0)
    kept: tuple[float, ...] = (0,)
    rejected: tuple[float, ...] = (0,)

    @property
    def total(self) -> float:
        """Documents counted."""
        return sum(self.kept) + sum(self.rejected)

    def fitted(self, *show: float, share: bool = False) -> "Bins":
        """At most 48 bars over the values there are and ``show`` (thresholds); counts are spread evenly within a bin.

        Wide ranges get bars that grow with the value, so that 50 and 100,000 words fit into one picture.
        """
        filled = [i for i, (kept, rejected) in enumerate(zip(self.kept, self.rejected)) if kept or rejected]
        if not filled:
            return self
        seen = [self.edges[filled[0]], self.edges[filled[-1] + 1], *show]
        edges = _bar_edges(min(seen), max(seen), share)
        return Bins(tuple(edges), _spread(self.edges, self.kept, edges), _spread(self.edges, self.rejected, edges))


def _spread(edges: Sequence[float], counts: Sequence[float], wanted: Sequence[float]) -> tuple[float, ...]:
    """Counts between ``edges`` as counts between ``wanted`` ones."""
    below = list(accumulate(counts, initial=0))
    return tuple(high - low for low, high in pairwise(_at(edge, edges, below) for edge in wanted))


def _at(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """``y`` at ``x`` on the straight lines between points; beyond the ends it stays."""
    if x <= xs[0]:
        return ys[0]
    if x >= xs[-1]:
        return ys[-1]
    left = bisect_right(xs, x) - 1
    return ys[left] + (ys[left + 1] - ys[left]) * (x - xs[left]) / (xs[left + 1] - xs[left])


def _bar_edges(low: float, high: float, share: bool) -> list[float]:
    """Edges of the bars: even, or growing by the same factor (after a first bar from zero where one is needed)."""
    if not share and low >= 0 and high >= WIDE and high >= WIDE * low / 5:
        first = max(low, 1.0)
        factor = ((high / first) ** 1.02) ** (1 / (MOST_BARS - 1))
        grown = [first * factor**n for n in range(MOST_BARS)]
        return [0.0, *grown] if low < 1 else grown
    if 0 <= low < 0.3 * high:
        low = 0.0
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    start = low - (room if low else 0)
    end = min(high + room, 1.0) if share and high <= 1 else high + room
    return [start + (end - start) * n / MOST_BARS for n in range(MOST_BARS + 1)]


class Scale:
    """Values to places 0..1 along the axis, and back."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self._edges = [float(edge) for edge in edges]
        self._places = [n / (len(edges) - 1) for n in range(len(edges))]
        widths = [high - low for low, high in pairwise(self._edges)]
        self.even = len(widths) < 2 or max(widths) <= 1.01 * min(widths)

    @property
    def low(self) -> float:
        """The value at the left end."""
        return self._edges[0]

    @property
    def high(self) -> float:
        """The value at the right end."""
        return self._edges[-1]

    def place(self, value: float) -> float:
        """Where a value stands, 0..1; values beyond the ends stand at the ends."""
        return _at(value, self._edges, self._places)

    def value(self, place: float) -> float:
        """The value at a place."""
        return _at(place, self._places, self._edges)

    def step(self, place: float, width: float) -> float:
        """A round number that is about what ``width`` of the axis is worth at a place."""
        worth = abs(self.value(min(place + width, 1)) - self.value(max(place - width, 0))) / 2
        return round_step(worth / 2.5) if worth > 0 else 1e-9  # never more than it

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
