"""Histograms of what rules measure: bins that are the same everywhere, so that parts add up to the whole."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.filters.verdict import Draft, Reason
from core.data.histograms import EDGES, Histogram, Measured, bins_of, edge
from core.data.tally import Counter, Tally

VALUES = st.lists(st.one_of(
    st.floats(-1e9, 1e9), st.integers(-1000, 200_000).map(float), st.integers(0, 1000).map(lambda n: n / 1000)))


def histogram(values, side=0):
    found = Histogram()
    found.add(array("d", values), side)
    return found


@given(VALUES)
def test_a_value_stands_between_the_edges_of_its_bin(values):
    for value, bin in zip(values, bins_of(np.array(values)).tolist(), strict=True):
        low, high = sorted((edge(bin), edge(bin + 1)))
        slack = 1e-11 * abs(value)
        assert low - slack <= value <= high + slack


@pytest.mark.parametrize("limit", [0.01, 0.012, 0.1, 0.3, 0.65, 0.15 + 0.15, 3.0, 10.0, 50.0, 64.0, 1200.0, 100_000.0])
def test_every_threshold_of_two_digits_parts_two_bins(limit):
    below, at = bins_of(np.array([limit * (1 - 1e-6), limit])).tolist()
    assert below + 1 == at and edge(at) == pytest.approx(limit, rel=1e-12)


def test_edges_ascend_without_a_gap():
    assert (np.diff(EDGES) > 0).all() and EDGES[0] == 0.0


@given(VALUES, VALUES)
def test_parts_add_up_to_the_whole(first, second):
    whole, parts = histogram(first + second, 1), histogram(first, 1)
    parts.merge(histogram(second, 1))
    assert whole.report() == parts.report()
    assert sum(whole.report()["rejected"]) == len(first + second)


def test_the_report_has_an_edge_more_than_counts_and_its_gaps_are_empty_bins():
    report = histogram([0.5, 0.5, 64, 70_000]).report()
    assert report == {
        "edges": [0.5, 0.51, 64.0, 65.0, 70_000.0, 71_000.0], "kept": [2, 0, 1, 0, 1], "rejected": [0] * 5}
    assert Histogram().report() == {"edges": [], "kept": [], "rejected": []}


def test_what_is_no_number_is_left_out():
    assert sum(histogram([float("nan"), float("inf"), 1.0]).report()["kept"]) == 1


def test_only_the_measures_of_the_rule_that_sets_a_document_aside_count_as_set_aside():
    found = {}
    measured = Measured(found)
    measured.add({"length.words": 5.0, "length.lines": 1.0, "lengthy.words": 5.0}, "length")
    for _ in range(5000):
        measured.add({"length.words": 9.0})
    measured.finish()
    assert {name: (sum(h.report()["kept"]), sum(h.report()["rejected"])) for name, h in found.items()} == {
        "length.words": (5000, 1), "length.lines": (0, 1), "lengthy.words": (1, 0)}


def test_tallies_of_parts_add_up_and_the_funnel_follows_from_what_was_taken_away():
    def part(texts):
        counter = Counter(2)
        for text in texts:
            counter.enter(text)
            counter.change(0, text, text[:-1])
            if len(text) > 5:
                counter.remove(1, Reason("long", "", {}), text[:-1])
        counter.tally.documents_read = len(texts)
        return counter.finish()

    whole, parts = part(["词词词", "abcdefg", "x"]), Tally()
    for texts in (["词词词"], ["abcdefg", "x"]):
        parts.merge(part(texts))
    assert parts == whole and (whole.remaining, whole.remaining_bytes) == (2, 6)
    first, second = whole.report_steps([("mend", "Mend"), ("long", "Long")])
    assert (first["documents_in"], first["bytes_in"], first["bytes_out"], first["changed"]) == (3, 17, 12, 3)
    assert (second["documents_in"], second["documents_out"], second["bytes_in"], second["bytes_out"]) == (3, 2, 12, 6)


def test_a_split_that_was_asked_for_stays_when_the_text_changes():
    class ByLength:
        share = 0.5

        def number(self, draft):
            return len(draft.text) / 10

        def side(self, number):
            return "held_out" if number < self.share else "train"

    draft = Draft("abc", splitter=ByLength())
    assert draft.split == "held_out"
    draft.text = "abcdefghi"
    assert draft.split == "held_out" and Draft("abc").split is None
