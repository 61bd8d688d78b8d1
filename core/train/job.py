"""The training job: from a request to a trained run, beginning or going on."""

import os
import time
from contextlib import nullcontext
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from core.data.shards import TokenShard
from core.errors import LabError
from core.model.build import build_model
from core.model.decoder import initialise
from core.model.sizing import parameters
from core.model.word_vectors import WordVectors
from core.record.events import Chosen, Phase, Progress, Resumed
from core.record.folder import JobFolder
from core.record.metrics import MetricsWriter, read_metrics
from core.spec.train import TrainSpec
from core.tokens.tokenizer import Tokenizer
from core.train import counting, estimates
from core.train.batches import Batches, Examples
from core.train.checkpoint import TrainState, restore, save_checkpoint
from core.train.choices import choose, peak_flops
from core.train.course import Course
from core.train.decisions import Decisions
from core.train.disk import check_disk
from core.train.distributed.ranks import ALONE, Alone, join
from core.train.ema import Average
from core.train.energy import Meter
from core.train.fitting import Fit, fit, memory_needed, set_recompute
from core.train.gpu_choices import choose_for_gpu
from core.train.health import HealthLog
from core.train.inputs import COLUMNS, open_text, resolve_vocabulary
from core.train.loop import Trainer
from core.train.measure import validate, validate_objective
from core.train.memory import Growth, peak_memory
from core.train.memory_limit import free_tensors
from core.train.objectives import Asking
from core.train.optimizers import make_optimizer
from core.train.plan import Plan
from core.train.precision import allow_tf32
from core.train.prefetch import Prefetch
from core.train.rollback import take_up
from core.train.shrink import shrink_embedding_gradient

COUNTED_AT_ONCE = 1 << 22  # tokens
VALIDATION_ROWS = 8  # sequences measured at once, at most
OPTIMIZER_SHARE = 1.12  # a whole step against its forward and backward: AdamW, clipping, records


class Run(msgspec.Struct):
    """All that a trainer works with."""

    spec: TrainSpec
    folder: JobFolder
    tokenizer: Tokenizer
    byte_lengths: object  # int32 (V,)
    model: nn.Module
    optimizer: object
    examples: Examples
    course: Course
    held_out: object  # token ids (n,)
    device: str
    growth: Growth  # of this process's memory since before the model
    precision: str = "fp32"
    fitted: Fit | None = None  # to the memory there is; None = as the spec says
    average: Average | None = None  # of the weights, if one is kept
    fewer: int = 0  # sequences at once since memory did not suffice; 0 = it always did
    graphed: bool = False  # steps are replayed as CUDA graphs
    decisions: Decisions = msgspec.field(default_factory=Decisions)  # those made on the way
    ranks: Alone = msgspec.field(default_factory=Alone)  # the processes of the run
    team: object = None  # core.train.distributed.team.Team, where they are several

    @property
    def micro_batch(self) -> int:
        """Sequences computed at once."""
        asked = self.fitted.micro_batch if self.fitted else self.spec.micro_batch or self.spec.batch_size
        return self.fewer or asked

    @property
    def reader(self) -> nn.Module:
        """What text is measured on and drawn from: the model, or what stands in for one that is divided."""
        return self.team.reader if self.team and self.team.reader else self.model

    def save(self, state: TrainState) -> tuple[Path, list[int]]:
        """Write a checkpoint; see :func:`core.train.checkpoint.save_checkpoint`."""
        keep, rules = self.spec.keep_checkpoints, self.spec.retention
        if self.team:
            return self.team.saving.save(self.folder.root, state, keep, rules)
        return save_checkpoint(self.folder.root, self.model, self.optimizer, state, keep, rules, self.average)

    def restore(self, noted, at_most: int | None = None) -> TrainState | None:
        """Take up the newest checkpoint; see :func:`core.train.checkpoint.restore`."""
        if self.team:
            return self.team.saving.restore(self.folder.root, self.spec.seed, noted, at_most)
        return restore(self.folder.root, self.model, self.optimizer, noted, self.average, at_most)

    def validate(self) -> tuple[float, float | None]:
        """Loss and bits per byte on held-out text, with no more sequences at once than training itself takes.

        Bits per byte are None for word vectors, which give no probability to a text.
        """
        rows = min(VALIDATION_ROWS, self.micro_batch)
        if self.model.spec.objective.task == "causal" and self.model.spec.layout != "encoder_decoder":
            return validate(
                self.reader, self.held_out, self.byte_lengths, self.spec.validation_tokens, self.device, rows)
        return validate_objective(
            self.model, self.examples.asking, self.held_out, self.byte_lengths, self.spec.validation_tokens,
            self.device, rows)


