"""Numbers on axes: short, and at round places; needs nothing but Python, so that a page with no curve opens at once."""

import math

PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short_number(value: float, digits: int = 4) -> str:
    """1234567 becomes 1.235M; small numbers keep their first digits."""
    if not math.isfinite(value):
        return "–"
    for size, letter in PREFIXES:
        if abs(value) >= size:
            return f"{value / size:.{digits}g}{letter}"
    return f"{value:.{digits}g}"


def round_step(least: float) -> float:
    """The smallest of ..., 1, 2, 5, 10, ... that is not below ``least``."""
    if not 0 < least < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * 0.999)
