"""Measures of a detector, against scikit-learn."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from sklearn.metrics import roc_curve as their_roc_curve

from core.errors import LabError
from core.evaluate import detection


def cases():
    random = np.random.default_rng(0)
    for size in (5, 40, 300):
        for levels in (3, 1000):  # many ties, and hardly any
            scores = random.integers(0, levels, size) / levels
            wrong = random.random(size) < 0.2 + 0.6 * scores
            wrong[:2] = True, False
            yield scores, wrong


def test_ranking_measures_are_scikit_learns():
    for scores, wrong in cases():
        assert detection.auroc(scores, wrong) == pytest.approx(roc_auc_score(wrong, scores), abs=1e-12)
        assert detection.average_precision(scores, wrong) == pytest.approx(
            average_precision_score(wrong, scores), abs=1e-12)
        false, true = detection.roc_curve(scores, wrong)
        theirs = their_roc_curve(wrong, scores, drop_intermediate=False)
        assert np.allclose(false, theirs[0]) and np.allclose(true, theirs[1])
        recall, precision = detection.precision_recall(scores, wrong)
        known = precision_recall_curve(wrong, scores)
        assert np.allclose(np.sort(recall), np.sort(known[1][:-1])) and np.allclose(
            np.sort(precision), np.sort(known[0][:-1]))


def test_isotonic_regression_is_scikit_learns():
    for scores, wrong in cases():
        ours = detection.isotonic(scores, wrong)
        theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, wrong)
        places = np.linspace(-0.5, 1.5, 101)
        assert np.allclose(ours(places), theirs.predict(places), atol=1e-9)


def test_calibration_error_of_what_is_told_truly_is_nought_and_of_the_opposite_is_one():
    wrong = np.array([True, False, True, False])
    assert detection.calibration_error(wrong.astype(float), wrong) == 0.0
    assert detection.calibration_error(1.0 - wrong, wrong) == 1.0
    assert detection.reliability(np.array([0.1, 0.15, 0.95]), np.array([False, True, True])) == [
        (pytest.approx(0.125), 0.5, 2), (pytest.approx(0.95), 1.0, 1)]


def test_the_rejection_ratio_is_one_for_the_best_order_and_about_nought_for_any():
    random = np.random.default_rng(1)
    wrong = random.random(4000) < 0.3
    assert detection.rejection_ratio(wrong.astype(float), wrong) == pytest.approx(1.0)
    assert abs(detection.rejection_ratio(random.random(4000), wrong)) < 0.1
    assert detection.rejection_ratio(-wrong.astype(float), wrong) < -0.5
    # three answers, one wrong, refused second: what is left is right by 1, 1/2, 2/3; at best 1, 1, 2/3
    assert detection.rejection_ratio(np.array([0.1, 0.5, 0.9]), np.array([False, True, False])) == pytest.approx(
        ((1 + 0.5 + 2 / 3) / 3 - 2 / 3) / ((1 + 1 + 2 / 3) / 3 - 2 / 3))


def test_an_interval_holds_the_value_and_narrows_with_more_answers():
    random = np.random.default_rng(2)
    widths = []
    for size in (60, 2000):
        scores = random.random(size)
        found = detection.bootstrap(detection.auroc, scores, random.random(size) < scores, resamples=300)
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 3


def test_where_all_answers_are_right_there_is_nothing_to_tell_apart():
    with pytest.raises(LabError):
        detection.auroc(np.arange(4.0), np.zeros(4, bool))
