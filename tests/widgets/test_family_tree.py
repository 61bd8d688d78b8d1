"""The family tree: everything has a place of its own, and mouse, keys and search find it."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from widgets.family_tree import FamilyTree, TreeLegend, draw_mark
from widgets.tree_layout import EARLY, LANES, Entry, lay_out

ENTRIES = [
    Entry("counts", "n-gram", 1990, "ancestor", "counts of words"),
    Entry("base", "Transformer", 2017, "encoder-decoder", "attention"),
    Entry("bert", "BERT", 2018, "encoder", "masked tokens", parent="base"),
    Entry("gpt", "GPT", 2018, "decoder", "next token", parent="base"),
    Entry("large", "GPT-3", 2020, "decoder", "few examples", open=False, parent="gpt"),
    Entry("tuned", "Tuned", 2020, "decoder", "instructions", recipe=True, parent="large"),
    Entry("late", "Late", 2023, "prefix", "rotations", parent="large"),
]


def width_of(text):
    return 7.0 * len(text)


@pytest.fixture
def tree(qtbot):
    made = FamilyTree(ENTRIES)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    return made


@pytest.mark.parametrize("size", [(0, 0), (700, 300), (1900, 1000)])
def test_no_two_names_share_a_place_and_lanes_hold_their_own(size):
    made = lay_out(ENTRIES, width_of, *size)
    boxes = list(made.boxes.items())
    assert len(boxes) == len(ENTRIES)
    for place, (_, box) in enumerate(boxes):
        assert not any(box.intersects(other) for _, other in boxes[place + 1 :])
    for entry in ENTRIES:
        assert made.lanes[entry.branch].contains(made.boxes[entry.key].center())
        assert made.boxes[entry.key].right() <= made.width


def test_years_run_from_left_to_right_and_lanes_stand_in_their_order():
    made = lay_out(ENTRIES, width_of, 900, 400)
    lefts = [made.columns[year] for year in sorted(made.columns)]
    assert lefts == sorted(lefts) and min(made.columns) == EARLY
    tops = [made.lanes[lane].top() for lane in LANES if lane in made.lanes]
    assert tops == sorted(tops)


def test_a_recipe_hangs_below_the_shape_it_grew_from():
    made = lay_out(ENTRIES, width_of, 900, 400)
    base, recipe = made.boxes["large"], made.boxes["tuned"]
    assert recipe.top() == base.bottom() and recipe.left() > base.left()


def test_a_click_chooses_and_says_so(tree, qtbot):
    with qtbot.waitSignal(tree.chosen) as told:
        qtbot.mouseClick(tree, Qt.MouseButton.LeftButton, pos=tree.layout_of.boxes["bert"].center().toPoint())
    assert told.args == ["bert"] and tree.current() == "bert" and "masked tokens" in tree.accessibleDescription()
    with qtbot.assertNotEmitted(tree.chosen):
        qtbot.mouseClick(tree, Qt.MouseButton.LeftButton, pos=QPoint(880, 390))


def test_arrow_keys_reach_every_entry(tree, qtbot):
    tree.setFocus()
    reached, waiting = set(), [ENTRIES[0].key]
    while waiting:
        key = waiting.pop()
        if key in reached:
            continue
        reached.add(key)
        for step in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            tree.set_current(key)
            qtbot.keyClick(tree, step)
            waiting.append(tree.current())
    assert reached == {entry.key for entry in ENTRIES}


def test_the_pointer_over_a_name_tells_name_year_and_idea(tree, qtbot):
    qtbot.mouseMove(tree, tree.layout_of.boxes["late"].center().toPoint())
    qtbot.waitUntil(lambda: "rotations" in tree.toolTip())
    assert "Late" in tree.toolTip() and "2023" in tree.toolTip()


def test_search_finds_names_before_ideas(tree):
    tree.set_query(" gpt ")
    assert tree.matches() == ["gpt", "large"]
    tree.set_query("token")
    assert tree.matches() == ["bert", "gpt"]
    tree.set_query("")
    assert tree.matches() == []
    tree.grab()


def picture(entry) -> QImage:
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    draw_mark(painter, QPoint(8, 8), entry, QColor("black"), QColor("white"))
    painter.end()
    return image


def test_open_and_closed_shape_and_recipe_differ_without_colour(qtbot):
    marks = [picture(Entry("", "", 0, "", open=opened, recipe=recipe))
             for opened in (True, False) for recipe in (True, False)]  # fmt: skip
    assert all(one != other for place, one in enumerate(marks) for other in marks[place + 1 :])
    assert marks[0].pixelColor(8, 8) == QColor("black") and marks[2].pixelColor(8, 8) == QColor("white")
    legend = TreeLegend()
    qtbot.addWidget(legend)
    assert not legend.grab().isNull() and legend.accessibleName()


def test_the_line_of_an_entry_reaches_the_root_and_what_grew_from_it(tree):
    assert tree._line_of("large") == {"large", "gpt", "base", "tuned", "late"}
    assert tree._line_of("") == set()
