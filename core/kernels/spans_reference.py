"""What the kernel in cpu/spans.cpp computes, in numpy; it also runs where the kernel was not built."""

import numpy as np


def fold(lows: list[np.ndarray], highs: list[np.ndarray], pairs: np.ndarray, before: np.ndarray | None,
         share: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """As :func:`core.kernels.spans.fold`."""
    found = [_fold_one(*curve, pairs, before, share) for curve in zip(lows, highs)]
    return tuple(np.array(ends) for ends in zip(*found))


def _fold_one(low, high, pairs, before, share) -> tuple[np.ndarray, np.ndarray]:
    empty = pairs[0::2] >= pairs[1::2]
    least = np.minimum.reduceat(np.append(low, np.inf), pairs)[::2]  # of the pieces between pairs, none is wanted
    most = np.maximum.reduceat(np.append(high, -np.inf), pairs)[::2]
    least[empty], most[empty] = np.inf, -np.inf
    if share is not None:
        for values, ends, fold in ((low, least, np.fmin), (high, most, np.fmax)):
            ways = values[before] + share * (values[before + 1] - values[before])  # at the edges, (P + 1,)
            fold(ends, fold(ways[:-1], ways[1:]), out=ends)
    nothing = least > most
    least[nothing] = most[nothing] = np.nan
    return least, most


def paint(tops: np.ndarray, feet: np.ndarray, names: np.ndarray, palette: np.ndarray, rows: int) -> np.ndarray:
    """As :func:`core.kernels.spans.paint`; ``names`` has each curve's place in the palette."""
    inside = (tops < rows) & (feet > -1)  # never where NaN
    firsts = np.rint(np.where(inside, np.maximum(tops, 0), rows)).astype(int)
    ends = np.rint(np.where(inside, np.minimum(feet, rows - 1), -1)).astype(int) + 1
    columns = np.zeros((tops.shape[1], rows), np.uint8)
    names = names.tolist()
    for column, first_rows, end_rows in zip(columns, firsts.T.tolist(), ends.T.tolist()):
        for name, first, end in zip(names, first_rows, end_rows):
            column[first:end] = name
    return np.ascontiguousarray(palette[columns].T)
