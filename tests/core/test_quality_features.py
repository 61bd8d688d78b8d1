"""Texts as hashed n-grams, the regression on them, and the figures that say how good it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from core.data.quality.features import BUCKETS, buckets_of, spelled, vector_of, vectors_of
from core.data.quality.logistic import Line, balanced, fit, sigmoid
from core.data.quality.validation import BINS, auroc, measure


def grams(text: str) -> list[str]:
    return [gram for _, gram in spelled(text)]


def test_english_is_seen_as_words_and_pairs_of_words():
    assert grams("The cat, the CAT!") == ["the", "cat", "the", "cat", "the cat", "cat the", "the cat"]


def test_chinese_is_seen_as_one_to_three_characters():
    assert grams("人之初，性") == ["人", "之", "初", "性", "人之", "之初", "初性", "人之初", "之初性"]


def test_mixed_text_joins_words_and_characters_as_people_write_them():
    assert grams("用 Python 3 写") == ["用", "python", "3", "写", "用 python", "python 3", "3 写"]


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_the_fast_way_and_the_spelled_way_find_the_same_buckets(text):
    assert [bucket for bucket, _ in spelled(text)] == buckets_of(text).tolist()
    assert all(0 <= bucket < BUCKETS for bucket in buckets_of(text).tolist())


def test_an_ngram_has_the_same_bucket_wherever_it_stands():
    alone = dict((gram, bucket) for bucket, gram in spelled("quiet morning"))
    inside = dict((gram, bucket) for bucket, gram in spelled("x " * 5000 + "a quiet morning. y"))
    assert all(inside[gram] == alone[gram] for gram in ("quiet", "morning", "quiet morning"))
    assert len(set(alone.values())) == 3  # and different ones have different buckets, but for rare accidents


def test_few_ngrams_share_a_bucket():
    words = [f"word{n}" for n in range(2000)]
    buckets = {int(buckets_of(word)[0]) for word in words}
    assert len(buckets) > 0.99 * len(words)  # 2000 balls in 2**18 urns: about 8 pairs


def test_vectors_have_length_one_and_know_nothing_of_empty_text():
    buckets, values = vector_of("one fish two fish red fish blue fish")
    assert float(values @ values) == pytest.approx(1, rel=1e-6) and (np.diff(buckets) > 0).all()
    assert not len(vector_of(" \n\t…!？ ")[0]) and not len(vector_of("")[0])


def test_hostile_text_is_only_text():
    for text in ("\ud800\udfff \ud800", "\0" * 50, "🦊" * 10, "e\u0301" * 9, "ا ب ت", "a" * 600_000, "é٣五"):
        assert np.isfinite(vector_of(text)[1]).all()


def random_task(seed: int, texts: int = 300):
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(120)]
    labels = np.where(rng.random(texts) < 0.35, 1.0, -1.0)
    lean = np.linspace(0.2, 2.0, len(words))
    made = []
    for label in labels:
        p = lean if label > 0 else lean[::-1]
        made.append(" ".join(rng.choice(words, rng.integers(5, 60), p=p / p.sum())))
    return vectors_of(made), labels


@pytest.mark.parametrize(("strength", "evenly"), [(0.3, False), (10.0, True)])
def test_the_regression_finds_the_optimum_that_scikit_learn_finds(strength, evenly):
    vectors, labels = random_task(0)
    weights = balanced(labels) if evenly else None
    ours = fit(vectors, labels, BUCKETS, strength, weights, tolerance=1e-9)
    matrix = csr_matrix((vectors.values, vectors.buckets, vectors.offsets), shape=(len(vectors), BUCKETS))
    theirs = LogisticRegression(C=strength, tol=1e-9, max_iter=5000, class_weight="balanced" if evenly else None)
    theirs.fit(matrix.astype(np.float64), labels)
    assert np.abs(ours.weights - theirs.coef_[0]).max() < 2e-4
    assert ours.intercept == pytest.approx(float(theirs.intercept_[0]), abs=2e-4)
    chances = theirs.predict_proba(matrix.astype(np.float64))[:, 1]
    assert sigmoid(ours.margins(vectors)) == pytest.approx(chances, abs=1e-4)


def test_the_regression_is_the_same_every_time_and_any_text_scores_alike_in_any_company():
    vectors, labels = random_task(1)
    one, two = (fit(vectors, labels, BUCKETS, 10.0) for _ in range(2))
    assert np.array_equal(one.weights, two.weights) and one.intercept == two.intercept
    some = np.array([7, 3, 200])
    assert np.array_equal(one.margins(vectors.rows(some)), one.margins(vectors)[some])


def test_texts_without_words_get_the_intercept():
    vectors = vectors_of(["", "a b", "", "c", ""])
    line = Line(np.ones(BUCKETS), 0.25)
    margins = line.margins(vectors)
    assert margins[[0, 2, 4]].tolist() == [0.25] * 3 and (margins[[1, 3]] > 1).all()


def test_balanced_weights_make_both_sides_weigh_the_same():
    labels = np.array([1.0, -1, -1, -1])
    weights = balanced(labels)
    assert weights[0] == pytest.approx(weights[1:].sum()) and weights.mean() == pytest.approx(1)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_auroc_is_that_of_scikit_learn_ties_included(good, candidates):
    truth = [1] * len(good) + [0] * len(candidates)
    assert auroc(np.array(good) / 5, np.array(candidates) / 5) == pytest.approx(roc_auc_score(truth, good + candidates))


def test_what_thresholds_do_is_counted_on_both_sides():
    good, candidates = np.array([0.9, 0.8, 0.4, 0.95]), np.array([0.1, 0.2, 0.7, 0.05, 0.3])
    found = measure(good, candidates)
    at = {row["threshold"]: row for row in found["thresholds"]}[0.5]
    assert at["good_kept"]["value"] == 0.75 and at["candidates_kept"]["value"] == 0.2
    assert at["precision"]["value"] == pytest.approx(0.75 / 0.95, abs=1e-4)  # were both equally common
    assert at["accuracy"]["value"] == pytest.approx((0.75 + 0.8) / 2)
    assert sum(found["histogram"]["good"]) == 4 and sum(found["histogram"]["candidates"]) == 5
    assert found["roc"][0] == [0, 0] and found["roc"][-1] == [1, 1]


def test_intervals_hold_the_value_and_shrink_with_more_texts():
    rng = np.random.default_rng(0)
    widths = []
    for count in (60, 6000):
        good, candidates = rng.beta(4, 2, count), rng.beta(2, 4, count)
        area = measure(good, candidates)["auroc"]
        assert area["low"] < area["value"] < area["high"]
        assert area["value"] == pytest.approx(auroc(good, candidates), abs=1e-4)
        widths.append(area["high"] - area["low"])
    assert 5 < widths[0] / widths[1] < 20  # the square root of a hundred


def test_reliability_shows_honest_scores_as_honest_and_boastful_ones_as_not():
    rng = np.random.default_rng(0)
    scores = rng.random(40_000)
    truth = rng.random(40_000) < scores
    honest = measure(scores[truth], scores[~truth])
    assert honest["calibration_error"] < 0.02
    boast = np.clip(0.5 + 2 * (scores - 0.5), 0, 1 - 1 / BINS)
    assert measure(boast[truth], boast[~truth])["calibration_error"] > 0.08
