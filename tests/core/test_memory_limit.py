"""Memory that does not suffice: the micro-batch is halved, that is written down, and a resume replays it to the bit."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from core.errors import LabError
from core.train.decisions import Decisions
from core.train.distributed.ranks import ALONE
from core.train.memory_limit import is_out_of_memory, retry_smaller

CHILD = """
import json, resource, shutil, sys
from pathlib import Path
import torch
from core.record.events import MicroBatchHalved, Resumed, Validated
from core.record.lineage import sha256_file
from core.record.log import EventLog
from core.record.view import read_view
from core.train.checkpoint import checkpoints
from tests.poison import carry_on, prepare, said, train_spec

MARGIN = 16 << 20  # beyond what the process has mapped after three steps

def limit(soft):
    resource.setrlimit(resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))

def mapped():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()

say = EventLog.__call__
def said_and_limited(log, event):
    say(log, event)
    if isinstance(event, Validated) and event.step == 3:
        limit(mapped() + MARGIN)

torch.set_num_threads(1)
workspace = prepare(Path(sys.argv[1]), seed=0, documents=60, poisoned=0)
folder = workspace.create("train", "tight", train_spec(
    0, "clean", False, steps=8, batch_size=64, checkpoint_every=2, keep_checkpoints=9, validate_every=3,
    validation_tokens=256, model={"d_model": 48, "n_layers": 2, "n_heads": 2, "context": 64, "dropout": 0.1}))
EventLog.__call__ = said_and_limited
carry_on(folder)
EventLog.__call__ = say
limit(resource.RLIM_INFINITY)
def digests():
    return {p.name: sha256_file(p) for p in sorted(checkpoints(folder.root)[-1].glob("*.safetensors"))}
first, halved, state = digests(), said(folder, MicroBatchHalved), read_view(folder.root).state
for path in checkpoints(folder.root):
    if path.name != "step-00000002":
        shutil.rmtree(path)
carry_on(folder)
view = read_view(folder.root)
print(json.dumps({
    "states": [state, view.state], "halved": [(e.step, e.micro_batch) for e in halved],
    "choices": folder.read_choices().get("micro_batches"), "same": digests() == first,
    "resumed": said(folder, Resumed)[-1].from_step, "marks": [m for m in view.marks if m[0] == "memory"]}))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits a process's own memory")
def test_a_run_that_memory_does_not_suffice_for_goes_on_with_less_at_once_and_a_resume_replays_it(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["states"] == ["completed", "completed"], (found, done.stderr[-3000:])
    (step, sequences), *more = found["halved"]
    assert step > 3 and sequences == 32, found  # after the limit was set
    assert found["choices"] == sorted([step - 1, sequences] for step, sequences in found["halved"])
    assert found["resumed"] == 2 and found["same"], found
    assert found["marks"] == [["memory", step] for step in sorted({step, *(later for later, _ in more)})]


class Run:
    """As much of a run as a refusal concerns."""

    device, folder, ranks = "cpu", SimpleNamespace(name="run"), ALONE

    def __init__(self, asked):
        self.asked, self.fewer, self.decisions = asked, 0, Decisions()

    @property
    def micro_batch(self):
        return self.fewer or self.asked


def test_work_is_tried_with_fewer_until_it_fits_each_time_from_the_same_random_state():
    run, said, drawn = Run(6), [], []

    def work():
        drawn.append(float(torch.rand(1)))
        torch.empty((run.micro_batch > 1) << 55)  # more than any machine has
        return run.micro_batch

    assert retry_smaller(work, run, 9, said.append) == 1
    assert [event.micro_batch for event in said] == [3, 1] and {event.step for event in said} == {10}
    assert run.decisions.micro_batches == [[9, 1], [9, 3]] and len(set(drawn)) == 1 and len(drawn) == 3
    assert run.decisions.micro_batch(8, 6) == 6 and run.decisions.micro_batch(9, 6) == 1


def test_not_even_one_sequence_is_an_error_that_says_what_to_change():
    with pytest.raises(LabError, match="not even with one sequence"):
        retry_smaller(lambda: torch.empty(1 << 55), Run(4), 0, lambda event: None)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="size mismatch|shapes cannot be multiplied"):
        retry_smaller(lambda: torch.ones(2, 3) @ torch.ones(2, 3), Run(4), 0, lambda event: None)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory")) and not is_out_of_memory(ValueError("memory"))
