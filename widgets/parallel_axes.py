"""One axis of parallel coordinates: where its values lie between bottom and top, and what its ticks say."""

import math
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPointF

from widgets.spec_words import number_text

TICKS = 5
SPREAD = 20.0  # from this ratio on, positive numbers are spread by their logarithm


@dataclass(frozen=True)
class CoordinateAxis:
    """A name and a value a line; numbers lie to scale, anything else at equal distances in order of appearance.

    Args:
        note: a second line under the name, such as a unit.
        words: what values other than numbers are called.
    """

    name: str
    values: tuple[Any, ...]
    note: str = ""
    words: tuple[tuple[Any, str], ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether every value there is, is a number."""
        known = [value for value in self.values if value is not None]
        return bool(known) and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known)

    @property
    def known(self) -> list:
        """The different values: numbers in order of size, others as they come."""
        found = list(dict.fromkeys(value for value in self.values if value is not None))
        return sorted(found) if self.numeric else found

    @property
    def crowded(self) -> bool:
        """Whether lines share values, so that they would hide each other."""
        return len(self.known) < sum(value is not None for value in self.values)

    @property
    def logarithmic(self) -> bool:
        """Whether the numbers are spread by their logarithm."""
        known = self.known
        return self.numeric and known[0] > 0 and known[-1] / known[0] >= SPREAD

    def share(self, line: int) -> float | None:
        """Where a line crosses, 0 at the bottom, 1 at the top; None without a value."""
        return self._place(self.values[line])

    def _place(self, value) -> float | None:
        known = self.known
        if value is None or not known:
            return None
        if len(known) == 1:
            return 0.5
        if not self.numeric:
            return known.index(value) / (len(known) - 1)
        change = math.log if self.logarithmic else float
        low, high = change(known[0]), change(known[-1])
        return (change(value) - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """(share, words): the values themselves where they are few, a few numbers between the ends where not."""
        known = self.known
        if not self.numeric or len(known) <= TICKS:
            return [(self._place(value), self.word(value)) for value in known]
        return [(step / (TICKS - 1), self.word_at(step / (TICKS - 1))) for step in range(TICKS)]

    def word(self, value) -> str:
        """A value as people read it."""
        if value is None:
            return "–"
        named = dict(self.words).get(value)
        if named is not None:
            return named
        if isinstance(value, float):
            return number_text(float(f"{value:.4g}"))
        return str(value)

    def word_at(self, share: float) -> str:
        """What lies at a share of the axis."""
        known = self.known
        if not self.numeric:
            return self.word(known[round(share * (len(known) - 1))]) if known else ""
        if self.logarithmic:
            return self.word(float(f"{known[0] * (known[-1] / known[0]) ** share:.3g}"))
        value = known[0] + share * (known[-1] - known[0])
        return self.word(float(f"{value:.4g}"))


def moved(low: float, high: float, by: float) -> tuple[float, float]:
    """A brush at another place, as large as it was."""
    by = min(max(by, -low), 1.0 - high)
    return low + by, high + by


def distance(points: list[QPointF | None], at: QPointF) -> float:
    """From a place to a line, px, measured upright."""
    for left, right in zip(points, points[1:]):
        if left is not None and right is not None and left.x() <= at.x() <= right.x():
            share = (at.x() - left.x()) / max(1e-9, right.x() - left.x())
            return abs(left.y() + share * (right.y() - left.y()) - at.y())
    return float("inf")
