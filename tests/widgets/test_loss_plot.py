"""The plot draws few points, loses no spike, and goes on where it stopped."""

import csv

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from widgets.loss_plot import LossPlot
from widgets.plot_axes import Scale, clock, clock_step, round_step, short_number
from widgets.plot_runs import ArrayRows, PlotEvent, PlotRun


def rows(n, start=1):
    step = np.arange(start, start + n, dtype=float)
    held = np.where(step % 10 == 0, step / 100, np.nan)
    return {"step": step, "tokens": step * 100, "flops": step * 1e9, "elapsed_s": step / 10, "loss": 1 / step,
            "val_loss": held, "val_bits_per_byte": held / 2, "lr": step * 0 + 1e-3, "grad_norm": step * 0 + 1,
            "tokens_per_s": step * 0 + 5e4, "epoch": step / 500}  # fmt: skip


@pytest.fixture
def plot(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    made.append("a", rows(1000))
    made.repaint_curves()
    return made


def lines_of(plot, series="a"):
    return {line.column: line for line in plot.canvas.frame.lines if line.series.name == series and not line.faint}


def right(plot):
    return plot.canvas.bottom_scale().high


def test_appended_rows_appear_and_the_view_follows(plot):
    plot.append("a", rows(500, 1001))
    plot.repaint_curves()
    assert right(plot) >= 1500 and lines_of(plot)["loss"].curve.x.values[-1] == 1500


def test_a_zoomed_view_stays_where_the_person_put_it(plot, qtbot):
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Plus)
    before = plot.canvas.bottom_scale()
    plot.append("a", rows(500, 1001))
    plot.repaint_curves()
    assert plot.canvas.bottom_scale() == before and before.high < 1000
    qtbot.keyClick(plot.canvas, Qt.Key.Key_Home)
    assert right(plot) >= 1500


def test_dragging_moves_the_view_and_dragging_with_shift_chooses_a_part(plot, qtbot):
    canvas, left = plot.canvas, Qt.MouseButton.LeftButton
    start = QPoint(400, 200)
    step = canvas.bottom_scale().value(400 - 64)
    qtbot.mousePress(canvas, left, pos=start)
    qtbot.mouseMove(canvas, QPoint(300, 200))
    qtbot.mouseRelease(canvas, left, pos=QPoint(300, 200))
    assert canvas.bottom_scale().value(300 - 64) == pytest.approx(step)
    wanted = [float(canvas.bottom_scale().value(x - 64)) for x in (300, 500)]
    qtbot.mousePress(canvas, left, Qt.KeyboardModifier.ShiftModifier, QPoint(500, 200))
    qtbot.mouseRelease(canvas, left, Qt.KeyboardModifier.ShiftModifier, QPoint(300, 200))
    assert canvas.view == pytest.approx(wanted)
    qtbot.mouseDClick(canvas, left, pos=start)
    assert canvas.view is None


def test_the_height_fits_what_is_in_view(plot):
    plot.canvas.view = (500, 600)
    plot.repaint_curves()
    left = plot.canvas.frame.left
    assert 1 / 600 > left.low and 6 < left.high < 6.5  # held-out loss is step / 100


@pytest.mark.parametrize(
    "axis,last", [("step", 1000), ("tokens", 1e5), ("flops", 1e12), ("time", 100), ("epoch", 2)])  # fmt: skip
def test_each_axis_uses_its_own_column(plot, axis, last):
    plot.set_axis(axis)
    plot.repaint_curves()
    assert lines_of(plot)["loss"].curve.x.values[-1] == pytest.approx(last)
    plot.grab()


def test_epochs_are_offered_only_where_they_were_measured(plot):
    assert not plot.axis_control._buttons["epoch"].isHidden()
    plot.clear()
    plot.append("old", {name: values for name, values in rows(10).items() if name != "epoch"})
    assert plot.axis_control._buttons["epoch"].isHidden()


