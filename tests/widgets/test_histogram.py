"""A histogram shows every document, and its thresholds follow the mouse and the keys."""

import math

import pytest
from PySide6.QtCore import QPoint, Qt

from widgets.histogram import Histogram, Threshold
from widgets.histogram_scale import MOST_BARS, Bins, Scale

EDGES = [float(edge) for edge in range(0, 101)]
KEPT, REJECTED = [0] * 20 + [5] * 80, [3] * 20 + [0] * 80


@pytest.fixture
def plot(qtbot):
    made = Histogram("Words", "words")
    qtbot.addWidget(made)
    made.resize(420, 120)
    made.set_counts(EDGES, KEPT, REJECTED)
    made.set_thresholds([Threshold("least", 20, "above", low=0, high=1000, whole=True)])
    made.show()
    return made


def drag(qtbot, plot, start, end):
    y = plot.height() // 2
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(start), y))
    for step in range(1, 5):
        qtbot.mouseMove(plot, QPoint(round(start + (end - start) * step / 4), y))
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(end), y))


def test_a_dragged_line_tells_its_value_live_and_at_rest(plot, qtbot):
    moved, rested = [], []
    plot.threshold_changed.connect(lambda field, value: moved.append((field, value)))
    plot.threshold_released.connect(lambda field, value: rested.append((field, value)))
    drag(qtbot, plot, plot.place(20), plot.place(60))
    assert len(moved) > 1 and moved[-1][0] == "least"
    assert moved[-1][1] == pytest.approx(60, abs=2) and moved[-1][1] == int(moved[-1][1])
    assert rested == [moved[-1]] and plot.thresholds[0].value == moved[-1][1]


def test_a_press_beside_the_line_moves_nothing(plot, qtbot):
    with qtbot.assertNotEmitted(plot.threshold_changed):
        drag(qtbot, plot, plot.place(50), plot.place(80))


def test_arrow_keys_move_the_chosen_line(plot, qtbot):
    plot.set_thresholds([Threshold("least", 20, "above", whole=True), Threshold("most", 80, "below", whole=True)])
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert [line.value for line in plot.thresholds] == [21, 80]
    qtbot.keyClick(plot, Qt.Key.Key_Down)
    qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert plot.thresholds[0].value == 21 and 60 <= plot.thresholds[1].value <= 75


def test_a_line_stays_within_its_range(plot, qtbot):
    plot.set_thresholds([Threshold("least", 20, "above", low=10, high=30, whole=True)])
    drag(qtbot, plot, plot.place(20), plot.place(95))
    assert plot.thresholds[0].value == 30
    drag(qtbot, plot, plot.place(30), plot.place(1))
    assert plot.thresholds[0].value == 10


def test_setting_a_value_from_outside_is_silent(plot, qtbot):
    with qtbot.assertNotEmitted(plot.threshold_changed):
        plot.set_threshold("least", 44)
    assert plot.thresholds[0].value == 44 and "44" in plot.accessibleName()


def test_a_plot_that_only_shows_cannot_be_dragged(qtbot):
    plot = Histogram("Words", movable=False)
    qtbot.addWidget(plot)
    plot.resize(420, 120)
    plot.set_counts(EDGES, KEPT, REJECTED)
    plot.set_thresholds([Threshold("least", 20, "above")])
    plot.show()
    drag(qtbot, plot, plot.place(20), plot.place(60))
    assert plot.thresholds[0].value == 20


def test_no_document_is_lost_in_the_bars(plot):
    assert plot.bins.total == pytest.approx(sum(KEPT) + sum(REJECTED))
    assert len(plot.bins.kept) <= MOST_BARS
    assert plot.accessibleDescription().startswith("400 kept, 60")


@pytest.mark.parametrize("share", [True, False])
def test_thresholds_beyond_the_data_are_in_sight(share):
    bins = Bins((0.0, 0.01, 0.02), (4, 2), (0, 0)).fitted(0.9, share=share)
    assert bins.edges[0] <= 0 and bins.edges[-1] >= 0.9


def test_wide_ranges_get_bars_that_grow():
    edges = (0.0, 1.0, 50.0, 51.0, 90000.0, 91000.0)
    scale = Scale(Bins(edges, (1, 0, 9, 0, 2), (0,) * 5).fitted(50, 100_000).edges)
    assert not scale.even
    assert scale.place(0) < 0.03 and 0.2 < scale.place(50) < 0.6 and scale.place(100_000) > 0.9
    for value in (5.0, 50.0, 5000.0):
        assert scale.value(scale.place(value)) == pytest.approx(value)


def test_ticks_are_round_and_do_not_crowd():
    scale = Scale(tuple(i / 48 for i in range(49)))
    assert scale.ticks(5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    grown = Scale(tuple(10 ** (i / 8) for i in range(49)))
    ticks = grown.ticks(6)
    assert 4 <= len(ticks) <= 9 and all(math.log10(tick) % 1 in (0, pytest.approx(math.log10(2)), pytest.approx(
        math.log10(5))) for tick in ticks)  # fmt: skip


def test_an_empty_plot_can_be_painted(qtbot):
    plot = Histogram("Nothing")
    qtbot.addWidget(plot)
    plot.set_counts((), (), ())
    plot.set_thresholds([Threshold("x", 0.5)])
    plot.resize(300, 112)
    plot.grab()
    plot.set_counts((3.0, 3.1), (1,), (0,))
    plot.grab()
    assert plot.bins.total == pytest.approx(1)
