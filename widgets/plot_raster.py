"""Many curves as one picture: a span a pixel column for each, painted by numpy in the order of their height.

A painter's pen costs per segment, and fifty curves have a hundred thousand of them. Here a curve is one vertical
span a column. Curves come in the order of their height, so what a curve adds to those above it is nearly always a
piece on top of them: a column is told from its foot upwards as lengths of colours, and written at once.
"""

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor, QImage

COLOURS = 256  # of a picture with a colour table; more than the palette of the plot has
FAR = 1 << 14  # a row that no picture has; fits 16 bits


def paint_spans(tops: np.ndarray, feet: np.ndarray, colours: Sequence[QColor], rows: int) -> QImage:
    """A picture of curves, transparent where none is; later curves lie on earlier ones.

    It is quickest when each curve lies somewhat lower than the one before it.

    Args:
        tops, feet: highest and lowest pixel row of each curve in each column, growing downwards, (curves, P); NaN =
            the curve is not there.
        colours: one a curve.
        rows: height of the picture, less than 16,384.
    """
    columns = tops.shape[1]
    palette, numbers = [0], []  # ARGB; the first is where nothing is
    for value in (colour.rgb() for colour in colours):
        if value not in palette and len(palette) < COLOURS:
            palette.append(value)
        numbers.append(palette.index(value) if value in palette else COLOURS - 1)
    pixels = np.zeros((rows, -(-columns // 4) * 4), np.uint8)  # Qt's lines are whole words
    pixels[:, :columns] = _cells(tops[::-1], feet[::-1], np.array(numbers[::-1], np.uint8), rows).T
    made = QImage(pixels.data, columns, rows, pixels.shape[1], QImage.Format.Format_Indexed8)
    made.setColorTable(palette)
    made.pixels = pixels  # the picture owns no memory of its own
    return made


def _cells(tops: np.ndarray, feet: np.ndarray, numbers: np.ndarray, rows: int) -> np.ndarray:
    """The number of the first curve that covers each cell (0: none does), uint8 (P, rows); the first lies on top."""
    tops, feet = _whole(tops, 0, FAR), _whole(feet, -FAR, rows - 1)  # (curves, P)
    real = tops <= feet
    np.copyto(tops, FAR, where=~real)
    np.copyto(feet, -FAR, where=~real)
    first, last = np.full((2, 1, tops.shape[1]), FAR, np.int16)  # rows between which the curves above lie
    highest = np.concatenate((first, np.minimum.accumulate(tops)))
    lowest = np.concatenate((-last, np.maximum.accumulate(feet)))
    told = np.minimum(highest[:-1], rows)  # from this row on downwards the column is told already
    ends = np.minimum(feet + 1, told)
    adds = tops < told
    own, gaps = np.where(adds, ends - tops, 0), np.where(adds, told - ends, 0)
    lengths = np.empty((tops.shape[1], 2 * len(tops) + 1), np.intp)  # from the foot: gap, curve, gap, curve, ...
    lengths[:, 0:-1:2], lengths[:, 1::2], lengths[:, -1] = gaps.T, own.T, np.minimum(highest[-1], rows)
    names = np.zeros(lengths.shape, np.uint8)
    names[:, 1::2] = numbers
    cells = np.repeat(names.reshape(-1), lengths.reshape(-1)).reshape(-1, rows)[:, ::-1]
    above, below = highest[:-1], lowest[:-1]
    apart = (below > -FAR) & ((gaps > 0) | (tops > below + 1)) & real
    return _add_rest(cells, tops, feet, above, below, apart, numbers)


def _add_rest(cells, tops, feet, above, below, apart, numbers) -> np.ndarray:
    """Add what curves have below all those above them, and between such as lie apart; onto empty cells alone."""
    columns, started = tops.shape[1], below > -FAR
    low = np.flatnonzero((feet > below) & started)
    begin, end = np.maximum(tops.flat[low], below.flat[low] + 1), feet.flat[low]
    if apart.any():
        between = np.flatnonzero(np.logical_or.accumulate(apart) & started & (feet >= above) & (tops <= below))
        begin = np.concatenate((begin, np.maximum(tops.flat[between], above.flat[between])))
        end = np.concatenate((end, np.minimum(feet.flat[between], below.flat[between])))
        low = np.concatenate((low, between))
        order = np.argsort(low, kind="stable")
        low, begin, end = low[order], begin[order], end[order]
    if not len(low):
        return cells
    low, begin, end = low[::-1], begin[::-1].astype(np.intp), end[::-1]  # the upper curves last, over the others
    lengths = end - begin + 1
    stops = np.cumsum(lengths)
    row = np.repeat(begin - (stops - lengths), lengths) + np.arange(stops[-1])
    column = np.repeat(low % columns, lengths)
    number = np.repeat(numbers[low // columns], lengths)
    empty = cells[column, row] == 0
    cells[column[empty], row[empty]] = number[empty]
    return cells


def _whole(values: np.ndarray, least: int, most: int) -> np.ndarray:
    """Nearest whole rows within bounds, int16; what is NaN becomes the bound that makes its span empty."""
    nowhere = np.isnan(values)
    values = np.clip(values, least, most)
    if nowhere.any():
        values[nowhere] = most if least == 0 else least
    return np.rint(values, out=values).astype(np.int16)
