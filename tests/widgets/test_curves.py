"""Curves are thinned to what a screen can show, lose no spike, and are painted in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor

from core.kernels import spans
from widgets.curves import Curve, Pyramid, ema
from widgets.plot_raster import paint_spans


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_pyramid_grown_in_pieces_equals_one_made_at_once(sizes, seed):
    values = np.random.default_rng(seed).normal(size=sum(sizes))
    grown, at_once = Pyramid(), Pyramid()
    at_once.extend(values)
    for part in np.split(values, np.cumsum(sizes)[:-1]):
        grown.extend(part)
    for most in (1, 7, 100, 10**6):
        level = at_once.level(len(values), most)
        assert level == grown.level(len(values), most)
        for left, right in zip(grown.blocks(level, 0, len(values)), at_once.blocks(level, 0, len(values))):
            assert np.allclose(left, right, rtol=1e-12)


def polyline_in_columns(x, y, edges):
    """Least and greatest value of the line through the points in each column, by the definition."""
    low, high = np.full((2, len(edges) - 1), np.nan)
    at = np.interp(edges, x, y, left=np.nan, right=np.nan)
    for column in range(len(edges) - 1):
        inside = (x >= edges[column]) & (x <= edges[column + 1])
        values = [value for value in (at[column], at[column + 1], *y[inside]) if value == value]
        if values:
            low[column], high[column] = min(values), max(values)
    return low, high


@given(st.integers(2, 400), st.integers(1, 150), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_spans_of_few_rows_are_those_of_the_line_through_them(n, pixels, seed):
    rng = np.random.default_rng(seed)
    x, y = np.cumsum(rng.exponential(size=n)), rng.normal(size=n)
    curve = Curve()
    curve.extend(x, y)
    edges = np.linspace(x[0] - 1, x[-1] + 1, max(pixels, n // 4 + 1) + 1)
    for found, wanted in zip(curve.spans(edges), polyline_in_columns(x, y, edges)):
        assert np.allclose(found, wanted, equal_nan=True)


@given(st.integers(1000, 40_000), st.integers(1, 300), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_spans_of_many_rows_lose_no_extreme_and_reach_no_further_than_a_block(n, pixels, even, seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    x = np.arange(n) * 1.0 if even else np.cumsum(rng.exponential(size=n))
    curve = Curve()
    curve.extend(x, y)
    edges = np.linspace(x[0], x[-1], pixels + 1)
    low, high = curve.spans(edges)
    least, most = polyline_in_columns(x, y, edges)
    column = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, pixels - 1)
    assert np.all(low[column] <= y) and np.all(high[column] >= y)
    assert np.nanmin(low) == y.min() and np.nanmax(high) == y.max()
    if not even:
        return  # a block of rows that lie far apart is wider than a pixel
    wide_low, wide_high = (fold.reduce([np.roll(v, 1), v, np.roll(v, -1)], axis=0)
                           for fold, v in ((np.minimum, least), (np.maximum, most)))  # fmt: skip
    assert np.all(low[1:-1] >= wide_low[1:-1]) and np.all(high[1:-1] <= wide_high[1:-1])


@given(st.integers(1, 40_000), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_line_has_at_most_two_points_a_pixel_and_loses_no_extreme(n, pixels, seed):
    rng = np.random.default_rng(seed)
    y, x = rng.normal(size=n), np.cumsum(rng.exponential(size=n))
    curve = Curve()
    curve.extend(x, y)
    drawn_x, drawn_y = curve.view(x[0], x[-1], pixels)
    assert len(drawn_x) == len(drawn_y) <= 2 * (pixels + 2)
    assert drawn_y.min() == y.min() and drawn_y.max() == y.max()
    assert np.all(np.diff(drawn_x) >= 0)


def test_curves_that_share_a_cut_give_what_they_give_alone():
    rng, edges, cuts = np.random.default_rng(3), np.linspace(10, 4000, 301), {}
    for start in (0.0, 0.0, 5.0):
        curve = Curve()
        curve.extend(start + np.arange(5000.0), rng.normal(size=5000))
        for shared, alone in zip(curve.spans(edges, cuts=cuts), curve.spans(edges)):
            assert np.array_equal(shared, alone)
    assert len(cuts) == 2


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_smoothing_in_pieces_equals_the_definition(decay):
    values = np.random.default_rng(1).normal(size=1500)
    got, carry, weight = [], 0.0, 1.0
    for part in np.split(values, [1, 7, 256, 300, 812, 1324]):
        means, carry, weight = ema(part, decay, carry, weight)
        got.append(means)
    mean, wanted = 0.0, []
    for age, value in enumerate(values, 1):
        mean = decay * mean + (1 - decay) * value
        wanted.append(mean / (1 - decay**age))
    assert np.allclose(np.concatenate(got), wanted, rtol=1e-9)


def test_rows_not_measured_are_left_out():
    curve = Curve()
    curve.extend(np.arange(4.0), np.array([np.nan, 1, np.inf, 2]))
    assert curve.x.values.tolist() == [1, 3] and curve.at(2.6) == 1


@pytest.mark.parametrize("built", [True, False])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_curves_painted_at_once_look_as_if_painted_one_after_another(built, seed):
    with pytest.MonkeyPatch.context() as patched:
        if not built:  # numpy paints where there is no kernel
            patched.setattr(spans, "_library", lambda: None)
        assert_painted_in_order(np.random.default_rng(seed))


def assert_painted_in_order(rng):
    columns, height, count = 13, 37, 9
    wanted = np.zeros((height, columns), np.int64)
    tops = rng.uniform(-10, 45, (count, columns))
    feet = tops + rng.exponential(6, (count, columns))
    tops[rng.random(tops.shape) < 0.2] = np.nan
    feet[np.isnan(tops)] = np.nan
    colours = [QColor(20 * number, 3, 255 - number) for number in range(count)]
    for curve, column in np.argwhere(~np.isnan(tops)):
        first, last = max(round(tops[curve, column]), 0), min(round(feet[curve, column]), height - 1)
        wanted[first : max(last + 1, 0), column] = colours[curve].rgb()
    picture = paint_spans(tops, feet, colours, height)
    found = [[picture.pixelColor(x, y).rgba() for x in range(columns)] for y in range(height)]
    assert np.array_equal(found, wanted)
