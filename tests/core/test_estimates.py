"""What a run was expected to cost is written down when it begins, and what it took is measured."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.model.sizing import ASSUMED_WATTS, training_memory
from core.record.folder import Workspace
from core.record.view import read_view
from core.train.energy import Meter, read_meter
from core.train.estimates import record
from tests import tiny_tree

ROOT = Path(__file__).resolve().parents[2]
GROWS = """
import sys
import numpy as np
from core.train.memory import Growth
before = np.ones(60_000_000 // 8)
del before
growth = Growth()
held = np.ones(40_000_000 // 8)
print(growth.n_bytes())
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    return tiny_tree.make_workspace(tmp_path_factory.mktemp("estimates"))


def test_a_run_keeps_what_was_expected_of_it_beside_what_it_took(workspace):
    spec = tiny_tree.train_spec(tiny_tree.tiny("gpt-2"))
    folder = tiny_tree.train(workspace, "kept", spec)
    expected, result = folder.read_choices()["estimates"], read_view(folder.root).result
    causes = training_memory(tiny_tree.tiny("gpt-2"), spec.micro_batch, accumulated=True)
    assert expected["memory"] == {cause: n for cause, n in causes.items() if cause != "total"}
    assert expected["memory_bytes"] == causes["total"]
    step_s = expected["elapsed_s"] / spec.steps
    assert expected["tokens_per_s"] * step_s == pytest.approx(spec.batch_size * tiny_tree.CONTEXT)
    assert expected["energy_j"] == pytest.approx(ASSUMED_WATTS * expected["elapsed_s"])
    assert 0 < result["memory_bytes"] < result["peak_bytes"] and result["elapsed_s"] > 0
    assert (result["energy_j"] is None) == (read_meter() is None)


def test_what_was_said_first_stays(workspace):
    folder = workspace.create("train", "first", tiny_tree.train_spec(tiny_tree.tiny("gpt-2")))
    record(folder, {"weights": 3, "total": 3}, 10, 5, 2.0)
    first = folder.read_choices()["estimates"]
    assert (first["elapsed_s"], first["tokens_per_s"], first["memory"]) == (20.0, 2.5, {"weights": 3})
    record(folder, {"weights": 9, "total": 9}, 1, 1, 1.0)
    assert folder.read_choices()["estimates"] == first


def test_a_meter_is_read_also_past_its_highest_count(tmp_path):
    meter_file = tmp_path / "energy_uj"
    (tmp_path / "max_energy_range_uj").write_text("1000000000\n")
    meter_file.write_text("999000000\n")
    with Meter(tmp_path, every_s=0.01) as meter:
        meter_file.write_text("999500000\n")
        time.sleep(0.1)
        meter_file.write_text("2000000\n")
    assert meter.joules() == pytest.approx(3.0)


def test_without_a_meter_nothing_is_said(tmp_path):
    with Meter(tmp_path) as meter:
        pass
    assert meter.joules() is None and read_meter(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an earlier peak cannot be forgotten")
def test_memory_counts_from_the_moment_before_the_model():
    done = subprocess.run([sys.executable, "-c", GROWS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == pytest.approx(40e6, rel=0.05)
