"""Whole training steps, ours against nanoGPT's and the best of plain torch: ``python main.py bench train``.

All start from the same weights, are shown the same batches, and step in turn, so that whatever else the machine does
slows all alike, and their losses can be compared.
"""

import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from core.data.rival import documents
from core.kernels.step import memory_bytes
from core.model.build import build_model
from core.model.decoder import initialise
from core.model.sizing import flops_per_token
from core.record.folder import JobFolder
from core.spec.base import build
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.checkpoint import TrainState
from core.train.choices import choose, label, peak_flops
from core.train.expert_use import ExpertUse
from core.train.optimizers import make_optimizer
from core.train.precision import Arithmetic
from core.train.rival import BETAS, CLIP, DECAY, OURS, RATE, NanoGPT, decay_groups
from core.train.update import Update

Step = Callable[..., float]  # ids and targets (B, T), and maybe the learning rate -> loss before the step, nats a token

LEAST_ROUNDS = 3
TRIAL_STEPS, TRIAL_S = 3, 1.0  # at least so many steps, and so long, of each candidate of torch
LAST = 50  # successive losses whose means are compared
DOCUMENTS = 2000


class Size(msgspec.Struct, frozen=True):
    """A model of GPT-2's shape and the batch that it is trained on."""

    layers: int
    heads: int
    width: int
    context: int
    batch: int
    vocabulary: int

    @property
    def spec(self) -> ModelSpec:
        """The shape."""
        return build(ModelSpec, OURS | {
            "n_layers": self.layers, "n_heads": self.heads, "d_model": self.width, "context": self.context,
            "vocab_size": self.vocabulary})  # fmt: skip


# The first two are nanoGPT's own settings for characters: on a processor, and on a GPU.
SIZES = {
    "0.8 M": Size(4, 4, 128, 64, 12, 65),
    "10.7 M": Size(6, 6, 384, 256, 16, 65),
    "30 M": Size(8, 8, 512, 256, 16, 8192),
}


def bench_train(text: Path | None, seconds: float, threads: tuple[int, ...], sizes: list[str], say=print) -> list[dict]:
    """Time training steps at every size and thread count.

    Args:
        text: a file to train on; None = Python's documentation.
        seconds: about how long the steps in turn may take altogether; choosing the fastest candidates comes on top.
        say: told what was chosen.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}; a ratio above 1 means that ours is better.
    """
    before, rows = torch.get_num_threads(), []
    share = seconds / len(threads) / len(sizes)
    try:
        for count in threads:
            torch.set_num_threads(count)
            for name in sizes:
                label_ = f"{name}, {count} thread{'s' if count > 1 else ''}"
                rows += _measure(label_, SIZES[name], text, share, say)
    finally:
        torch.set_num_threads(before)
    return rows


def _measure(name: str, size: Size, text: Path | None, seconds: float, say) -> list[dict]:
    tokens = read_tokens(text, size.vocabulary)
    model = build_model(size.spec)
    initialise(model, 0)
    nano = nano_step(model)
    best_name, best = _best_of_torch(model, size, tokens, say)
    ours_name, precision, ours = our_step(model, size, tokens)
    say(f"{name}: ours is {ours_name}; the best of torch is {best_name}")
    racers, times, losses = (ours, nano, best), [], []
    until = time.perf_counter() + seconds
    for ids, targets in batches(tokens, size, seed=1):
        taken = [_timed(step, ids, targets) for step in racers]
        times.append([s for s, _ in taken])
        losses.append([loss for _, loss in taken])
        if time.perf_counter() > until and len(times) > LEAST_ROUNDS:
            break
    del times[0]  # the first step makes the optimizer's state
    rows = [_duel(name, times, rival, f"{what}", size.batch * size.context)
            for rival, what in ((1, "nanoGPT, fp32, eager"), (2, f"torch, {best_name}"))]  # fmt: skip
    mine = statistics.median(taken[0] for taken in times)
    return [*rows, *_roofline(name, model, size, precision, mine), _worst_loss(name, losses)]


