"""Many curves as one picture, a vertical span a pixel column for each."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtGui import QColor, QImage

from core.kernels import spans


def paint_spans(tops: np.ndarray, feet: np.ndarray, colours: Sequence[QColor], rows: int) -> QImage:
    """A picture of curves, transparent where none is; later curves lie on earlier ones.

    Args:
        tops, feet: highest and lowest pixel row of each curve in each column, growing downwards, (curves, P); NaN =
            the curve is not there.
        colours: one a curve, opaque.
        rows: height of the picture.
    """
    pixels = spans.paint(tops, feet, [colour.rgb() for colour in colours], rows)
    made = QImage(pixels.data, tops.shape[1], rows, 4 * tops.shape[1], QImage.Format.Format_ARGB32_Premultiplied)
    made.pixels = pixels  # the picture owns no memory of its own
    return made
