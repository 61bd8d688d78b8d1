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
POISONED_DOCUMENTS = 30
PAGE = Path(__file__).resolve().parents[1] / "core" / "train" / "SPIKES.md"
BEGIN, END = "<!-- measured -->", "<!-- end -->"
LIMIT = 0.02  # of the validation loss of the run without poison
PURE = 0.75  # of the documents named, at least so many are poisoned: a batch may hold a piece of a clean one, too


def clean_text(draw: random.Random) -> str:
    """Sentences of a small grammar: from each word two others may follow."""
    words, place = [], draw.randrange(len(WORDS))
    for _ in range(SENTENCES * 8):
        words.append(WORDS[place])
        place = (place * 5 + draw.choice((1, 8))) % len(WORDS)
    return " ".join(words) + "."


def poisoned_text(draw: random.Random) -> str:
    """The words of the grammar in no order, as a broken parser leaves them: nothing in them can be foreseen."""
    return " ".join(draw.choice(WORDS) for _ in range(SENTENCES * 8)) + "."


def prepare(
    root: Path, seed: int, documents: int = CLEAN_DOCUMENTS, poisoned: int = POISONED_DOCUMENTS, poison=poisoned_text
) -> Workspace:  # fmt: skip
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
            (folder / f"poison-{number}.txt").write_text(poison(draw), "utf-8")
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
    """Settings under which a bad batch does most harm: one sequence a step, Adam's own beta2, no clipping."""
    return build(TrainSpec, {
        "corpus": corpus, "tokenizer": "clean", "held_out_corpus": "clean", "steps": 1000, "batch_size": 1,
        "learning_rate": 1e-2, "beta2": 0.999, "clip": 0.0, "warmup_steps": 80, "schedule": "linear",
        "final_lr_ratio": 0.02, "validate_every": 250, "validation_tokens": 4096, "checkpoint_every": 10,
        "keep_checkpoints": 3, "sample_tokens": 0, "seed": seed, "precision": "fp32", "kernels": "torch", "threads": 1,
        "layers_every": 0,
        "guard": {"enabled": guarded, "window": 32, "skip_before": 0, "skip_after": 0, "most": 200},
        "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 64}, **changes,
    })  # fmt: skip


def poisoned_rows(workspace: Workspace) -> set[int]:
    """Rows of the poisoned documents among the kept ones of the poisoned corpus."""
    with Documents(workspace.path("corpora", "poisoned")) as documents:
        return {document.id for document in documents if Path(document.source).name.startswith("poison")}


def said(folder: JobFolder, kind) -> list:
    """The events of one kind in a job's log."""
    return [r.event for r in read_events(folder.path("events.jsonl"))[0] if isinstance(r.event, kind)]


def compare(seed: int) -> dict:
    """The three runs of one seed, and what the guard found."""
    with tempfile.TemporaryDirectory() as root:
        workspace = prepare(Path(root), seed)
        clean, guarded, bare = (
            work(workspace, "train", name, train_spec(seed, corpus, guard))
            for name, corpus, guard in (
                ("clean", "clean", True), ("guarded", "poisoned", True), ("bare", "poisoned", False)))
        losses = [read_view(folder.root).result["val_loss"] for folder in (clean, guarded, bare)]
        named = {row for spike in said(guarded, SpikeFound) for row in spike.documents}
        poisoned = poisoned_rows(workspace)
        return {
            "seed": seed, "clean": losses[0], "guarded": losses[1] / losses[0] - 1, "bare": losses[2] / losses[0] - 1,
            "returns": len(said(guarded, RolledBack)), "false_alarms": len(said(clean, SpikeFound)),
            "named": len(named), "named_poisoned": len(named & poisoned), "poisoned": len(poisoned),
        }  # fmt: skip


def holds(found: dict) -> bool:
    """Whether the guard did its work on a seed, and there was work to do."""
    return (abs(found["guarded"]) <= LIMIT < found["bare"]
            and found["named"] > 0 and found["named_poisoned"] >= PURE * found["named"])  # fmt: skip


COLUMNS = ("seed", "clean, nats a token", "with the guard", "without it", "returns", "documents named",
           "of them poisoned", "false alarms on the clean corpus")  # fmt: skip


def table(rows: list[dict]) -> str:
    """The result as a table in Markdown."""
    head = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
    return head + "".join(
        f"| {r['seed']} | {r['clean']:.4f} | {r['guarded']:+.2%} | {r['bare']:+.2%} | {r['returns']} | {r['named']} "
        f"| {r['named_poisoned']} of {r['poisoned']} | {r['false_alarms']} |\n" for r in rows)


def write(rows: list[dict]) -> None:
    """Put the table into the page on spikes, between its two marks."""
    page = PAGE.read_text("utf-8")
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    PAGE.write_text(f"{page[:begin]}\n{table(rows)}{page[end:]}", "utf-8")


def main() -> int:
    """Run the seeds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into core/train/SPIKES.md")
    asked = parser.parse_args()
    rows = []
    for seed in range(asked.seeds):
        rows.append(compare(seed))
        print(rows[-1], "holds" if holds(rows[-1]) else "DOES NOT HOLD", flush=True)
    print(table(rows))
    if asked.write:
        write(rows)
    return 0 if all(map(holds, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
