"""Which steps count as spikes: far outside, lasting, or no number; and what does not count."""

import math

import numpy as np
import pytest

from core.errors import LabError
from core.spec.guard import GuardSpec
from core.train.guard import LASTING, Guard

SPEC = GuardSpec(window=50, threshold=8.0)


def curve(steps, noise=0.05, seed=0):
    """Loss and gradient norm of a run that falls from 6 to 2, as one sees them."""
    draw, step = np.random.default_rng(seed), np.arange(steps)
    loss = 2 + 4 * np.exp(-step / 40) + noise * draw.standard_normal(steps)
    return np.stack([loss, np.exp(0.2 * draw.standard_normal(steps)) * (0.5 + 4 * np.exp(-step / 20))], axis=1)


def judge(rows, spec=SPEC, known=()):
    """The first spike of a run, and the steps before it."""
    guard = Guard(spec, np.empty((0, 2)), known)
    for number, (loss, norm) in enumerate(rows, 1):
        spike = guard.look(number, loss, norm)
        if spike is not None:
            return spike
        guard.add(loss, norm)
    return None


@pytest.mark.parametrize("seed", range(5))
def test_a_sound_run_has_no_spike(seed):
    assert judge(curve(2000, noise=0.02 * (seed + 1), seed=seed)) is None


def test_one_batch_far_outside_is_found_before_it_is_applied():
    rows = curve(300)
    rows[200, 0] += 2.0
    spike = judge(rows)
    assert (spike.step, spike.until, spike.what, spike.value) == (201, 201, "loss", rows[200, 0])
    window = rows[150:200, 0]
    spread = 1.4826 * np.median(np.abs(window - np.median(window)))
    assert spike.usual == np.median(window)
    assert spike.score == pytest.approx((spike.value - spike.usual) / spread)


def test_only_a_rise_counts():
    rows = curve(300)
    rows[200, 0], rows[210, 1] = 0.01, 1e-6
    assert judge(rows) is None


def test_a_jump_that_stays_is_found_though_no_step_of_it_lies_far_outside():
    rows = curve(300)
    rows[200:, 0] = np.median(rows[150:200, 0]) + 0.3  # six deviations
    spike = judge(rows)
    assert (spike.step, spike.until) == (201, 200 + LASTING)
    rows[202, 0] = rows[199, 0]  # two odd batches and then three are no jump that stays
    assert judge(rows[: 200 + LASTING]) is None


def test_a_jump_of_the_gradient_alone_counts_but_only_once_at_a_place():
    rows = curve(300)
    rows[200, 1] *= 100
    spike = judge(rows)
    assert (spike.step, spike.what) == (201, "grad_norm")
    assert judge(rows, known=[198]) is None  # other data was taken there, and the gradient jumped again
    assert judge(rows, known=[100]).step == 201


@pytest.mark.parametrize("place", [0, 200])
@pytest.mark.parametrize(("column", "what"), [(0, "loss"), (1, "grad_norm")])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_counts_at_once(place, column, what, value):
    rows = curve(300)
    rows[place, column] = value
    spike = judge(rows)
    assert (spike.step, spike.what, spike.value, spike.score) == (place + 1, what, None, None)
    assert (spike.usual is None) == (place == 0)
    with pytest.raises(LabError, match="no longer a number"):
        judge(rows, GuardSpec(enabled=False))


def test_the_first_steps_are_not_judged():
    rows = curve(300)
    rows[SPEC.window - 1, 0] += 50
    assert judge(rows) is None
    rows[SPEC.window, 0] += 50
    assert judge(rows).step == SPEC.window + 1


def test_a_flat_loss_does_not_make_every_ripple_a_spike():
    rows = np.tile([2.0, 1.0], (300, 1))
    rows[200, 0] += 0.1
    assert judge(rows) is None
    rows[250, 0] += 0.5
    assert judge(rows).step == 251


def test_an_overflow_among_the_latest_steps_is_not_counted_as_usual():
    rows = curve(300)
    guard = Guard(SPEC, np.where(np.arange(300)[:, None] % 10 == 0, [[1.0, math.inf]], rows))
    assert guard.look(301, 2.0, 0.5) is None and guard.look(301, 2.0, 50.0).what == "grad_norm"


@pytest.mark.parametrize("cut", [60, 120, 199])
def test_a_guard_made_from_the_records_judges_as_the_one_that_saw_the_steps(cut):
    rows = curve(200)
    seen = Guard(SPEC, np.empty((0, 2)))
    for loss, norm in rows[:cut]:
        seen.add(loss, norm)
    read = Guard(SPEC, rows[:cut])
    for loss in (2.0, 2.5, 9.0):
        assert seen.look(cut + 1, loss, 0.5) == read.look(cut + 1, loss, 0.5)
    assert seen._lasting(cut + 1, 3.0) == read._lasting(cut + 1, 3.0)


def test_without_the_guard_nothing_counts():
    rows = curve(300)
    rows[200] *= 1000
    assert judge(rows, GuardSpec(enabled=False)) is None
