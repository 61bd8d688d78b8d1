"""Many curves as one picture: a span a pixel column for each, painted by numpy in the order of their height.

A painter's pen costs per segment, and fifty curves have a hundred thousand of them. Here a curve is one vertical
span a column, whatever of it lies under a curve above is dropped, and what is left is written into the picture at
once: the cost is that of the pixels one sees.
"""

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor, QImage

COLOURS = 256  # of a picture with a colour table; more than the palette of the plot has
FAR = 1 << 14  # a row that no picture has; fits 16 bits


def paint_spans(tops: np.ndarray, feet: np.ndarray, colours: Sequence[QColor], rows: int) -> QImage:
    """A picture of curves, transparent where none is; later curves lie on earlier ones.

    It is quickest when curves that lie next to each other follow one another.

    Args:
        tops, feet: highest and lowest pixel row of each curve in each column, growing downwards, (curves, P); NaN =
            the curve is not there.
        colours: one a curve.
        rows: height of the picture, at most 16,384.
    """
    columns = tops.shape[1]
    palette, numbers = [0], []  # ARGB; the first is where nothing is
    for value in (colour.rgb() for colour in colours):
        if value not in palette and len(palette) < COLOURS:
            palette.append(value)
        numbers.append(palette.index(value) if value in palette else COLOURS - 1)
    cells = np.zeros((columns, rows), np.uint8)  # a column's rows lie side by side, as its spans do
    if len(tops):
        begins, lengths, curves = visible_pieces(tops, feet, rows)
        _write(cells.reshape(-1), begins, lengths, np.array(numbers, np.uint8)[curves])
    pixels = np.zeros((rows, -(-columns // 4) * 4), np.uint8)  # Qt's lines are whole words
    pixels[:, :columns] = cells.T
    made = QImage(pixels.data, columns, rows, pixels.shape[1], QImage.Format.Format_Indexed8)
    made.setColorTable(palette)
    made.pixels = pixels  # the picture owns no memory of its own
    return made


def _write(cells: np.ndarray, begins: np.ndarray, lengths: np.ndarray, numbers: np.ndarray) -> None:
    """Write each number into ``lengths`` cells from ``begins`` on; later ones over earlier ones."""
    if not len(begins):
        return
    ends = np.cumsum(lengths)
    places = np.ones(int(ends[-1]), np.int64)  # one further at each pixel, but at the first of a piece a jump
    places[0] = begins[0]
    places[ends[:-1]] = begins[1:] - begins[:-1] - lengths[:-1] + 1
    cells[np.cumsum(places, out=places)] = np.repeat(numbers, lengths)


def visible_pieces(tops: np.ndarray, feet: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where pieces begin (column x rows + row), their lengths and curves, in the order to paint them.

    What lies under later curves is left out, as far as those cover one piece of a column without a gap.
    """
    tops, feet = _whole(tops, 0, FAR), _whole(feet, -FAR, rows - 1)
    real = tops <= feet
    np.copyto(tops, FAR, where=~real)
    np.copyto(feet, -FAR, where=~real)
    count, columns = tops.shape
    begins, ends = np.empty((2, count, 2, columns), np.int16)  # two pieces: above and below what is covered
    begins[:, 0], ends[:, 1] = tops, feet
    over, under = np.full((2, columns), FAR, np.int16)  # rows just outside the interval that is covered
    under[:] = -FAR
    above, below = tops - 1, feet + 1
    for curve in range(count - 1, -1, -1):
        top, foot = tops[curve], feet[curve]
        np.minimum(foot, over, out=ends[curve, 0])
        np.maximum(top, under, out=begins[curve, 1])
        apart = ((top > under) | (foot < over)) & real[curve]
        np.minimum(over, above[curve], out=over)
        np.maximum(under, below[curve], out=under)
        np.copyto(over, above[curve], where=apart)  # one interval is remembered, and the next curve lies beyond
        np.copyto(under, below[curve], where=apart)
    seen = np.flatnonzero(ends >= begins)  # the lower curves first: a piece kept too long is painted over
    begin = begins.reshape(-1)[seen].astype(np.int64)
    return seen % columns * rows + begin, ends.reshape(-1)[seen] - begin + 1, seen // (2 * columns)


def _whole(values: np.ndarray, least: int, most: int) -> np.ndarray:
    """Nearest whole rows within bounds, int16; what is NaN becomes the bound that makes its span empty."""
    nowhere = np.isnan(values)
    values = np.clip(values, least, most)
    if nowhere.any():
        values[nowhere] = most if least == 0 else least
    return np.rint(values, out=values).astype(np.int16)
