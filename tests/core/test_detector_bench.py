"""Detectors on labelled answers, against scikit-learn and against what must come out of made-up sets."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from core.errors import LabError
from core.evaluate.detector_bench import Answers, Draws, bench, held_out, weighted_areas
from core.evaluate.logistic import fit_logistic


def made(seed, n=400, shift=1.5):
    """Answers of two kinds; "good" sees errors of the kind "a" alone, "noise" sees none."""
    random = np.random.default_rng(seed)
    wrong, kinds = random.random(n) < 0.4, random.choice(["a", "b"], n)
    good = random.normal(size=n) + shift * (wrong & (kinds == "a"))
    return Answers({"good": good, "noise": random.normal(size=n), "ties": np.round(good)}, wrong, kinds)


def test_areas_of_answers_that_count_several_times_are_scikit_learns():
    random = np.random.default_rng(0)
    for levels in (3, 500):
        scores, wrong = random.integers(0, levels, 80) / levels, random.random(80) < 0.4
        times = random.multinomial(80, np.full(80, 1 / 80), 20)
        ours = weighted_areas(scores, times * wrong, times * ~wrong)
        assert ours == pytest.approx([roc_auc_score(wrong, scores, sample_weight=row) for row in times], abs=1e-12)


def test_the_area_of_all_is_the_mean_of_the_kinds_weighted_by_their_errors():
    answers = made(1)
    draws = Draws([answers], seed=0)
    whole, parts = 0.0, 0
    for kind in ("a", "b"):
        errors = int((answers.wrong & (answers.kinds == kind)).sum())
        whole, parts = whole + errors * draws.areas("good", (kind,))[0], parts + errors
    assert draws.areas("good")[0] == pytest.approx(whole / parts, abs=1e-12)
    assert draws.areas("good", ("a",))[0] > 0.75 and abs(draws.areas("good", ("b",))[0] - 0.5) < 0.08


def test_several_sets_are_averaged_and_their_scales_do_not_matter():
    first, second = made(2), made(3)
    shifted = Answers({name: 1000 + 50 * column for name, column in second.scores.items()}, second.wrong, second.kinds)
    strata = {"a": ("a",), "b": ("b",), "c": ("c",), "both": ("a", "b")}
    table = bench([first, shifted], [_chances(first), _chances(second)], strata, [("good", "noise")])
    areas = [roc_auc_score(s.wrong, s.scores["good"]) for s in (first, second)]
    row = table.row("good")
    assert row.auroc.value == pytest.approx(np.mean(areas), abs=1e-12) and row.each == pytest.approx(areas)
    assert row.auroc.low < row.auroc.value < row.auroc.high and row.auroc.high - row.auroc.low < 0.12
    assert set(row.by_stratum) == {"a", "b", "both"}  # nothing of the kind "c" was asked
    assert row.by_stratum["both"] == row.auroc
    assert [s.answers for s in table.strata][2:] == [0, 800]
    assert row.roc[0] == 0.0 or row.roc[0] < 0.2
    assert row.roc[-1] == 1.0 and row.roc == sorted(row.roc)


def _chances(answers):
    return {name: np.full(len(answers.wrong), 0.4) for name in answers.scores}


def test_a_difference_is_paired_so_a_detector_does_not_differ_from_itself():
    answers = made(4)
    same = Answers(answers.scores | {"twin": answers.scores["good"] * 2}, answers.wrong, answers.kinds)
    table = bench([same], [_chances(same)], {"a": ("a",)}, [("good", "twin"), ("good", "noise")])
    none, some = (d.difference for d in table.differences)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    assert some.value > 0.1 and some.low > 0


def test_a_set_without_errors_is_refused_in_words():
    answers = made(5)
    with pytest.raises(LabError, match="nothing to tell apart"):
        bench([Answers(answers.scores, np.zeros(400, bool), answers.kinds)], [_chances(answers)], {"a": ("a",)})


def test_logistic_regression_is_scikit_learns():
    random = np.random.default_rng(6)
    scores = random.normal(size=(300, 4)) * [1, 10, 0.1, 1]
    wrong = random.random(300) < 1 / (1 + np.exp(-scores @ [1.0, 0.2, 3.0, 0.0]))
    ours = fit_logistic(scores, wrong, penalty=2.0)(scores)
    scaled = (scores - scores.mean(0)) / scores.std(0)
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(scaled, wrong).decision_function(scaled)
    assert ours == pytest.approx(theirs, abs=1e-4)


def test_scores_that_part_the_answers_perfectly_are_fitted_too():
    wrong = np.arange(40) % 2 == 0
    odds = fit_logistic(np.column_stack([wrong * 1.0, np.ones(40)]), wrong)(np.column_stack([wrong * 1.0, np.ones(40)]))
    assert (odds[wrong] > 1).all() and (odds[~wrong] < -1).all()


def test_what_is_told_of_an_answer_is_learnt_from_the_other_half():
    """With labels that mean nothing, an answer's own label must not show in its chance."""
    random = np.random.default_rng(7)
    told = []
    for seed in range(20):
        wrong = random.random(100) < 0.5
        scores = {f"noise {i}": random.normal(size=100) for i in range(10)}
        held = held_out(Answers(scores, wrong, np.full(100, "a")), seed, "combination")
        told.append(roc_auc_score(wrong, held.combination))
        assert set(held.p_wrong) == {*scores, "combination"}
        assert all(((p >= 0) & (p <= 1)).all() for p in held.p_wrong.values())
    assert np.mean(told) < 0.54  # fitted and told on the same answers it would be about .66


def test_a_combination_beats_its_parts_where_they_see_different_errors():
    random = np.random.default_rng(8)
    wrong, kinds = random.random(800) < 0.5, random.choice(["a", "b"], 800)
    scores = {kind: random.normal(size=800) + 2.5 * (wrong & (kinds == kind)) for kind in ("a", "b")}
    answers = Answers(scores, wrong, kinds)
    held = held_out(answers, 0, "both")
    whole = Answers(scores | {"both": held.combination}, wrong, kinds)
    table = bench([whole], [held.p_wrong], {"a": ("a",), "b": ("b",)}, [("both", "a"), ("both", "b")])
    assert all(d.difference.low > 0.03 for d in table.differences)
    assert table.row("both").ece < 0.08
