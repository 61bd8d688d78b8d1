"""Which steps saw a place of the text: the same as looking into every batch that the run took."""

import numpy as np
import pytest

from core.errors import LabError
from core.record.metrics import MetricsWriter
from core.spec.files import write_toml
from core.spec.train import TrainSpec
from core.train import sightings
from core.train.batches import Batches
from core.train.course import Course
from core.train.sightings import Sightings

CONTEXT, TOKENS = 8, 403


def make_run(folder, steps, skips=(), tokens=TOKENS, **changes):
    """What a run of so many steps leaves of itself: its request, its decisions, its records."""
    spec = {"corpus": "c", "tokenizer": "t", "seed": 3, "batch_size": 4,
            "model": {"context": CONTEXT, "d_model": 16, "n_heads": 2}, **changes}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    write_toml(folder / "spec.toml", {"kind": "train", "spec": spec})
    (folder / "tokens").mkdir()
    (folder / "tokens" / "meta.json").write_text(f'{{"train_tokens": {tokens}}}')
    (folder / "choices.json").write_text(f'{{"skips": {[list(skip) for skip in skips]}}}')
    writer = MetricsWriter(folder / "metrics.bin", [("step", ""), ("loss", "nats")])
    for step in range(steps + 1):
        writer.append(step=step, loss=1.0)
    writer.close()
    return spec


def seen_by_hand(spec, skips, steps, first, end):
    """Every batch of the run, looked into."""
    course = Course(TrainSpec(corpus="c", tokenizer="t", batch_size=4, batch_ramp_from=spec.get("batch_ramp_from", 0),
                              batch_ramp_steps=spec.get("batch_ramp_steps", 0)), list(map(list, skips)))  # fmt: skip
    batches = Batches(np.arange(TOKENS).astype(np.uint16), CONTEXT, spec["seed"])
    return [step + 1 for step in range(steps)
            for window in batches.rows(course.first(step), course.size(step))
            if set(window[1:].tolist()) & set(range(first, end))]  # fmt: skip


@pytest.mark.parametrize(("skips", "changes"), [((), {}), (((5, 12), (9, 4)), {}), (
    (), {"batch_ramp_from": 1, "batch_ramp_steps": 10})])
@pytest.mark.parametrize(("first", "end"), [(0, 1), (1, 2), (100, 108), (57, 120), (395, 403)])
def test_the_steps_that_saw_a_place_are_those_whose_batches_hold_it(tmp_path, skips, changes, first, end):
    steps = 61  # five epochs
    spec = make_run(tmp_path / "run", steps, skips, **changes)
    expected = seen_by_hand(spec, skips, steps, first, end)
    seen = Sightings(tmp_path / "run").seen(first, end)
    assert seen.times == len(expected) and seen.whole and seen.until == steps
    assert (seen.first, seen.last) == ((expected[0], expected[-1]) if expected else (0, 0))
    assert expected or first not in (57, 100)  # the edges of a text may lie outside every window


def test_a_very_long_run_is_looked_through_as_far_as_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr(sightings, "MOST_SEQUENCES", 100)
    spec = make_run(tmp_path / "run", 61)
    seen = Sightings(tmp_path / "run").seen(100, 108)
    assert not seen.whole and seen.until == 25
    assert seen.times == len(seen_by_hand(spec, (), 25, 100, 108)) > 0


def test_a_run_that_made_no_step_has_seen_nothing(tmp_path):
    make_run(tmp_path / "run", 0)
    assert Sightings(tmp_path / "run").seen(0, 100).times == 0


def test_a_counted_model_has_no_steps(tmp_path):
    make_run(tmp_path / "run", 1, model={"family": "ngram", "context": CONTEXT, "window": 2})
    with pytest.raises(LabError, match="no training steps"):
        Sightings(tmp_path / "run")
