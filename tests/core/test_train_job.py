"""Training jobs in real workers: what must hold for a run, whatever is asked of it and whatever befalls it."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from core.data.shards import write_shards
from core.errors import LabError
from core.jobs import launch
from core.record.control import request
from core.record.events import Acknowledged, Continued, Paused, Resumed, Sampled
from core.record.lineage import sha256_file
from core.record.log import read_events
from core.record.metrics import read_metrics
from core.record.view import read_view
from core.tokens.tokenizer import Tokenizer
from core.train.batches import Batches
from core.train.checkpoint import read_pointers
from core.train.measure import bits_per_byte
from core.train.schedules import warmup_cosine
from tests.kill_and_resume import compare, finish, prepare, train_spec


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("train"))


def start(workspace, name, **changes):
    spec = msgspec.structs.replace(train_spec(30), **changes)
    return launch.start(workspace, "train", name, spec)


def wait_for(folder, condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition(view := read_view(folder.root)):
        assert time.monotonic() < deadline and view.state != "failed", view
        time.sleep(0.02)
    return view


def said(folder, kind):
    return [r.event for r in read_events(folder.path("events.jsonl"))[0] if isinstance(r.event, kind)]


def final_hash(folder):
    return sha256_file(folder.path("checkpoints", read_pointers(folder.root)["last"], "model.safetensors"))


@pytest.mark.skipif(os.name != "posix", reason="uses SIGKILL")
def test_a_killed_and_resumed_run_ends_with_the_same_bytes():
    found = compare(kills=2, steps=250, seed=3, say=lambda line: None)
    assert found["kills"] >= 1
    assert all(found["identical"].values()) and found["no_gap"] and not found["unreadable"], found


def test_requests_are_acknowledged_and_looking_changes_nothing(workspace):
    calm = start(workspace, "calm", steps=120)
    finish(calm)
    asked = start(workspace, "asked", steps=120)
    wait_for(asked, lambda view: view.done > 0)
    request(asked.root, "pause")
    wait_for(asked, lambda view: view.state == "paused")
    ids = [request(asked.root, "sample", prompt="young", tokens=5), request(asked.root, "checkpoint")]
    wait_for(asked, lambda view: set(ids) <= set(view.acknowledged))
    assert read_view(asked.root).state == "paused"
    request(asked.root, "resume")
    finish(asked)
    assert [s.prompt for s in said(asked, Sampled) if s.requested] == ["young"]
    assert len(said(asked, Paused)) == len(said(asked, Continued)) == 1
    assert len(said(asked, Acknowledged)) == 4
    assert final_hash(asked) == final_hash(calm)


def test_a_stopped_run_leaves_a_resumable_checkpoint(workspace):
    folder = start(workspace, "stopped", steps=5000)
    wait_for(folder, lambda view: view.done > 3)
    request(folder.root, "stop")
    view = wait_for(folder, lambda view: not view.live)
    assert view.state == "stopped"
    step = view.checkpoints[-1].step
    launch.resume(folder)
    wait_for(folder, lambda view: any(isinstance(e, Resumed) for e in said(folder, Resumed)))
    assert said(folder, Resumed)[0].from_step == step
    request(folder.root, "stop")
    wait_for(folder, lambda view: not view.live)


def test_a_stop_asked_before_the_worker_starts_is_heard_and_a_resume_keeps_the_first_measurement(workspace):
    folder = workspace.create("train", "early", msgspec.structs.replace(train_spec(30), steps=3))
    write_shards(folder.root, workspace.path("corpora", "text"), Tokenizer.load(workspace.path("tokenizers", "text")))
    request(folder.root, "stop")
    assert launch.launch(folder).wait() == 0
    view = read_view(folder.root)
    assert view.state == "stopped" and [c.step for c in view.checkpoints] == [0]
    assert launch.launch(folder).wait() == 0
    assert read_metrics(folder.path("metrics.bin"))[1][:, 0].tolist() == [0, 1, 2, 3]


def test_two_workers_never_share_a_folder(workspace):
    folder = start(workspace, "alone", steps=5000)
    wait_for(folder, lambda view: view.done > 0)
    with pytest.raises(LabError, match="still running"):
        launch.resume(folder)
    second = subprocess.run([sys.executable, "-m", "core.jobs.worker", str(folder.root)], capture_output=True)
    assert second.returncode == 2 and b"already at work" in second.stderr
    request(folder.root, "stop")
    assert wait_for(folder, lambda view: not view.live).attempt == 1


def test_a_truncated_checkpoint_is_named_and_an_earlier_one_is_used(workspace):
    folder = start(workspace, "truncated", steps=28)
    finish(folder)
    expected = final_hash(folder)
    weights = folder.path("checkpoints", read_pointers(folder.root)["last"], "model.safetensors")
    weights.write_bytes(weights.read_bytes()[:1000])
    worker = launch.launch(folder)
    worker.wait()
    view = read_view(folder.root)
    assert view.state == "completed" and view.attempt == 2
    assert any("damaged or cut off" in str(note.values) for note in view.notes)
    assert final_hash(folder) == expected


def test_a_corpus_smaller_than_one_context_is_refused_in_one_sentence(workspace):
    small = train_spec(5)
    shape = msgspec.structs.replace(small.model, context=1 << 15, dropout=0.0)
    folder = start(workspace, "small", model=shape, batch_size=1, micro_batch=1)
    view = finish_badly(folder)
    assert "fewer than one context of 32768" in view.error.problem.format(**view.error.values)


def finish_badly(folder):
    deadline = time.monotonic() + 60
    while (view := read_view(folder.root)).live and time.monotonic() < deadline:
        time.sleep(0.05)
    assert view.state == "failed"
    return view


def test_a_changed_input_stops_a_run_before_it_starts(workspace, tmp_path):
    copy = tmp_path / "workspace"
    shutil.copytree(workspace.root, copy)
    workspace = type(workspace)(copy)
    folder = workspace.create("train", "changed", train_spec(5))
    with open(copy / "corpora" / "text" / "kept.jsonl", "ab") as file:
        file.write(b"{}\n")
    assert launch.launch(folder).wait() == 2
    assert "changed" in read_view(folder.root).error.problem


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk_fails_clearly_and_loses_nothing(workspace, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system does not let us mount a small disk")
    try:
        check_full_disk(workspace, disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def check_full_disk(workspace, disk: Path):
    for room in ("corpora", "tokenizers"):
        shutil.copytree(workspace.root / room, disk / room)
    small = type(workspace)(disk)
    folder = small.create("train", "full", msgspec.structs.replace(train_spec(100_000), keep_checkpoints=6))
    worker = launch.launch(folder)
    wait_for(folder, lambda view: view.checkpoints)
    ballast = disk / "ballast"  # somebody else fills the disk while it runs
    with suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(ballast, ballast.stat().st_size - (64 << 10))  # room for words, not for a checkpoint
    assert worker.wait() == 2
    view = read_view(folder.root)
    assert view.state == "failed" and "disk is full" in view.error.problem, view
    assert "nothing saved before was lost" in view.error.remedy
    step = view.checkpoints[-1].step
    assert not list(folder.path("checkpoints").glob(".tmp-*"))
    ballast.unlink()  # and makes room again
    launch.resume(folder)
    launch.await_attempt(folder, view.attempt)
    deadline = time.monotonic() + 60
    while not said(folder, Resumed) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert said(folder, Resumed)[0].from_step >= step
    request(folder.root, "stop")
    while read_view(folder.root).live and time.monotonic() < deadline:
        time.sleep(0.05)


def test_metrics_have_one_row_a_step_and_a_falling_loss(workspace):
    folder = start(workspace, "falls", steps=60, learning_rate=1e-2)
    view = finish(folder)
    columns, rows = read_metrics(folder.path("metrics.bin"))
    names = [name for name, _ in columns]
    assert rows[:, 0].tolist() == list(range(61))
    loss = rows[1:, names.index("loss")]
    assert loss[-5:].mean() < 0.8 * loss[:5].mean()
    assert view.validations[-1].loss < view.validations[0].loss
    assert view.result["last_val_bits_per_byte"] == pytest.approx(view.validations[-1].bits_per_byte)
    assert rows[-1, names.index("flops")] > 0 and 0 < view.result["mfu"] < 1


def test_every_window_of_an_epoch_is_seen_once_and_a_step_is_a_pure_function():
    tokens = np.arange(1000, dtype=np.uint16)
    batches = Batches(tokens, context=16, seed=7)
    steps = [batches(4 * step, 4) for step in range(batches.windows // 4)]
    firsts = sorted(int(row[0]) for inputs, _ in steps for row in inputs)
    assert len(set(firsts)) == len(firsts) and set(np.diff(firsts)) <= {16, 32, 48, 64}
    inputs, targets = Batches(tokens, 16, 7)(44, 4)
    assert torch.equal(inputs, batches(44, 4)[0]) and torch.equal(targets[:, :-1], inputs[:, 1:])
    assert not torch.equal(inputs, Batches(tokens, 16, 8)(44, 4)[0])


def test_the_schedule_rises_to_the_peak_and_ends_at_its_share():
    rates = [warmup_cosine(step, 100, 2.0, 10, 0.1) for step in range(100)]
    assert rates[9] == 2.0 == max(rates) and rates[0] == pytest.approx(0.2)
    assert rates[-1] == pytest.approx(0.2) and all(a >= b for a, b in zip(rates[9:], rates[10:], strict=False))


def test_bits_per_byte_of_a_uniform_guess_over_bytes_is_eight():
    loss = torch.full((2, 5), float(np.log(256)))
    assert bits_per_byte(loss, torch.ones(2, 5, dtype=torch.int32)) == pytest.approx(8.0)
    with pytest.raises(LabError):
        bits_per_byte(loss, torch.zeros(2, 5, dtype=torch.int32))
