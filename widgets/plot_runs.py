"""What the plot is told of a run: its name and place among others, where its rows come from, what happened when."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from PySide6.QtGui import QColor

from widgets import theme

AXES = {"step": "step", "tokens": "tokens", "flops": "flops", "time": "elapsed_s", "epoch": "epoch"}  # axis -> column
METRICS = {  # metric -> its columns
    "loss": ("loss", "val_loss"), "val_loss": ("val_loss",), "bits_per_byte": ("val_bits_per_byte",), "lr": ("lr",),
    "grad_norm": ("grad_norm",), "tokens_per_s": ("tokens_per_s",),
}  # fmt: skip
HELD_OUT = ("val_loss", "val_bits_per_byte")  # drawn dashed with a dot at each measurement, never smoothed
BETTER = {"loss": -1, "val_loss": -1, "val_bits_per_byte": -1, "tokens_per_s": 1}  # column -> which way is better
TONES = (0.0, 0.38, -0.38)  # of the palette's colours once they have all been used: plain, towards text, towards paper


@dataclass(frozen=True)
class Blocks:
    """The overview of a long run: its rows in blocks of equal size, for each column least, greatest and mean.

    ``columns`` holds {name: (least, greatest, mean)}, each (blocks,); NaN where nothing was measured.
    """

    rows_per_block: int
    rows: int  # how many rows the blocks cover
    columns: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


class RowSource(Protocol):
    """Where the rows of a run come from; rows are numbered from 0 in the order of their writing."""

    rows: int  # how many there are now
    cuts: int  # how often some were taken back (a resume); whoever copied rows starts anew when it changes

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""

    def blocks(self) -> Blocks | None:
        """The overview, or None: then all rows are read."""

    def read(self, names: tuple[str, ...], first: int, last: int) -> list[np.ndarray]:
        """Values of these columns in rows [first, last), float64, (n,) each."""


class ArrayRows:
    """Rows held in memory, {column: values of equal length}."""

    def __init__(self) -> None:
        self.rows, self.cuts = 0, 0
        self._columns: dict[str, list[np.ndarray]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns there are."""
        return tuple(self._columns)

    def blocks(self) -> None:
        """No overview: what is in memory is read in no time."""

    def read(self, names: tuple[str, ...], first: int, last: int) -> list[np.ndarray]:
        """Values of these columns in rows [first, last)."""
        return [self._joined(name)[first:last] for name in names]

    def extend(self, columns: dict[str, np.ndarray]) -> None:
        """Add rows; a column given for the first time was not measured before, one left out is not measured now."""
        count = len(columns["step"])
        for name in self._columns.keys() | columns.keys():
            parts = self._columns.setdefault(name, [np.full(self.rows, np.nan)])
            parts.append(columns.get(name, np.full(count, np.nan)))
        self.rows += count

    def clear(self) -> None:
        """Take all rows back."""
        self.rows, self.cuts, self._columns = 0, self.cuts + 1, {}

    def _joined(self, name: str) -> np.ndarray:
        parts = self._columns[name]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0]


@dataclass(frozen=True)
class PlotRun:
    """One run to show.

    Args:
        name: what the legend says, unique in the plot.
        group: runs of one group differ by their seed alone, and can be drawn as a mean and a band.
        colour: place in the palette; -1 = the next that is free.
        highlighted: drawn on top and thicker, while the others fade.
    """

    name: str
    source: RowSource
    group: str = ""
    colour: int = -1
    highlighted: bool = False


@dataclass(frozen=True)
class PlotEvent:
    """Something that happened to a run, marked above the curves.

    Args:
        kind: spike, rollback, skip, checkpoint, lr, pause, resume, stop, oom or note.
        step: optimizer step at which it happened.
        text: the whole sentence that the pointer reads, in the person's language.
    """

    kind: str
    step: int
    text: str = ""


def curve_colour(index: int, share: float = 1.0) -> QColor:
    """The n-th colour of the plot: the colour-blind-safe palette, then the same darker, then lighter, and again.

    Args:
        share: how much of it stays over the paper, 0..1.
    """
    return QColor(_toned(theme.mode(), index, share))


@cache
def _toned(_mode: str, index: int, share: float) -> QColor:
    colour, paper = theme.series(index), theme.color("raised")
    tone = TONES[index // len(theme.tokens().series) % len(TONES)]
    if tone:
        colour = theme.blend(colour, theme.color("text") if tone > 0 else paper, abs(tone))
    return theme.blend(paper, colour, share)
