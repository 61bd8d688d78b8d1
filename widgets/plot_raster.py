"""Many curves as one picture: a span a pixel column for each, painted by numpy in the order of their height.

A painter's pen costs per segment, and fifty curves have a hundred thousand of them. Here a curve is one vertical
span a column, whatever of it lies under a curve above is dropped, and what is left is written into the picture at
once: the cost is that of the pixels one sees.
"""

import numpy as np
from PySide6.QtGui import QColor, QImage

ON_PX, OFF_PX = 5, 4  # of a dashed line
COLOURS = 256  # of a picture with a colour table; more than the palette of the plot has
FAR = 1 << 20  # a row that no picture has


class Strokes:
    """Spans of curves to paint, the lowest first.

    Args:
        columns: width in pixels.
        rows: height in pixels.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._tops: list[np.ndarray] = []
        self._feet: list[np.ndarray] = []
        self._colours: list[int] = []
        self._palette: list[int] = [0]  # ARGB; the first is where nothing is

    def add(self, top: np.ndarray, foot: np.ndarray, colour: QColor, *, thick: int = 1, dashed: bool = False) -> None:
        """Add a curve: highest and lowest pixel row in each column, (P,) float, growing downwards; NaN = none there."""
        if thick > 1:
            top, foot = top - (thick - 1) / 2, foot + (thick - 1) / 2
        if dashed:
            off = np.arange(self.columns) % (ON_PX + OFF_PX) >= ON_PX
            top, foot = np.where(off, np.nan, top), np.where(off, np.nan, foot)
        self._tops.append(top)
        self._feet.append(foot)
        value = colour.rgb()
        if value not in self._palette and len(self._palette) < COLOURS:
            self._palette.append(value)
        self._colours.append(self._palette.index(value) if value in self._palette else COLOURS - 1)

    def __len__(self) -> int:
        return len(self._tops)

    def image(self) -> QImage:
        """The picture, transparent where no curve is."""
        cells = np.zeros((self.columns, self.rows), np.uint8)  # a column's rows lie side by side, as its spans do
        if self._tops:
            self._fill(cells)
        pixels = np.zeros((self.rows, -(-self.columns // 4) * 4), np.uint8)  # Qt's lines are whole words
        pixels[:, : self.columns] = cells.T
        made = QImage(pixels.data, self.columns, self.rows, pixels.shape[1], QImage.Format.Format_Indexed8)
        made.setColorTable(self._palette)
        made.pixels = pixels  # the picture owns no memory of its own
        return made

    def _fill(self, cells: np.ndarray) -> None:
        starts, lengths, colours = self._visible()
        ends = np.cumsum(lengths)
        places = np.repeat(starts - (ends - lengths), lengths)
        places += np.arange(len(places))
        cells.reshape(-1)[places] = np.repeat(colours, lengths)

    def _visible(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Start in the picture, length and colour of what is not hidden, in the order to paint it."""
        tops, feet = self._rows_of(self._tops, FAR), self._rows_of(self._feet, -FAR)  # (curves, columns)
        np.maximum(tops, 0, out=tops)
        np.minimum(feet, self.rows - 1, out=feet)
        unseen = tops > feet
        tops[unseen], feet[unseen] = FAR, -FAR
        begins, ends = np.empty((2, len(tops), 2, self.columns), np.int32)  # two pieces beside what covers the middle
        begins[:, 0], ends[:, 1] = tops, feet
        over, under = np.full((2, self.columns), FAR, np.int32)  # rows just outside the interval that is covered
        under[:] = -FAR
        above, below = tops - 1, feet + 1
        for curve in range(len(tops) - 1, -1, -1):
            top, foot = tops[curve], feet[curve]
            np.minimum(foot, over, out=ends[curve, 0])
            np.maximum(top, under, out=begins[curve, 1])
            grows = (top <= under) & (foot >= over) | (over > under)  # it touches what is covered, or nothing is
            np.minimum(over, above[curve], out=over, where=grows)
            np.maximum(under, below[curve], out=under, where=grows)
        lengths = (ends - begins).reshape(-1) + 1  # the lower curves first: a piece kept too long is painted over
        seen = np.flatnonzero(lengths > 0)
        colours = np.array(self._colours, np.uint8)[seen // (2 * self.columns)]
        return seen % self.columns * self.rows + begins.reshape(-1)[seen], lengths[seen], colours

    def _rows_of(self, values: list[np.ndarray], nowhere: int) -> np.ndarray:
        found = np.array(values)
        np.copyto(found, nowhere, where=np.isnan(found))
        return np.rint(found.clip(-FAR, FAR, out=found), out=found).astype(np.int32)