def run(spec: TrainSpec, folder: JobFolder, emit, control) -> dict:
    """Train as asked; see ``core.jobs.registry`` for the signature."""
    if spec.model.family == "ngram":
        return counting.run(spec, folder, emit, control)
    ranks = join(spec, pick_device(spec))
    folder, emit, control = ranks.share(folder, emit, control)
    threads, meter = set_threads(spec, folder), Meter()
    while True:
        result = _attempt(spec, folder, emit, control, ranks, threads, meter)
        if result is not None:
            ranks.leave()
            return result
        free_tensors()  # of the attempt that ended at a spike, before the next makes its own


def _attempt(
    spec: TrainSpec, folder: JobFolder, emit, control, ranks: Alone, threads: int, meter: Meter
) -> dict | None:  # fmt: skip
    """Train from the newest checkpoint that counts to the end; None = a spike sends the run back to an earlier one."""
    prepared = prepare(spec, folder, emit, control, ranks)
    returning = prepared.decisions.going_back is not None
    state = take_up(prepared, emit)
    began = state is not None or folder.path("metrics.bin").is_file()
    last_step = state.step if state else -1
    state = state or TrainState()
    if began and not returning:
        emit(Resumed(from_step=state.step))
    plan = decide(prepared, emit)
    if state.step == 0:
        copy = prepared.team.spread.copy if prepared.team else 0  # which draws other numbers than the others
        torch.manual_seed(spec.seed + copy)  # timing drew random numbers; the run must not depend on it
    emit(Phase(name="Training"))
    emit(Progress(done=state.step, total=plan.steps(state.step, state.wall_s), unit="steps"))
    metrics = ranks.metrics(lambda: MetricsWriter(folder.path("metrics.bin"), COLUMNS, last_step=last_step))
    try:
        prepared.model.train()
        with meter, HealthLog(folder) if ranks.first else nullcontext():
            ended = Trainer(prepared, state, plan, emit, control, metrics, meter).train()
    finally:
        metrics.close()
    return summary(prepared, state, threads, meter) if ended else None


def set_threads(spec: TrainSpec, folder: JobFolder) -> int:
    """Threads of this run: the spec's, or all that this process may use; kept for a resume."""
    choices = folder.read_choices()
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    each = max(1, available // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))  # processes share the machine
    threads = choices.get("threads") or spec.threads or each
    torch.set_num_threads(threads)
    return threads


def prepare(spec: TrainSpec, folder: JobFolder, emit, control, ranks: Alone = ALONE) -> Run:
    """Tokens, model and optimizer; the weights are the initial ones.

    Raises:
        LabError: the corpus is shorter than one context, the model does not fit into memory, or no GPU.
    """
    tokenizer = ranks.first_does(lambda: open_text(spec, folder, emit, control))
    shape = msgspec.structs.replace(spec.model, vocab_size=resolve_vocabulary(spec, tokenizer))
    device = pick_device(spec)
    if ranks.world > 1:
        from core.train.distributed.team import Team, fit_together  # torch's engines take a second to import

        fitted = fit_together(spec, shape, device, ranks, folder)
    else:
        fitted = fit(spec, shape, device, folder, emit)
    check_disk(spec, shape, folder)
    allow_tf32(spec.tf32)
    train, held_out = (TokenShard.open(folder.root, split).tokens for split in ("train", "held_out"))
    batches = Batches(train, shape.context, spec.seed)
    asking = Asking(shape, tokenizer.vocab_size, tokenizer.word_starts, spec.seed)
    torch.manual_seed(spec.seed)
    growth = Growth(device)
    model = build_model(shape)
    initialise(model, spec.seed)
    if isinstance(model, WordVectors):
        model.read_counts(token_counts(train, shape.vocab_size))
        model.read_subwords([tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)])
    model.to(device)
    set_recompute(model, fitted.recompute)
    shrink_embedding_gradient(model, spec.embedding_grad_share)
    decisions = Decisions(folder)
    prepared = Run(
        spec=spec, folder=folder, tokenizer=tokenizer, model=model, optimizer=make_optimizer(model, spec), ranks=ranks,
        byte_lengths=np.pad(tokenizer.byte_lengths, (0, shape.vocab_size - tokenizer.vocab_size)),
        examples=Prefetch(Examples(batches, asking), device) if device == "cuda" else Examples(batches, asking),
        held_out=held_out,
        course=Course(spec, decisions.skips), decisions=decisions, device=device, growth=growth,
        fitted=fitted, average=Average(model, spec.ema_decay) if spec.ema_decay else None)
    if ranks.world > 1:
        prepared.team = Team(prepared)
    return prepared


