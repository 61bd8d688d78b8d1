"""Cards, notices, badges, terms, rail and strip: values in, intents out."""

import pytest
from PySide6.QtCore import Qt

from widgets import controls
from widgets.cards import ActionCard, Disclosure, EmptyState, Name, PageHeader, StatTile, Text
from widgets.controls import Badge, SegmentedControl
from widgets.job_strip import JobEntry, JobStrip
from widgets.navigation_rail import NavigationRail, RailEntry
from widgets.notice import Notice
from widgets.terms import Term, explain, glossary


def test_a_header_tells_which_action_was_wanted(qtbot):
    header = PageHeader("Data", "What to learn from.", "Import", {"open": "Open folder"})
    qtbot.addWidget(header)
    with qtbot.waitSignal(header.primary_clicked):
        header.primary.click()
    with qtbot.waitSignal(header.secondary_clicked, check_params_cb=lambda key: key == "open"):
        header.secondary["open"].click()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_a_card_can_be_chosen_from_the_keyboard(qtbot, key):
    card = ActionCard("leaf", "Grow", "One click.")
    qtbot.addWidget(card)
    with qtbot.waitSignal(card.chosen):
        qtbot.keyClick(card, key)
    with qtbot.waitSignal(card.chosen):
        qtbot.mouseClick(card, Qt.MouseButton.LeftButton)


def test_no_line_of_a_wrapped_text_is_cut(qtbot):
    text = Text("a sentence that is far too long for one narrow line " * 3)
    qtbot.addWidget(text)
    text.show()
    text.resize(160, 10)
    assert text.minimumHeight() >= text.heightForWidth(160)


def test_a_tile_says_its_number_to_a_screen_reader(qtbot):
    tile = StatTile("Parameters", "1.05", "M")
    qtbot.addWidget(tile)
    assert tile.accessibleName() == "Parameters: 1.05 M"
    tile.set_value("")
    assert tile.value.text() == "–"


def test_a_disclosure_hides_until_it_is_opened(qtbot):
    fold = Disclosure("Expert settings")
    fold.body.addWidget(inner := Text("deep"))
    qtbot.addWidget(fold)
    fold.show()
    assert not inner.isVisible()
    fold.button.click()
    assert inner.isVisible() and fold.is_open()


def test_an_empty_state_offers_the_next_step(qtbot):
    empty = EmptyState("data", "Nothing yet", "Import something.", "Import")
    qtbot.addWidget(empty)
    with qtbot.waitSignal(empty.action_clicked):
        empty.action.click()


def test_a_notice_folds_its_details_and_keeps_its_action(qtbot):
    notice = Notice("error", "It broke.", "Try again", "line 1\nline 2")
    qtbot.addWidget(notice)
    notice.show()
    assert not notice._log.isVisible()
    with qtbot.waitSignal(notice.action_clicked):
        notice.action.click()
    notice.show_message("info", "Mended.")
    assert not notice.action.isVisible() and not notice._more.isVisible()


def test_segments_tell_only_what_a_person_chose(qtbot):
    control = SegmentedControl({"a": "A", "b": "B"}, "a")
    qtbot.addWidget(control)
    with qtbot.assertNotEmitted(control.value_changed):
        control.set_value("b")
    assert control.value() == "b"
    with qtbot.waitSignal(control.value_changed, check_params_cb=lambda key: key == "a"):
        control._buttons["a"].click()


def test_no_two_states_of_the_same_colour_share_a_shape():
    looks = [look for state, look in controls.STATES.items() if state not in ("good", "warning", "bad", "info")]
    assert len(set(looks)) == len(looks)


def test_a_badge_is_wide_enough_for_its_word(qtbot):
    badge = Badge("running", "a rather long state word")
    qtbot.addWidget(badge)
    assert badge.sizeHint().width() > badge.fontMetrics().horizontalAdvance(badge.text)
    assert badge.accessibleName() == badge.text


def test_every_glossary_entry_has_two_sentences_in_both_languages():
    assert len(glossary()) >= 35
    for term, entry in glossary().items():
        assert set(entry) == {"en", "zh", "source"}, term
        ends = entry["en"].count(". ") + entry["en"].endswith(".")
        assert ends >= 2 and entry["zh"].count("。") >= 2, term


def test_a_term_explains_itself_with_its_source(qtbot):
    term = Term("RoPE")
    qtbot.addWidget(term)
    assert "Su et al." in term.toolTip() and term.accessibleDescription()
    assert explain("no such term") == ""


def test_the_rail_tells_where_to_go_and_what_tool_to_use(qtbot):
    rail = NavigationRail([RailEntry("home", "Home", "home"), RailEntry("data", "Data", "data")],
                          [RailEntry("mode", "Dark", "moon")])  # fmt: skip
    qtbot.addWidget(rail)
    rail.show()
    assert rail.current() == "home"
    with qtbot.waitSignal(rail.chosen, check_params_cb=lambda key: key == "data"):
        qtbot.mouseClick(rail.buttons["data"], Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(rail.tool_clicked):
        rail.buttons["mode"].click()
    assert rail.current() == "data"
    rail.set_badge("data", "2")
    rail.grab()


def test_the_strip_offers_only_what_a_state_allows(qtbot):
    strip = JobStrip()
    qtbot.addWidget(strip)
    strip.show()
    assert strip._idle.isVisible()
    strip.set_jobs([JobEntry("a", "run", "running", share=0.5), JobEntry("b", "old", "crashed")])
    running, crashed = strip.rows["a"], strip.rows["b"]
    offered = [[button.isVisibleTo(row) for button in (row.pause, row.resume, row.stop)] for row in (running, crashed)]
    assert offered == [[True, False, True], [False, True, False]]
    with qtbot.waitSignal(strip.pause_asked, check_params_cb=lambda key: key == "a"):
        running.pause.click()
    with qtbot.waitSignal(strip.resume_asked, check_params_cb=lambda key: key == "b"):
        crashed.resume.click()


def test_the_strip_keeps_a_row_while_its_job_goes_on(qtbot):
    strip = JobStrip(rows_shown=1)
    qtbot.addWidget(strip)
    strip.set_jobs([JobEntry("a", "run", "running", share=0.5)])
    row = strip.rows["a"]
    strip.set_jobs([JobEntry("a", "run", "paused", share=0.6), JobEntry("b", "two", "queued")])
    assert strip.rows["a"] is row and row.bar.value() == 600
    assert list(strip.rows) == ["a"] and "1" in strip._more.text()


def test_a_name_too_long_for_its_place_loses_its_middle_and_keeps_its_ends(qtbot):
    name = Name("first-" + "very-" * 30 + "last")
    qtbot.addWidget(name)
    name.show()
    name.resize(200, 24)
    assert name.minimumSizeHint().width() <= Name.LEAST_PX
    assert name.shown().startswith("first") and name.shown().endswith("last") and name.toolTip() == name.text()
    name.resize(2000, 24)
    assert name.shown() == name.text() and name.toolTip() == ""


def test_a_crashed_job_can_be_dismissed_and_a_live_one_cannot(qtbot):
    strip = JobStrip()
    qtbot.addWidget(strip)
    strip.show()
    strip.set_jobs([JobEntry("a", "a" * 100, "crashed"), JobEntry("b", "b", "running")])
    assert strip.rows["b"].dismiss.isHidden() and not strip.rows["a"].dismiss.isHidden()
    assert len(strip.rows["a"].name.text()) < 100 and strip.rows["a"].name.accessibleName() == "a" * 100
    with qtbot.waitSignal(strip.dismissed, check_params_cb=lambda job: job == "a"):
        strip.rows["a"].dismiss.click()
