"""Dividing among shares, and shuffles without memory: properties over any numbers."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.shares import apportion, fill, fill_whole
from core.data.worlds.numbers import Shuffle, draw, mix

weights = st.lists(st.floats(0, 1e6), min_size=1, max_size=12)


@given(st.integers(0, 10**9), weights)
def test_parts_add_up_and_lie_within_one_of_their_share(total, shares):
    parts = apportion(total, shares)
    if sum(shares) > 0:
        assert sum(parts) == total
        assert all(abs(part - total * share / sum(shares)) <= 1 + 1e-6 * total for part, share in zip(parts, shares))
    else:
        assert not any(parts)


@given(st.floats(0, 1e9), st.lists(st.tuples(st.floats(0.01, 1e3), st.floats(0, 1e9)), min_size=1, max_size=8))
def test_filling_keeps_limits_and_gives_the_rest_to_the_others_in_proportion(total, parts):
    shares, limits = zip(*parts)
    amounts = fill(total, shares, limits)
    assert all(amount <= limit * (1 + 1e-9) for amount, limit in zip(amounts, limits))
    assert sum(amounts) == pytest.approx(min(total, sum(limits)))
    rates = [amount / share for amount, share, limit in zip(amounts, shares, limits) if amount < limit * (1 - 1e-9)]
    assert not rates or max(rates) == pytest.approx(min(rates))  # those below their limit are served alike
    full = [limit / share for amount, share, limit in zip(amounts, shares, limits) if amount >= limit * (1 - 1e-9)]
    assert not rates or not full or max(full) <= rates[0] * (1 + 1e-6)


@given(st.integers(0, 10**6), st.lists(st.tuples(st.floats(0.01, 1e3), st.integers(0, 10**6)), min_size=1, max_size=8))
def test_filling_in_whole_numbers_leaves_nothing_over(total, parts):
    shares, limits = zip(*parts)
    amounts = fill_whole(total, shares, limits)
    assert sum(amounts) == min(total, sum(limits)) and all(a <= limit for a, limit in zip(amounts, limits))


def test_a_weight_of_nothing_gets_nothing():
    assert fill(90, [1, 0, 2], [1000, 1000, 1000]) == [30, 0, 60] and fill_whole(9, [0, 1], [9, 9]) == [0, 9]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 4097])
def test_a_shuffle_is_a_permutation_and_knows_its_inverse(n):
    shuffle = Shuffle(n, 5)
    places = [shuffle(i) for i in range(n)]
    assert sorted(places) == list(range(n)) and [shuffle.inverse(place) for place in places] == list(range(n))
    assert n < 64 or places != list(range(n)) and places != [Shuffle(n, 6)(i) for i in range(n)]


@settings(max_examples=50)
@given(st.integers(1, (1 << 120)), st.integers(0, 2**31))
def test_shuffles_of_any_size_go_both_ways(n, seed):
    shuffle, place = Shuffle(n, seed), random.Random(seed).randrange(n)
    assert 0 <= shuffle(place) < n and shuffle.inverse(shuffle(place)) == place


def test_numbers_are_the_same_on_every_machine():
    assert mix(0) == 0xE220A8397B1DCDAF  # the first output of SplitMix64 seeded with 0, as published
    assert draw(1, 2) != draw(2, 1) and draw(1) == draw(1)


def test_a_shuffle_has_no_favourite_places():
    n, counts = 16, [0] * 16
    for seed in range(4000):
        counts[Shuffle(n, seed)(3)] += 1
    assert all(180 < count < 320 for count in counts)  # 250 expected, standard deviation 15