def token_counts(tokens: np.ndarray, vocab: int) -> torch.Tensor:
    """How often each token occurs, int64 (vocab,); read piece by piece, for the text may be larger than memory."""
    found = np.zeros(vocab, np.int64)
    for start in range(0, len(tokens), COUNTED_AT_ONCE):
        found += np.bincount(tokens[start : start + COUNTED_AT_ONCE], minlength=vocab)
    return torch.from_numpy(found)


def pick_device(spec: TrainSpec) -> str:
    """"cpu" or "cuda".

    Raises:
        LabError: a GPU was asked for and torch sees none.
    """
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise LabError(
            "No GPU can be used here.", "device", "Choose auto or cpu; 'python main.py doctor' says what is missing.")
    return "cuda" if spec.device != "cpu" and torch.cuda.is_available() else "cpu"


def decide(prepared: Run, emit) -> Plan:
    """Settle arithmetic and number of steps by measuring (first time), or read what was settled."""
    spec, folder = prepared.spec, prepared.folder
    if "precision" not in folder.read_choices():
        emit(Phase(name="Timing what is fastest here"))
    micro = prepared.micro_batch
    shown = prepared.examples(0, micro // spec.mesh.copies)
    batch = {name: part.to(prepared.device) for name, part in shown.items()}
    prepared.model.train()
    if prepared.team:
        choices = prepared.team.choose(batch, emit)
    else:
        choices = choose(spec, folder, prepared.model, batch, prepared.device, emit)
    prepared.precision = choices["precision"]
    prepared.model.use_kernels(choices["kernels"])
    if "adamw" in choices:
        prepared.optimizer.path = choices["adamw"]
    choose_for_gpu(prepared, batch, emit)
    choices = folder.read_choices()
    if "peak_flops" not in choices:
        (peak,) = prepared.ranks.agree(peak_flops(prepared.precision, prepared.device))
        choices["peak_flops"] = peak * prepared.ranks.world
        folder.write_choices(choices)
        emit(Chosen(what="peak", value=f"{choices['peak_flops'] / 1e9:.0f} GFLOP/s",
                    why="A large matrix product in this precision; what MFU is measured against."))
    validation_s = 0.0
    if spec.budget_s and "plan" not in choices and len(prepared.held_out):
        start = time.perf_counter()
        prepared.validate()
        (validation_s,) = prepared.ranks.agree(time.perf_counter() - start)
    step_s = choices.get("step_s") or estimates.guess_step_s(prepared.model.spec, micro, choices["peak_flops"])
    step_s *= (spec.batch_size // micro) * OPTIMIZER_SHARE
    plan = Plan(spec, folder, emit)
    plan.begin(step_s, validation_s)
    chosen = msgspec.structs.replace(spec, precision=prepared.precision)
    memory = memory_needed(chosen, prepared.model.spec, prepared.fitted or Fit(micro, False))
    tokens = spec.batch_size * prepared.model.spec.context
    estimates.record(folder, memory, plan.steps(0, 0.0), tokens, step_s)
    return plan


def summary(prepared: Run, state: TrainState, threads: int, meter: Meter) -> dict:
    """The result of a finished run."""
    _, rows = read_metrics(prepared.folder.path("metrics.bin"))
    names = [name for name, _ in COLUMNS]
    bits = rows[:, names.index("val_bits_per_byte")]
    bits = bits[bits == bits]  # word vectors have none
    speed = state.tokens / state.elapsed_s if state.elapsed_s else 0.0
    choices = prepared.folder.read_choices()
    return {
        "parameters": parameters(prepared.model.spec)["total"],
        "steps": state.step,
        "tokens": state.tokens,
        "epochs": prepared.examples.epoch(prepared.course.taken(state.step)),
        "first_val_bits_per_byte": float(bits[0]) if len(bits) else None,
        "last_val_bits_per_byte": float(bits[-1]) if len(bits) else None,
        "val_loss": state.val_loss,
        "best_step": state.best_step,
        "tokens_per_s": speed,
        "mfu": state.flops / state.elapsed_s / choices["peak_flops"] if state.elapsed_s else 0.0,
        "precision": prepared.precision,
        "kernels": choices["kernels"],
        "threads": threads,
        "peak_bytes": peak_memory(),
        "memory_bytes": prepared.growth.n_bytes(),
        "energy_j": state.energy_j if meter.joules() is not None else None,
        "elapsed_s": state.elapsed_s,
    }
