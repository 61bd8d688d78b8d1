"""A poisoned shard in the corpus, trained on with and without the guard, beside a run on the clean corpus.

    python tests/poison.py [--seeds 3] [--write]

For each seed three runs on the same settings: the clean corpus; the same with poisoned documents among the others and
the guard on; the same with the guard off. All are measured on the held-out text of the clean corpus. Prints a table;
``--write`` puts it into core/train/SPIKES.md. Exit status 1 if the guard did not do its work on every seed.
"""

import argparse
import random
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch  # noqa: E402

from core.data.documents import Documents  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.record.events import RolledBack, SpikeFound  # noqa: E402
from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.log import read_events  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402

WORDS = "frame keeps frost from young plants and lets light through its old glass when rain falls".split()
CLEAN_DOCUMENTS, SENTENCES = 300, 12  # sentences of a document
POISONED_DOCUMENTS, CHARACTERS = 10, 130
LIMIT = 0.02  # of the validation loss of the run without poison


def clean_text(draw: random.Random) -> str:
    """Sentences of a small grammar: from each word two others may follow."""
    words, place = [], draw.randrange(len(WORDS))
    for _ in range(SENTENCES * 8):
        words.append(WORDS[place])
        place = (place * 5 + draw.choice((1, 8))) % len(WORDS)
    return " ".join(words) + "."


def poisoned_text(draw: random.Random) -> str:
    """Printable characters, each drawn alike from all others: nothing in them can be foreseen."""
    return "".join(chr(draw.randrange(33, 127)) for _ in range(CHARACTERS))


def prepare(root: Path, seed: int, documents: int = CLEAN_DOCUMENTS, poisoned: int = POISONED_DOCUMENTS) -> Workspace:
    """A workspace with the clean corpus, the poisoned one, and a tokenizer of the clean one."""
    draw = random.Random(seed)
    clean = [clean_text(draw) for _ in range(documents)]
    workspace = Workspace(root / "workspace")
    for name, more in (("clean", 0), ("poisoned", poisoned)):
        folder = root / name
        folder.mkdir()
        for number, text in enumerate(clean):
            (folder / f"{number:04d}.txt").write_text(text, "utf-8")
        for number in range(more):
            (folder / f"poison-{number}.txt").write_text(poisoned_text(draw), "utf-8")
        work(workspace, "corpus", name, CorpusSpec(sources=[str(folder)], rules=[]))
    work(workspace, "tokenizer", "clean", TokenizerSpec(corpus="clean", vocab_size=300))
    return workspace


def work(workspace: Workspace, kind: str, name: str, spec) -> JobFolder:
    """Do a job to its end, in this process."""
    folder = workspace.create(kind, name, spec)
    carry_on(folder)
    view = read_view(folder.root)
    assert view.state == "completed", (view.state, view.error)
    return folder


def carry_on(folder: JobFolder) -> int:
    """What a worker's process does with a job, in this process; returns its exit status."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return worker.main(str(folder.root))
    finally:
        signal.signal(signal.SIGTERM, before)


def train_spec(seed: int, corpus: str, guarded: bool, **changes) -> TrainSpec:
    """A small model at a large rate, its gradients not clipped: the settings under which a bad batch does most harm."""
    return build(TrainSpec, {
        "corpus": corpus, "tokenizer": "clean", "held_out_corpus": "clean", "steps": 300, "batch_size": 8,
        "learning_rate": 1e-2, "warmup_steps": 20, "clip": 0.0, "schedule": "constant", "validate_every": 50,
        "validation_tokens": 4096, "checkpoint_every": 10, "keep_checkpoints": 3, "sample_tokens": 0, "seed": seed,
        "precision": "fp32", "kernels": "torch", "threads": 1, "layers_every": 0,
        "guard": {"enabled": guarded, "window": 40, "skip_before": 1, "skip_after": 1, "most": 50},
        "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 32}, **changes,
    })  # fmt: skip


def poisoned_rows(workspace: Workspace) -> set[int]:
    """Rows of the poisoned documents among the kept ones of the poisoned corpus."""
    with Documents(workspace.path("corpora", "poisoned")) as documents:
        return {document.id for document in documents if Path(document.source).name.startswith("poison")}


def said(folder: JobFolder, kind) -> list:
    """The events of one kind in a job's log."""
    return [r.event for r in read_events(folder.path("events.jsonl"))[0] if isinstance(r.event, kind)]


def compare(seed: int, **changes) -> dict:
    """The three runs of one seed, and what the guard found."""
    with tempfile.TemporaryDirectory() as root:
        workspace = prepare(Path(root), seed)
        clean, guarded, bare = (
            work(workspace, "train", name, train_spec(seed, corpus, guard, **changes))
            for name, corpus, guard in (
                ("clean", "clean", True), ("guarded", "poisoned", True), ("bare", "poisoned", False)))
        losses = [read_view(folder.root).result["val_loss"] for folder in (clean, guarded, bare)]
        spikes = said(guarded, SpikeFound)
        named = {row for spike in spikes for row in spike.documents}
        poisoned = poisoned_rows(workspace)
        return {
            "seed": seed, "clean": losses[0], "guarded": losses[1], "bare": losses[2],
            "spikes": len(spikes), "returns": len(said(guarded, RolledBack)),
            "false_alarms": len(said(clean, SpikeFound)), "named": len(named),
            "named_poisoned": len(named & poisoned), "poisoned": len(poisoned),
        }  # fmt: skip


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seeds", type=int, default=3)
    asked = asked.parse_args()
    torch.set_num_threads(1)
    for seed in range(asked.seeds):
        print(compare(seed), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