def _roofline(name: str, model: nn.Module, size: Size, precision: str, step_s: float) -> list[dict]:
    """What a step of ours achieves of the machine's arithmetic and of its memory, each measured just now."""
    count = size.batch * size.context
    parameters = sum(p.numel() for p in model.parameters())
    achieved = flops_per_token(size.spec).training * count / step_s / 1e9
    peak = peak_flops(precision, "cpu") / 1e9
    # AdamW reads four numbers a parameter and writes three; weights are read twice, gradients written once. What a
    # step keeps for its backward pass is written and read.
    moved = (4 * 10 * parameters + 2 * memory_bytes(model, size.batch, size.context)) / step_s / 1e9
    bandwidth = _copy_bandwidth()
    return [
        {"name": f"{name}: arithmetic", "unit": "GFLOP/s", "ours": achieved, "rival": peak, "ratio": achieved / peak,
         "rival_name": f"a square product of 1,024 in {precision}", "spread": [achieved / peak] * 2},
        {"name": f"{name}: memory, at least", "unit": "GB/s", "ours": moved, "rival": bandwidth,
         "ratio": moved / bandwidth, "rival_name": "copying 256 MB", "spread": [moved / bandwidth] * 2},
    ]  # fmt: skip


def _copy_bandwidth() -> float:
    """GB/s read and written when a tensor larger than the cache is copied: the best of five."""
    source, target = torch.zeros(32 << 20), torch.zeros(32 << 20)
    taken = [_timed(lambda *_: target.copy_(source), None, None)[0] for _ in range(5)]
    return 2 * source.nbytes / min(taken) / 1e9


def _worst_loss(name: str, losses: list[list[float]]) -> dict:
    """Mean losses of ours and of nanoGPT over those successive steps where they differ most."""
    spans = [losses[i : i + LAST] for i in range(0, max(1, len(losses) - LAST + 1), LAST)]
    means = [[statistics.fmean(pair[racer] for pair in span) for racer in (0, 1)] for span in spans]
    worst = max(range(len(means)), key=lambda i: abs(means[i][0] / means[i][1] - 1))
    own, theirs = means[worst]
    return {"name": f"{name}: loss, steps {worst * LAST + 1} to {worst * LAST + len(spans[worst])} of {len(losses)}",
            "unit": "nats a token", "ours": own, "rival": theirs, "ratio": theirs / own, "spread": [theirs / own] * 2,
            "rival_name": "nanoGPT, fp32, eager; where they differ most"}  # fmt: skip


def _duel(name: str, times: list[list[float]], rival: int, rival_name: str, tokens: int) -> dict:
    ratios = [taken[rival] / taken[0] for taken in times]
    mine, theirs = (tokens / statistics.median(taken[racer] for taken in times) for racer in (0, rival))
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return {"name": name, "unit": "tokens/s", "ours": mine, "rival": theirs, "rival_name": rival_name,
            "ratio": mine / theirs, "spread": [low, high]}  # fmt: skip


# the three


def nano_step(model: nn.Module) -> Step:
    """nanoGPT as published, on a processor: float32, eager, AdamW that is not fused."""
    return _plain(NanoGPT(model.spec).take_weights(model), "fp32", fused=False)


def _best_of_torch(model: nn.Module, size: Size, tokens: np.ndarray, say) -> tuple[str, Step]:
    """The fastest of float32, bfloat16 autocast and bfloat16 weights with flat float32 masters, eager and compiled."""
    makers = {}
    for compiled in (False, True):
        for what, make in (("fp32", _plain), ("bf16 autocast", _plain), ("bf16 weights, flat masters", _flat)):
            makers[f"{what}, {'compiled' if compiled else 'eager'}"] = (make, what.split(",")[0].split()[0], compiled)
    made, speed = {}, {}
    for name, (make, precision, compiled) in makers.items():
        step = make(NanoGPT(model.spec).take_weights(model), precision, compiled=compiled)
        try:
            speed[name] = _trial(step, size, tokens)
        except Exception as problem:  # torch.compile needs a compiler, and fails in many ways without one
            if not compiled:
                raise
            say(f"{name} could not be had: {str(problem).splitlines()[0][:120]}")
            continue
        made[name] = (make, precision, compiled)
    best = min(speed, key=speed.__getitem__)
    make, precision, compiled = made[best]
    return best, make(NanoGPT(model.spec).take_weights(model), precision, compiled=compiled)


