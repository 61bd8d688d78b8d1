"""What is promised before training against what training takes: peak memory, and the time left.

    python tests/measure_estimates.py [--what memory|time] [--only llama bert] [--sizes 1m 10m] [--threads 1] [--write]

Six designs of the family tree, each at a million and at ten million parameters as the window grows them, are trained
for real on the documentation of Python, each in a process of its own. Memory is how far that process grew over what
it held before its model was built. The time left is what the job strip said after 30 seconds of training, or after a
fifth of a shorter run, held against how long it then took; beside it stands what three seconds of the probe foretold.

Rows that are in the results already are not measured again; ``--again`` forgets those that are asked for. Memory can
be measured on a busy machine, time cannot. Prints a Markdown table; ``--write`` puts it into core/model/ESTIMATES.md.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import msgspec  # noqa: E402

from app.state.growth import CONTEXT, PARAMETERS, SMALL_VOCABULARY, VOCABULARY  # noqa: E402
from app.state.pace import Pace  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.model.scaling import scale_to_parameters  # noqa: E402
from core.model.sizing import parameters  # noqa: E402
from core.record.atomic import write_json, write_text  # noqa: E402
from core.record.events import Phase, Progress  # noqa: E402
from core.record.folder import JobFolder, Workspace, versions  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset  # noqa: E402
from core.spec.model import ModelSpec  # noqa: E402
from core.spec.system import SystemSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402

TABLE = ROOT / "core" / "model" / "ESTIMATES.md"
DESIGNS = ("llama", "gpt-2", "bert", "t5", "glam", "ulmfit")
SIZES = {"1m": SMALL_VOCABULARY, "10m": VOCABULARY}  # and the tokenizer that goes with each
BATCH, MEMORY_STEPS = 16, 4
LOOK_S, LOOK_SHARE = 30.0, 0.2  # when the time left is asked: so late, or after so much of a shorter run
TRAINED_S = 80.0  # about as long as a timed run trains
CORPUS = "python-docs"


class Row(msgspec.Struct):
    """One design at one size; bytes and seconds, what was promised and what was measured."""

    design: str
    size: str
    parameters: int
    promised: float
    measured: float
    note: str = ""

    @property
    def error(self) -> float:
        """Relative error of the promise."""
        return self.promised / self.measured - 1


def prepare(root: Path) -> Workspace:
    """A workspace with the corpus and a tokenizer for each size, made once."""
    workspace = Workspace(root)
    work(workspace, "corpus", CORPUS, CorpusSpec(sources=[f"builtin:{CORPUS}"]))
    for size, vocab in SIZES.items():
        work(workspace, "tokenizer", size, TokenizerSpec(corpus=CORPUS, vocab_size=vocab))
    return workspace


def work(workspace: Workspace, kind: str, name: str, spec) -> JobFolder:
    """A job carried out in this process; one that was finished before is left alone."""
    room = {"corpus": "corpora", "tokenizer": "tokenizers"}[kind]
    if not workspace.path(room, name).is_dir():
        workspace.create(kind, name, spec)
    folder = workspace.folder(room, name)
    if read_view(folder.root).state != "completed" and worker.main(folder.root):
        raise SystemExit(f"{kind} {name}: {read_view(folder.root).error}")
    return folder


def shape_of(design: str, size: str) -> ModelSpec:
    """The design as the window grows it at a size."""
    system = build(SystemSpec, preset("systems", design).values, design)
    return scale_to_parameters(system.shape, PARAMETERS[size], SIZES[size], CONTEXT)


def training(shape: ModelSpec, size: str, threads: int, steps: int) -> TrainSpec:
    """The window's own settings, in float32: the estimate is one for float32."""
    return build(TrainSpec, {
        "corpus": CORPUS, "tokenizer": size, "steps": steps, "batch_size": BATCH, "precision": "fp32",
        "device": "cpu", "threads": threads, "sample_tokens": 0, "validation_tokens": 2048,
        "validate_every": steps, "checkpoint_every": steps,
        "model": msgspec.to_builtins(shape) | {"vocab_size": 0},
    })  # fmt: skip


def measure_memory(workspace: Workspace, design: str, size: str, threads: int) -> Row:
    """A few steps of a real run, which itself writes down what it expects and what it took."""
    shape = shape_of(design, size)
    folder = trained(workspace, f"memory-{design}-{size}", training(shape, size, threads, MEMORY_STEPS))
    return Row(
        design=design, size=size, parameters=parameters(shape)["total"],
        promised=folder.read_choices()["estimates"]["memory_bytes"],
        measured=read_view(folder.root).result["memory_bytes"])


def trained(workspace: Workspace, name: str, spec: TrainSpec) -> JobFolder:
    """A run begun anew in a process of its own, at its end."""
    shutil.rmtree(workspace.path("runs", name), ignore_errors=True)
    folder = workspace.create("train", name, spec)
    subprocess.run([sys.executable, "-m", "core.jobs.worker", str(folder.root)], cwd=ROOT, check=False)
    if (view := read_view(folder.root)).state != "completed":
        raise SystemExit(f"{name}: {view.state} {view.error and view.error.details}")
    return folder


