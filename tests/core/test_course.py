"""Which data each step takes: growing batches, and batches that are left out."""

import numpy as np

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
    course.skip(1, 8)
    assert [course.first(step) for step in range(5)] == [0, 16, 24, 48, 56]
    assert course.taken(4) == 32  # what was left out was not learned from
