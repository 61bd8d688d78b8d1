"""Parallel coordinates: where lines lie, what a brush lets pass, and that a keyboard can do all of it."""

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from widgets.parallel_axes import CoordinateAxis
from widgets.parallel_coordinates import ParallelCoordinates


def axes() -> list[CoordinateAxis]:
    return [
        CoordinateAxis("Learning rate", (1e-4, 1e-3, 1e-2, 1e-2)),
        CoordinateAxis("Optimizer", ("adamw", "muon", "muon", "adamw")),
        CoordinateAxis("Best loss", (3.0, 2.0, 4.0, None)),
    ]


@pytest.fixture
def plot(qtbot):
    made = ParallelCoordinates()
    qtbot.addWidget(made)
    made.resize(800, 320)
    made.set_lines(axes(), best=1)
    made.show()
    return made


def test_numbers_lie_to_scale_by_ratio_where_they_span_much_and_words_at_equal_distances():
    rates, words, loss = axes()
    assert rates.logarithmic and [rates.share(line) for line in range(3)] == pytest.approx([0, 0.5, 1])
    assert not loss.logarithmic and loss.share(0) == 0.5 and loss.share(3) is None
    assert [words.share(line) for line in range(4)] == [0, 1, 1, 0]
    assert CoordinateAxis("One", (7, 7)).share(0) == 0.5
    assert [word for _, word in rates.ticks()] == ["0.0001", "0.001", "0.01"]
    many = CoordinateAxis("Many", tuple(range(1, 13)))
    assert len(many.ticks()) == 5 and many.ticks()[0] == (0.0, "1") and many.ticks()[-1] == (1.0, "12")


def test_better_results_lie_lower_and_a_line_without_a_result_ends_before(plot):
    good, bad, none = plot.points(1), plot.points(2), plot.points(3)
    assert good[-1].y() > bad[-1].y() and none[-1] is None and none[0] is not None
    assert good[1].y() > bad[1].y(), "two that share a value lie beside each other, the better one lower"


def test_dragging_along_an_axis_keeps_what_crosses_it_there_and_a_double_click_lets_go(plot, qtbot):
    told = []
    plot.brushed.connect(told.append)
    x, top = round(plot._x(2)), round(plot._y(0.6))
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, top))
    qtbot.mouseMove(plot, QPoint(x, round(plot._y(0.0))))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, round(plot._y(0.0))))
    assert plot.passing() == {0, 1} == told[-1], "the worst, and the one without a result, are left out"
    plot.set_brush(1, (0.9, 1.0))
    assert plot.passing() == {1}
    qtbot.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(x, top))
    assert plot.passing() == {1, 2}
    plot.set_brush(1, None)
    assert plot.passing() == {0, 1, 2, 3}


def test_the_keyboard_chooses_an_axis_brushes_it_moves_and_lets_go(plot, qtbot):
    plot.setFocus()
    assert plot.current == 2
    qtbot.keyClick(plot, Qt.Key.Key_Space)
    assert plot.brushes == {2: (0.0, 0.5)} and plot.passing() == {0, 1}
    assert "from 2 to 3" in plot.accessibleDescription() and "2 of 4 runs" in plot.accessibleDescription()
    for _ in range(20):
        qtbot.keyClick(plot, Qt.Key.Key_Up)
    assert plot.brushes[2] == pytest.approx((0.5, 1.0)), "it keeps its size and stops at the end"
    qtbot.keyClick(plot, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert plot.brushes[2] == pytest.approx((0.5, 0.95)) and plot.passing() == {0}
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.current == 1
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert not plot.brushes and len(plot.passing()) == 4


def test_a_click_on_a_line_chooses_it(plot, qtbot):
    left, right = plot.points(1)[1:]
    middle = QPointF((left.x() + right.x()) / 2, (left.y() + right.y()) / 2)
    with qtbot.waitSignal(plot.chosen) as chosen:
        qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=middle.toPoint())
    assert chosen.args == [1]


def test_newer_values_of_the_same_axes_keep_the_brushes_and_other_axes_do_not(plot):
    plot.set_brush(0, (0.0, 0.4))
    plot.set_lines(axes(), best=None)
    assert plot.passing() == {0}
    plot.set_lines(axes()[1:], best=None)
    assert plot.passing() == {0, 1, 2, 3}


def test_the_best_line_is_drawn_thick_in_the_colour_of_good_results(plot):
    assert plot.colour(1) != plot.colour(2)
    at = plot.points(1)[-1].toPoint()
    picture = plot.grab().toImage()
    near = [picture.pixelColor(at.x() + dx, at.y() + dy) for dx in (-2, -1, 0, 1, 2) for dy in (-2, -1, 0, 1, 2)]
    assert plot.colour(1).name() in [colour.name() for colour in near]


def test_values_are_copied_in_full(plot):
    rows = plot.values()
    assert rows[0] == ["Learning rate", "Optimizer", "Best loss"] and rows[4] == [1e-2, "adamw", None]
