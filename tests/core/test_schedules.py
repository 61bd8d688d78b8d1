"""Learning rates, against values worked out by hand."""

import pytest

from core.spec.train import TrainSpec
from core.train.schedules import learning_rate, warmup_cosine

SCHEDULES = ("cosine", "linear", "constant", "inverse_sqrt", "wsd")


def rates(schedule: str, steps: int, **changes) -> list[float]:
    spec = TrainSpec(
        corpus="", tokenizer="", schedule=schedule,
        **{"learning_rate": 1.0, "warmup_steps": 4, "final_lr_ratio": 0.1, **changes})  # fmt: skip
    return [learning_rate(spec, step, steps) for step in range(steps)]


def test_every_schedule_rises_in_a_straight_line_to_the_peak():
    for schedule in SCHEDULES:
        assert rates(schedule, 24)[:4] == [0.25, 0.5, 0.75, 1.0], schedule


def test_the_cosine_is_the_one_it_always_was():
    assert rates("cosine", 24) == [warmup_cosine(step, 24, 1.0, 4, 0.1) for step in range(24)]
    assert rates("cosine", 25)[14] == pytest.approx(0.55)  # halfway between 1 and 0.1


def test_linear_loses_the_same_at_every_step_down_to_its_share():
    found = rates("linear", 14)
    assert found[4:] == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_constant_stays():
    assert set(rates("constant", 30)[3:]) == {1.0}


def test_inverse_square_root_goes_on_from_the_warm_up_without_a_jump():
    found = rates("inverse_sqrt", 64)
    assert found[15] == pytest.approx(0.5) and found[63] == pytest.approx(0.25)  # 4 and 16 times the warm-up's steps
    assert found[4] == pytest.approx((4 / 5) ** 0.5)


def test_warm_up_stable_decay_comes_down_over_its_share_at_the_end():
    found = rates("wsd", 40, decay_share=0.25, final_lr_ratio=0.1)
    assert set(found[3:31]) == {1.0}
    assert found[30:] == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert set(rates("wsd", 40, decay_share=0.0)[3:]) == {1.0}
    assert rates("wsd", 40, decay_share=1.0) == rates("linear", 40)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("changes", [{}, {"decay_share": 1.0}, {"warmup_steps": 0}, {"warmup_steps": 1000}])
@pytest.mark.parametrize("steps", [1, 2, 3, 40])
def test_every_rate_of_every_run_is_positive_and_no_higher_than_the_peak(schedule, changes, steps):
    assert all(0 < rate <= 1.0 for rate in rates(schedule, steps, **changes))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd"])
def test_a_plan_that_changes_on_the_way_still_ends_at_the_final_rate(schedule):
    spec = TrainSpec(corpus="", tokenizer="", schedule=schedule, learning_rate=1.0, warmup_steps=4)
    for before, after in ((100, 70), (100, 160), (100, 61)):  # looked at again at step 60: slower, faster, at its end
        found = [learning_rate(spec, step, before if step < 60 else after) for step in range(after)]
        assert found[-1] == pytest.approx(0.1) and all(0.09 < rate <= 1 for rate in found[4:])
        assert all(later <= earlier for earlier, later in zip(found[60:], found[61:], strict=False))
