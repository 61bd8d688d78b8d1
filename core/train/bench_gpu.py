"""Whole training steps on a GPU against nanoGPT compiled, for ``python main.py bench train`` where there is one.

The rival is nanoGPT as its author runs it on a GPU: bfloat16 autocast, torch.compile, fused AdamW, TF32 allowed.
"""

import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from core.model.build import build_model
from core.model.decoder import initialise
from core.model.sizing import flops_per_token
from core.record.folder import JobFolder
from core.spec.base import build
from core.spec.train import TrainSpec
from core.train.bench import Size, Step, batches, read_tokens
from core.train.checkpoint import TrainState
from core.train.choices import choose, label, peak_flops
from core.train.expert_use import ExpertUse
from core.train.gpu_choices import choose_for_gpu, make_update
from core.train.optimizers import make_optimizer
from core.train.precision import Arithmetic, allow_tf32
from core.train.rival import BETAS, CLIP, DECAY, RATE, NanoGPT, decay_groups

# nanoGPT's own settings: GPT-2 on web text, and characters on a GPU and on a processor.
SIZES = {
    "124 M on a GPU": Size(12, 12, 768, 1024, 12, 50304),
    "10.7 M on a GPU": Size(6, 6, 384, 256, 64, 65),
    "0.8 M on a GPU": Size(4, 4, 128, 64, 12, 65),
}
WARM, LEAST_ROUNDS = 3, 10


def bench_train_gpu(text: Path | None, seconds: float, sizes: list[str], say=print) -> list[dict]:
    """Time training steps at every size on the first GPU; without one nothing is measured, and that is said.

    Args and Returns: as of core.train.bench.bench_train; a second row a size has the share of the card's peak (MFU).
    """
    if not torch.cuda.is_available():
        for name in sizes:
            say(f"{name}: not measured, there is no GPU here")
        return []
    return [row for name in sizes for row in measure(name, SIZES[name], text, seconds / len(sizes), say)]


def measure(name: str, size: Size, text: Path | None, seconds: float, say, device: str = "cuda",
            compiled: bool = True) -> list[dict]:  # fmt: skip
    """Both in turn on the same batches, from the same weights."""
    tokens = read_tokens(text, size.vocabulary)
    model = build_model(size.spec)
    initialise(model, 0)
    allow_tf32(True)
    rival = NanoGPT(size.spec).take_weights(model)
    theirs = nano_step(rival.to(device), device, compiled)
    about, precision, ours = our_step(model.to(device), size, tokens, device)
    say(f"{name}: ours is {about}")
    times, until = [], time.perf_counter() + seconds
    for ids, targets in batches(tokens, size, seed=1):
        times.append([_timed(step, ids.to(device), targets.to(device)) for step in (ours, theirs)])
        if len(times) >= WARM + LEAST_ROUNDS and time.perf_counter() > until:
            break
    return _rows(name, size, times[WARM:], peak_flops(precision, device), precision)


def _rows(name: str, size: Size, times: list[list[float]], peak: float, precision: str) -> list[dict]:
    mine, theirs = (statistics.median(taken[racer] for taken in times) for racer in (0, 1))
    low, _, high = statistics.quantiles((taken[1] / taken[0] for taken in times), n=4)
    tokens = size.batch * size.context
    shares = [flops_per_token(size.spec).training * tokens / taken / peak for taken in (mine, theirs)]
    return [
        {"name": name, "unit": "tokens/s", "ours": tokens / mine, "rival": tokens / theirs,
         "rival_name": "nanoGPT, bf16, compiled", "ratio": theirs / mine, "spread": [low, high]},
        {"name": f"{name}: MFU", "unit": f"of the peak in {precision}", "ours": shares[0], "rival": shares[1],
         "rival_name": "nanoGPT, bf16, compiled", "ratio": shares[0] / shares[1], "spread": [low, high]},
    ]  # fmt: skip


def nano_step(model: nn.Module, device: str, compiled: bool) -> Step:
    """nanoGPT's step."""
    optimizer = torch.optim.AdamW(decay_groups(model), lr=RATE, betas=BETAS, fused=True)
    forward = torch.compile(model) if compiled else model

    def step(ids: Tensor, targets: Tensor) -> float:
        with torch.autocast(device, torch.bfloat16):
            loss = forward(ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    return step


def our_step(model: nn.Module, size: Size, tokens: np.ndarray, device: str) -> tuple[str, str, Step]:
    """A run's step, as a run would choose it on this GPU: (what was chosen, precision, step)."""
    spec = build(TrainSpec, {
        "corpus": "-", "tokenizer": "-", "batch_size": size.batch, "learning_rate": RATE, "beta1": BETAS[0],
        "beta2": BETAS[1], "weight_decay": DECAY, "clip": CLIP, "model": {}})  # fmt: skip
    ids, targets = next(batches(tokens, size, seed=0))
    batch = {"ids": ids.to(device), "targets": targets.to(device)}
    run = SimpleNamespace(spec=spec, model=model, optimizer=make_optimizer(model, spec), micro_batch=size.batch,
                          device=device, average=None, graphed=False, precision="")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run.folder = JobFolder(Path(folder))
        chosen = choose(spec, run.folder, model, batch, device, lambda _: None)
        model.use_kernels(chosen["kernels"])
        run.precision = chosen["precision"]
        choose_for_gpu(run, batch, lambda _: None)
    arithmetic = Arithmetic(model, run.precision, device)
    update, state = make_update(run, arithmetic, ExpertUse(arithmetic.working), lambda _: None), TrainState()

    def step(ids: Tensor, targets: Tensor) -> float:
        loss, _ = update.gradients({"ids": ids, "targets": targets}, state)
        update.apply(RATE, state)
        return loss

    replayed = ", replayed as a CUDA graph" if run.graphed else ""
    return label(run.precision, tuple(chosen["kernels"].items())) + replayed, run.precision, step


def _timed(step: Step, ids: Tensor, targets: Tensor) -> float:
    start = time.perf_counter()
    step(ids, targets)
    if ids.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start
