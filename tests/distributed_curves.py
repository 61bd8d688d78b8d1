"""Train the same request in one process and laid out over several, and compare the loss curves step by step.

    python tests/distributed_curves.py [--steps 50] [--only fsdp] [--write]

Processes meet over gloo on this machine's processor; float32, no dropout. ``--write`` puts the table into
core/train/DISTRIBUTED.md. Exit status 1 if a curve is more than 1e-4 off.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402
import numpy as np  # noqa: E402

from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.metrics import read_metrics  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from core.train.distributed.launch import command_here  # noqa: E402
from tests.kill_and_resume import prepare  # noqa: E402

CLOSE = 1e-4  # nats a token
TABLE = ROOT / "core" / "train" / "DISTRIBUTED.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
LAYOUTS = {
    "DDP": {"data": 2},
    "DDP, 4 copies": {"data": 4},
    "ZeRO 1": {"shard": 2, "zero": 1},
    "FSDP2, ZeRO 2": {"shard": 2, "zero": 2},
    "FSDP2, ZeRO 3": {"shard": 2},
    "FSDP2, ZeRO 3, 4 shards": {"shard": 4},
    "FSDP2 x copies": {"data": 2, "shard": 2},
    "TP": {"tensor": 2},
    "TP with sequence parallel": {"tensor": 2, "sequence": True},
    "TP, 4 parts": {"tensor": 4},
    "PP": {"pipeline": 2},
    "PP, 4 stages": {"pipeline": 4},
    "FSDP2 x TP": {"shard": 2, "tensor": 2},
    "FSDP2 x TP with sequence parallel": {"shard": 2, "tensor": 2, "sequence": True},
    "Copies x TP": {"data": 2, "tensor": 2},
    "Copies x PP": {"data": 2, "pipeline": 2},
    "TP x PP": {"tensor": 2, "pipeline": 2},
    "ZeRO 1 x PP": {"shard": 2, "zero": 1, "pipeline": 2},
}


def request(steps: int, mesh: dict | None = None, **changes) -> TrainSpec:
    """A small run of everything that is compared; one process without a mesh."""
    return build(TrainSpec, {
        "corpus": "text", "tokenizer": "text", "steps": steps, "batch_size": 8, "micro_batch": 4, "warmup_steps": 5,
        "learning_rate": 3e-3, "validate_every": 25, "validation_tokens": 512, "checkpoint_every": 1000,
        "sample_tokens": 0, "precision": "fp32", "kernels": "torch", "threads": 1, "mesh": mesh or {},
        "model": {"d_model": 32, "n_layers": 4, "n_heads": 4, "context": 32}, **changes,
    })  # fmt: skip


def train(workspace: Workspace, name: str, spec: TrainSpec) -> JobFolder:
    """Carry a run out to its end, in as many processes as it asks for."""
    folder = workspace.create("train", name, spec)
    work(folder, spec.mesh.world)
    return folder


def work(folder: JobFolder, world: int, timeout_s: float = 600.0) -> None:
    """Work in a run's folder until its end; it must be a good one."""
    command, environment = command_here(world, [str(folder.root)])
    if world == 1:
        command = [sys.executable, "-m", "core.jobs.worker", str(folder.root)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)
    view = read_view(folder.root)
    assert view.state in ("completed", "stopped"), (view.state, view.error, done.stderr[-3000:])


def curve(folder: JobFolder, column: str = "loss") -> np.ndarray:
    """One column of a run's records, without the row before the first step."""
    columns, rows = read_metrics(folder.path("metrics.bin"))
    return rows[1:, [name for name, _ in columns].index(column)]


def difference(folder: JobFolder, other: JobFolder, column: str = "loss") -> float:
    """How far two curves are apart at most, where both are measured."""
    a, b = curve(folder, column), curve(other, column)
    assert len(a) == len(b), (len(a), len(b))
    return float(np.nanmax(np.abs(a - b)))


def resumed(workspace: Workspace, name: str, meshes: list[dict], steps: int) -> JobFolder:
    """A run that is taken up in one layout after another, each for its part of the steps."""
    spec = request(steps, meshes[0])
    folder = workspace.create("train", name, spec)
    for number, mesh in enumerate(meshes):
        change_mesh(folder, mesh)
        last = number == len(meshes) - 1
        folder.path("until.json").unlink(missing_ok=True)
        if not last:
            folder.path("until.json").write_text(f'{{"step": {steps * (number + 1) // len(meshes)}}}', "utf-8")
        work(folder, build(TrainSpec, msgspec.to_builtins(request(steps, mesh))).mesh.world)
    return folder


def change_mesh(folder: JobFolder, mesh: dict) -> None:
    """Lay a run out otherwise from now on."""
    from core.spec.files import write_toml

    asked = folder.request
    asked["spec"]["mesh"] = msgspec.to_builtins(request(1, mesh).mesh)
    write_toml(folder.path("spec.toml"), asked)


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        workspace = prepare(Path(root))
        start = time.perf_counter()
        single = train(workspace, "one", request(asked.steps))
        rows = [("one process", 1, 0.0, 0.0, time.perf_counter() - start)]
        print(row(rows[-1]), flush=True)
        for number, (name, mesh) in enumerate(LAYOUTS.items()):
            if asked.only.lower() in name.lower():
                rows.append(measured(workspace, single, name, f"layout-{number}", mesh, asked.steps))
                print(row(rows[-1]), flush=True)
        if asked.only.lower() in "resumed":
            rows.append(changed(workspace, single, asked.steps))
            print(row(rows[-1]), flush=True)
    if asked.write:
        write(rows, asked.steps)
    return int(any(loss > CLOSE for _, _, loss, _, _ in rows))


def measured(workspace: Workspace, single: JobFolder, name: str, folder: str, mesh: dict, steps: int) -> tuple:
    """One line of the table."""
    start = time.perf_counter()
    spec = request(steps, mesh)
    run = train(workspace, folder, spec)
    seconds = time.perf_counter() - start
    return name, spec.mesh.world, difference(single, run), difference(single, run, "grad_norm"), seconds


def changed(workspace: Workspace, single: JobFolder, steps: int) -> tuple:
    """A run that goes from four processes to two and on to one."""
    start = time.perf_counter()
    run = resumed(workspace, "changed", [{"shard": 2, "tensor": 2}, {"pipeline": 2}, {}], steps)
    return ("FSDP2 x TP, resumed as PP, then in one process", "4, 2, 1", difference(single, run),
            difference(single, run, "grad_norm"), time.perf_counter() - start)  # fmt: skip


def row(found: tuple) -> str:
    """A line of the table in Markdown."""
    name, world, loss, norm, seconds = found
    return f"| {name} | {world} | {loss:.1e} | {norm:.1e} | {seconds:.0f} |"


def write(rows: list[tuple], steps: int) -> None:
    """Replace the table in the document."""
    head = ["| Layout | Processes | Largest difference of the loss | of the gradient's norm | Seconds |",
            "|---|---|---|---|---|"]  # fmt: skip
    place = f"{steps} steps on {platform.system()} {platform.machine()}, {time.strftime('%Y-%m-%d')}."
    text = TABLE.read_text("utf-8")
    before, after = text.partition(BEGIN)[0], text.partition(END)[2]
    body = "\n".join([BEGIN, place, "", *head, *map(row, rows), END])
    TABLE.write_text(f"{before}{body}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