def test_training_and_held_out_loss_are_drawn_together_and_other_metrics_alone(plot, qtbot):
    assert lines_of(plot).keys() == {"loss", "val_loss"}
    with qtbot.waitSignal(plot.metric_changed, check_params_cb=lambda metric: metric == "lr"):
        plot.metric_control._buttons["lr"].click()
    plot.repaint_curves()
    assert lines_of(plot).keys() == {"lr"}


def test_with_many_runs_training_loss_is_drawn_alone_and_held_out_loss_by_itself(plot):
    for number in range(9):
        plot.append(f"run {number}", rows(20))
    plot.repaint_curves()
    assert {line.column for line in plot.canvas.frame.lines} == {"loss"}
    plot.set_metric("val_loss")
    plot.repaint_curves()
    assert {line.column for line in plot.canvas.frame.lines} == {"val_loss"}


def test_smoothing_keeps_the_raw_curve_faintly(plot):
    plot.set_smoothing(0.5)
    plot.repaint_curves()
    raw, smooth = (line for line in plot.canvas.frame.lines if line.column == "loss")
    assert raw.faint and smooth.smooth and raw.colour.lightnessF() > smooth.colour.lightnessF()
    assert np.nanmean(smooth.high) > np.nanmean(raw.high)  # it lags behind the falling loss
    plot.set_smoothing(0)
    plot.repaint_curves()
    assert not any(line.faint for line in plot.canvas.frame.lines)


def test_many_appends_paint_once(plot, qtbot, monkeypatch):
    painted = []
    monkeypatch.setattr(plot.canvas, "draw_frame", lambda draw=plot.canvas.draw_frame: (painted.append(1), draw()))
    qtbot.wait(80)
    painted.clear()
    for start in range(1001, 1101):
        plot.append("a", rows(1, start))
    qtbot.wait(120)
    assert len(painted) in (1, 2)


def test_moving_the_pointer_paints_no_frame_anew(plot, qtbot, monkeypatch):
    qtbot.wait(80)
    monkeypatch.setattr(plot.canvas, "draw_frame", lambda: pytest.fail("a frame was worked out"))
    for x in range(100, 800, 50):
        plot.canvas.hover(QPointF(x, 200))
        plot.canvas.repaint()


def test_a_series_cut_back_by_a_resume_is_replaced(plot):
    plot.set_series("a", rows(400))
    plot.repaint_curves()
    assert lines_of(plot)["loss"].curve.x.values[-1] == 400 and len(plot.legend.chips) == 1


def test_a_hidden_run_is_not_drawn_and_a_removed_one_is_gone(plot, qtbot):
    plot.append("b", rows(50))
    with qtbot.waitSignal(plot.run_toggled) as told:
        plot.legend.chips["a"].click()
    plot.repaint_curves()
    assert told.args == ["a", False] and not lines_of(plot) and right(plot) < 60
    plot.remove_series("b")
    assert list(plot.series) == list(plot.legend.chips) == ["a"]
    plot.clear()
    plot.repaint_curves()


def test_marks_stand_above_their_step_and_tell_when_clicked(plot, qtbot):
    plot.mark("a", [PlotEvent("checkpoint", 500, "checkpoint 500"), PlotEvent("spike", 700, "spike 700")])
    plot.set_axis("tokens")
    plot.repaint_curves()
    mark = plot.canvas.marks[0]
    assert plot.canvas.frame.bottom.value(mark.x) == pytest.approx(50_000)
    with qtbot.waitSignal(plot.event_clicked) as told:
        qtbot.mouseClick(plot.canvas, Qt.MouseButton.LeftButton, pos=QPoint(round(64 + mark.x), 12))
    assert told.args == ["a", "checkpoint", 500]


def test_crowded_marks_of_a_kind_become_one_that_tells_of_all(plot):
    plot.mark("a", [PlotEvent("checkpoint", step, f"at {step}") for step in (500, 502, 504, 900)])
    plot.repaint_curves()
    assert [mark.texts for mark in plot.canvas.marks] == [("at 500", "at 502", "at 504"), ("at 900",)]


