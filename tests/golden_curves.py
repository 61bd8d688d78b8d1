"""The losses of a hundred steps of six runs, kept with the machine that they were made on.

    python tests/golden_curves.py            say how far the curves of this machine are from those kept
    python tests/golden_curves.py --renew    keep the curves of this machine instead

Renew only when a change of the arithmetic is meant: whoever renews says why. A curve stands in
``tests/golden/NAME.json`` with what decides its bits: processor, instruction set, torch, threads, kernels, and the
digest of the text, which comes from the Python that runs.
"""

import argparse
import hashlib
import json
import platform as system
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402
import torch  # noqa: E402

from core.cli.doctor.machine import INSTRUCTION_SETS, features  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.record.folder import Workspace  # noqa: E402
from core.record.metrics import read_metrics  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"
STEPS = 100
CONFIGURATIONS = {
    "adamw-fp32": {"optimizer": "adamw", "precision": "fp32"},
    "adamw-bf16": {"optimizer": "adamw", "precision": "bf16"},
    "adafactor-fp16": {"optimizer": "adafactor", "precision": "fp16", "schedule": "inverse_sqrt"},
    "muon-bf16-weights": {"optimizer": "muon", "precision": "bf16_weights", "schedule": "wsd", "decay_share": 0.3,
                          "learning_rate": 1e-2},
    "lion-fp32": {"optimizer": "lion", "precision": "fp32", "learning_rate": 2e-3, "schedule": "linear"},
    "sgd-fp32-ema": {"optimizer": "sgd", "precision": "fp32", "learning_rate": 0.1, "schedule": "constant",
                     "ema_decay": 0.95},
}  # fmt: skip
SHAPE = {"d_model": 32, "n_layers": 1, "n_heads": 2, "context": 32, "dropout": 0.1}


def make_workspace(root: Path) -> Workspace:
    """A slice of the Python documentation, byte by byte."""
    workspace = Workspace(root)
    specs = {"corpus": CorpusSpec(sources=["builtin:python-docs"], max_documents=40, workers=1),
             "tokenizer": TokenizerSpec(corpus="text", kind="bytes")}  # fmt: skip
    for kind, spec in specs.items():
        assert worker.main(workspace.create(kind, "text", spec).root) == 0
    return workspace


def curve(workspace: Workspace, name: str) -> dict[str, list[float]]:
    """Train one configuration; the losses of its steps, and of held-out text at the end."""
    spec = build(TrainSpec, {
        "corpus": "text", "tokenizer": "text", "model": SHAPE, "steps": STEPS, "batch_size": 4, "learning_rate": 3e-3,
        "warmup_steps": 10, "validate_every": STEPS, "validation_tokens": 2048, "checkpoint_every": STEPS,
        "sample_tokens": 0, "layers_every": 0, "kernels": "torch", "device": "cpu", "threads": 1,
        "guard": {"enabled": False}, **CONFIGURATIONS[name]})  # fmt: skip
    folder = workspace.create("train", name, spec)
    folder.write_choices({
        "precision": spec.precision, "kernels": {}, "step_s": 0.01, "threads": 1, "timings_s": {}, "peak_flops": 1e11})
    assert worker.main(folder.root) == 0, read_view(folder.root).error
    columns, rows = read_metrics(folder.path("metrics.bin"))
    names = [column for column, _ in columns]
    found = {"loss": rows[1:, names.index("loss")].tolist()}
    for column in ("val_loss", "val_loss_ema"):
        values = rows[:, names.index(column)]
        found[column] = values[np.isfinite(values)].tolist()
    return found


def platform(workspace: Workspace) -> dict[str, str | int]:
    """What decides the bits of a curve."""
    text = (workspace.path("corpora", "text") / "kept.jsonl").read_bytes()
    known = [name for name, flag in INSTRUCTION_SETS.items() if flag in features()]
    return {"processor": processor(), "instructions": ", ".join(known), "torch": torch.__version__, "threads": 1,
            "torch_uses": torch.backends.cpu.get_cpu_capability(), "kernels": "torch",
            "text": hashlib.sha256(text).hexdigest()[:16]}  # fmt: skip


def processor() -> str:
    """What the system calls its processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8", "replace").splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or system.processor() or system.machine()


def read(name: str) -> dict:
    """A curve that was kept: {"platform": ..., "loss": [...], "val_loss": [...], "val_loss_ema": [...]}."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def main() -> None:
    """Compare, or renew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renew", action="store_true")
    renew = parser.parse_args().renew
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as root:
        workspace = make_workspace(Path(root))
        here = platform(workspace)
        for name in CONFIGURATIONS:
            found = curve(workspace, name)
            if renew:
                text = json.dumps({"platform": here, **found})
                (GOLDEN / f"{name}.json").write_text(text.replace("], ", "],\n ") + "\n", "utf-8")
            kept = read(name)
            far = max(abs(a - b) for a, b in zip(found["loss"], kept["loss"], strict=True))
            same = "the same platform" if kept["platform"] == here else "another platform"
            print(f"{name}: {found['loss'][0]:.4f} -> {found['loss'][-1]:.4f}, at most {far:g} from {same}")


if __name__ == "__main__":
    main()
