"""The samplers keep their promises for any logits and any settings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.infer.sampling import (
    Sampler,
    distribution,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    penalize_repetition,
    softmax,
)
from core.spec.sampling import GREEDY, SamplingSpec

logits_lists = st.lists(st.floats(-50, 50), min_size=1, max_size=60).map(np.array)
any_settings = st.builds(
    SamplingSpec,
    temperature=st.sampled_from([0.0, 0.001, 0.3, 0.8, 1.0, 3.0]),
    top_k=st.integers(0, 70),
    top_p=st.floats(0, 1),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(0.5, 2),
    repetition_window=st.integers(0, 8),
)


@given(logits_lists, any_settings, st.lists(st.integers(0, 1000), max_size=12))
@hypothesis_settings(max_examples=200, deadline=None)
def test_probabilities_sum_to_one_and_are_never_negative(logits, settings, recent):
    probabilities = distribution(logits, [i % logits.size for i in recent], settings)
    assert probabilities.shape == logits.shape
    assert probabilities.min() >= 0
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-9)


@given(logits_lists, st.integers(1, 70))
@hypothesis_settings(deadline=None)
def test_top_k_keeps_exactly_k_and_none_likelier_is_left_out(logits, k):
    kept = keep_top_k(logits, k)
    assert kept.sum() == min(k, logits.size)
    if not kept.all():
        assert logits[kept].min() >= logits[~kept].max()


def test_top_k_zero_keeps_all():
    assert keep_top_k(np.array([1.0, 2.0, 3.0]), 0).all()


@given(logits_lists, st.floats(0.0, 0.999))
@hypothesis_settings(deadline=None)
def test_top_p_keeps_the_smallest_set_that_reaches_p(logits, p):
    kept, raw = keep_top_p(logits, p), softmax(logits)
    assert kept.any()
    assert raw[kept].sum() >= p - 1e-12
    if kept.sum() > 1:  # without its least likely member the set must fall short
        assert raw[kept].sum() - raw[kept].min() < p + 1e-12
    if not kept.all():
        assert raw[kept].min() >= raw[~kept].max()


@given(logits_lists, st.floats(0.01, 1.0))
@hypothesis_settings(deadline=None)
def test_min_p_is_relative_to_the_likeliest(logits, p):
    kept, raw = keep_min_p(logits, p), softmax(logits)
    ratio = raw / raw.max()
    assert kept[ratio > p * (1 + 1e-9)].all()
    assert not kept[ratio < p * (1 - 1e-9)].any()


def test_filters_see_what_the_ones_before_them_left():
    # after top-k 2 the first token alone reaches .6 (.5/.8); over all four it would not
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    settings = SamplingSpec(temperature=1.0, top_k=2, top_p=0.6, min_p=0.0)
    assert distribution(logits, [], settings).tolist() == [1.0, 0.0, 0.0, 0.0]
    without_top_k = SamplingSpec(temperature=1.0, top_k=0, top_p=0.6, min_p=0.0)
    assert np.count_nonzero(distribution(logits, [], without_top_k)) == 2


def test_temperature_comes_after_the_filters():
    logits = np.log([0.6, 0.3, 0.1])
    hot = SamplingSpec(temperature=10.0, top_k=0, top_p=1.0, min_p=0.4)
    assert np.count_nonzero(distribution(logits, [], hot)) == 2


@given(logits_lists)
@hypothesis_settings(deadline=None)
def test_temperature_zero_is_the_likeliest_token(logits):
    chosen, probabilities = Sampler(GREEDY).choose(logits)
    assert chosen == int(np.argmax(logits))
    assert probabilities[chosen] == 1.0


@given(st.integers(0, 2**31), st.integers(0, 2**31))
@hypothesis_settings(max_examples=30, deadline=None)
def test_the_same_seed_gives_the_same_choices(seed, noise):
    rows = np.random.default_rng(noise).normal(size=(20, 30))
    settings = SamplingSpec(seed=seed)
    first, second = Sampler(settings), Sampler(settings)
    assert [first.choose(row)[0] for row in rows] == [second.choose(row)[0] for row in rows]


def test_another_seed_gives_other_choices():
    rows = np.zeros((40, 50))
    flat = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}
    first, second = Sampler(SamplingSpec(seed=1, **flat)), Sampler(SamplingSpec(seed=2, **flat))
    assert [first.choose(row)[0] for row in rows] != [second.choose(row)[0] for row in rows]


def test_choices_follow_the_distribution():
    logits = np.log([0.7, 0.2, 0.1])
    sampler = Sampler(SamplingSpec(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=3))
    counts = np.bincount([sampler.choose(logits)[0] for _ in range(4000)], minlength=3) / 4000
    assert np.abs(counts - [0.7, 0.2, 0.1]).max() < 0.03


def test_a_penalty_makes_seen_tokens_less_likely_whatever_their_sign():
    logits = np.array([2.0, -2.0, 1.0])
    changed = penalize_repetition(logits, [0, 1, 0], 2.0)
    assert changed.tolist() == [1.0, -4.0, 1.0]
    assert logits.tolist() == [2.0, -2.0, 1.0]


def test_a_penalty_forgets_what_is_older_than_its_window():
    logits = np.array([2.0, 1.9])
    settings = SamplingSpec(temperature=0.0, repetition_penalty=2.0, repetition_window=1)
    assert distribution(logits, [0, 1], settings).argmax() == 0
    assert distribution(logits, [1, 0], settings).argmax() == 1
    off = SamplingSpec(temperature=0.0, repetition_penalty=2.0, repetition_window=0)
    assert distribution(logits, [0, 0], off).argmax() == 0
