"""Heat strips: colours say the values in order, every step has its place, the pointer and the keys read them back."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt

from widgets.heat_strip import ColourScale, HeatStrip, colour_table
from widgets.tab_strip import TabStrip

STEPS = np.array([1.0, 20, 40, 60, 80, 100])


@pytest.fixture
def strip(qtbot):
    made = HeatStrip()
    qtbot.addWidget(made)
    made.resize(664, 60)
    made.set_values(["low", "middle", "high"], STEPS, np.arange(18.0).reshape(3, 6), least=0.0, most=17.0)
    made.set_view(0.0, 100.0)
    made.show()
    return made


def luminance(colours):
    return colours[:, [2, 1, 0]].astype(float) @ [0.2126, 0.7152, 0.0722]


def test_colours_get_lighter_from_least_to_most_without_a_step():
    light = luminance(colour_table())
    assert (np.diff(light) > -0.5).all() and light[-1] - light[0] > 150 and np.diff(light).max() < 3


def test_each_value_is_drawn_at_its_layer_and_its_step_in_its_colour(strip):
    image = strip._draw(600)
    assert (image.width(), image.height()) == (600, 3)
    for row in range(3):
        for column, step in enumerate(STEPS):
            pixel = min(599, max(0, round(step / 100 * 600)))
            blue, green, red, _ = colour_table()[round(strip.values[row, column] / 17 * 255)]
            colour = image.pixelColor(pixel, 2 - row)  # the lowest layer is at the bottom
            assert (colour.red(), colour.green(), colour.blue()) == (red, green, blue), (row, column)


def test_what_was_not_measured_stays_empty_and_so_does_what_lies_outside(strip):
    values = strip.values.copy()
    values[1, 2] = np.nan
    strip.set_values(strip.names, STEPS, values)
    image = strip._draw(600)
    assert image.pixelColor(240, 1).alpha() == 0 and image.pixelColor(240, 0).alpha() == 255
    strip.set_view(0.0, 1000.0)
    assert strip._draw(600).pixelColor(300, 1).alpha() == 0


def test_a_spike_of_one_look_among_thousands_is_never_lost(qtbot):
    made = HeatStrip()
    qtbot.addWidget(made)
    values = np.ones((1, 20_000))
    values[0, 12_345] = 9.0
    made.set_values(["layer"], np.arange(20_000.0), values, least=0.0, most=9.0)
    made.set_view(0, 20_000)
    brightest = colour_table()[255]
    image = made._draw(500)
    found = [x for x in range(500) if image.pixelColor(x, 0).green() == brightest[1]]
    assert len(found) == 1 and abs(found[0] - 308.6) < 1


def test_logarithmic_colours_part_what_lies_far_apart(strip):
    strip.set_values(["a", "b", "c"], STEPS, np.full((3, 6), [[1e-4], [1e-2], [1.0]]), logarithmic=True,
                     least=1e-4, most=1.0)  # fmt: skip
    assert strip.shares(strip.values)[:, 0] == pytest.approx([0, 0.5, 1])
    assert strip.shares(np.array([0.0])) == 0, "a gradient of zero is the darkest, not an error"


def test_the_pointer_reads_layer_and_step(strip, qtbot):
    with qtbot.waitSignal(strip.pointed) as told:
        qtbot.mouseMove(strip, QPoint(strip.gutter_px + round(0.6 * strip.area_px), 2))
    assert told.args == [2, 3]
    with qtbot.waitSignal(strip.pointed) as told:
        qtbot.mouseMove(strip, QPoint(10, 2))
    assert told.args == [-1, -1]


def test_the_arrows_walk_over_the_cells(strip, qtbot):
    told = []
    strip.pointed.connect(lambda row, column: told.append((row, column)))
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right):
        qtbot.keyClick(strip, key)
    assert told == [(1, 5), (1, 4), (0, 4), (0, 5)], "the last one stands at the edge already"


def test_margins_leave_room_for_names_and_stand_under_a_plot(strip):
    strip.set_margins(80, 30)
    assert strip.area_px == 664 - 110
    assert strip.cell_at(QPoint(79, 5)) == (-1, -1) and strip.cell_at(QPoint(81, 5)) == (2, 0)
    assert strip.cell_at(QPoint(664 - 31, 5)) == (2, 5) and strip.cell_at(QPoint(664 - 29, 5)) == (-1, -1)
    strip.set_places(STEPS * 2)
    strip.set_view(0, 200)
    assert strip.cell_at(QPoint(664 - 31, 5)) == (2, 5)


def test_the_scale_says_both_ends(qtbot):
    scale = ColourScale()
    qtbot.addWidget(scale)
    scale.set_ends(0.01, 2.5, "nats")
    assert scale.accessibleName() == "0.01 – 2.5 nats" and not scale.grab().isNull()


def test_tabs_speak_by_key_and_only_of_what_a_person_chose(qtbot):
    tabs = TabStrip({"a": "First", "b": "Second", "c": "Third"}, "Details")
    qtbot.addWidget(tabs)
    told = []
    tabs.value_changed.connect(told.append)
    tabs.set_value("c")
    tabs.set_choice_visible("b", False)
    tabs.add_choice("d", "Fourth", 1)
    assert told == [] and tabs.value() == "c" and tabs.keys() == ["a", "d", "b", "c"]
    tabs.setCurrentIndex(0)
    assert told == ["a"]
    qtbot.keyClick(tabs, Qt.Key.Key_Right)
    assert told == ["a", "d"]
    tabs.set_choice_text("d", "Fourth (2)")
    assert tabs.tabText(1) == "Fourth (2)"
