"""Rows of scores: grouped, chosen by mouse and by keys, copied in full."""

import pytest
from PySide6.QtCore import QPoint, Qt

from widgets.score_rows import GROUP_PX, ROW_PX, ScoreRow, ScoreRows, figures

ROWS = [ScoreRow("a", "First", "about it", "one", 0.75, 0.7, 0.8), ScoreRow("b", "Second", "", "two", 0.5, 0.4, 0.6),
        ScoreRow("c", "Third", "", "one", None)]  # fmt: skip


@pytest.fixture
def rows(qtbot):
    made = ScoreRows()
    qtbot.addWidget(made)
    made.set_rows(ROWS, "AUROC", "chance")
    made.resize(700, made.sizeHint().height())
    made.show()
    return made


def test_rows_of_one_group_stand_together(rows):
    assert [row.key for row in rows.rows] == ["a", "c", "b"]
    boxes = rows._boxes()
    assert [row.key if row else "" for row, _ in boxes] == ["", "a", "c", "", "b"]
    assert boxes[-1][1].bottom() == 2 * GROUP_PX + 3 * ROW_PX


def test_a_click_and_the_arrow_keys_choose(rows, qtbot):
    with qtbot.waitSignal(rows.chosen) as told:
        qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPoint(30, GROUP_PX + ROW_PX + 5))
    assert told.args == ["c"] and rows.key == "c"
    with qtbot.waitSignal(rows.chosen) as told:
        qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert told.args == ["b"]
    with qtbot.assertNotEmitted(rows.chosen):
        qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPoint(30, 5))  # the name of a group


def test_the_axis_begins_below_all_that_is_shown_and_values_stand_in_order(rows):
    assert rows._least() == pytest.approx(0.3)  # the tenth below an interval that begins at .4
    assert rows._place(0.5) < rows._place(0.75) < rows._place(1.0) < rows.width()
    assert figures(ROWS[0]) == "0.750  (0.700 … 0.800)" and figures(ROWS[2]) == "–"
    assert rows.values()[1] == ["First", "one", 0.75, 0.7, 0.8]
    assert not rows.grab().isNull()
