"""A fast sample of tests/exact_attribution.py, which compares ten thousand spans."""

from tests.exact_attribution import run


def test_every_reported_span_is_exact_and_no_longer_one_is_missed(tmp_path):
    sums = run(tmp_path, spans=150, seed=1, documents=120)
    assert sums["wrong"] == 0
    assert sums["missed"] == 0
    assert sums["planted"] >= 20 and sums["offsets"] > sums["spans"] >= 150 and sums["documents"] > 100
