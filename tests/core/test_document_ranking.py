"""Documents are ranked by their words as the formula says, and only as far as memory allows."""

import pytest

from core.glass.document_ranking import DocumentRanking, build, fits
from core.glass.ranking import bm25

TEXTS = [
    "the lamp of the harbour", "A red lamp, a red wheel.", "snow in the harbour", "红灯 和 港口", "", "wheel " * 40,
]  # fmt: skip


def open_ranking(folder, texts, rows=None):
    build(zip(rows or range(len(texts)), texts), folder)
    return DocumentRanking.open(folder)


@pytest.mark.parametrize("query", ["red lamp", "The HARBOUR", "snow wheel lamp", "港口"])
def test_scores_are_those_of_the_formula(tmp_path, query):
    found = dict(open_ranking(tmp_path, TEXTS).closest(query, 10))
    expected = {row: score for row, score in enumerate(bm25(query, TEXTS)) if score > 0}
    assert set(found) == set(expected) != set()
    # Lucene's form leaves out the constant factor k1 + 1
    assert found == pytest.approx({row: score / 2.5 for row, score in expected.items()}, rel=1e-5)


def test_the_closest_come_first_and_no_more_than_asked_for(tmp_path):
    found = open_ranking(tmp_path, TEXTS, rows=[10, 20, 30, 40, 50, 60]).closest("red wheel", 2)
    assert [row for row, _ in found] == [20, 60] and found[0][1] > found[1][1]


def test_nothing_in_common_finds_nothing(tmp_path):
    ranking = open_ranking(tmp_path, TEXTS)
    assert ranking.closest("zebra", 5) == [] == ranking.closest("", 5)


def test_an_index_without_scores_has_no_ranking(tmp_path):
    assert build([(0, ""), (1, "...")], tmp_path) == 0
    assert DocumentRanking.open(tmp_path) is None


def test_a_stop_leaves_nothing_half_done(tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(((row, "word") for row in range(5000)), tmp_path, stop)
    assert DocumentRanking.open(tmp_path) is None


def test_text_beyond_the_memory_is_not_ranked():
    assert fits(1 << 20, 1 << 30) and not fits(1 << 27, 1 << 30)
