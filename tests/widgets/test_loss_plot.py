"""The plot draws few points, loses no spike, and goes on where it stopped."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt

from widgets.curves import Curve, Pyramid, ema
from widgets.loss_plot import LossPlot
from widgets.plot_parts import clock, clock_step, round_step, short_number


def rows(n, start=1):
    step = np.arange(start, start + n, dtype=float)
    held = np.where(step % 10 == 0, step / 100, np.nan)
    return {"step": step, "tokens": step * 100, "flops": step * 1e9, "elapsed_s": step / 10, "loss": 1 / step,
            "val_loss": held, "val_bits_per_byte": held / 2, "lr": step * 0 + 1e-3, "grad_norm": step * 0 + 1,
            "tokens_per_s": step * 0 + 5e4}  # fmt: skip


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_pyramid_grown_in_pieces_equals_one_made_at_once(sizes, seed):
    values = np.random.default_rng(seed).normal(size=sum(sizes))
    grown, at_once = Pyramid(), Pyramid()
    at_once.extend(values)
    for part in np.split(values, np.cumsum(sizes)[:-1]):
        grown.extend(part)
    for most in (1, 7, 100, 10**6):
        for left, right in zip(grown.blocks(0, len(values), most), at_once.blocks(0, len(values), most)):
            assert np.array_equal(left, right)


@given(st.integers(1, 40_000), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_view_has_at_most_two_points_a_pixel_and_loses_no_extreme(n, pixels, seed):
    rng = np.random.default_rng(seed)
    y, x = rng.normal(size=n), np.cumsum(rng.exponential(size=n))
    curve = Curve(("x",))
    curve.extend({"x": x}, y)
    drawn_x, drawn_y = curve.view("x", x[0], x[-1], pixels)
    assert len(drawn_x) == len(drawn_y) <= 2 * (pixels + 2)
    assert drawn_y.min() == y.min() and drawn_y.max() == y.max()
    assert np.all(np.diff(drawn_x) >= 0)


def test_a_narrow_view_shows_the_rows_themselves_and_one_beyond_each_side():
    curve = Curve(("x",))
    curve.extend({"x": np.arange(1000.0)}, np.arange(1000.0))
    x, y = curve.view("x", 100, 110, 500)
    assert x.tolist() == list(range(99, 112)) == y.tolist()


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_smoothing_in_pieces_equals_the_definition(decay):
    values = np.random.default_rng(1).normal(size=1500)
    got, carry, weight = [], 0.0, 1.0
    for part in np.split(values, [1, 7, 256, 300, 812, 1324]):
        means, carry, weight = ema(part, decay, carry, weight)
        got.append(means)
    mean, wanted = 0.0, []
    for age, value in enumerate(values, 1):
        mean = decay * mean + (1 - decay) * value
        wanted.append(mean / (1 - decay**age))
    assert np.allclose(np.concatenate(got), wanted, rtol=1e-9)


def test_rows_not_measured_are_left_out():
    curve = Curve(("x",))
    curve.extend({"x": np.arange(4.0)}, np.array([np.nan, 1, np.inf, 2]))
    assert curve.x["x"].values.tolist() == [1, 3] and curve.at("x", 2.6) == 1


@pytest.fixture
def plot(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    made.append("a", rows(1000))
    made.repaint_curves()
    return made


def drawn(plot, column, series="a"):
    return plot.series[series].items[column][1].getData()


def test_appended_rows_appear_and_the_view_follows(plot):
    plot.append("a", rows(500, 1001))
    plot.repaint_curves()
    assert plot.canvas.view.viewRange()[0][1] >= 1500 and drawn(plot, "loss")[0][-1] == 1500


def test_a_zoomed_view_stays_where_the_person_put_it(plot, qtbot):
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Plus)
    plot.repaint_curves()
    before = plot.canvas.view.viewRange()[0]
    plot.append("a", rows(500, 1001))
    plot.repaint_curves()
    assert plot.canvas.view.viewRange()[0] == before
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Home)
    plot.repaint_curves()
    assert plot.canvas.view.viewRange()[0][1] >= 1500


@pytest.mark.parametrize("axis,last", [("step", 1000), ("tokens", 1e5), ("flops", 1e12), ("time", 100)])
def test_each_axis_uses_its_own_column(plot, axis, last):
    plot.set_axis(axis)
    plot.repaint_curves()
    assert drawn(plot, "loss")[0][-1] == pytest.approx(last)
    plot.grab()


def test_training_and_held_out_loss_are_drawn_together_and_other_metrics_alone(plot, qtbot):
    shown = {column for column, (_, main) in plot.series["a"].items.items() if main.isVisible()}
    assert shown == {"loss", "val_loss"}
    with qtbot.waitSignal(plot.metric_changed, check_params_cb=lambda metric: metric == "lr"):
        plot.metric_control._buttons["lr"].click()
    plot.repaint_curves()
    assert {c for c, (_, main) in plot.series["a"].items.items() if main.isVisible()} == {"lr"}


def test_smoothing_keeps_the_raw_curve_faintly(plot):
    plot.set_smoothing(0.5)
    plot.repaint_curves()
    raw, main = plot.series["a"].items["loss"]
    assert raw.isVisible() and raw.opts["pen"].color().alphaF() < main.opts["pen"].color().alphaF()
    assert not np.array_equal(raw.getData()[1], main.getData()[1])
    plot.set_smoothing(0)
    plot.repaint_curves()
    assert not raw.isVisible()


def test_a_million_points_are_drawn_as_two_a_pixel_with_thin_pens(plot):
    plot.append("b", rows(1_000_000))
    plot.repaint_curves()
    assert len(drawn(plot, "loss", "b")[0]) <= 2 * (plot.canvas.view.width() + 2)
    for pen in (item.opts["pen"] for pair in plot.series["b"].items.values() for item in pair):
        assert pen.isCosmetic() and pen.widthF() == 1


def test_many_appends_paint_once(plot, qtbot, monkeypatch):
    painted = []
    monkeypatch.setattr(plot.canvas, "_draw_marks", lambda: painted.append(1))
    for start in range(1001, 1101):
        plot.append("a", rows(1, start))
    qtbot.wait(120)
    assert len(painted) in (1, 2)


def test_a_series_cut_back_by_a_resume_is_replaced(plot):
    plot.set_series("a", rows(400))
    plot.repaint_curves()
    assert drawn(plot, "loss")[0][-1] == 400 and len(plot.legend.chips) == 1


def test_a_hidden_run_is_not_drawn_and_a_removed_one_is_gone(plot):
    plot.append("b", rows(50))
    plot.legend.chips["a"].click()
    plot.repaint_curves()
    assert not plot.series["a"].items["loss"][1].isVisible() and plot.canvas.view.viewRange()[0][1] < 60
    plot.remove_series("b")
    assert list(plot.series) == list(plot.legend.chips) == ["a"]
    plot.clear()
    plot.repaint_curves()


def test_event_marks_stand_at_their_step_and_tell_when_clicked(plot, qtbot):
    plot.set_events("a", [("checkpoint", 500, "checkpoint 500")])
    plot.set_axis("tokens")
    plot.repaint_curves()
    point = plot.canvas.marks.points()[0]
    assert point.pos().x() == pytest.approx(50_000)
    with qtbot.waitSignal(plot.event_clicked) as told:
        plot.canvas.marks.sigClicked.emit(plot.canvas.marks, [point], None)
    assert told.args == ["a", "checkpoint", 500]


def test_the_readout_names_every_value_and_the_event_near_the_pointer(plot):
    plot.set_events("a", [("checkpoint", 500, "checkpoint 500")])
    plot.repaint_curves()
    lines = "".join(plot.canvas.lines_at(500.2))
    assert "0.002" in lines and "5" in lines and "checkpoint 500" in lines and "500" in lines
    assert "checkpoint" not in "".join(plot.canvas.lines_at(700))


def test_an_empty_plot_paints_and_reads_nothing(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    made.repaint_curves()
    assert made.canvas.lines_at(3.0) == []
    made.set_events("early", [("checkpoint", 1, "x")])
    made.repaint_curves()


def test_what_is_shown_can_be_saved_as_values_picture_and_drawing(plot, qtbot, tmp_path):
    for name in ("a.csv", "a.png", "a.svg"):
        with qtbot.waitSignal(plot.exported):
            plot.save(str(tmp_path / name))
    table = list(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8-sig")))
    losses = [float(row["value"]) for row in table if row["quantity"] == "loss"]
    assert np.allclose(losses, rows(1000)["loss"])
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and "<svg" in (tmp_path / "a.svg").read_text()


def test_numbers_are_written_as_people_do():
    assert [short_number(v) for v in (0, 0.00031, 1500, 2e6, 3.25e15)] == ["0", "0.00031", "1.5k", "2M", "3.25P"]
    assert [clock(v) for v in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]
    assert [round_step(v) for v in (0.3, 1, 3, 7000)] == [0.5, 1, 5, 10000]
    assert [clock_step(v) for v in (3, 61, 100_000)] == [5, 120, 172800]
