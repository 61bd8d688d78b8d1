"""Grids, thumbnails, curves and the map of tokens: what is pointed at is what is told, by pointer and by keys."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from widgets import theme
from widgets.head_thumbnails import HeadThumbnails
from widgets.heat_grid import HeatGrid
from widgets.score_curves import ScoreCurves
from widgets.tip import Tip
from widgets.token_map import TokenMap

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def shown(qtbot, widget, width=420, height=300):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    return widget


def picture(widget) -> QImage:
    return widget.grab().toImage()


def grid(qtbot, **more) -> HeatGrid:
    made = shown(qtbot, HeatGrid(**more))
    made.set_grid(["a", "b", "c"], list("wxyz"), VALUES, low=0, high=11, tell=lambda r, c: f"{r}:{c} <b>")
    return made


@pytest.mark.parametrize("upwards", [True, False])
def test_the_cell_under_the_pointer_is_the_cell_that_is_drawn_there(qtbot, upwards):
    made = grid(qtbot, upwards=upwards)
    for row in range(3):
        for column in range(4):
            assert made.cell_at(made.cell_box(row, column).center().toPoint()) == (row, column)
    assert (made.cell_box(0, 0).top() > made.cell_box(2, 0).top()) == upwards
    assert made.cell_at(QPoint(0, 0)) == (-1, -1)
    image, colours = picture(made), made.colours()
    for row, column in ((0, 0), (2, 3), (1, 2)):
        at = made.cell_box(row, column).center().toPoint()
        blue, green, red, _ = colours[row, column].tolist()
        drawn = image.pixelColor(at)
        assert max(abs(drawn.red() - red), abs(drawn.green() - green), abs(drawn.blue() - blue)) <= 2


def test_a_click_and_the_keys_tell_the_same_cell(qtbot):
    made = grid(qtbot)
    clicked = []
    made.clicked.connect(lambda *cell: clicked.append(cell))
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=made.cell_box(1, 2).center().toPoint())
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Left, Qt.Key.Key_Return):
        qtbot.keyClick(made, key)
    assert clicked == [(1, 2), (2, 0)]
    assert made.accessibleDescription() == "2:0 <b>"


def test_colours_that_go_both_ways_leave_zero_bare_and_unknown_cells_empty(qtbot):
    made = grid(qtbot)
    made.set_grid(["a"], list("xyz"), np.array([[0.0, 2.0, np.nan]], np.float32), low=-2, high=2, diverging=True)
    ground, most = theme.color("raised"), theme.color("clay")
    assert made.colours()[0, 0].tolist() == [ground.blue(), ground.green(), ground.red(), 255]
    assert made.colours()[0, 1].tolist() == [most.blue(), most.green(), most.red(), 255]
    assert made.colours()[0, 2, 3] == 0


def test_a_chosen_column_is_framed_and_the_theme_is_followed(qtbot):
    made = grid(qtbot)
    before = picture(made)
    made.choose(-1, 2)
    assert picture(made) != before
    made.choose(-1, -1)
    assert picture(made) == before


def test_thumbnails_show_each_head_and_choose_by_click_and_by_keys(qtbot):
    made = shown(qtbot, HeadThumbnails())
    weights = np.zeros((2, 3, 4, 4), np.float32)
    weights[1, 2] = np.eye(4)
    made.set_weights(weights, lambda layer, head: f"{layer}.{head}")
    assert made.box(1, 0).top() < made.box(0, 0).top()  # layers are counted from below
    image = picture(made)
    centre = [made.box(*head).topLeft().toPoint() + QPoint(5, 5) for head in ((1, 2), (0, 0))]
    assert image.pixelColor(centre[0]).lightness() > image.pixelColor(centre[1]).lightness() + 60
    chosen = []
    made.head_chosen.connect(lambda *head: chosen.append(head))
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=made.box(1, 2).center().toPoint())
    qtbot.keyClick(made, Qt.Key.Key_Left)
    qtbot.keyClick(made, Qt.Key.Key_Down)
    qtbot.keyClick(made, Qt.Key.Key_Down)  # there is nothing below
    assert chosen == [(1, 2), (1, 1), (0, 1)] and made.accessibleDescription() == "0.1"


def test_a_point_is_found_where_it_is_drawn_at_any_zoom(qtbot):
    made = shown(qtbot, TokenMap())
    places = np.random.default_rng(0).normal(size=(50, 2))
    made.set_points([f"t{i}" for i in range(50)], places, 3)
    for point in (0, 2, 40):
        x, y = made.on_screen()[point]
        found = made.point_at(QPointF(x, y))
        assert np.hypot(*(made.on_screen()[found] - (x, y))) <= 3.01  # itself, or one drawn over it
    screen = made.on_screen()
    assert (screen >= 0).all() and (screen[:, 0] <= made.width()).all() and (screen[:, 1] <= made.height()).all()
    at = QPointF(*screen[1])
    made._zoom_at(at, 8)
    assert made.on_screen()[1] == pytest.approx([at.x(), at.y()], abs=1e-6)  # it stays under the pointer
    assert np.ptp(made.on_screen(), axis=0) == pytest.approx(8 * np.ptp(screen, axis=0))
    clicked = []
    made.clicked.connect(clicked.append)
    qtbot.mouseClick(made, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert clicked == [1]
    qtbot.mouseDClick(made, Qt.MouseButton.LeftButton)
    assert made.on_screen() == pytest.approx(screen)


def test_dragging_moves_the_map_and_clicks_nothing(qtbot):
    made = shown(qtbot, TokenMap())
    made.set_points(["a", "b"], np.array([[0.0, 0.0], [1.0, 1.0]]), 2)
    clicked, before = [], made.on_screen()
    made.clicked.connect(clicked.append)
    start = QPoint(*map(round, before[0]))
    qtbot.mousePress(made, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(made, start + QPoint(30, -20))
    qtbot.mouseRelease(made, Qt.MouseButton.LeftButton, pos=start + QPoint(30, -20))
    assert not clicked
    assert made.on_screen() - before == pytest.approx(np.tile([30, -20], (2, 1)))


def test_the_curve_near_the_pointer_is_told_and_steps_stand_at_their_logarithm(qtbot):
    made = shown(qtbot, ScoreCurves(0.4))
    made.set_scores([1, 10, 100], np.array([[0.0, 0.1], [0.2, 0.1], [0.9, 0.1]]), lambda line, step: f"{line}@{step}")
    screen = made.on_screen()
    assert screen[1, 0, 0] == pytest.approx((screen[0, 0, 0] + screen[2, 0, 0]) / 2)
    assert made.nearest(QPointF(*screen[2, 0])) == (0, 2)
    assert made.nearest(QPointF(screen[2, 0, 0] - 60, screen[2, 0, 1])) is None
    assert screen[2, 0, 1] < screen[0, 0, 1]
    picture(made)


@pytest.mark.parametrize("gone", [QEvent.Type.Leave, QEvent.Type.Hide])
def test_a_tip_goes_with_the_pointer_and_with_its_owner(qtbot, gone):
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    tip = Tip(owner)
    tip.tell("layer 1, head 2", QPoint(4, 4))
    assert tip.isVisible()
    if gone == QEvent.Type.Hide:
        owner.hide()
        owner.show()
    else:
        QApplication.sendEvent(owner, QEvent(gone))
    assert not tip.isVisible()
