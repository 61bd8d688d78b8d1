"""Training runs on disk that no worker ever saw: curves from a formula, events as a worker would have written them."""

import os
import time
from pathlib import Path

import msgspec
import numpy as np

from core.record import events as ev
from core.record.atomic import write_json
from core.record.folder import Workspace
from core.record.log import EventLog
from core.record.metrics import MetricsWriter, create_metrics, read_header
from core.record.notes import Notes, write_notes
from core.spec.base import build
from core.spec.files import write_toml
from core.spec.train import TrainSpec

COLUMNS = [
    ("step", ""), ("tokens", "tokens"), ("elapsed_s", "s"), ("flops", "FLOP"), ("loss", "nats/token"), ("lr", ""),
    ("grad_norm", ""), ("tokens_per_s", "tokens/s"), ("val_loss", "nats/token"), ("val_bits_per_byte", "bits/byte"),
    ("epoch", ""), ("batch_size", "sequences"), ("energy_j", "J"),
]  # fmt: skip
SHAPE = {"d_model": 128, "n_layers": 4, "n_heads": 4, "context": 256}
TOKENS_A_STEP, STEPS_A_S = 4096, 8.0
SAMPLES = ("the the of , and", "the list of the value is the", "Return the value of the object.",
           "Return the length of the list; if it is empty, return None. 返回列表的长度。")  # fmt: skip


def make_run(workspace: Path, name: str, *, steps: int = 1000, state: str = "completed", end: float = 2.0,
             age_s: float = 60.0, spike: int = 0, notes: Notes = Notes(), layers: bool = True, **spec) -> Path:
    """A run of so many steps whose loss falls to ``end``.

    Args:
        state: completed, stopped, failed or crashed.
        spike: a step at which the loss jumped and from which the run went back.
        spec: changes of the request.
    """
    folder = Workspace(workspace).path("runs", name)
    folder.mkdir(parents=True)
    asked = build(TrainSpec, {"corpus": "docs", "tokenizer": "docs", "model": SHAPE, "steps": 1000, **spec})
    write_toml(folder / "spec.toml", {
        "kind": "train", "created": "2026-01-01T00:00:00+0000", "spec": msgspec.to_builtins(asked), "versions": {},
        "inputs": {}})  # fmt: skip
    born = time.time() - age_s
    os.utime(folder / "spec.toml", (born, born))
    rows = make_rows(steps, end, asked.seed, asked.learning_rate)
    write_rows(folder / "metrics.bin", COLUMNS, rows)
    if layers:
        write_layers(folder, steps, asked.model.n_layers)
    write_json(folder / "choices.json", {"peak_flops": 1e11})
    write_events(folder, rows, state, spike)
    write_notes(folder, notes)
    return folder