def _plain(model: nn.Module, precision: str, fused: bool = True, compiled: bool = False) -> Step:
    optimizer = torch.optim.AdamW(decay_groups(model), lr=RATE, betas=BETAS, fused=fused)
    forward = torch.compile(model) if compiled else model

    def step(ids: Tensor, targets: Tensor, rate: float = RATE) -> float:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext():
            loss = forward(ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        return float(loss.detach())

    return step


def _flat(model: nn.Module, precision: str, compiled: bool = False) -> Step:
    """bfloat16 weights that are views of one buffer for matrices and one for vectors; AdamW on float32 copies."""
    groups = []
    for group in decay_groups(model):
        flat = torch.cat([p.detach().reshape(-1) for p in group["params"]])
        rounded, gradient, at = flat.bfloat16(), torch.zeros(len(flat), dtype=torch.bfloat16), 0
        for p in group["params"]:
            p.data = rounded[at : at + p.numel()].view(p.shape)
            p.grad = gradient[at : at + p.numel()].view(p.shape)
            at += p.numel()
        groups.append((nn.Parameter(flat), rounded, gradient, group["weight_decay"]))
    optimizer = torch.optim.AdamW([{"params": [flat], "weight_decay": decay} for flat, _, _, decay in groups],
                                  lr=RATE, betas=BETAS, fused=True)  # fmt: skip
    forward = torch.compile(model) if compiled else model

    def step(ids: Tensor, targets: Tensor) -> float:
        loss = forward(ids, targets)
        loss.backward()
        for flat, _, gradient, _ in groups:
            flat.grad = gradient.float()
        torch.nn.utils.clip_grad_norm_([flat for flat, *_ in groups], CLIP)
        optimizer.step()
        for flat, rounded, gradient, _ in groups:
            rounded.copy_(flat.detach())
            gradient.zero_()
        return float(loss.detach())

    return step


def our_step(model: nn.Module, size: Size, tokens: np.ndarray) -> tuple[str, str, Step]:
    """A step as a run of ours takes it, with what a run of ours would choose by timing."""
    spec = build(TrainSpec, {
        "corpus": "-", "tokenizer": "-", "batch_size": size.batch, "learning_rate": RATE, "beta1": BETAS[0],
        "beta2": BETAS[1], "weight_decay": DECAY, "clip": CLIP, "model": {}})  # fmt: skip
    ids, targets = next(batches(tokens, size, seed=0))
    with tempfile.TemporaryDirectory() as folder:
        chosen = choose(spec, JobFolder(Path(folder)), model, {"ids": ids, "targets": targets}, "cpu", lambda _: None)
    model.use_kernels(chosen["kernels"])
    arithmetic = Arithmetic(model, chosen["precision"], "cpu")
    optimizer = make_optimizer(model, spec)
    optimizer.path = chosen.get("adamw", "torch")
    run = SimpleNamespace(spec=spec, model=model, optimizer=optimizer, micro_batch=size.batch,
                          device="cpu", average=None)  # fmt: skip
    update, state = Update(run, arithmetic, ExpertUse(arithmetic.working)), TrainState()

    def step(ids: Tensor, targets: Tensor, rate: float = RATE) -> float:
        loss, _ = update.gradients({"ids": ids, "targets": targets}, state)
        update.apply(rate, state)
        return loss

    return label(chosen["precision"], tuple(chosen["kernels"].items())), chosen["precision"], step


# text


def read_tokens(text: Path | None, vocabulary: int) -> np.ndarray:
    """Text as numbers below ``vocabulary``, int64: its commonest characters where they are few, else words and signs.

    The last number stands for everything rarer.
    """
    held = "\n".join(documents(text, DOCUMENTS))
    parts = list(held) if vocabulary < 256 else re.findall(r"\w+|\s+|[^\w\s]", held)
    known = {part: rank for rank, (part, _) in enumerate(Counter(parts).most_common(vocabulary - 1))}
    return np.array([known.get(part, vocabulary - 1) for part in parts], np.int64)


def batches(tokens: np.ndarray, size: Size, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows drawn at random, without end: ids and the tokens after them, (batch, context) each."""
    rng = np.random.default_rng(seed)
    while True:
        starts = rng.integers(0, len(tokens) - size.context - 1, size.batch)
        rows = torch.from_numpy(tokens[starts[:, None] + np.arange(size.context + 1)])
        yield rows[:, :-1].contiguous(), rows[:, 1:].contiguous()


def _trial(step: Step, size: Size, tokens: np.ndarray) -> float:
    """Median seconds of a few steps; the first one compiles, and makes the optimizer's state."""
    drawn, times = batches(tokens, size, seed=0), []
    step(*next(drawn))
    while len(times) < TRIAL_STEPS or sum(times) < TRIAL_S:
        times.append(_timed(step, *next(drawn))[0])
    return statistics.median(times)


def _timed(step: Step, ids: Tensor, targets: Tensor) -> tuple[float, float]:
    start = time.perf_counter()
    loss = step(ids, targets)
    return time.perf_counter() - start, loss
