"""The proof of exact resume: it must say yes to what is equal, and no to a single different bit."""

import shutil

import msgspec
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from core.jobs import worker
from core.record.folder import JobFolder
from core.record.lineage import sha256_file
from core.record.metrics import read_header, read_metrics
from core.record.view import read_view
from core.spec.replay import ReplaySpec
from tests.tiny_tree import make_workspace, tiny, train, train_spec

FILES = ("ema.safetensors", "model.safetensors", "optimizer.safetensors")


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A run with dropout (random state counts), saved at steps 3, 6, 9 and 12."""
    workspace = make_workspace(tmp_path_factory.mktemp("replay"))
    shape = msgspec.structs.replace(tiny("gpt-2"), dropout=0.2)
    return workspace, train(workspace, "run", train_spec(shape, steps=12, keep_checkpoints=10, ema_decay=0.9))


def copy_of(grown, name):
    """The run under another name, for a test that spoils it."""
    workspace, run = grown
    shutil.copytree(run.root, run.root.with_name(name))
    return workspace, JobFolder(run.root.with_name(name))


def replay(workspace, run, name, **asked):
    folder = workspace.create("replay", name, ReplaySpec(run=run.name, **asked))
    worker.main(folder.root)
    return read_view(folder.root), folder


def files_of(folder):
    return {path: sha256_file(path) for path in sorted(folder.root.rglob("*")) if path.is_file()}


def test_the_steps_after_any_checkpoint_give_the_same_bits_and_the_run_is_only_read(grown):
    workspace, run = grown
    before = files_of(run)
    for step, steps in ((3, 3), (9, 3), (0, 3)):
        view, folder = replay(workspace, run, f"from-{step}", step=step)
        assert view.state == "completed", view.error
        assert view.result["exact"] and view.result["equal_steps"] == view.result["steps"] == steps
        assert view.result["files"] == dict.fromkeys(FILES, True)
        assert not folder.path("again").exists()
    assert view.result["from_step"] == 9
    assert files_of(run) == before


def test_more_steps_than_to_the_next_checkpoint_can_be_asked_for(grown):
    workspace, run = grown
    view, _ = replay(workspace, run, "long", step=3, steps=9)
    assert view.result["steps"] == 9 and view.result["exact"] and view.result["files"]
    view, _ = replay(workspace, run, "short", step=3, steps=2)
    assert view.result["steps"] == 2 and view.result["exact"] and not view.result["files"]


def test_one_bit_of_one_recorded_loss_is_found(grown):
    workspace, run = copy_of(grown, "bit")
    path = run.path("metrics.bin")
    columns, start = read_header(path)
    _, rows = read_metrics(path)
    names = [name for name, _ in columns]
    row, column = int(np.searchsorted(rows[:, 0], 5)), names.index("loss")
    data = bytearray(path.read_bytes())
    data[start + 8 * (row * len(names) + column)] ^= 1
    path.write_bytes(data)
    view, _ = replay(workspace, run, "bit", step=3)
    assert not view.result["exact"] and view.result["equal_steps"] == 2
    assert view.result["first_difference"] == [5, "loss"]


def test_a_checkpoint_whose_moments_were_touched_does_not_pass(grown):
    workspace, run = copy_of(grown, "moments")
    path = run.path("checkpoints", "step-00000003", "optimizer.safetensors")
    tensors = load_file(path)
    name = next(key for key in tensors if key.endswith("exp_avg"))
    tensors[name].view(-1)[0] += 1e-3
    save_file(tensors, path)
    view, _ = replay(workspace, run, "moments", step=3)
    assert not view.result["exact"] and not all(view.result["files"].values())


def test_a_checkpoint_that_never_was_is_refused_with_those_there_are(grown):
    workspace, run = grown
    view, _ = replay(workspace, run, "never", step=4)
    assert view.state == "failed" and view.error.values == {"step": 4, "steps": "3, 6, 9"}
