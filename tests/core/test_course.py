"""Which data each step takes: growing batches, and batches that are left out."""

import random

import numpy as np
import pytest

from core.spec.train import TrainSpec
from core.train.course import Course


def spec(**changes):
    return TrainSpec(corpus="c", tokenizer="t", batch_size=8, **changes)


def test_without_a_ramp_steps_follow_each_other_without_a_gap():
    course = Course(spec())
    assert [course.first(step) for step in range(4)] == [0, 8, 16, 24] and course.size(10**9) == 8


def test_a_growing_batch_leaves_no_sequence_out_and_repeats_none():
    course = Course(spec(batch_ramp_from=2, batch_ramp_steps=6))
    sizes = [course.size(step) for step in range(9)]
    assert sizes[0] == 2 and sizes[6:] == [8, 8, 8] and all(np.diff(sizes) >= 0)
    assert [course.first(step) for step in range(9)] == [0, *np.cumsum(sizes)[:-1].tolist()]


def test_growing_batches_are_whole_micro_batches():
    course = Course(spec(batch_ramp_from=2, batch_ramp_steps=6, micro_batch=4))
    assert {course.size(step) for step in range(9)} == {4, 8}


def test_what_is_skipped_shifts_all_that_follows_and_nothing_before():
    course = Course(spec(), skips=[[3, 16]])
    assert [course.first(step) for step in range(5)] == [0, 8, 16, 24 + 16, 32 + 16]
    course.leave_out(1, 1)
    assert [course.first(step) for step in range(5)] == [0, 16, 24 + 16, 32 + 16, 40 + 16]
    assert course.taken(4) == 32  # what was left out was not learned from


@pytest.mark.parametrize("seed", range(60))
def test_what_was_left_out_is_never_taken_however_decisions_follow_each_other(seed):
    draw = random.Random(seed)
    ramp = {"batch_ramp_from": draw.randint(1, 8), "batch_ramp_steps": draw.randint(0, 12)} if seed % 2 else {}
    course, gone = Course(spec(**ramp)), set()
    for _ in range(5):
        first = draw.randint(0, 25)
        last = first + draw.randint(0, 6)
        before, out = [taken(course, step) for step in range(first)], set()
        for step in range(first, last + 1):
            out |= set(taken(course, step))
        assert course.leave_out(first, last) >= len(out)
        gone |= out
        assert [taken(course, step) for step in range(first)] == before
        later = [place for step in range(60) for place in taken(course, step)]
        assert later == sorted(set(later)) and not gone & set(later)
        assert ramp or gone == set(range(later[-1])) - set(later)  # and nothing else is lost
        assert Course(spec(**ramp), course.skips).first(40) == course.first(40)


def taken(course, step):
    return range(course.first(step), course.first(step) + course.size(step))
