"""Two near-duplicates side by side: what differs is marked in both, and not by colour alone."""

import pytest
from PySide6.QtGui import QTextCharFormat

from widgets import theme
from widgets.pair_view import PairView

KEPT, DROPPED = "🌱 one two three four", "🌱 one 2 three four five"
DIFFERENCES = [((6, 9), (6, 7)), ((20, 20), (19, 23))]


@pytest.fixture
def view(qtbot):
    made = PairView()
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    made.set_pair(KEPT, DROPPED, DIFFERENCES, 0.873, ("/a/b/first.txt", 3), ("/a/b/second.txt", 9))
    return made


def marks(side):
    """(text, underline style, background) of every mark; a mark lives no longer than the list it came in."""
    found = side.text.extraSelections()
    return [(mark.cursor.selectedText(), mark.format.underlineStyle(), mark.format.background().color().name())
            for mark in found]  # fmt: skip


def test_differences_are_marked_in_both_texts_as_python_counts_characters(view):
    assert [text for text, *_ in marks(view.kept)] == ["two", ""]
    assert [text for text, *_ in marks(view.dropped)] == ["2", "five"]


def test_the_two_sides_differ_in_their_underline_too(view):
    styles = [marks(side)[0][1] for side in (view.kept, view.dropped)]
    assert styles == [QTextCharFormat.UnderlineStyle.SingleUnderline, QTextCharFormat.UnderlineStyle.DashUnderline]


def test_similarity_sources_and_count_are_said(view):
    assert view.similarity.text() == "Similarity 0.87"
    assert view.count.text() == "2 differences"
    assert view.kept.source.text() == "b/first.txt:3" and view.dropped.source.text() == "b/second.txt:9"


def test_the_buttons_lead_from_one_difference_to_the_next_and_around(view):
    places = []
    for step in (1, 1, 1, -1):
        view.go(step)
        places.append((view.count.text(), view.dropped.text.textCursor().position()))
    assert places == [("Difference 1 of 2", 7), ("Difference 2 of 2", 20), ("Difference 1 of 2", 7),
                      ("Difference 2 of 2", 20)]  # fmt: skip
    view.set_pair(KEPT, DROPPED, DIFFERENCES, None)
    view.before.click()
    assert view.count.text() == "Difference 2 of 2" and view.similarity.text() == ""


def test_equal_words_say_so_and_have_nowhere_to_go(view):
    view.set_pair("one two", "one  two", [], 1.0)
    assert view.count.text() == "No word differs" and not view.after.isEnabled()


def test_marks_follow_the_theme(view, qapp):
    before = marks(view.kept)[0][2]
    theme.apply(qapp, "dark")
    assert marks(view.kept)[0][2] != before


def test_a_click_on_a_source_asks_for_it(view, qtbot):
    with qtbot.waitSignal(view.source_asked, check_params_cb=lambda source, line: (source, line) == (
            "/a/b/second.txt", 9)):  # fmt: skip
        view.dropped.source.click()
