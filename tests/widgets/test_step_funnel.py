"""The funnel rule by rule, and what was changed in a text."""

import pytest
from PySide6.QtCore import Qt

from widgets.difference import pieces
from widgets.step_funnel import StepFunnel, steps_of, steps_so_far

STEPS = [
    {"rule": "a", "documents_in": 90, "documents_out": 60, "bytes_in": 9000, "bytes_out": 6000, "changed": 2},
    {"rule": "b", "documents_in": 60, "documents_out": 60, "bytes_in": 6000, "bytes_out": 5500, "changed": 9},
]  # fmt: skip


def named(rule):
    return f"<{rule}>"


@pytest.fixture
def funnel(qtbot):
    made = StepFunnel()
    qtbot.addWidget(made)
    made.set_steps(steps_of(STEPS, {"too_long": 10}, named, ("Read", "Kept"), 4.0), estimated=True)
    made.resize(700, 300)
    made.show()
    return made


def test_each_line_says_what_is_left(funnel):
    lines = [(line.step.key, line.step.documents, line.step.fallen) for line in funnel.lines]
    assert lines == [("", 100, 0), ("too_long", 90, 10), ("a", 60, 30), ("b", 60, 0), ("kept", 60, 0)]
    assert funnel.line("kept").columns == ("", "60", "5.5 kB", "≈ 1.38 K")
    assert funnel.line("a").columns[0] == "−30"
    funnel.grab()


def test_a_line_opens_what_fell_there(funnel, qtbot):
    with qtbot.waitSignal(funnel.rule_clicked, check_params_cb=lambda rule: rule == "a"):
        qtbot.mouseClick(funnel.line("a"), Qt.MouseButton.LeftButton)
    with qtbot.assertNotEmitted(funnel.rule_clicked):
        qtbot.mouseClick(funnel.line("b"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(funnel.kept_clicked):
        qtbot.keyClick(funnel.line("kept"), Qt.Key.Key_Space)


def test_a_live_funnel_counts_documents_in_the_order_of_the_rules():
    steps = steps_so_far(50, 30, (500, 300), {"b": 5, "no_text": 5, "a": 10}, ["a", "b"], named, ("Read", "Kept"))
    assert [(s.key, s.documents) for s in steps] == [("", 50), ("no_text", 45), ("a", 35), ("b", 30), ("kept", 30)]
    assert steps[2].n_bytes is None


@pytest.mark.parametrize("before, after", [
    ("", ""), ("one", ""), ("", "one"), ("mail me at a@b.c now", "mail me at [EMAIL] now"),
    ("他的电话是13800138000。", "他的电话是[PHONE]。"), ("line one\nline two\n" * 3000, "line one\n" * 3000),
])  # fmt: skip
def test_the_pieces_make_both_texts(before, after):
    found = pieces(before, after)
    assert "".join(p.text for p in found if p.kind != "new") == before
    assert "".join(p.text for p in found if p.kind != "gone") == after


def test_only_what_changed_is_marked():
    found = pieces("write to bob now", "write to [NAME] now")
    assert [(p.kind, p.text) for p in found] == [
        ("same", "write to "), ("gone", "bob"), ("new", "[NAME]"), ("same", " now")]
