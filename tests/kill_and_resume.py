"""Kill a training worker with SIGKILL at random moments, resume it each time, and compare the end to the bit.

    python tests/kill_and_resume.py [--kills 20] [--steps 200] [--seed 0]

Prints one line a kill and a last line with the verdict; exit status 1 if a weight differs, or if a
file could not be read at any moment. An observer reads every file of the run all the while.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil  # noqa: E402

from core.jobs import launch  # noqa: E402
from core.kernels import ops  # noqa: E402
from core.model.loading import load_decoder  # noqa: E402
from core.record.events import Resumed  # noqa: E402
from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.lineage import sha256_file  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.metrics import read_metrics  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.rules.duplicates import ExactDuplicates  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from core.train.checkpoint import read_pointers  # noqa: E402

WORDS = "the frame keeps frost from young plants and lets morning light through its old glass".split()


def prepare(root: Path) -> Workspace:
    """A workspace with a small real corpus and a tokenizer, each made by its own worker."""
    source = root / "text"
    source.mkdir()
    draw = random.Random(1)
    for i in range(120):
        (source / f"{i}.txt").write_text(" ".join(draw.choices(WORDS, k=80)) + f" {i}.\n", "utf-8")
    workspace = Workspace(root / "workspace")
    finish(launch.start(workspace, "corpus", "text", CorpusSpec(sources=[str(source)], rules=[ExactDuplicates()])))
    finish(launch.start(workspace, "tokenizer", "text", TokenizerSpec(corpus="text", vocab_size=300)))
    return workspace


def train_spec(steps: int) -> TrainSpec:
    """A small run with everything that has a state: dropout is on, so random numbers count too."""
    ours = ops.available()["built"]
    return build(TrainSpec, {
        "corpus": "text", "tokenizer": "text", "steps": steps, "batch_size": 4, "micro_batch": 2, "warmup_steps": 5,
        "validate_every": 10, "validation_tokens": 512, "checkpoint_every": 7, "keep_checkpoints": 2,
        "sample_prompt": "the", "sample_tokens": 4, "precision": "bf16", "kernels": "ours" if ours else "torch",
        "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 32, "dropout": 0.1},
    })  # fmt: skip


def finish(folder: JobFolder, timeout_s: float = 300.0):
    """Wait for a job's end; it must be a good one."""
    deadline = time.monotonic() + timeout_s
    while (view := read_view(folder.root)).live and time.monotonic() < deadline:
        time.sleep(0.05)
    assert view.state == "completed", (view.state, view.error)
    return view


class Observer(threading.Thread):
    """Reads every file of a run over and over; what it cannot read is a failure."""

    def __init__(self, folder: JobFolder) -> None:
        super().__init__(daemon=True)
        self.folder, self.failures, self.looks, self.done = folder, [], 0, False

    def run(self) -> None:
        while not self.done:
            try:
                self.look()
                self.looks += 1
            except Exception as error:  # whatever it is, it goes into the verdict
                self.failures.append(f"{type(error).__name__}: {error}")
            time.sleep(0.02)

    def look(self) -> None:
        """One reading of log, metrics, choices, and the checkpoints that are pointed at."""
        root = self.folder.root
        read_view(root)
        self.folder.read_choices()
        if (root / "metrics.bin").exists():
            read_metrics(root / "metrics.bin")
        for which, name in read_pointers(root).items():
            path = root / "checkpoints" / name
            try:
                load_decoder(path)
            except Exception:
                if read_pointers(root).get(which) == name and path.exists():  # else it was replaced meanwhile
                    raise


def kill_often(folder: JobFolder, kills: int, draw: random.Random, say=print) -> int:
    """Launch, kill after a random while, again and again; returns how many workers were really killed."""
    done = 0
    while done < kills:
        worker = launch.launch(folder)
        if draw.random() < 0.7:  # most kills hit it at work, the others while it gets ready
            await_work(folder, worker)
        time.sleep(draw.uniform(0.0, 1.5))
        if worker.poll() is not None:
            break  # it came to its end first
        psutil.Process(worker.pid).kill()
        worker.wait()
        done += 1
        view = read_view(folder.root)
        last = view.checkpoints[-1].step if view.checkpoints else 0
        say(f"kill {done:2d}: {view.state}, last checkpoint at step {last}")
    return done


def await_work(folder: JobFolder, worker) -> None:
    """Wait until this worker has made a step (or ended)."""
    path = folder.path("metrics.bin")
    while worker.poll() is None and read_view(folder.root).pid != worker.pid:
        time.sleep(0.02)
    before = path.stat().st_mtime_ns if path.exists() else 0
    while worker.poll() is None and (not path.exists() or path.stat().st_mtime_ns == before):
        time.sleep(0.02)


def compare(kills: int, steps: int, seed: int, say=print) -> dict:
    """Run once undisturbed and once with kills; returns what was found."""
    with tempfile.TemporaryDirectory() as root:
        workspace = prepare(Path(root))
        spec = train_spec(steps)
        calm = launch.start(workspace, "train", "calm", spec)
        finish(calm)
        killed = workspace.create("train", "killed", spec)
        observer = Observer(killed)
        observer.start()
        count = kill_often(killed, kills, random.Random(seed), say)
        view = read_view(killed.root)
        if view.state != "completed":
            launch.resume(killed)
            launch.await_attempt(killed, view.attempt)
            finish(killed)
        observer.done = True
        observer.join()
        name = read_pointers(calm.root)["last"]
        same = {
            file: len({sha256_file(folder.path("checkpoints", name, file)) for folder in (calm, killed)}) == 1
            for file in ("model.safetensors", "optimizer.safetensors")
        }
        rows = read_metrics(killed.path("metrics.bin"))[1][:, 0].tolist()
        events = read_events(killed.path("events.jsonl"))[0]
        return {
            "kills": count, "resumed_from": [r.event.from_step for r in events if isinstance(r.event, Resumed)],
            "identical": same, "no_gap": rows == list(range(steps + 1)), "looks": observer.looks,
            "unreadable": observer.failures,
        }  # fmt: skip


def main() -> int:
    """Parse the command line, run, print the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = compare(asked.kills, asked.steps, asked.seed)
    print(found)
    good = all(found["identical"].values()) and found["no_gap"] and not found["unreadable"]
    print(f"{found['kills']} kills: {'byte-identical, nothing unreadable' if good else 'DIFFERENT'}")
    return 0 if good and found["kills"] else 1


if __name__ == "__main__":
    sys.exit(main())