def measure_time(workspace: Workspace, design: str, size: str, threads: int) -> Row:
    """A run of about TRAINED_S seconds, followed as the window follows it."""
    shape = shape_of(design, size)
    foretold = probe(shape, threads)
    spec = training(shape, size, threads, max(10, round(TRAINED_S / foretold["step_s"])))
    folder = trained(workspace, f"time-{design}-{size}", spec)
    said, true, took = time_left(folder)
    return Row(design=design, size=size, parameters=parameters(shape)["total"], promised=said, measured=true,
               note=f"{foretold['step_s'] * spec.steps / took - 1:+.0%}")  # fmt: skip


def probe(shape: ModelSpec, threads: int) -> dict:
    """What the window's probe says of a design."""
    asked = json.dumps({"model": msgspec.to_builtins(shape), "batch": BATCH})
    done = subprocess.run(
        [sys.executable, "-m", "core.train.probe"], input=asked, text=True, cwd=ROOT, capture_output=True, check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return json.loads(done.stdout)


def time_left(folder: JobFolder) -> tuple[float, float, float]:
    """What the job strip said was left, what truly was left, and how long training took, seconds."""
    records = read_events(folder.path("events.jsonl"))[0]
    begins = next(i for i, r in enumerate(records) if isinstance(r.event, Phase) and r.event.name == "Training")
    steps = [r for r in records[begins:] if isinstance(r.event, Progress)]
    start, end, pace = records[begins].t, steps[-1].t, Pace()
    look = start + min(LOOK_S, LOOK_SHARE * (end - start))
    for record in records[begins:]:
        pace.observe(record)
        if record.t >= look and pace.left_s is not None:
            return pace.left_s, end - record.t, end - start
    raise SystemExit(f"{folder.name}: nothing was said of the time left")


def markdown(memory: list[Row], timed: list[Row], threads: int) -> str:
    """Both tables, with how they were made."""
    lines = [
        "# Estimates, held against what was measured", "",
        "Made by `python tests/measure_estimates.py --write`: real training runs of designs as the window grows them, "
        f"{BATCH} sequences of {CONTEXT} tokens a step, float32.", "",
        f"{threads} thread{'s' if threads > 1 else ''}, {platform.system()} {platform.machine()}, "
        f"torch {versions()['torch']}.",
    ]  # fmt: skip
    if memory:
        lines += [
            "", "## Peak memory", "", "How far the process grew over what it held before its model was built. "
            f"{sum(abs(row.error) <= 0.15 for row in memory)} of {len(memory)} are within 15 %.", "",
            "| Design | Parameters | Promised, MB | Measured, MB | Error |", "|---|---|---|---|---|"]  # fmt: skip
        lines += [f"| {row.design} | {row.parameters:,} | {row.promised / 1e6:.0f} | {row.measured / 1e6:.0f} | "
                  f"{row.error:+.1%} |" for row in memory]  # fmt: skip
    if timed:
        lines += [
            "", "## Time left", "", "What the job strip said after 30 seconds of training (or a fifth of a shorter "
            "run), and how long it then took; the last column is the error of the time that three seconds of the "
            f"probe foretold for the whole run. {sum(abs(row.error) <= 0.2 for row in timed)} of {len(timed)} are "
            "within 20 %.", "",
            "| Design | Parameters | Said, s | Measured, s | Error | Probe |", "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [f"| {row.design} | {row.parameters:,} | {row.promised:.1f} | {row.measured:.1f} | {row.error:+.1%} "
                  f"| {row.note} |" for row in timed]  # fmt: skip
    return "\n".join([*lines, ""])


def options() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="*", choices=["memory", "time"], default=["memory", "time"])
    parser.add_argument("--only", nargs="*", choices=DESIGNS, default=list(DESIGNS))
    parser.add_argument("--sizes", nargs="*", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workspace", type=Path, default=ROOT / "build" / "estimates")
    parser.add_argument("--again", action="store_true", help="measure also what is in the results already")
    parser.add_argument("--write", action="store_true", help=f"write the table to {TABLE.relative_to(ROOT)}")
    return parser.parse_args()


def main() -> int:
    """Measure what is missing, print the tables; exit status 1 if an estimate is farther off than it may be."""
    asked = options()
    path = asked.workspace / "results.json"
    done = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    jobs = [(what, size, design) for what in asked.what for size in asked.sizes for design in asked.only]
    missing = [job for job in jobs if asked.again or "/".join(job) not in done]
    workspace = prepare(asked.workspace) if missing else None
    for what, size, design in missing:
        row = {"memory": measure_memory, "time": measure_time}[what](workspace, design, size, asked.threads)
        done[f"{what}/{size}/{design}"] = msgspec.to_builtins(row)
        write_json(path, done)
        print(f"{what} {design} {size}: {row.promised:.4g} against {row.measured:.4g}, {row.error:+.1%}",
              file=sys.stderr)  # fmt: skip
    memory, timed = ([msgspec.convert(done[key], Row) for size in SIZES for design in DESIGNS
                      if (key := f"{what}/{size}/{design}") in done] for what in ("memory", "time"))  # fmt: skip
    table = markdown(memory, timed, asked.threads)
    print(table)
    if asked.write:
        write_text(TABLE, table)
    return 0 if all(abs(row.error) <= 0.15 for row in memory) and all(abs(row.error) <= 0.2 for row in timed) else 1


if __name__ == "__main__":
    sys.exit(main())
