"""Frames of the plot while a hand pans and zooms, beside pyqtgraph fed with the same runs; taken in turns."""

import statistics
import time
from itertools import cycle
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QApplication

from app.jobs.run_rows import RunRows
from widgets import theme
from widgets.curves import Curve
from widgets.loss_plot import LossPlot
from widgets.plot_runs import ArrayRows, PlotRun, curve_colour

WIDTH_PX, HEIGHT_PX = 1200, 600
RUNS, STEPS = 50, 100_000
LEAST_ROUNDS = 3
OURS_A_ROUND = 8  # frames of ours for one of the rival's


def loss_of(run: int, steps: int) -> np.ndarray:
    """A believable training loss: a power law, noise, and a difference between runs."""
    rng, step = np.random.default_rng(run), np.arange(1.0, steps + 1)
    return 2.2 + 0.03 * run + 5.5 * (step / steps * 100 + 1) ** -0.6 + rng.normal(0, 0.09, steps)


def gestures(steps: int) -> list[tuple[float, float]]:
    """What is in view, frame by frame: zooming in on a place, panning across, zooming out again."""
    widths = np.geomspace(1, 0.02, 40)
    zoomed = [(0.35 - 0.35 * width, 0.35 + 0.65 * width) for width in widths]
    panned = [(start, start + 0.2) for start in np.linspace(0, 0.8, 40)]
    return [(left * steps, right * steps) for left, right in (*zoomed, *panned, *zoomed[::-1])]


class Ours:
    """The loss plot with its axes, marks and legend; a frame is a real repaint of its canvas."""

    def __init__(self, runs: list[PlotRun], smoothing: float = 0.0) -> None:
        self.plot = LossPlot()
        self.plot.resize(WIDTH_PX + 260, HEIGHT_PX)  # beside the legend the canvas is as wide as the rival
        self.plot.set_runs(runs)
        self.plot.set_smoothing(smoothing)
        self.plot.show()
        QApplication.processEvents()

    def frame(self, view: tuple[float, float]) -> float:
        """Seconds to show a part."""
        began = time.perf_counter()
        self.plot.canvas.view = view
        self.plot.canvas.redraw()
        self.plot.canvas.repaint()
        return time.perf_counter() - began


class OursOnDisk(Ours):
    """The same, with what the event loop has to do after a frame: reading rows where one looks closely."""

    def frame(self, view: tuple[float, float]) -> float:
        """Seconds to show a part, and to read."""
        began = time.perf_counter()
        super().frame(view)
        QApplication.processEvents()
        return time.perf_counter() - began


class Pyqtgraph:
    """The same curves as items of pyqtgraph: 1 px pens, the height fixed, nothing it need not do.

    Args:
        points_per_pixel: 0 = it is fed every point; else the least and greatest of each column, folded by us.
    """

    def __init__(self, values: list[np.ndarray], points_per_pixel: int = 0) -> None:
        self.plot, self.points = pg.PlotWidget(), points_per_pixel
        self.plot.resize(WIDTH_PX, HEIGHT_PX)
        self.plot.setBackground(theme.color("raised"))
        steps = np.arange(1.0, len(values[0]) + 1)
        self.items, self.curves = [], []
        for number, loss in enumerate(values):
            item = pg.PlotCurveItem(pen=pg.mkPen(curve_colour(number), width=1))
            self.plot.addItem(item)
            self.items.append(item)
            if points_per_pixel:
                self.curves.append(Curve())
                self.curves[-1].extend(steps, loss)
            else:
                item.setData(steps, loss, skipFiniteCheck=True)
        self.plot.getViewBox().setYRange(1.5, 10, padding=0)
        self.plot.show()
        QApplication.processEvents()

    def frame(self, view: tuple[float, float]) -> float:
        """Seconds to show a part."""
        began = time.perf_counter()
        self.plot.getViewBox().setXRange(*view, padding=0)
        for item, curve in zip(self.items, self.curves):
            item.setData(*curve.view(*view, WIDTH_PX), skipFiniteCheck=True)
        self.plot.viewport().repaint()
        return time.perf_counter() - began


def measure_frames(seconds: float, folders: list[Path], runs: int = RUNS, steps: int = STEPS) -> list[dict]:
    """Rows of the table; the last one draws the run folders given, by their overviews, reading rows where needed."""
    values = [loss_of(run, steps) for run in range(runs)]
    held = [PlotRun(f"run {number}", _in_memory(loss)) for number, loss in enumerate(values)]
    size = f"{runs} runs of {steps:,} steps, {WIDTH_PX:,} px"
    ours, smoothed = Ours(held), Ours(held, smoothing=0.5)
    full, folded = Pyqtgraph(values), Pyqtgraph(values, 2)
    rows = [
        *_compare(size, ours, full, "pyqtgraph, full arrays", seconds * 0.5, steps),
        *_compare(f"{size}, smoothed over the raw curves", smoothed, full, "pyqtgraph, full arrays, raw",
                  seconds * 0.2, steps),
        *_compare(f"{size}, fed alike", ours, folded, "pyqtgraph, 2 points a pixel", seconds * 0.15, steps),
    ]  # fmt: skip
    shown = [ours, smoothed, full, folded]
    if folders:
        near = OursOnDisk([PlotRun(folder.name, RunRows(folder)) for folder in folders])
        shown.append(near)
        rows += _compare(f"{len(folders)} runs on disk, rows read where one looks closely", near, full,
                         "pyqtgraph, full arrays", seconds * 0.15, steps)  # fmt: skip
    for measured in shown:
        measured.plot.close()  # or it lies over whatever is opened next
        measured.plot.deleteLater()
    return rows


def _in_memory(loss: np.ndarray) -> ArrayRows:
    rows = ArrayRows()
    rows.extend({"step": np.arange(1.0, len(loss) + 1), "loss": loss})
    return rows


def _compare(name: str, ours, rival, rival_name: str, seconds: float, steps: int) -> list[dict]:
    """Median and 99th percentile of a frame, in turns; the spread is that of the ratio from round to round."""
    views, theirs_views = cycle(gestures(steps)), cycle(gestures(steps)[::5])
    for view in gestures(steps)[::30]:  # first looks read and fold; a hand meets them once
        ours.frame(view), rival.frame(view)
    our_times, rival_times, ratios, until = [], [], [], time.perf_counter() + seconds
    while time.perf_counter() < until or len(ratios) < LEAST_ROUNDS:
        rival_times.append(rival.frame(next(theirs_views)))
        round_times = [ours.frame(next(views)) for _ in range(OURS_A_ROUND)]
        our_times += round_times
        ratios.append(rival_times[-1] / statistics.median(round_times))
    spread = [float(part) for part in np.percentile(ratios, (25, 75))]
    made = []
    for percentile in (50, 99):
        mine, other = (1e3 * float(np.percentile(times, percentile)) for times in (our_times, rival_times))
        made.append({"name": f"{name}: frame, p{percentile}", "unit": "ms", "ours": mine, "rival": other,
                     "rival_name": rival_name, "ratio": other / mine, "spread": spread})  # fmt: skip
    return made