def make_rows(steps: int, end: float, seed: int, rate: float) -> np.ndarray:
    """Records of metrics.bin, float64 (steps + 1, columns)."""
    draw = np.random.default_rng(seed + 7)
    step = np.arange(steps + 1.0)
    clean = end + (8 - end) * (1 + step / (0.02 * steps)) ** -0.9
    rows = np.full((steps + 1, len(COLUMNS)), np.nan)
    place = {column: number for number, (column, _) in enumerate(COLUMNS)}
    width = min(40, steps + 1)
    drift = np.convolve(draw.normal(0, 0.3, steps + 1), np.ones(width) / width, "same")
    values = {
        "step": step, "tokens": step * TOKENS_A_STEP, "elapsed_s": step / STEPS_A_S, "flops": step * 6e9,
        "loss": clean + drift + draw.normal(0, 0.05, steps + 1), "grad_norm": 0.4 + draw.gamma(4, 0.1, steps + 1),
        "lr": rate * np.minimum(step / 50, 0.55 + 0.45 * np.cos(np.pi * step / steps)),
        "tokens_per_s": TOKENS_A_STEP * STEPS_A_S * draw.normal(1, 0.02, steps + 1), "epoch": step / 400,
        "batch_size": np.full(steps + 1, 16.0), "energy_j": step * 4,
    }  # fmt: skip
    for column, numbers in values.items():
        rows[:, place[column]] = numbers
    due = np.unique(np.r_[np.arange(0, steps + 1, max(1, steps // 10)), steps])
    rows[due, place["val_loss"]] = (clean + 0.1 * drift)[due] + 0.08
    rows[due, place["val_bits_per_byte"]] = rows[due, place["val_loss"]] / 2.4
    rows[0, [place[column] for column in ("loss", "lr", "grad_norm", "tokens_per_s")]] = np.nan
    return rows


def write_rows(path: Path, columns: list, rows: np.ndarray) -> None:
    """A whole metrics file at once."""
    create_metrics(path, columns)
    _, start = read_header(path)
    with open(path, "rb+") as file:
        file.seek(start)
        file.write(np.ascontiguousarray(rows, "<f8").tobytes())


def write_layers(folder: Path, steps: int, blocks: int, every: int = 20) -> None:
    """Looks into the layers: deeper ones have smaller gradients, one has units that die."""
    names = ["embed", *(f"blocks.{n}" for n in range(blocks)), "final_norm"]
    inner = names[1:-1]
    columns = [("step", "")] + [(f"{what}/{name}", "") for what, of in (
        ("grad_norm", names), ("weight_norm", names), ("activation", inner), ("dead", inner), ("entropy", inner))
        for name in of]  # fmt: skip
    writer = MetricsWriter(folder / "layers.bin", columns)
    draw = np.random.default_rng(3)
    for step in [1, *range(every, steps + 1, every)]:
        done, values = step / steps, {}
        for depth, name in enumerate(names):
            values[f"grad_norm/{name}"] = (0.6 / (1 + depth)) * (1.2 - done) * draw.uniform(0.7, 1.3)
            values[f"weight_norm/{name}"] = 10 + 3 * depth + 8 * done
        for depth, name in enumerate(inner):
            values[f"activation/{name}"] = (1 + depth) * (0.5 + 2 * done) * draw.uniform(0.95, 1.05)
            values[f"dead/{name}"] = min(1.0, 0.4 * done) if depth == 2 else 0.01 * depth
            values[f"entropy/{name}"] = 4.5 - (1 + 0.5 * depth) * done * 1.2
        writer.append(step=step, **values)
    writer.close()


def write_events(folder: Path, rows: np.ndarray, state: str, spike: int) -> None:
    """The log of a worker that did this."""
    steps = len(rows) - 1
    place = {column: number for number, (column, _) in enumerate(COLUMNS)}
    log = EventLog(folder / "events.jsonl")
    log(ev.Started(pid=0, attempt=1))
    log(ev.Chosen(what="arithmetic", value="fp32, torch", why="", timings={"fp32, torch": 0.1}))
    log(ev.Phase(name="Training"))
    for step in np.flatnonzero(np.isfinite(rows[:, place["val_loss"]])).tolist():
        loss, bits = (float(rows[step, place[column]]) for column in ("val_loss", "val_bits_per_byte"))
        if spike and step > spike:
            back = max(0, spike - 40)
            log(ev.SpikeFound(step=spike, what="loss", value=9.3, usual=2.4, score=31.0, documents=[3, 14]))
            log(ev.RolledBack(from_step=spike, to_step=back, skip_at=spike - 2, sequences=112))
            spike = 0
        log(ev.Validated(step=step, loss=loss, bits_per_byte=bits, elapsed_s=step / STEPS_A_S))
        if step:
            (folder / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
            log(ev.CheckpointSaved(step=step, path=f"checkpoints/step-{step:08d}", val_loss=loss, bytes=4_000_000))
            text = SAMPLES[min(len(SAMPLES) - 1, step * len(SAMPLES) // steps)]
            log(ev.Sampled(step=step, prompt="Return", text=f" {text} ({step})"))
    ends = {
        "completed": ev.Completed(result={"steps": steps}), "stopped": ev.Stopped(step=steps),
        "failed": ev.Failed(problem="The disk is full, so this file could not be written.",
                            remedy="Free some space and resume; nothing saved before was lost."),
    }  # fmt: skip
    if state in ends:
        log(ends[state])
    log.close()


def make_seeds(workspace: Path, count: int, variants: int, **changes) -> list[Path]:
    """Runs of several variants (other learning rates), each with several seeds."""
    made = []
    for number in range(count):
        variant, seed = number // max(1, count // variants), number % max(1, count // variants)
        rate = 1e-3 * 2 ** (variant - variants // 2)
        made.append(make_run(
            workspace, f"lr-{rate:.0e}-seed-{seed}", seed=seed, learning_rate=rate, age_s=60.0 * (count - number),
            end=2.0 + 0.05 * abs(variant - variants // 2) + 0.01 * seed, **changes))
    return made
