"""The arithmetic of an experiment's table, against integrals and brute force."""

import math
from statistics import fmean

import msgspec
import pytest

from core.evaluate.extraction_rates import chance_exposure, rates
from core.evaluate.intervals import t_interval, t_quantile
from core.evaluate.table import ArmResult, Table, compare, findings, markdown


def arm(name, bits):
    return ArmResult(
        name=name, documents_read=10, documents_kept=8, bytes_kept=800, rejected={"exact_duplicates": 2}, tokens=300,
        epochs=2.0, bits_per_byte=bits, mean=fmean(bits))  # fmt: skip


def table(arms, baseline, extraction=()):
    return Table(
        baseline=baseline, seeds=len(arms[0].bits_per_byte), trained_tokens=1000, parameters=10, held_out_bytes=500,
        arms=compare(arms, baseline), extraction=list(extraction), candidates=16, chance_exposure=1.5)  # fmt: skip


def density(t, freedom):
    scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(freedom * math.pi)
    return scale * (1 + t * t / freedom) ** (-(freedom + 1) / 2)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12, 29])
@pytest.mark.parametrize("probability", [0.9, 0.975, 0.995])
def test_t_quantiles_cut_off_the_share_they_promise(freedom, probability):
    end, steps = t_quantile(probability, freedom), 20_000
    width = end / steps
    area = sum(density((i + 0.5) * width, freedom) for i in range(steps)) * width
    assert 0.5 + area == pytest.approx(probability, abs=1e-6)


def test_differences_are_paired_by_seed():
    base, other = arm("base", [2.0, 3.0, 4.0]), arm("other", [1.9, 2.88, 3.89])
    difference = compare([base, other], "base")[1].difference
    # By hand: differences -.10, -.12, -.11; mean -.11, s = .01, half width 4.30265 * .01 / sqrt(3).
    assert difference.mean == pytest.approx(-0.11) and difference.sure
    assert difference.high - difference.mean == pytest.approx(4.30265 * 0.01 / math.sqrt(3), rel=1e-5)
    assert compare([base, other], "other")[0].difference.mean == pytest.approx(0.11)
    assert compare([base, other], "base")[0].difference is None


def test_one_seed_gives_no_interval_and_says_so():
    assert t_interval([1.5]) == (1.5, None, None)
    said = findings(table([arm("a", [2.0]), arm("b", [1.9])], "a"))
    assert "how sure" in said[0].text and said[0].values["difference"] == pytest.approx(0.1)


@pytest.mark.parametrize(("bits", "words", "low"), [
    ([1.9, 1.88, 1.89], "wins", 0.085), ([2.1, 2.12, 2.11], "costs", 0.085),
    ([2.1, 1.9, 2.0], "cannot be told", -0.248),
])  # fmt: skip
def test_a_finding_says_which_way_and_how_sure(bits, words, low):
    found = findings(table([arm("a", [2.0, 2.0, 2.0]), arm("b", bits)], "a"))[0]
    assert words in found.text and found.values["low"] == pytest.approx(low, abs=1e-3)
    assert "{" not in found.text.format(**found.values)


def test_chance_exposure_is_the_mean_over_equally_likely_ranks():
    assert chance_exposure(2) == pytest.approx((1 + 0) / 2)
    assert chance_exposure(4096) == pytest.approx(1 / math.log(2), abs=0.01)  # the limit, Carlini et al. 2019


def recalled(kind, repetitions, extracted, exposure):
    return {"canary": {"kind": kind, "repetitions": repetitions}, "extracted": extracted, "exposure": exposure}


def test_rates_count_over_twins_and_average_over_secrets():
    first = [recalled("code", 1, False, 1.0), recalled("code", 8, True, 4.0), recalled("code", 8, False, 2.0)]
    second = [recalled("code", 1, False, 0.0), recalled("code", 8, True, 4.0), recalled("code", 8, True, 3.0)]
    once, often = rates("arm", [first, second], candidates=16)
    assert (once.asked, once.extracted, once.exposure.mean, once.exposure.low) == (2, 0, 0.5, None)
    assert (often.asked, often.extracted, often.most) == (4, 3, 4.0)
    assert often.exposure.mean == pytest.approx((4.0 + 2.5) / 2)


def test_the_page_holds_every_arm_and_every_sentence():
    found = rates("b", [[recalled("email", 8, True, 4.0)]], candidates=16)
    made = table([arm("a", [2.0, 2.1]), arm("b", [1.9, 2.0])], "a", found)
    made = msgspec.structs.replace(made, findings=findings(made))
    page = markdown(made, "twins")
    assert "| a | 8 of 10 |" in page and "-0.1000" in page and "| email | 8 | 1 of 1, 4.00 |" in page
    assert sum(line.startswith("- ") for line in page.splitlines()) == 2
