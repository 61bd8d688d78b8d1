"""A workspace with hundreds of finished runs, as a season of work leaves it, and how soon the page with them stands."""

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from core.record import events as ev
from core.record.folder import JobFolder
from core.record.log import VERSION
from core.record.metrics import METRICS, create_metrics
from core.record.overview import NAME as OVERVIEW
from core.record.overview import refresh_overview
from core.record.summary import NAME as SUMMARY
from core.record.summary import summarise
from core.spec.files import write_toml
from core.spec.train import TrainSpec

COLUMNS = [
    ("step", ""), ("tokens", "tokens"), ("elapsed_s", "s"), ("flops", "FLOP"), ("loss", "nats/token"), ("lr", ""),
    ("grad_norm", ""), ("tokens_per_s", "tokens/s"), ("val_loss", "nats/token"), ("val_bits_per_byte", "bits/byte"),
    ("epoch", ""),
]  # fmt: skip
DIFFERENT = 20  # metrics files; the others are hard links to them, or the disk would hold two gigabytes
UNFOLDED = 10  # runs that are opened without overview and summary, for comparison
TIMES = 3


def make_runs(workspace: Path, count: int = 200, steps: int = 100_000, different: int = DIFFERENT) -> list[Path]:
    """Write run folders as their workers leave them: request, log, records, overview and summary."""
    made: list[Path] = []
    for number in range(count):
        root = Path(workspace) / "runs" / f"llama-{1 + number // 4}m-seed-{number % 4}"
        root.mkdir(parents=True)
        spec = TrainSpec(corpus="stories", tokenizer="bpe", seed=number)
        write_toml(root / "spec.toml", {
            "kind": "train", "created": "2026-11-01T08:00:00+0000", "spec": msgspec.to_builtins(spec),
            "versions": {}, "inputs": {}})  # fmt: skip
        if number < different:
            _write_metrics(root / METRICS, steps, number)
        else:
            _link(made[number % different] / METRICS, root / METRICS)
        _write_events(root / "events.jsonl", steps, number)
        refresh_overview(root / METRICS)
        summarise(JobFolder(root))
        made.append(root)
    return made


def _write_metrics(path: Path, steps: int, run: int) -> None:
    rng, step = np.random.default_rng(run), np.arange(1.0, steps + 1)
    falling = 2.2 + 0.04 * run + 5.5 * (step / steps * 100 + 1) ** -0.6
    held = np.where(step % max(steps // 200, 1) == 0, falling + 0.1, np.nan)
    columns = (step, step * 8192, step * 0.11, step * 5e10, falling + rng.normal(0, 0.09, steps),
               1e-3 * np.cos(step / steps * 1.47), rng.lognormal(-0.5, 0.25, steps), rng.normal(7e4, 900, steps),
               held, held / 2.4, step / steps * 3)  # fmt: skip
    create_metrics(path, COLUMNS)
    with open(path, "ab") as file:
        file.write(np.stack(columns, axis=1).astype("<f8").tobytes())


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)


def _write_events(path: Path, steps: int, run: int) -> None:
    """A log as a night's run writes it: progress, 200 validations, 100 samples, 50 checkpoints, old ones dropped."""
    chance, told = random.Random(run), [ev.Started(pid=1, attempt=1), ev.Phase(name="Training")]
    told += [ev.Chosen(what=what, value="4", timings={"2": 0.1, "4": 0.08})
             for what in ("threads", "micro_batch", "kernel", "peak_flops")]  # fmt: skip
    for tick in range(1, 601):
        step = steps * tick // 600
        told.append(ev.Progress(done=step, total=steps, unit="steps"))
        if tick % 3 == 0:
            told.append(ev.Validated(step=step, loss=2.4 + 5 / tick + 0.04 * run, bits_per_byte=1 + 2 / tick))
        if tick % 6 == 0:
            told.append(ev.Sampled(step=step, prompt="Once", text=" upon a time there was a small model. " * 4))
        if tick % 12 == 0:
            dropped = [steps * (tick - 60) // 600] if tick > 60 else []
            told.append(ev.CheckpointSaved(step=step, path=f"checkpoints/{step}", bytes=10**7, dropped=dropped))
    if run % 7 == 0:
        told.append(ev.Paused(step=chance.randrange(steps)))
    told.append(ev.Completed(result={"steps": steps}))
    encode, t0 = msgspec.json.encode, 1.7e9 + 1e4 * run
    lines = [encode({"v": VERSION, "seq": seq, "t": t0 + seq, **msgspec.to_builtins(event)})
             for seq, event in enumerate(told)]  # fmt: skip
    path.write_bytes(b"\n".join(lines) + b"\n")


def measure_cold_start(workspace: Path, roots: list[Path], times: int = TIMES) -> list[dict]:
    """Seconds until a fresh process has listed and drawn all runs, beside reading every record and event.

    What reading costs is told by a few of the runs, opened first without their overviews and summaries and then, as
    the first start has made them anew, with them.
    """
    _start(workspace)  # compiles the modules, as the first start after an installation does
    ours = [_start(workspace) for _ in range(times)]
    few = workspace / "few"
    for root in roots[:UNFOLDED]:
        shutil.copytree(root, few / "runs" / root.name, ignore=shutil.ignore_patterns(OVERVIEW, SUMMARY))
    without, again = _start(few), _start(few)
    shutil.rmtree(few)
    rows = []
    for key, what in (("page_s", "store, page and first paint"), ("process_s", "the same with the process itself")):
        mine, least, most = (f(times[key] for times in ours) for f in (statistics.median, min, max))
        theirs = mine + max(without[key] - again[key], 0) * len(roots) / min(UNFOLDED, len(roots))
        rows.append({
            "name": f"{len(roots)} runs, cold start of the page: {what}", "unit": "s", "ours": mine, "rival": theirs,
            "rival_name": f"every event and record read (told by {UNFOLDED} runs)",
            "ratio": theirs / mine, "spread": [theirs / most, theirs / least]})  # fmt: skip
    return rows


def _start(workspace: Path) -> dict:
    compiled = {"PYTHONPYCACHEPREFIX": str(workspace.parent / "compiled")}
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | compiled
    began = time.time()
    done = subprocess.run(
        [sys.executable, "-m", "app.bench", "cold", str(workspace), repr(began)], capture_output=True, text=True,
        timeout=300, check=True, env=surroundings)  # fmt: skip
    return msgspec.json.decode(done.stdout.splitlines()[-1])
