"""Dots with bars, curves over repetitions, and cells that fill: what is drawn where."""

import pytest
from PySide6.QtGui import QColor

from widgets import theme
from widgets.interval_plot import IntervalPlot, IntervalRow
from widgets.repetition_plot import RepetitionCurve, RepetitionPlot
from widgets.twin_grid import TwinCell, TwinGrid

ROWS = [
    IntervalRow("kept", "a note", "2.5", "baseline"),
    IntervalRow("removed", "", "2.3", "-0.2", -0.2, -0.25, -0.15, (-0.22, -0.18)),
    IntervalRow("unsure", "", "2.5", "+0.0", 0.01, -0.3, 0.32),
    IntervalRow("one seed", "", "2.6", "+0.1", 0.1),
]


def shown(widget, qtbot, size=(760, 300)):
    qtbot.addWidget(widget)
    widget.resize(*size)
    widget.show()
    return widget.grab().toImage()


def test_a_filled_dot_is_sure_and_a_hollow_one_is_not(qtbot):
    plot = IntervalPlot()
    plot.set_rows(ROWS, "bits per byte", "better", "worse")
    image = shown(plot, qtbot)
    colours = [QColor(image.pixel(round(plot._place(row.mean)), 24 + 52 * number + 26))
               for number, row in enumerate(ROWS) if row.mean is not None]
    assert colours[0].name() == theme.color("accent").name()
    assert colours[1].name() == colours[2].name() == theme.color("raised").name()
    assert [row.sure for row in ROWS] == [False, True, False, False]


def test_everything_drawn_lies_on_the_axis_in_its_order(qtbot):
    plot = IntervalPlot()
    plot.set_rows(ROWS, "bits per byte", "better", "worse")
    shown(plot, qtbot)
    places = [plot._place(value) for value in (-0.3, -0.2, 0.0, 0.1, 0.32)]
    assert places == sorted(places) and places[0] > 160 and places[-1] < plot.width() - 176
    assert plot.values()[2][:3] == ["removed", "", "2.3"] and plot.values()[2][3] == -0.2
    assert "removed: 2.3" in plot.accessibleName()


def test_a_plot_with_nothing_to_compare_is_still_drawn(qtbot):
    plot = IntervalPlot()
    plot.set_rows(ROWS[:1], "", "better", "worse")
    assert not shown(plot, qtbot).isNull()


def test_doublings_are_equally_far_apart_and_chance_has_its_line(qtbot):
    plot = RepetitionPlot()
    plot.set_curves(
        [RepetitionCurve("kept", {1: 1.5, 2: 3.0, 4: 6.0}), RepetitionCurve("removed", {1: 1.4, 2: 1.5, 4: 1.6})],
        title="codes", axis="times repeated", most=8.0, chance=1.44, chance_text="chance")  # fmt: skip
    image = shown(plot, qtbot, (420, 320))
    one, two, four = (plot._point(at, 1.0).x() for at in (1, 2, 4))
    assert two - one == pytest.approx(four - two) and plot._point(1, 8.0).y() < plot._point(1, 0.0).y()
    place = plot._point(4, 6.0)
    assert QColor(image.pixel(round(place.x()), round(place.y()))).name() == theme.series(0).name()
    assert plot.values()[1:3] == [["kept", 1, 1.5], ["kept", 2, 3.0]]


def test_values_beyond_the_axis_stay_on_it(qtbot):
    plot = RepetitionPlot()
    plot.set_curves([RepetitionCurve("a", {1: 99.0})], title="", axis="", most=8.0)
    shown(plot, qtbot, (420, 300))
    assert plot._point(1, 99.0) == plot._point(1, 8.0)


def test_a_cell_fills_with_its_share(qtbot):
    grid = TwinGrid()
    grid.set_cells(["kept"], [[TwinCell("running", 0.5, ""), TwinCell("completed", 1.0, "2.500")]])
    image = shown(grid, qtbot, (640, 36))
    box = grid.cell_box(0, 0)
    left, right = (QColor(image.pixel(round(box.left() + share * box.width()), round(box.top() + 3)))
                   for share in (0.3, 0.9))  # fmt: skip
    assert left.name() == theme.color("accent_soft").name() and right.name() == theme.color("sunken").name()
    assert "2.500" in grid.accessibleName() and "50%" in grid.accessibleName()
