"""How sure a difference is: Student's t over pairs, and its quantiles in closed form."""

import math
from statistics import fmean, stdev
from typing import NamedTuple


class Interval(NamedTuple):
    """A mean and its 95 % interval; ``low`` and ``high`` are None where one value alone tells nothing."""

    mean: float
    low: float | None
    high: float | None

    @property
    def sure(self) -> bool:
        """Whether zero lies outside."""
        return self.low is not None and not self.low <= 0.0 <= self.high


def t_interval(values: list[float], level: float = 0.95) -> Interval:
    """The mean of independent values and Student's interval for it.

    Source: Student 1908, The Probable Error of a Mean, doi:10.2307/2331554.
    """
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    half = t_quantile((1 + level) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def t_quantile(probability: float, freedom: int) -> float:
    """The t below which a share ``probability`` (at least one half) of Student's distribution lies, by halving."""
    low, high = 0.0, 1.0
    while _central(high, freedom) < 2 * probability - 1:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _central(middle, freedom) < 2 * probability - 1 else (low, middle)
    return high


def _central(t: float, freedom: int) -> float:
    """The share between -t and t. Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4."""
    theta = math.atan(t / math.sqrt(freedom))
    cosine, odd = math.cos(theta), freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    sine = math.sin(theta)
    return 2 / math.pi * (theta + sine * total) if odd else sine * total
