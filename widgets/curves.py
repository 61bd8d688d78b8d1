"""Long curves that draw fast: a pyramid over rows, and smoothing that continues where it stopped.

A curve of a million rows is never drawn row by row. Each level of the pyramid keeps the least, the greatest
and the mean of ever larger blocks; a view takes the coarsest level that is still finer than a pixel and folds
it to one span a pixel column (or two points), so that no spike is ever lost.
"""

from dataclasses import dataclass

import numpy as np

FACTOR = 4  # rows of one level in a block of the next
FINER_THAN_PIXEL = 4  # blocks a pixel that the chosen level has at most
GATHERED = 12  # blocks a column up to which they are gathered instead of folded piece by piece
GATHERED = 12  # blocks a column up to which they are gathered instead of folded piece by piece
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

    def extend(self, values: np.ndarray) -> None:
        """Append places."""
        start = len(self)
        super().extend(values)
        if self._even and len(self) > 1:
            first, step = self.values[0], self.values[1] - self.values[0]
            wanted = first + step * np.arange(start, len(self))
            self._even = bool(step > 0 and np.all(np.abs(self.values[start:] - wanted) <= EVEN * np.abs(wanted)))

    @property
    def key(self) -> tuple:
        """Equal for places that are alike: curves that share them share the work of cutting them into pixels."""
        if self._even and len(self) > 1:
            return len(self), self.values[0], self.values[1]
        return (id(self),)


class Pyramid:
    """Values with the least, the greatest and the mean of every block of 4, 16, 64, ... of them.

    The values are rows, or blocks of rows that were folded elsewhere (then ``folded``).
    """

    def __init__(self, folded: bool = False) -> None:
        self.rows, self.folded = Growing(), folded
        base = (Growing(), Growing(), self.rows) if folded else (self.rows, self.rows, self.rows)
        self._levels = [base]  # (least, greatest, mean); the last block may be partial

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

    @property
    def mean(self) -> float:
        """The mean of all values, nearly: of the blocks of the coarsest level."""
        means = self._levels[-1][2].values
        return float(np.add.reduce(means)) / len(means) if len(means) else 0.0

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


@dataclass(frozen=True)
class Cut:
    """How the rows of a view fall into pixel columns; the same for all curves whose places are alike."""

    level: int
    first: int
    last: int
    pairs: np.ndarray  # (2 P,) first block of each column and the one past its last
    rows: np.ndarray | None  # (most, P) the blocks of each column, some twice; None where a column has very many
    empty: np.ndarray  # (P,) bool: columns that hold no block
    gaps: bool  # whether any column is empty, or outside
    outside: np.ndarray  # (P,) bool: columns before the first row or after the last
    before: np.ndarray | None  # (P + 1,) row before each pixel edge, where rows are drawn one by one
    share: np.ndarray | None  # (P + 1,) how far each edge lies on the way to the next row; NaN outside

    def fold(self, least_or_greatest: np.ufunc, values: np.ndarray, nothing: float) -> np.ndarray:
        """The least or greatest of each column's blocks, (P,); ``nothing`` where it holds none."""
        if self.rows is not None:  # a few gathers are far quicker than reduceat over a thousand short pieces
            found = least_or_greatest.reduce(values.take(self.rows), axis=0)
        else:
            found = least_or_greatest.reduceat(np.append(values, nothing), self.pairs)[::2]
        if self.gaps:
            found[self.empty] = nothing
        return found


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
        pairs = np.empty(2 * len(outside), np.intp)
        pairs[0::2], pairs[1::2] = starts[:-1], starts[1:]
        if level or self.raw.folded:
            pairs[0::2] = np.maximum(pairs[0::2] - 1, 0)  # the block that reaches into the column from its left
        elif len(at) > 1:
            before = np.clip(starts - 1, 0, len(at) - 2)
            share = (edges - at[before]) / np.maximum(at[before + 1] - at[before], 1e-300)
            share[(edges < at[0]) | (edges > at[-1])] = np.nan
        counts = pairs[1::2] - pairs[0::2]
        most, rows = int(counts.max()), None
        if 0 < most <= GATHERED:
            rows = np.minimum(pairs[0::2] + np.arange(most)[:, None], np.maximum(pairs[1::2] - 1, 0))
            np.clip(rows, 0, len(at) - 1, out=rows)
        empty = counts <= 0
        gaps = bool(empty.any() or outside.any())
        return Cut(level, first, last, pairs, rows, empty, gaps, outside, before, share)

    def spans(self, edges: np.ndarray, smooth: bool = False, cuts: dict | None = None):
        """Least and greatest value that the curve takes in each pixel column, (P,) each; NaN where it is not.

        Args:
            edges: rising places of the columns' edges, (P + 1,).
            cuts: kept by the caller for one frame, so that curves with like places share their cut.
        """
        cut = self._shared_cut(edges, cuts)
        if cut is None:
            return (np.full(len(edges) - 1, np.nan),) * 2
        lows, highs, _ = self._levels(smooth).blocks(cut.level, cut.first, cut.last)
        low, high = cut.fold(np.minimum, lows, np.inf), cut.fold(np.maximum, highs, -np.inf)
        if cut.share is not None:
            ways = lows[cut.before] + cut.share * (lows[cut.before + 1] - lows[cut.before])  # at the edges, (P + 1,)
            low = np.fmin(low, np.fmin(ways[:-1], ways[1:]))
            high = np.fmax(high, np.fmax(ways[:-1], ways[1:]))
        if cut.gaps:
            nothing = cut.outside | (low > high)
            low[nothing] = high[nothing] = np.nan
        return low, high

    def means(self, edges: np.ndarray, cuts: dict | None = None) -> np.ndarray:
        """Mean of the (smoothed) values in each pixel column, (P,); between rows the way from one to the next."""
        cut = self._shared_cut(edges, cuts)
        if cut is None:
            return np.full(len(edges) - 1, np.nan)
        _, _, means = self._levels(self.smoothed).blocks(cut.level, cut.first, cut.last)
        found = np.add.reduceat(np.append(means, 0.0), cut.pairs)[::2]
        found /= np.maximum(cut.pairs[1::2] - cut.pairs[0::2], 1)
        if cut.share is not None:
            ways = means[cut.before] + cut.share * (means[cut.before + 1] - means[cut.before])
            found[cut.empty] = ((ways[:-1] + ways[1:]) / 2)[cut.empty]
        found[cut.outside] = np.nan
        return found

    def _levels(self, smooth: bool) -> Pyramid:
        return self.smooth if smooth else self.raw

    def _shared_cut(self, edges: np.ndarray, cuts: dict | None) -> Cut | None:
        if cuts is None:
            return self.cut(edges)
        key = (self.x.key, self.raw.folded, len(edges), edges[0], edges[-1])
        if key not in cuts:
            cuts[key] = self.cut(edges)
        return cuts[key]

    def view(self, left: float, right: float, pixels: int, smooth: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Points of a line between two places: x and y, at most two a pixel (and one each side)."""
        x, levels, pixels = self.x.values, self._levels(smooth), max(pixels, 1)
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
