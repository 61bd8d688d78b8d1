"""Runs over several processes: the curve of one process in every layout, checkpoints that any number of them reads."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
import torch.multiprocessing
from safetensors.torch import save_file

from core.errors import LabError
from core.model.loading import read_weights
from core.model.shards import INDEX, Slices
from core.record.events import Started
from core.record.folder import JobFolder
from core.record.log import EventLog
from core.record.view import read_view
from core.spec.files import write_toml
from core.train.checkpoint import restore
from core.train.distributed.launch import ROOT, Cluster, slurm_script, torchrun_line
from core.train.distributed.ranks import ALONE
from core.train.optimizers import optimizer_tensors
from tests.spread_trial import OTHER, STEPS, request, steps, trial

CASES = {
    "DDP": {"mesh": {"data": 2}},
    "ZeRO 1 with Muon": {"mesh": {"shard": 2, "zero": 1}, "optimizer": "muon"},
    "FSDP2": {"mesh": {"shard": 2}},
    "TP": {"mesh": {"tensor": 2}, "shape": OTHER},
    "TP with sequence parallel": {"mesh": {"tensor": 2, "sequence": True}, "shape": {"qk_norm": True}},
    "PP": {"mesh": {"pipeline": 2}},
    "PP, other parts": {"mesh": {"pipeline": 2}, "shape": OTHER},
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes found in every case: {name: (values, folder of its checkpoint)}."""
    folder = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(trial, (list(CASES.values()), str(folder)), nprocs=2)
    found = json.loads(Path(folder, "found.json").read_text("utf-8"))
    return {name: (values, folder / f"run-{i}") for i, (name, values) in enumerate(zip(CASES, found, strict=True))}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_give_the_curve_and_the_weights_of_one(two, name):
    case = {**CASES[name], "mesh": {}}
    run, alone = steps(request(**case), ALONE)
    together, folder = two[name]
    assert len(together) == len(alone)
    for (loss, norm), (loss_alone, norm_alone) in zip(together, alone, strict=True):
        assert loss == pytest.approx(loss_alone, abs=1e-5)
        assert norm == pytest.approx(norm_alone, rel=1e-4)
    assert alone[0][1] > 0.5, "the gradient has to be clipped for its norm to matter"
    weights, _ = read_weights(folder / "checkpoints" / f"step-{STEPS:08d}")
    assert weights.keys() == dict(run.model.named_parameters()).keys()
    for parameter, value in run.model.named_parameters():
        assert torch.allclose(weights[parameter], value, atol=2e-4), parameter


@pytest.mark.parametrize("name", ["ZeRO 1 with Muon", "FSDP2", "TP", "PP"])
def test_one_process_goes_on_from_what_two_have_saved(two, name):
    case = {**CASES[name], "mesh": {}}
    run, _ = steps(request(**case), ALONE)
    before = optimizer_tensors(run.model, run.optimizer)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
    run.optimizer.state.clear()
    state = restore(two[name][1], run.model, run.optimizer)
    after = optimizer_tensors(run.model, run.optimizer)
    assert state.step == STEPS and before.keys() == after.keys()
    for key, value in before.items():
        assert torch.allclose(after[key], value, atol=1e-4), key


def test_a_piece_is_put_together_from_the_slices_it_touches(tmp_path):
    whole = torch.arange(60.0).view(6, 10)
    pieces = {"a": ((0, 0), whole[:3, :4]), "b": ((0, 4), whole[:3, 4:]), "c": ((3, 0), whole[3:])}
    slices = []
    for file, (offset, tensor) in pieces.items():
        save_file({"w": tensor.contiguous()}, tmp_path / f"{file}.safetensors")
        slices.append({"file": f"{file}.safetensors", "offset": offset, "shape": list(tensor.shape)})
    index = {"format": 1, "metadata": {}, "tensors": {"model": {"w": {"shape": [6, 10], "slices": slices}}}}
    (tmp_path / INDEX).write_text(json.dumps(index), "utf-8")
    read = Slices(tmp_path, "model")
    assert torch.equal(read.read("w"), whole)
    assert torch.equal(read.read("w", (2, 3), (3, 5)), whole[2:5, 3:8])
    assert read.read("w", (6, 0), (0, 10)).shape == (0, 10)
    del slices[1]
    (tmp_path / INDEX).write_text(json.dumps(index), "utf-8")
    with pytest.raises(LabError, match="does not hold all"):
        Slices(tmp_path, "model").read("w")
    (tmp_path / INDEX).write_text("{", "utf-8")
    with pytest.raises(LabError, match="cannot be read"):
        Slices(tmp_path, "model")


@pytest.mark.parametrize(("mesh", "changes", "where"), [
    ({"data": 3}, {}, "batch_size"),
    ({"tensor": 3}, {}, "model.n_heads"),
    ({"tensor": 2}, {"shape": {"kv_heads": 1}}, "model.kv_heads"),
    ({"tensor": 2}, {"shape": {"d_ff": 33}}, "model.d_ff"),
    ({"tensor": 2}, {"shape": {"position": "t5"}}, "model.position"),
    ({"tensor": 2, "sequence": True}, {"shape": {"context": 15}}, "model.context"),
    ({"shard": 2}, {"optimizer": "muon"}, "optimizer"),
    ({"shard": 2}, {"ema_decay": 0.9}, "ema_decay"),
    ({"shard": 2}, {"budget_s": 5.0}, "budget_s"),
    ({"shard": 2}, {"kernels": "ours"}, "kernels"),
    ({"pipeline": 3}, {}, "mesh.pipeline"),
    ({"pipeline": 2, "shard": 2}, {}, "mesh.zero"),
    ({"pipeline": 2}, {"shape": {"layout": "encoder", "objective": {"task": "masked"}}}, "mesh"),
    ({"data": 2}, {"shape": {"family": "ngram", "window": 3}}, "mesh"),
    ({"data": 2}, {"precision": "fp16"}, "precision"),
])  # fmt: skip
def test_a_layout_that_cannot_be_is_refused_at_its_field(mesh, changes, where):
    with pytest.raises(LabError) as refused:
        request(mesh, **changes)
    assert refused.value.where == where


def test_the_lines_that_start_a_run_are_whole_and_say_how_many_processes(tmp_path):
    spec, folder = request({"shard": 2, "tensor": 2}), tmp_path / "my run"
    words = shlex.split(torchrun_line(spec, folder))
    assert words[words.index("--nproc-per-node") + 1] == "4"
    assert words[-3:] == ["-m", "core.jobs.worker", str(folder)] and words[:2] == ["cd", str(ROOT)]
    words = shlex.split(torchrun_line(spec, folder, nodes=2, host="first"))
    assert words[words.index("--nproc-per-node") + 1] == "2" and "first:29500" in words
    with pytest.raises(LabError):
        torchrun_line(spec, folder, nodes=3)
    script = tmp_path / "script.sh"
    script.write_text(slurm_script(spec, folder, Cluster(nodes=2, gpus=True)), "utf-8")
    if sys.platform != "win32":
        assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
    assert "#SBATCH --nodes=2\n" in script.read_text() and "#SBATCH --gpus-per-node=2\n" in script.read_text()


def test_a_run_of_another_machine_is_not_called_crashed(tmp_path):
    folder = JobFolder(tmp_path / "runs" / "far")
    folder.root.mkdir(parents=True)
    write_toml(folder.path("spec.toml"), {"kind": "train", "spec": msgspec.to_builtins(request({}))})
    log = EventLog(folder.path("events.jsonl"))
    log(Started(pid=1, attempt=1, host="another-machine"))
    log.close()
    assert read_view(folder.root).state == "running"
