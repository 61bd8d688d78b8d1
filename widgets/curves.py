"""Long curves that draw fast: a pyramid over rows, and smoothing that continues where it stopped.

A curve of a million rows is never drawn row by row. Each level of the pyramid keeps the least, the greatest
and the mean of ever larger blocks; a view takes the coarsest level that is still finer than a pixel and folds
it to one span a pixel column (or two points), so that no spike is ever lost.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.kernels import spans

FACTOR = 4  # rows of one level in a block of the next
FINER_THAN_PIXEL = 4  # blocks a pixel that the chosen level has at most
EMA_BLOCK = 256
EVEN = 1e-9  # places whose distances differ by no more than this share are even


class Growing:
    """A float64 array that grows at its end at amortised constant cost."""

    def __init__(self, values: np.ndarray | None = None) -> None:
        self._room, self._size = np.empty(1024), 0
        if values is not None:
            self.extend(values)

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


class Places(Growing):
    """Where rows lie on an axis, never falling; knows whether they are evenly spaced."""

    def __init__(self) -> None:
        super().__init__()
        self._even = True
        self.key: tuple = (0,)  # equal for places that are alike: their curves share the work of cutting into pixels

    def extend(self, values: np.ndarray) -> None:
        """Append places."""
        start = len(self)
        super().extend(values)
        if self._even and len(self) > 1:
            first, step = self.values[0], self.values[1] - self.values[0]
            wanted = first + step * np.arange(start, len(self))
            self._even = bool(step > 0 and np.all(np.abs(self.values[start:] - wanted) <= EVEN * np.abs(wanted)))
        self.key = (len(self), *self.values[:2].tolist()) if self._even and len(self) > 1 else (id(self),)


class Pyramid:
    """Values with the least, the greatest and the mean of every block of 4, 16, 64, ... of them.

    The values are rows, or blocks of rows that were folded elsewhere (then ``folded``).
    """

    def __init__(self, folded: bool = False) -> None:
        self.rows, self.folded = Growing(), folded
        base = (Growing(), Growing(), self.rows) if folded else (self.rows, self.rows, self.rows)
        self._levels = [base]  # (least, greatest, mean); the last block may be partial
        self.mean = 0.0  # of all values, nearly: of the blocks of the coarsest level

    def __len__(self) -> int:
        return len(self.rows)

    def extend(self, values: np.ndarray, lows: np.ndarray | None = None, highs: np.ndarray | None = None) -> None:
        """Append finite values (when folded: means with least and greatest); only touched blocks are computed."""
        if not len(values):
            return
        start = len(self.rows)
        self.rows.extend(values)
        if self.folded:
            self._levels[0][0].extend(lows)
            self._levels[0][1].extend(highs)
        level = 0
        while len(self._levels[level][0]) > FACTOR:
            if level + 1 == len(self._levels):
                self._levels.append((Growing(), Growing(), Growing()))
            start = min(start // FACTOR, len(self._levels[level + 1][0]))
            levels = zip(self._levels[level + 1], self._levels[level], (np.minimum, np.maximum, np.add))
            for kept, finer, fold in levels:
                fresh = finer.values[start * FACTOR :]
                folded = fold.reduceat(fresh, np.arange(0, len(fresh), FACTOR))
                if fold is np.add:
                    folded[:-1] /= FACTOR
                    folded[-1] /= (len(fresh) - 1) % FACTOR + 1
                kept.cut(start)
                kept.extend(folded)
            level += 1
        self.mean = float(self._levels[-1][2].values.mean())

    def level(self, rows: int, most: int) -> int:
        """The finest level that covers so many rows with at most ``most`` blocks."""
        level = 0
        while rows / FACTOR**level > most and level + 1 < len(self._levels):
            level += 1
        return level

    def blocks(self, level: int, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Least, greatest and mean of the blocks of a level that cover rows [first, last)."""
        size = FACTOR**level
        return tuple(kept.values[first // size : -(-last // size)] for kept in self._levels[level])


@dataclass(frozen=True, eq=False)
class Cut:
    """How the rows of a view fall into pixel columns; the same for all curves whose places are alike."""

    level: int
    first: int
    last: int
    pairs: np.ndarray  # (2 P,) first block of each column and the one past its last
    outside: np.ndarray  # (P,) bool: columns before the first row or after the last
    before: np.ndarray | None  # (P + 1,) row before each pixel edge, where rows are drawn one by one
    share: np.ndarray | None  # (P + 1,) how far each edge lies on the way to the next row; NaN outside


class Curve:
    """One measured quantity of one run against one axis: rows, or blocks of rows, raw and smoothed."""

    def __init__(self, folded: bool = False) -> None:
        self.x, self.raw, self.smooth = Places(), Pyramid(folded), Pyramid()
        self._decay, self._carry, self._weight = 0.0, 0.0, 1.0

    def __len__(self) -> int:
        return len(self.raw)

    def extend(self, x: np.ndarray, y: np.ndarray, lows: np.ndarray | None = None, highs: np.ndarray | None = None):
        """Append rows (or blocks: means, least, greatest); where ``y`` is not finite nothing was measured."""
        measured = np.isfinite(y)
        if not measured.all():
            x, y = x[measured], y[measured]
            lows, highs = (None, None) if lows is None else (lows[measured], highs[measured])
        self.x.extend(x)
        self.raw.extend(y, lows, highs)
        if self._decay:
            self._smooth(y)

    def set_decay(self, decay: float, carry: float = 0.0, weight: float = 1.0) -> None:
        """Smooth with an exponential mean that keeps this share a row (or block); 0 = not at all.

        Args:
            carry, weight: what ``ema`` returned for the rows before the first, where it is not the run's own first.
        """
        self._decay, self._carry, self._weight = decay, carry, weight
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

    def bounds(self, left: float, right: float) -> tuple[int, int]:
        """Rows in view, [first, last), and one beyond each side."""
        x = self.x.values
        return (max(int(np.searchsorted(x, left)) - 1, 0),
                min(int(np.searchsorted(x, right, side="right")) + 1, len(x)))  # fmt: skip

    def cut(self, edges: np.ndarray) -> Cut | None:
        """Cut the rows at pixel edges, (P + 1,) rising places; None when no row is in view."""
        x = self.x.values
        if not len(x) or x[0] > edges[-1] or x[-1] < edges[0]:
            return None
        first, last = self.bounds(edges[0], edges[-1])
        level = self.raw.level(last - first, FINER_THAN_PIXEL * (len(edges) - 1))
        size = FACTOR**level
        at = np.ascontiguousarray(x[first // size * size : last : size])
        starts = np.searchsorted(at, edges, side="right")
        outside = (edges[1:] < x[0]) | (edges[:-1] > x[-1])
        before = share = None
        pairs = np.stack((starts[:-1], starts[1:]), axis=1)
        if level or self.raw.folded:
            pairs[:, 0] = np.maximum(pairs[:, 0] - 1, 0)  # the block that reaches into the column from its left
            pairs[outside, 1] = pairs[outside, 0]
        elif len(at) > 1:
            before = np.clip(starts - 1, 0, len(at) - 2)
            share = (edges - at[before]) / np.maximum(at[before + 1] - at[before], 1e-300)
            share[(edges < at[0]) | (edges > at[-1])] = np.nan
        return Cut(level, first, last, pairs.reshape(-1), outside, before, share)

    def spans(self, edges: np.ndarray, smooth: bool = False, cuts: dict | None = None):
        """Least and greatest value in each pixel column, (P,) each, as ``fold_spans`` finds them for many curves."""
        low, high = fold_spans([(self, smooth)], edges, cuts)
        return low[0], high[0]

    def means(self, edges: np.ndarray, cuts: dict | None = None) -> np.ndarray:
        """Mean of the (smoothed) values in each pixel column, (P,); between rows the way from one to the next."""
        cut = self.shared_cut(edges, {} if cuts is None else cuts)
        if cut is None:
            return np.full(len(edges) - 1, np.nan)
        _, _, means = self.levels(self.smoothed).blocks(cut.level, cut.first, cut.last)
        found = np.add.reduceat(np.append(means, 0.0), cut.pairs)[::2]
        found /= np.maximum(cut.pairs[1::2] - cut.pairs[0::2], 1)
        if cut.share is not None:
            ways = means[cut.before] + cut.share * (means[cut.before + 1] - means[cut.before])
            empty = cut.pairs[0::2] == cut.pairs[1::2]
            found[empty] = ((ways[:-1] + ways[1:]) / 2)[empty]
        found[cut.outside] = np.nan
        return found

    def levels(self, smooth: bool) -> Pyramid:
        """The raw or the smoothed values."""
        return self.smooth if smooth else self.raw

    def shared_cut(self, edges: np.ndarray, cuts: dict) -> Cut | None:
        """As ``cut``; curves with like places find it in ``cuts``, which the caller keeps for these edges."""
        key = self.x.key, self.raw.folded
        if key not in cuts:
            cuts[key] = self.cut(edges)
        return cuts[key]

    def view(self, left: float, right: float, pixels: int, smooth: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Points of a line between two places: x and y, at most two a pixel (and one each side)."""
        x, levels, pixels = self.x.values, self.levels(smooth), max(pixels, 1)
        first, last = self.bounds(left, right)
        if last - first <= 2 * pixels and not (self.raw.folded and not smooth):
            return x[first:last], levels.rows.values[first:last]
        level = levels.level(last - first, FINER_THAN_PIXEL * pixels)
        lows, highs, _ = levels.blocks(level, first, last)
        size = FACTOR**level
        at = x[first // size * size : last : size]
        pixel = np.floor((at - left) * (pixels / max(right - left, 1e-300)))
        starts = np.concatenate(([0], np.flatnonzero(np.diff(pixel)) + 1))
        points = np.empty((len(starts), 2))
        points[:, 0], points[:, 1] = np.minimum.reduceat(lows, starts), np.maximum.reduceat(highs, starts)
        points[1::2] = points[1::2, ::-1].copy()  # up in one pixel and down in the next: the pen travels half the way
        return np.repeat(at[starts], 2), points.reshape(-1)

    def at(self, place: float) -> int:
        """The row nearest to a place of the axis; -1 when there is none."""
        x = self.x.values
        if not len(x):
            return -1
        after = int(np.searchsorted(x, place))
        if after == 0:
            return 0
        if after == len(x):
            return len(x) - 1
        return after if x[after] - place < place - x[after - 1] else after - 1


def fold_spans(curves: Sequence[tuple[Curve, bool]], edges: np.ndarray, cuts: dict | None = None):
    """Least and greatest value that curves take in each pixel column, (curves, P) each; NaN where one is not.

    Args:
        curves: each with whether its smoothed values are meant.
        edges: rising places of the columns' edges, (P + 1,).
        cuts: as ``Curve.shared_cut`` takes them.
    """
    cuts, alike = {} if cuts is None else cuts, defaultdict(list)
    for number, (curve, _) in enumerate(curves):
        alike[curve.shared_cut(edges, cuts)].append(number)
    low, high = np.full((2, len(curves), len(edges) - 1), np.nan)
    for cut, numbers in alike.items():
        if cut is None:
            continue  # nothing of these is in view
        levels = (curve.levels(smooth) for curve, smooth in (curves[number] for number in numbers))
        lows, highs = zip(*(one.blocks(cut.level, cut.first, cut.last)[:2] for one in levels))
        low[numbers], high[numbers] = spans.fold(lows, highs, cut.pairs, cut.before, cut.share)
    return low, high


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
    fade = decay ** (np.arange(EMA_BLOCK) + 1.0)
    blocks = np.zeros((-(-len(values) // EMA_BLOCK), EMA_BLOCK))
    blocks.reshape(-1)[: len(values)] = values
    sums = blocks @ _ema_kernel(decay).T  # each block as if nothing came before it
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


@lru_cache(maxsize=8)
def _ema_kernel(decay: float) -> np.ndarray:
    """What each row of a block gives to the mean at each, (block, block): the mean is at the first index."""
    ages = np.arange(EMA_BLOCK)
    return np.tril((1 - decay) * decay ** np.maximum(ages[:, None] - ages[None, :], 0))
