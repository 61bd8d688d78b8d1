"""The same few steps in one process and in two, without a job around them: what a test spawns."""

import json
import os
import types
from pathlib import Path

import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.base import build
from core.spec.train import TrainSpec
from core.train.checkpoint import TrainState
from core.train.distributed.ranks import Alone, join
from core.train.distributed.team import Team
from core.train.optimizers import make_optimizer
from core.train.precision import Arithmetic
from core.train.schedules import learning_rate
from core.train.update import Update

STEPS, VOCABULARY, BATCH = 4, 48, 8
SHAPE = {"d_model": 32, "n_layers": 2, "n_heads": 4, "context": 16, "vocab_size": VOCABULARY}
OTHER = {  # many parts at once that a layout has to divide rightly
    "kv_heads": 2, "position": "alibi", "norm": "layer_norm", "bias": True, "qk_norm": True, "tied_head": False,
    "activation": "gelu", "parallel": "two_norms", "embed_size": 16, "query_layer": False,
}  # fmt: skip


def request(mesh: dict, shape: dict | None = None, **changes) -> TrainSpec:
    """A run of nothing but the steps."""
    return build(TrainSpec, {
        "corpus": "-", "tokenizer": "-", "steps": STEPS, "batch_size": BATCH, "micro_batch": 4, "warmup_steps": 2,
        "learning_rate": 1e-2, "clip": 0.5, "precision": "fp32", "mesh": mesh, "model": SHAPE | (shape or {}),
        **changes,
    })  # fmt: skip


def steps(spec: TrainSpec, ranks: Alone) -> tuple[types.SimpleNamespace, list]:
    """Loss and gradient norm of each step, and the sum of all logits at the end; and the run."""
    model = build_model(spec.model)
    initialise(model, 0)
    run = types.SimpleNamespace(
        spec=spec, model=model, device="cpu", precision="fp32", micro_batch=4, average=None, ranks=ranks,
        optimizer=make_optimizer(model, spec))  # fmt: skip
    used = types.SimpleNamespace(add=lambda: None)
    run.team = Team(run) if ranks.world > 1 else None
    update = run.team.update(used) if run.team else Update(run, Arithmetic(model, "fp32", "cpu"), used)
    state, found = TrainState(), []
    for step in range(STEPS):
        found.append(update.gradients(batch(step), state))
        update.apply(learning_rate(spec, step, STEPS), state)
        state.step += 1
    reader = run.team.reader if run.team and run.team.reader else model
    with torch.no_grad():
        found.append((float(reader(batch(0)["ids"][:2, :13]).double().abs().mean()), 0.0))
    return run, found


def batch(step: int) -> dict:
    """Tokens with something to learn in them: every second repeats the one before."""
    tokens = torch.randint(0, VOCABULARY, (BATCH, 17), generator=torch.Generator().manual_seed(step))
    tokens[:, 1::2] = tokens[:, :-1:2]
    return {"ids": tokens[:, :-1].contiguous(), "targets": tokens[:, 1:].contiguous()}


def trial(rank: int, cases: list[dict], folder: str) -> None:
    """One of two processes: every case in turn, and a checkpoint of each; the first writes down what it found."""
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    torch.set_num_threads(1)
    ranks = join(request(cases[0]["mesh"]), "cpu")
    found = []
    for number, case in enumerate(cases):
        run, values = steps(request(**case), ranks)
        found.append(values)
        place = Path(folder, f"run-{number}")
        place.mkdir(exist_ok=True)
        run.team.saving.save(place, TrainState(step=STEPS), 1, run.spec.retention)
    if ranks.first:
        Path(folder, "found.json").write_text(json.dumps(found), "utf-8")
    ranks.leave()
