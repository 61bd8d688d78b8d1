"""Long curves that draw fast: a min-max pyramid over rows, and smoothing that continues where it stopped.

A curve of a million rows is never drawn row by row. Each level of the pyramid keeps the least and the
greatest value of ever larger blocks; a view takes the coarsest level that is still finer than a pixel
and folds it to at most two points a pixel, so that no spike is ever lost.
"""

import numpy as np

FACTOR = 8  # rows of one level in a block of the next
FINER_THAN_PIXEL = 4  # blocks a pixel that the chosen level has at most
EMA_BLOCK = 256


class Growing:
    """A float64 array that grows at its end at amortised constant cost."""

    def __init__(self) -> None:
        self._room, self._size = np.empty(1024), 0

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> np.ndarray:
        """What is in it, (n,), a view."""
        return self._room[: self._size]

    def extend(self, values: np.ndarray) -> None:
        """Append values."""
        need = self._size + len(values)
        if need > len(self._room):
            room = np.empty(max(need, 2 * len(self._room)))
            room[: self._size] = self.values
            self._room = room
        self._room[self._size : need] = values
        self._size = need

    def cut(self, size: int) -> None:
        """Forget what lies past ``size``."""
        self._size = min(self._size, size)


class Pyramid:
    """Values with the least and greatest of every block of 8, 64, 512, ... rows."""

    def __init__(self) -> None:
        self.rows = Growing()
        self._levels: list[tuple[Growing, Growing]] = []  # (least, greatest), the last block may be partial

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, values: np.ndarray) -> None:
        """Append finite values; only the blocks they touch are computed."""
        start = len(self.rows)
        self.rows.extend(values)
        lows = highs = self.rows
        level = 0
        while len(lows) > FACTOR:
            if level == len(self._levels):
                self._levels.append((Growing(), Growing()))
            low, high = self._levels[level]
            start = min(start // FACTOR, len(low))
            for kept, finer, fold in ((low, lows, np.minimum), (high, highs, np.maximum)):
                kept.cut(start)
                fresh = finer.values[start * FACTOR :]
                kept.extend(fold.reduceat(fresh, np.arange(0, len(fresh), FACTOR)))
            lows, highs, level = low, high, level + 1

    def blocks(self, first: int, last: int, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First row, least and greatest of at most about ``most`` blocks that cover rows [first, last)."""
        size, lows, highs = 1, self.rows, self.rows
        for low, high in self._levels:
            if (last - first) / size <= most:
                break
            size, lows, highs = size * FACTOR, low, high
        begin, end = first // size, -(-last // size)
        return np.arange(begin, end) * size, lows.values[begin:end], highs.values[begin:end]


class Curve:
    """One measured quantity of one run: its rows against several axes, raw and smoothed."""

    def __init__(self, axes: tuple[str, ...]) -> None:
        self.x = {axis: Growing() for axis in axes}
        self.raw, self.smooth = Pyramid(), Pyramid()
        self._decay, self._carry, self._weight = 0.0, 0.0, 1.0

    def __len__(self) -> int:
        return len(self.raw)

    def extend(self, x: dict[str, np.ndarray], y: np.ndarray) -> None:
        """Append rows; those whose ``y`` is not finite were not measured and are skipped."""
        measured = np.isfinite(y)
        for axis, column in self.x.items():
            column.extend(x[axis][measured])
        self.raw.extend(y[measured])
        if self._decay:
            self._smooth(y[measured])

    def set_decay(self, decay: float) -> None:
        """Smooth with an exponential mean that keeps this share a row; 0 = not at all."""
        if decay == self._decay:
            return
        self._decay, self._carry, self._weight = decay, 0.0, 1.0
        self.smooth = Pyramid()
        if decay:
            self._smooth(self.raw.rows.values)

    @property
    def smoothed(self) -> bool:
        """Whether a smoothed curve exists."""
        return bool(self._decay)

    def _smooth(self, values: np.ndarray) -> None:
        means, self._carry, self._weight = ema(values, self._decay, self._carry, self._weight)
        self.smooth.extend(means)

    def view(self, axis: str, left: float, right: float, pixels: int, smooth: bool = False):
        """Points to draw between two places of an axis: x and y, at most two a pixel (and one each side)."""
        x, levels = self.x[axis].values, self.smooth if smooth else self.raw
        first = max(int(np.searchsorted(x, left)) - 1, 0)
        last = min(int(np.searchsorted(x, right, side="right")) + 1, len(x))
        pixels = max(pixels, 1)
        if last - first <= 2 * pixels:
            return x[first:last], levels.rows.values[first:last]
        rows, lows, highs = levels.blocks(first, last, FINER_THAN_PIXEL * pixels)
        at = x[rows]
        pixel = np.floor((at - left) * (pixels / max(right - left, 1e-300)))
        starts = np.concatenate(([0], np.flatnonzero(np.diff(pixel)) + 1))
        points = np.empty(2 * len(starts))
        points[0::2], points[1::2] = np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)
        return np.repeat(at[starts], 2), points

    def at(self, axis: str, place: float) -> int:
        """The row nearest to a place of an axis; -1 when there is none."""
        x = self.x[axis].values
        if not len(x):
            return -1
        after = int(np.searchsorted(x, place))
        if after == 0:
            return 0
        if after == len(x):
            return len(x) - 1
        return after if x[after] - place < place - x[after - 1] else after - 1


def ema(values: np.ndarray, decay: float, carry: float = 0.0, weight: float = 1.0):
    """Exponential moving mean without the pull towards zero at its start.

    Args:
        values: new rows, (n,).
        decay: share kept a row, 0 <= decay < 1.
        carry, weight: what the last call returned, to go on where it stopped.
    Returns:
        means (n,), and the carry and weight for the next call.
    Source: the bias correction of Kingma & Ba 2015, arXiv:1412.6980, section 3.
    """
    ages = np.arange(EMA_BLOCK)
    kernel = np.tril((1 - decay) * decay ** np.maximum(ages[:, None] - ages[None, :], 0))  # (block, block)
    fade = decay ** (ages + 1.0)
    blocks = np.zeros((-(-len(values) // EMA_BLOCK), EMA_BLOCK))
    blocks.reshape(-1)[: len(values)] = values
    sums = blocks @ kernel.T  # each block as if nothing came before it
    carries = np.empty(len(blocks))
    for row, last in enumerate(sums[:, -1].tolist()):
        carries[row] = carry
        carry = last + fade[-1] * carry
    weights = weight * fade[-1] ** np.arange(len(blocks))
    sums += carries[:, None] * fade
    means = (sums / (1 - weights[:, None] * fade)).reshape(-1)[: len(values)]
    if len(values) % EMA_BLOCK:  # the last block was filled up with zeros
        last = len(values) % EMA_BLOCK - 1
        return means, sums[-1, last], weights[-1] * fade[last]
    return means, carry, weight * fade[-1] ** len(blocks)
