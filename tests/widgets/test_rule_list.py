"""Rules in their order: dragged, switched, set; numbers and lines say the same."""

import pytest
from PySide6.QtCore import QPoint, Qt

from widgets.rule_list import FAMILIES, RuleList, family_text, rule_types

RULES = [{"rule": "fix_text", "on": True}, {"rule": "minimum_length", "on": True, "characters": 64},
         {"rule": "exact_duplicates", "on": True}]  # fmt: skip
STEPS = [
    {"rule": "fix_text", "documents_in": 100, "documents_out": 100, "changed": 4},
    {"rule": "minimum_length", "documents_in": 100, "documents_out": 70, "changed": 0,
     "passed_over": {"Too odd.": 3}},
    {"rule": "exact_duplicates", "documents_in": 70, "documents_out": 70, "changed": 0},
]  # fmt: skip
COUNTS = {"minimum_length.characters": {"edges": [float(i) for i in range(0, 501, 10)], "kept": [0] * 6 + [2] * 44,
                                        "rejected": [5] * 6 + [0] * 44}}  # fmt: skip


@pytest.fixture
def rules(qtbot):
    made = RuleList()
    qtbot.addWidget(made)
    made.set_values(RULES)
    made.resize(560, 700)
    made.show()
    return made


def order(rules):
    return [data["rule"] for data in rules.values()]


def shown_order(rules):
    return [row.tag for row in sorted(rules.rows, key=lambda row: row.geometry().top())]


def test_values_go_through_unchanged(rules):
    assert order(rules) == ["fix_text", "minimum_length", "exact_duplicates"]
    assert rules.values()[1]["characters"] == 64 and rules.valid


def test_dragging_a_grip_reorders_and_tells(rules, qtbot):
    row, last = rules.rows[0], rules.rows[2]
    below = row.grip.mapFromGlobal(last.mapToGlobal(QPoint(0, last.height() - 2)))
    with qtbot.waitSignal(rules.rules_changed):
        qtbot.mousePress(row.grip, Qt.MouseButton.LeftButton, pos=QPoint(8, 12))
        qtbot.mouseMove(row.grip, QPoint(8, 30))
        # the offscreen platform tells no buttons with a move, so the last one is put by hand
        row.grip.dragged.emit(row.grip.mapToGlobal(below).toPointF())
        qtbot.mouseRelease(row.grip, Qt.MouseButton.LeftButton, pos=below)
    assert order(rules) == ["minimum_length", "exact_duplicates", "fix_text"]
    qtbot.waitUntil(lambda: shown_order(rules) == order(rules))


def test_a_rule_dropped_between_two_others_stands_between_them(rules, qtbot):
    row, middle = rules.rows[0], rules.rows[1]
    row.grip.dragged.emit(middle.mapToGlobal(QPoint(5, middle.height() - 2)).toPointF())
    row.grip.dropped.emit()
    assert order(rules) == ["minimum_length", "fix_text", "exact_duplicates"]
    qtbot.waitUntil(lambda: shown_order(rules) == order(rules))
    row.grip.dragged.emit(rules.rows[0].mapToGlobal(QPoint(5, 2)).toPointF())
    row.grip.dropped.emit()
    assert order(rules)[0] == "fix_text"


def test_a_drag_back_to_its_place_tells_nothing(rules, qtbot):
    row = rules.rows[1]
    with qtbot.assertNotEmitted(rules.rules_changed):
        row.grip.dragged.emit(row.mapToGlobal(QPoint(5, 5)).toPointF())
        row.grip.dropped.emit()
    assert order(rules) == [data["rule"] for data in RULES]


def test_alt_and_arrows_move_a_rule_from_anywhere_in_it(rules, qtbot):
    row = rules.rows[0]
    row.box.setFocus()
    qtbot.keyClick(row.box, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert order(rules)[1] == "fix_text"
    qtbot.keyClick(row.box, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert order(rules)[0] == "fix_text"
    row.grip.setFocus()
    qtbot.keyClick(row.grip, Qt.Key.Key_Up)  # it is the first already
    assert order(rules)[0] == "fix_text"


def test_a_rule_is_switched_off_and_keeps_its_place(rules, qtbot):
    with qtbot.waitSignal(rules.rules_changed):
        qtbot.mouseClick(rules.rows[1].box, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert [data["on"] for data in rules.values()] == [True, False, True]


def test_number_and_line_say_the_same(rules, qtbot):
    row = rules.rows[1]
    row.set_open(True)
    rules.set_outcome(STEPS, COUNTS)
    plot, editor = row.plots["characters"], row.form.rows["characters"].editor
    assert plot.thresholds[0].value == 64 and plot.bins.total == pytest.approx(118)
    with qtbot.waitSignal(rules.rules_changed):  # the line moves the number
        plot.threshold_changed.emit("characters", 200.0)
    assert editor.value() == 200 and rules.values()[1]["characters"] == 200
    with qtbot.waitSignal(rules.rules_changed):  # the number moves the line
        editor.control.setText("90")
        editor.control.textEdited.emit("90")
    assert plot.thresholds[0].value == 90


def test_a_number_that_is_none_makes_the_list_invalid_until_it_is_off(rules):
    row = rules.rows[1]
    row.set_open(True)
    control = row.form.rows["characters"].editor.control
    control.setText("many")
    control.textEdited.emit("many")
    assert not rules.valid
    row.box.setChecked(False)
    assert rules.valid


def test_outcomes_stand_at_their_rules_also_when_one_is_off(rules):
    rules.rows[0].box.setChecked(False)
    rules.set_outcome(STEPS[1:], COUNTS)
    assert rules.rows[0].count.isHidden() and rules.rows[0].nothing.isHidden()
    assert rules.rows[1].count.text() == "30 set aside · 30 %"
    assert "3 documents: Too odd." in rules.rows[1].passed_over.text()
    assert rules.rows[2].nothing.text() == "nothing set aside"


def test_the_count_opens_what_fell(rules, qtbot):
    rules.set_outcome(STEPS, COUNTS)
    with qtbot.waitSignal(rules.fallen_asked, check_params_cb=lambda rule: rule == "minimum_length"):
        qtbot.mouseClick(rules.rows[1].count, Qt.MouseButton.LeftButton)


def test_what_differs_from_the_preset_is_marked(rules):
    rules.set_reference([*RULES[:2], {"rule": "exact_duplicates"}])
    assert [row.mark.isHidden() for row in rules.rows] == [True, True, True]
    row = rules.rows[1]
    row.set_open(True)
    row.plots["characters"].threshold_changed.emit("characters", 65.0)
    assert [row.mark.isHidden() for row in rules.rows] == [True, False, True]


def test_every_rule_can_be_added_opened_painted_and_removed(rules, qtbot):
    for tag in rule_types():
        row = rules.add(tag)
        rules.set_choices({"filters": ["one"], "corpora": ["two"]})
        rules.grab()
        assert rules.values()[-1]["rule"] == tag and row.opener.isChecked()
        rules.remove(row)
    assert order(rules) == [data["rule"] for data in RULES]


def test_every_family_of_rules_has_a_name():
    assert {rule.family for rule in rule_types().values()} <= set(FAMILIES)
    assert all(family_text(family) != family.capitalize() or family in ("language", "keywords", "statistics",
               "classifier", "duplicates", "privacy") for family in FAMILIES)  # fmt: skip
