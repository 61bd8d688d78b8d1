"""Train a model of one layer and one of two on text that repeats itself, and see which grows an induction head.

    python tests/train_induction.py [--steps 1000] [--threads 1] [--workspace DIR] [--write]

Every document is a row of characters drawn at random and said again and again; how many there are before it repeats
differs from document to document, so that no fixed distance helps. What comes next can be known only by looking for
the last time that the same character was said. Both models are real training jobs of the same tokens, seed
and width; their checkpoints at powers of two show when the heads appear. The scores are those of the Glass page: mean
attention on random tokens said twice. Prints a Markdown table; ``--write`` puts it into core/glass/INDUCTION.md.
"""

import argparse
import os
import platform
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch  # noqa: E402

from core.glass.induction import IS_INDUCTION, history  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.record.atomic import write_text  # noqa: E402
from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from core.tokens.tokenizer import Tokenizer  # noqa: E402

TABLE = ROOT / "core" / "glass" / "INDUCTION.md"
SEED, LETTERS = 0, "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DOCUMENTS, CHARACTERS, PERIODS = 12_000, 120, (5, 30)
CONTEXT, WIDTH, HEADS = 64, 64, 4
RATE, BATCH = 3e-3, 32
SHOWN = 2  # every so many hundred steps a row of the table


def write_documents(folder: Path) -> None:
    """Text files of one document a line: characters at random, said again and again."""
    draw = random.Random(SEED)
    folder.mkdir(parents=True)
    for part in range(40):
        lines = []
        for _ in range(DOCUMENTS // 40):
            said = "".join(draw.choices(LETTERS, k=draw.randint(*PERIODS)))
            lines.append((said * (CHARACTERS // len(said) + 1))[:CHARACTERS])
        (folder / f"{part:02}.txt").write_text("\n\n".join(lines), "utf-8")


def prepare(root: Path) -> Workspace:
    """The corpus and a tokenizer of characters, made by the real jobs."""
    write_documents(root / "text")
    workspace = Workspace(root / "workspace")
    corpus = CorpusSpec(sources=[str(root / "text")], rules=[], split="blank-line")
    work(workspace, "corpus", "repeated", corpus)
    work(workspace, "tokenizer", "repeated", TokenizerSpec(corpus="repeated", kind="characters"))
    return workspace


def work(workspace: Workspace, kind: str, name: str, spec) -> JobFolder:
    """A job carried out in this process."""
    folder = workspace.create(kind, name, spec)
    worker.main(folder.root)
    view = read_view(folder.root)
    if view.state != "completed":
        raise SystemExit(f"{kind} {name}: {view.state} {view.error or ''}")
    return folder


def train_spec(layers: int, steps: int, threads: int) -> TrainSpec:
    """A run of so many layers; all else is the same."""
    model = {"d_model": WIDTH, "n_layers": layers, "n_heads": HEADS, "context": CONTEXT, "position": "alibi"}
    return build(TrainSpec, {
        "corpus": "repeated", "tokenizer": "repeated", "model": model, "steps": steps, "batch_size": BATCH,
        "micro_batch": BATCH, "learning_rate": RATE, "warmup_steps": 50, "validate_every": 200,
        "validation_tokens": 8192, "checkpoint_every": 100, "keep_checkpoints": 1, "retention": {
            "spaced": True, "every": 100}, "sample_tokens": 1, "layers_every": 0, "precision": "fp32",
        "kernels": "torch", "device": "cpu", "threads": threads, "seed": SEED})  # fmt: skip


def measure(run: JobFolder) -> list[tuple[int, torch.Tensor, torch.Tensor]]:
    """(step, induction, previous-token scores) of every checkpoint."""
    return list(history(run.root, Tokenizer.load(run.root).vocab_size, 0))


def table(found: dict[int, list], losses: dict[int, float], steps: int, seconds: float) -> str:
    """The page of results."""
    lines = [
        "# Induction heads", "",
        f"A model of one layer and one of two, {WIDTH} wide with {HEADS} heads a layer and ALiBi, each trained for "
        f"{steps:,} steps on the same rows of random characters said again and again (each row with its own length of "
        f"{PERIODS[0]} to {PERIODS[1]}), by `python tests/train_induction.py --write`. Scores are the mean attention "
        f"on other random characters, said twice, to what followed last time (induction) and to the character before "
        f"(previous); above {IS_INDUCTION:g} is an induction head. Seed {SEED}, {platform.machine()}, "
        f"torch {torch.__version__}, {seconds:.0f} s in all.", "",
    ]  # fmt: skip
    for layers, past in found.items():
        _, induction, previous = past[-1]
        heads = [(layer + 1, head + 1) for layer, head in (induction > IS_INDUCTION).nonzero().tolist()]
        verdict = ", ".join(f"layer {layer}, head {head}" for layer, head in heads) or "none"
        lines += [f"## {layers} layer{'s' * (layers > 1)}", "",
                  f"Induction heads: {verdict}. Held-out loss {losses[layers]:.3f} nats a character.", "",
                  "| Layer | Score | " + " | ".join(f"Head {head + 1}" for head in range(HEADS)) + " |",
                  "|---|---|" + "---|" * HEADS]  # fmt: skip
        for layer in range(layers):
            for name, scores in (("induction", induction), ("previous", previous)):
                row = " | ".join(f"{score:.2f}" for score in scores[layer].tolist())
                lines.append(f"| {layer + 1} | {name} | {row} |")
        lines.append("")
    lines += ["## Over the checkpoints", "", "The highest score of any head.", "",
              "| Step | 1 layer, induction | 2 layers, induction | 2 layers, previous |",
              "|---|---|---|---|"]  # fmt: skip
    one = {step: induction for step, induction, _ in found[1]}
    for step, induction, previous in found[2]:
        if step in one and (step & (step - 1) == 0 or step % (100 * SHOWN) == 0 or step == steps):
            lines.append(f"| {step:,} | {one[step].max():.2f} | {induction.max():.2f} | {previous.max():.2f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train both, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workspace", type=Path, help="an empty folder that is kept; otherwise a temporary one")
    parser.add_argument("--write", action="store_true", help=f"write the table to {TABLE.relative_to(ROOT)}")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        workspace = prepare(asked.workspace or Path(temporary))
        found, losses = {}, {}
        for layers in (1, 2):
            run = work(workspace, "train", f"layers-{layers}", train_spec(layers, asked.steps, asked.threads))
            found[layers], losses[layers] = measure(run), read_view(run.root).validations[-1].loss
        page = table(found, losses, asked.steps, time.perf_counter() - began)
    print(page)
    if asked.write:
        write_text(TABLE, page)
    heads = [bool((found[layers][-1][1] > IS_INDUCTION).any()) for layers in (1, 2)]
    if heads != [False, True]:
        raise SystemExit("an induction head stands where none should, or is missing where one should be")


if __name__ == "__main__":
    main()
