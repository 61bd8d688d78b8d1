"""Our statistics rules against datatrove's, on documents that every machine has."""

import pytest

from core.data import agreement, bench, rival
from core.kernels import text as kernel
from core.spec.rules.base import tag_of

pytest.importorskip("datatrove")
DOCUMENTS = 150


@pytest.fixture(scope="module")
def documents():
    return rival.python_docs(DOCUMENTS)


@pytest.mark.parametrize("family", rival.FAMILIES)
def test_decisions_agree_and_differences_are_word_splitting(family, documents):
    pair = next(pair for pair in rival.pairs() if pair.tag == tag_of(family))
    compared = [agreement.compare(pair, text) for text in documents]
    differing = [c for c in compared if c.ours != c.theirs or (c.ours == "" and not c.same_text)]
    assert len(differing) <= 0.02 * len(documents)
    assert all(c.by_splitting for c in differing)
    assert any(c.ours for c in compared)  # something was set aside at all


def test_rows_name_every_rule_and_count_both_sides(tmp_path):
    (tmp_path / "text.txt").write_text("A line of some words.\n" * 400, "utf-8")
    rows = agreement.bench_agreement(tmp_path / "text.txt", documents=3)
    names = {row["name"] for row in rows}
    assert {"gopher_quality", "gopher_repetition: dup_line_frac", "c4_quality: text that is left"} <= names
    repetition = next(row for row in rows if row["name"] == "gopher_repetition")
    assert repetition["ours"] == repetition["rival"] == 3 and repetition["agreement"] == 1.0


@pytest.mark.skipif(not kernel.built(), reason="the C++ kernels are not built here")
def test_a_row_of_the_benchmark_compares_both_on_the_same_text(documents):
    row = bench.duel(rival.pairs(), bench.rounds(documents[:6]), 0.01)
    assert set(row) == {"unit", "ours", "rival", "rival_name", "ratio", "spread"}
    assert row["ratio"] == pytest.approx(row["ours"] / row["rival"], rel=0.1)
    assert row["spread"][0] <= row["spread"][1]
