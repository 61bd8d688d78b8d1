"""Which checkpoints are written, and which of them stay."""

from core.record.events import StoppedEarly
from core.record.log import read_events
from core.record.view import read_view
from core.spec.retention import RetentionSpec
from core.train.checkpoint import checkpoints, read_pointers
from core.train.retention import is_spaced, kept
from tests.tiny_tree import make_workspace, tiny, train, train_spec


def test_the_newest_and_the_best_stay():
    losses = {10: 3.0, 20: 2.0, 30: 2.5, 40: None, 50: 4.0}
    assert kept(losses, 1, RetentionSpec()) == {20, 50}
    assert kept(losses, 2, RetentionSpec(best=2)) == {20, 30, 40, 50}


def test_multiples_and_powers_of_two_stay_for_good():
    losses = dict.fromkeys([1, 2, 4, 7, 8, 14, 16, 21, 28], None)
    assert kept(losses, 1, RetentionSpec(every=14)) == {14, 28}
    assert kept(losses, 1, RetentionSpec(spaced=True)) == {1, 2, 4, 8, 16, 28}
    assert [step for step in range(40) if is_spaced(step)] == [1, 2, 4, 8, 16, 32]


def test_of_equal_losses_the_earlier_checkpoint_is_the_better():
    assert kept({1: 2.0, 2: 2.0, 3: 9.0}, 1, RetentionSpec()) == {1, 3}


def test_a_run_keeps_what_its_rules_say_and_an_impatient_one_ends_early(tmp_path):
    workspace = make_workspace(tmp_path)
    folder = train(workspace, "rules", train_spec(
        tiny("gpt-2"), steps=20, checkpoint_every=3, validate_every=3, keep_checkpoints=1,
        retention={"best": 2, "every": 6, "spaced": True}))  # fmt: skip
    stand = {int(path.name[5:]) for path in checkpoints(folder.root)}
    view = read_view(folder.root)
    measured = {c.step: c.val_loss for c in view.checkpoints if c.val_loss is not None}
    best = set(sorted(measured, key=measured.get)[:2])
    assert stand >= {1, 2, 4, 8, 16, 6, 12, 18, 20} and not {3, 9, 15} & (stand - best)
    assert stand == {c.step for c in view.checkpoints}
    assert read_pointers(folder.root)["best"] == f"step-{min(measured, key=measured.get):08d}"
    assert all(set(c.sha256) == {"model.safetensors", "optimizer.safetensors"} for c in view.checkpoints)

    impatient = train(workspace, "impatient", train_spec(
        tiny("gpt-2"), steps=60, validate_every=2, learning_rate=1.0, warmup_steps=0, patience=3))  # fmt: skip
    view = read_view(impatient.root)
    said = [r.event for r in read_events(impatient.path("events.jsonl"))[0] if isinstance(r.event, StoppedEarly)]
    assert view.result["steps"] == said[0].step < 60 and ("early", said[0].step) in view.marks
    worse = [v.loss for v in view.validations[-3:]]
    assert min(worse) >= min(v.loss for v in view.validations[:-3])