def test_among_many_runs_only_grave_marks_and_those_of_the_chosen_run_are_shown(plot):
    for number in range(10):
        plot.append(f"run {number}", rows(100))
        plot.mark(f"run {number}", [PlotEvent("checkpoint", 50, ""), PlotEvent("spike", 20 + number * 70 % 80, "")])
    plot.set_highlight("run 3")
    plot.repaint_curves()
    kinds = [(mark.run, mark.event.kind) for mark in plot.canvas.marks if mark.event.kind == "checkpoint"]
    assert kinds == [("run 3", "checkpoint")] and len({mark.run for mark in plot.canvas.marks}) == 10


def at(plot, step):
    return QPointF(64 + float(plot.canvas.frame.bottom.place(step)), 200)


def test_the_readout_names_every_value_and_the_event_near_the_pointer(plot):
    plot.mark("a", [PlotEvent("checkpoint", 500, "checkpoint 500")])
    plot.repaint_curves()
    lines = "".join(plot.canvas.lines_at(at(plot, 500.2)))
    assert "0.002" in lines and "5" in lines and "checkpoint 500" in lines and "500" in lines
    assert "checkpoint" not in "".join(plot.canvas.lines_at(at(plot, 700)))


def test_an_empty_plot_paints_and_reads_nothing(qtbot):
    made = LossPlot()
    qtbot.addWidget(made)
    made.repaint_curves()
    assert made.canvas.lines_at(QPointF(200, 100)) == []
    made.set_events("early", [("checkpoint", 1, "x")])
    made.set_axis("tokens")
    made.set_log(x=True, y=True)
    made.repaint_curves()


