"""The law of hallucination: worlds with the wanted share stated once, miscalibration by its definition, the bound."""

import numpy as np
import pytest

from core.data.worlds.strata import Truth
from core.errors import LabError
from core.evaluate import fact_law as law
from core.evaluate import fact_law_table as tables
from core.spec.base import build
from core.spec.experiment import ExperimentSpec, FactLaw, Told


@pytest.mark.parametrize("spread", ["even", "zipf"])
@pytest.mark.parametrize("once", [0.05, 0.3, 0.7])
def test_a_world_has_the_wanted_share_of_statements_that_stand_alone(spread, once):
    told = Told(once=once, spread=spread)
    truth = Truth(law.world_of(FactLaw(statements=2000), told, 0.02, 3))
    counts = np.array([truth.mentions(fact) for fact in range(truth.n_facts)])
    assert counts.sum() == pytest.approx(2000, rel=0.03)
    assert law.monofact_rate(counts) == pytest.approx(once, abs=0.01)
    weights = law.weights_of(told, counts, 0)
    assert weights.sum() == pytest.approx(1) and weights.min() > 0
    # Good and Turing: what stands alone estimates what is never said
    assert weights[counts == 0].sum() == pytest.approx(once, abs=0.04)


def test_facts_that_are_likelier_are_stated_more_often():
    told = Told(once=0.3, spread="zipf")
    truth = Truth(law.world_of(FactLaw(statements=4000), told, 0.02, 0))
    counts = np.array([truth.mentions(fact) for fact in range(truth.n_facts)])
    weights = law.weights_of(told, counts, 1)
    means = [weights[counts == count].mean() for count in (0, 1, 4)]
    assert means == sorted(means) and means[2] > 4 * means[0]


def test_who_says_what_the_world_says_is_calibrated_and_who_shouts_is_not():
    random = np.random.default_rng(0)
    said = random.normal(size=20_000)
    assert law.miscalibration(said, random.normal(size=20_000), 10) < 0.03
    # statements it finds very likely are half of what it says, and none of what is so
    assert law.miscalibration(np.repeat([0.0, -5.0], 100), np.full(200, -5.0), 2) == pytest.approx(0.5)
    assert law.miscalibration(np.zeros(10), np.full(10, -9.0), 1) == 0.0  # one bin sees nothing


@pytest.mark.parametrize("unseen", [0.1, 0.4, 0.8])
def test_the_bound_lies_between_a_calibrated_model_and_one_that_only_repeats(unseen):
    """The calibrated one gives the unseen share to falsehoods; the other says only what it read, louder than is so."""
    random, n = np.random.default_rng(1), 50_000
    true = np.where(random.random(n) < unseen, -12.0, -3.0)  # facts it never read are as unlikely to it as falsehoods
    honest = np.where(random.random(n) < unseen, -12.0, -3.0)
    side = law.side_of(honest == -12.0, honest, true, unseen, 10)
    assert side.miscalibration < 0.02 and side.hallucination == pytest.approx(side.bound, abs=0.03)
    parrot = law.side_of(np.zeros(n, bool), np.full(n, -2.5), np.where(true == -3.0, -2.5, true), unseen, 10)
    assert parrot.hallucination == 0.0 and parrot.bound == pytest.approx(0, abs=0.02)
    assert parrot.miscalibration == pytest.approx(unseen, abs=0.02)  # it gives nothing to what it never read


def test_rank_correlation_is_of_ranks_with_ties_shared():
    assert law.spearman([1, 2, 3, 4], [10, 20, 25, 1000]) == pytest.approx(1.0)
    assert law.spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert law.spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) == pytest.approx(0.8207826817)  # Wikipedia's tied example
    assert law.spearman([1, 2, 3], [1, 1, 1]) == 0.0


def model(arm, monofacts, false, copies=0, seed=0, bound=0.0, spread="even"):
    side = law.Side(false, 0.1, bound)
    counts = [law.Count(0, 5, 0, 5), law.Count(1, 10, 2, 8), law.Count(3, 4, 3, 1), law.Count(4, 6, 6, 1)]
    return law.Model(
        arm=arm, seed=seed, spread=spread, facts=100, statements=300, monofacts=monofacts, unseen=monofacts,
        copies=copies, asked=side, free=side, nobody=0.0, nothing=0.0, counts=counts)


def test_the_table_pairs_twins_and_puts_counts_together():
    models = [model("a", 0.1, 0.3), model("b", 0.3, 0.5), model("c", 0.6, 0.8, bound=0.9),
              model("b twice", 0.3, 0.45, copies=10)]  # fmt: skip
    table = tables.LawTable(models=models, wanted=4, bins=10)
    assert [pair.with_copies.arm for pair in table.repeated] == ["b twice"]
    assert table.gain("free").mean == pytest.approx(-0.05) and table.gain("free").low is None
    assert table.rank_correlation("asked") == pytest.approx(1.0) and table.holds("asked") == 3
    groups = {one.stated: (one.asked, one.right, one.made_up) for one in tables.by_count(table.settings)}
    assert groups == {0: (15, 0, 15), 1: (30, 6, 24), 3: (30, 27, 6)}
    assert [tables.group_text(least) for least in (0, 3, 17)] == ["0", "3–4", "17+"]
    said = [one.text.format(**one.values) for one in tables.found(table)]
    assert "Spearman 1.000" in said[0] and "holds in 3 of 4" in said[1] and "(one pair of twins)" in said[-1]
    assert "| c | 100 | 300 |  | 0.600 |" in tables.markdown(table, "law")
    assert tables.LawTable(models=models[:2], wanted=4, bins=10).rank_correlation("asked") is None


def test_facts_are_told_by_all_arms_or_by_none():
    arms = [{"name": "a", "told": {"once": 0.2}}, {"name": "b"}]
    with pytest.raises(LabError, match="every arm or in none"):
        build(ExperimentSpec, {"arms": arms, "facts": {}})
    with pytest.raises(LabError, match="every arm or in none"):
        build(ExperimentSpec, {"arms": arms})
