"""A run longer than what is held in memory is drawn from its overview, and read where one looks closely."""

import numpy as np
import pytest

from widgets import plot_canvas
from widgets.loss_plot import LossPlot
from widgets.plot_runs import ArrayRows, Blocks, PlotRun
from widgets.plot_series import NEAR_ROWS, WHOLE_ROWS


@pytest.fixture
def plot(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    return made


def curve_of(plot, name):
    """The line of a run's training loss."""
    return next(line for line in plot.canvas.frame.lines
                if line.series.name == name and line.column == "loss" and not line.faint)  # fmt: skip


class LongRun(ArrayRows):
    """Rows with an overview; counts what is read."""

    def __init__(self, n, size=128):
        super().__init__()
        self.extend({"step": np.arange(1.0, n + 1), "loss": np.random.default_rng(0).normal(3, 0.1, n)})
        self.size, self.asked = size, []

    def blocks(self):
        def fold(values):
            parts = np.split(values, range(self.size, len(values), self.size))
            return tuple(np.array([f(part) for part in parts]) for f in (np.min, np.max, np.mean))

        return Blocks(self.size, self.rows, {name: fold(self._joined(name)) for name in self.names})

    def read(self, names, first, last):
        self.asked.append((names, first, last))
        return super().read(names, first, last)


def test_a_long_run_is_drawn_from_its_overview_and_read_where_one_looks_closely(plot, qtbot):
    source = LongRun(100_000)
    plot.set_runs([PlotRun("long", source)])
    plot.repaint_curves()
    whole = source.read(("loss",), 0, source.rows)[0]
    source.asked.clear()
    line = curve_of(plot, "long")
    assert np.nanmin(line.low) == whole.min() and np.nanmax(line.high) == whole.max() and not source.asked
    plot.canvas.view = (50_000, 51_000)
    plot.repaint_curves()
    qtbot.waitUntil(lambda: not curve_of(plot, "long").curve.raw.folded)
    assert len(source.asked) == 1 and source.asked[0][2] - source.asked[0][1] < 6000
    line = curve_of(plot, "long")
    for found, wanted in zip((line.low, line.high), (np.min, np.max)):
        assert wanted(found) == pytest.approx(wanted(whole[49_999:51_000]), abs=0.2)
    qtbot.wait(50)
    assert len(source.asked) == 1


def test_a_wide_look_is_read_piece_by_piece_between_frames(plot, qtbot, monkeypatch):
    monkeypatch.setattr(plot_canvas, "READ_S", 0.0)  # as on a disk that is slower than a frame
    source = LongRun(100_000, size=512)
    elapsed = np.arange(100_000.0)
    elapsed[50_000:] -= 40_000  # the clock was set back
    source._columns["elapsed_s"] = [elapsed]
    plot.set_runs([PlotRun("long", source)])
    plot.set_axis("time")
    plot.canvas.view = (30_000, 58_000)
    plot.repaint_curves()
    source.asked.clear()
    for pieces in range(1, 4):
        plot.canvas._read_near()
        assert len(source.asked) == pieces and curve_of(plot, "long").curve.raw.folded
    qtbot.waitUntil(lambda: not curve_of(plot, "long").curve.raw.folded)
    near = curve_of(plot, "long").curve
    ends = [(first, last) for _, first, last in source.asked]
    assert all(0 < last - first <= NEAR_ROWS for first, last in ends)
    assert all(before[1] == after[0] for before, after in zip(ends, ends[1:]))
    assert np.array_equal(near.raw.rows.values, source._joined("loss")[ends[0][0] : ends[-1][1]])
    assert np.all(np.diff(near.x.values) >= 0)


def test_smoothing_of_rows_read_later_goes_on_from_the_overview(plot, qtbot):
    source, whole = LongRun(100_000), ArrayRows()
    whole.extend({name: source._joined(name) for name in source.names})
    plot.set_runs([PlotRun("long", source), PlotRun("whole", whole)])
    plot.set_smoothing(0.9)
    plot.canvas.view = (50_000, 50_400)
    plot.repaint_curves()
    qtbot.waitUntil(lambda: not curve_of(plot, "long").curve.raw.folded)
    ours, wanted = (curve_of(plot, name) for name in ("long", "whole"))
    assert np.allclose(ours.low, wanted.low, atol=2e-3)


def test_a_live_run_reads_only_what_is_new(plot):
    source = LongRun(WHOLE_ROWS // 2)
    plot.set_runs([PlotRun("live", source)])
    plot.repaint_curves()
    source.asked.clear()
    source.extend({"step": np.array([1e5]), "loss": np.array([3.0])})
    plot.refresh("live")
    plot.repaint_curves()
    assert source.asked == [(("step", "loss"), WHOLE_ROWS // 2, WHOLE_ROWS // 2 + 1)]