def test_what_is_shown_can_be_saved_as_values_picture_and_drawing(plot, qtbot, tmp_path):
    for name in ("a.csv", "a.png", "a.svg"):
        with qtbot.waitSignal(plot.exported):
            plot.save(str(tmp_path / name))
    table = list(csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8-sig")))
    losses = [float(row["value"]) for row in table if row["quantity"] == "loss"]
    assert np.array_equal(losses, rows(1000)["loss"]) and table[3]["epoch"] == str(4 / 500)
    assert len([row for row in table if row["quantity"] == "val_loss"]) == 100
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    drawing = (tmp_path / "a.svg").read_text()
    assert "<polyline" in drawing and "<image" not in drawing


# many runs


def runs(count, n=60, group=""):
    made = []
    for number in range(count):
        source = ArrayRows()
        source.extend({"step": np.arange(1.0, n + 1), "loss": np.full(n, 2.0 + number), "lr": np.full(n, 1e-3)})
        made.append(PlotRun(f"run {number}", source, group=group))
    return made


def test_many_runs_have_a_list_that_searches_hides_and_shows(plot, qtbot):
    plot.set_runs(runs(50))
    assert plot.list.isVisible() and not plot.legend.chips and len(plot.list.names()) == 50
    plot.list.search.setText("RUN 4")
    assert plot.list.names() == ["run 4", *(f"run 4{n}" for n in range(10))]
    plot.list.none.click()
    plot.repaint_curves()
    assert len(plot.canvas.frame.lines) == 39 and not plot.series["run 42"].shown
    plot.list.all.click()
    plot.repaint_curves()
    assert len(plot.canvas.frame.lines) == 50
    row = plot.list.view.visualRect(plot.list.found.index(0, 0))
    qtbot.mouseClick(plot.list.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(10, row.center().y()))
    assert not plot.series["run 4"].shown
    with qtbot.waitSignal(plot.run_clicked) as told:
        qtbot.mouseClick(plot.list.view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(90, row.center().y()))
    assert told.args == ["run 4"] and not plot.series["run 4"].shown


def test_the_best_run_is_found_and_drawn_last_and_thicker(plot):
    many = runs(12)
    plot.set_runs(many[::-1])
    plot.repaint_curves()
    last = plot.canvas.frame.lines[-1]
    assert plot.list.model.best == "run 0" == last.series.name and last.thick == 2


def test_a_highlighted_run_lies_on_top_while_the_others_fade(plot):
    plot.set_runs(runs(12))
    plot.repaint_curves()
    before = lines_of(plot, "run 5")["loss"].colour
    plot.set_highlight("run 7")
    plot.repaint_curves()
    assert plot.canvas.frame.lines[-1].series.name == "run 7"
    assert lines_of(plot, "run 5")["loss"].colour.lightnessF() > before.lightnessF()
    plot.list.hovered.emit("run 5")
    plot.repaint_curves()
    assert plot.canvas.frame.lines[-1].series.name == "run 5"
    plot.list.hovered.emit("")
    plot.repaint_curves()
    assert plot.canvas.frame.lines[-1].series.name == "run 7"


def test_runs_that_stay_keep_their_rows_colour_and_visibility(plot):
    many = runs(4)
    plot.set_runs(many)
    plot.legend.chips["run 2"].click()
    kept = plot.series["run 2"]
    plot.set_runs([many[2], *runs(6)[4:]])
    assert plot.series["run 2"] is kept and not kept.shown and kept.index == 2
    assert len({series.index for series in plot.series.values()}) == 3


@pytest.mark.parametrize("bands", ["range", "deviation"])
def test_runs_of_a_group_become_a_mean_and_a_band(plot, bands):
    alone = PlotRun("alone", runs(1)[0].source)
    plot.set_runs([*runs(3, group="seeds"), alone])
    plot.set_bands(bands)
    plot.repaint_curves()
    (band,), (line,) = plot.canvas.frame.bands, plot.canvas.frame.lines
    assert line.series.name == "alone" and band.group == "seeds"
    low, high = (2, 4) if bands == "range" else (3 - 1, 3 + 1)  # of 2, 3, 4
    drawn = np.isfinite(band.mean)
    assert np.allclose(band.mean[drawn], 3) and np.allclose(band.low[drawn], low)
    assert np.allclose(band.high[drawn], high) and drawn.mean() > 0.9
    assert "seeds" in "".join(plot.canvas.lines_at(at(plot, 30)))


def test_a_log_axis_leaves_out_what_it_cannot_show(plot):
    plot.append("a", {**rows(1, 1001), "loss": np.array([-1.0])})
    plot.set_log(x=True, y=True)
    plot.repaint_curves()
    assert plot.canvas.frame.left.low > 0 and plot.canvas.frame.bottom.low > 0
    plot.grab()
    plot.set_log(x=False, y=False)
    plot.repaint_curves()
    assert plot.canvas.frame.left.low < -1


def test_one_spike_flattens_nothing_when_outliers_are_left_out(plot):
    spiked = rows(1000)
    spiked["loss"][500] = 1e6
    plot.set_series("a", spiked)
    plot.set_ordinary(True)
    plot.repaint_curves()
    assert plot.canvas.frame.left.high < 100
    plot.set_ordinary(False)
    plot.repaint_curves()
    assert plot.canvas.frame.left.high > 1e6


def test_numbers_are_written_as_people_do():
    assert [short_number(v) for v in (0, 0.00031, 1500, 2e6, 3.25e15)] == ["0", "0.00031", "1.5k", "2M", "3.25P"]
    assert [clock(v) for v in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]
    assert [round_step(v) for v in (0.3, 1, 3, 7000)] == [0.5, 1, 5, 10000]
    assert [clock_step(v) for v in (3, 61, 100_000)] == [5, 120, 172800]


def test_ticks_stand_at_round_values():
    assert Scale(0, 2.05, 400).ticks(96) == pytest.approx([0, 0.5, 1, 1.5, 2])
    assert Scale(0.9, 2e4, 400, log=True).ticks(50) == [1, 10, 100, 1000, 10000]
    assert Scale(1, 30, 400, log=True).ticks(50) == [1, 2, 5, 10, 20]
    assert Scale(2, 3, 400, log=True).ticks(96) == pytest.approx([2, 2.5, 3])
