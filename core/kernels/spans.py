"""Many curves as one picture: the C++ kernel where it was built, else numpy beside it.

A painter's pen costs per segment, and fifty curves have a hundred thousand of them. Here a curve is one vertical
span a pixel column. Nothing but numpy is imported: the window calls this on its own thread, once a frame.
"""

import ctypes
from collections.abc import Sequence
from ctypes import c_int64, c_void_p
from functools import cache

import numpy as np

from core.kernels import plain
from core.kernels import spans_reference as reference

COLOURS = 256  # a cell is a byte; the first means that nothing is there


@cache
def _library() -> ctypes.CDLL | None:
    library = plain.load()
    if library is None or not hasattr(library, "coldframe_paint_spans"):  # not built, or from an older source
        return None
    library.coldframe_fold_columns.restype = library.coldframe_paint_spans.restype = None
    library.coldframe_fold_columns.argtypes = [c_void_p, c_void_p, c_int64, c_void_p, c_int64, *[c_void_p] * 4]
    library.coldframe_paint_spans.argtypes = [*[c_void_p] * 3, c_int64, c_int64, c_int64, c_void_p, c_void_p, c_void_p]
    return library


def built() -> bool:
    """Whether the C++ kernel runs; numpy takes some ten times as long."""
    return _library() is not None


def fold(lows: list[np.ndarray], highs: list[np.ndarray], pairs: np.ndarray, before: np.ndarray | None = None,
         share: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The least and greatest value of each curve in each pixel column, (curves, P) each; NaN where it has none.

    Args:
        lows, highs: a curve's blocks, float64, all of the same length.
        pairs: int64 (2 P,), the first block of each column and the one past its last.
        before, share: int64 and float64 (P + 1,): a curve also passes the edges of the columns, of which each lies
            ``share`` of the way from the block ``before`` it to the next; NaN = not there.
    """
    library = _library()
    if library is None:
        return reference.fold(lows, highs, pairs, before, share)
    lows, highs = ([np.ascontiguousarray(one, np.float64) for one in ends] for ends in (lows, highs))
    pairs = np.ascontiguousarray(pairs, np.int64)
    if share is not None:
        before, share = np.ascontiguousarray(before, np.int64), np.ascontiguousarray(share, np.float64)
    least, most = np.empty((2, len(lows), len(pairs) // 2))
    library.coldframe_fold_columns(_table(lows), _table(highs), len(lows), _at(pairs), len(pairs) // 2,
                                   None if share is None else _at(before), None if share is None else _at(share),
                                   _at(least), _at(most))  # fmt: skip
    return least, most


def paint(tops: np.ndarray, feet: np.ndarray, colours: Sequence[int], rows: int) -> np.ndarray:
    """A picture of spans, uint32 (rows, P), 0 where none is; later curves lie on earlier ones.

    Args:
        tops, feet: highest and lowest pixel row of each curve in each column, growing downwards, (curves, P); NaN =
            the curve is not there.
        colours: 32 bits each, one a curve; at most 255 different ones.
        rows: height of the picture.
    """
    palette = np.array([0, *dict.fromkeys(colours)], np.uint32)
    if len(palette) > COLOURS:
        raise ValueError(f"a picture of spans has at most {COLOURS - 1} colours, not {len(palette) - 1}")
    places = {colour: place for place, colour in enumerate(palette.tolist()) if place}
    names = np.array([places[colour] for colour in colours], np.uint8)
    library = _library()
    if library is None:
        return reference.paint(tops, feet, names, palette, rows)
    tops, feet = (np.ascontiguousarray(ends, np.float64) for ends in (tops, feet))
    curves, columns = tops.shape
    cells, pixels = np.empty(columns * rows, np.uint8), np.empty((rows, columns), np.uint32)
    library.coldframe_paint_spans(_at(tops), _at(feet), _at(names), curves, columns, rows, _at(palette), _at(cells),
                                  _at(pixels))  # fmt: skip
    return pixels


def _table(arrays: list[np.ndarray]) -> ctypes.Array:
    return (c_void_p * len(arrays))(*map(_at, arrays))


def _at(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
