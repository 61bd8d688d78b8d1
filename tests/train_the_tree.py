"""Train every shape of the family tree at about a million parameters and hold it against a plain baseline.

    python tests/train_the_tree.py [--only bert t5] [--threads 1] [--steps 200] [--write]

Each row is a real training job on the documentation of Python. What it is compared with follows from what it
learns: the entropy of the tokens asked for, when nothing but their frequency is known; for replaced tokens the
entropy of their share; for word vectors the share of planted analogies that untrained vectors answer; for n-grams
the model whose n-grams are one token shorter. Rows that are in the results already are not trained again.

Prints a Markdown table; ``--write`` puts it into core/model/TREE.md.
"""

import argparse
import json
import math
import os
import platform
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from core.data.shards import TokenShard  # noqa: E402
from core.evaluate.analogies import make_grid, planted_sentences, questions  # noqa: E402
from core.infer.sources import checkpoint_path  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.model.loading import load_decoder  # noqa: E402
from core.model.neighbours import analogy_score, unit_rows  # noqa: E402
from core.model.scaling import scale_to_parameters  # noqa: E402
from core.record.atomic import write_json, write_text  # noqa: E402
from core.record.folder import JobFolder, Workspace  # noqa: E402
from core.record.view import read_view  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.files import preset, preset_names  # noqa: E402
from core.spec.model import ModelSpec  # noqa: E402
from core.spec.system import SystemSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402
from core.tokens.tokenizer import Tokenizer  # noqa: E402
from core.train.batches import Batches  # noqa: E402
from core.train.measure import ask  # noqa: E402
from core.train.objectives import Asking  # noqa: E402

TABLE = ROOT / "core" / "model" / "TREE.md"
PARAMETERS, HELD_OUT_TOKENS, SEED = 1e6, 16384, 0
# Where a model is asked for a sixth of the tokens, it is shown more of them.
TOKENS, MANY_TOKENS = 1024, 2048
FEW = ("masked", "replaced", "unilm", "permutation")
CONTEXT, FEW_CONTEXT = 64, 32
# Norms after each part need small steps where the warm-up is short. Source: Xiong et al. 2020, arXiv:2002.04745.
RATE, TWO_STACK_RATE, POST_NORM_RATE = 2e-3, 5e-3, 8e-4
SHARED_RATE, SHALLOW_RATE = 3e-3, 1e-2  # one block again and again; recurrent nets and tables of vectors
DOCS, PLANTED = "python-docs", "planted"
VOCABULARY = {DOCS: 512, PLANTED: 2048}  # few tokens, so that the budget goes into the model; whole words for vectors
GRID = make_grid(4, 4, SEED)
SENTENCES, SENTENCES_A_FILE = 16000, 200
COUNTED_BATCHES = 40  # of which the frequencies of asked tokens are known


class Row(msgspec.Struct):
    """One line of the table; loss-like measures are lower when better, shares are higher."""

    name: str
    learns: str
    parameters: int
    measure: str
    trained: float
    baseline: float
    better: bool
    tokens: int
    seconds: float


def prepare(root: Path) -> Workspace:
    """A workspace with both corpora and their tokenizers, made once."""
    workspace = Workspace(root)
    text = root / "planted-text"
    if not text.is_dir():
        text.mkdir(parents=True)
        said = planted_sentences(GRID, SENTENCES, SEED)
        for first in range(0, SENTENCES, SENTENCES_A_FILE):
            (text / f"{first}.txt").write_text("\n".join(said[first : first + SENTENCES_A_FILE]), "utf-8")
    for name, sources in ((DOCS, ["builtin:python-docs"]), (PLANTED, ["builtin:python-docs", str(text)])):
        work(workspace, "corpus", name, CorpusSpec(sources=sources))
        work(workspace, "tokenizer", name, TokenizerSpec(corpus=name, vocab_size=VOCABULARY[name]))
    return workspace


def work(workspace: Workspace, kind: str, name: str, spec) -> JobFolder:
    """A job carried out in this process; one that was finished before is left alone."""
    room = {"corpus": "corpora", "tokenizer": "tokenizers", "train": "runs"}[kind]
    if not workspace.path(room, name).is_dir():
        workspace.create(kind, name, spec)
    folder = workspace.folder(room, name)
    if read_view(folder.root).state != "completed":
        worker.main(folder.root)
        view = read_view(folder.root)
        if view.state != "completed":
            raise SystemExit(f"{kind} {name}: {view.state} {view.error or ''}")
    return folder


def _rate(shape: ModelSpec) -> float:
    """The learning rate by what is known to need another one than most."""
    if shape.family in ("word_vectors", "lstm"):
        return SHALLOW_RATE
    if shape.shared_layers:
        return SHARED_RATE
    if shape.norm_place == "post":
        return POST_NORM_RATE
    return TWO_STACK_RATE if shape.layout == "encoder_decoder" else RATE


def training(shape: ModelSpec, threads: int, steps: int) -> TrainSpec:
    """How a shape is trained: alike for all, but for the few things that its objective is known to need."""
    vectors = shape.family == "word_vectors"
    two_stacks = shape.layout == "encoder_decoder"
    shown = MANY_TOKENS if two_stacks or vectors or shape.objective.task in FEW else TOKENS
    return build(TrainSpec, {
        "corpus": PLANTED if vectors else DOCS, "tokenizer": PLANTED if vectors else DOCS, "steps": steps,
        "batch_size": shown // shape.context, "learning_rate": _rate(shape), "beta2": 0.98, "warmup_steps": 20,
        "validate_every": steps, "validation_tokens": HELD_OUT_TOKENS, "checkpoint_every": steps,
        "sample_tokens": 0, "precision": "fp32", "device": "cpu", "threads": threads, "seed": SEED,
        "model": msgspec.to_builtins(shape) | {"vocab_size": 0},
    })  # fmt: skip


def grow(workspace: Workspace, name: str, threads: int, steps: int) -> Row:
    """Train one shape and measure it."""
    system = build(SystemSpec, preset("systems", name).values, name)
    vectors = system.shape.family == "word_vectors"
    few = system.shape.objective.task in FEW
    shape = scale_to_parameters(
        system.shape, PARAMETERS, VOCABULARY[PLANTED if vectors else DOCS], FEW_CONTEXT if few else CONTEXT)
    if shape.weight_drop:  # meant for hundreds of epochs: in the first few steps it only holds a model back
        shape = msgspec.structs.replace(shape, weight_drop=0.0, dropout=0.0)
    start = time.perf_counter()
    shutil.rmtree(workspace.path("runs", name), ignore_errors=True)  # what has no row yet is not finished
    folder = work(workspace, "train", name, training(shape, threads, steps))
    seconds = time.perf_counter() - start
    measures = {"ngram": _ngram, "word_vectors": _vectors}
    measured = measures.get(shape.family, _replaced if shape.objective.task == "replaced" else _asked)
    measure, trained, baseline = measured(folder)
    result = read_view(folder.root).result
    higher = measure.startswith("share")
    return Row(
        name=system.name, learns=shape.family if shape.family == "ngram" else shape.objective.task,
        parameters=result["parameters"], measure=measure, trained=trained, baseline=baseline,
        better=trained > baseline if higher else trained < baseline, tokens=result["tokens"], seconds=seconds)


def _opened(folder: JobFolder):
    model, shape, _ = load_decoder(checkpoint_path(folder.root, "last"))
    tokenizer = Tokenizer.load(folder.root)
    asking = Asking(shape, tokenizer.vocab_size, tokenizer.word_starts, SEED)
    train, held_out = (TokenShard.open(folder.root, split).tokens for split in ("train", "held_out"))
    return model, shape, tokenizer, asking, train, held_out


def _asked(folder: JobFolder) -> tuple[str, float, float]:
    """Cross-entropy of the tokens asked for, against what their frequency in training alone would cost."""
    model, shape, _, asking, train, held_out = _opened(folder)
    _, losses, wanted = ask(model, asking, held_out, HELD_OUT_TOKENS)
    counts = np.ones(shape.vocab_size)
    batches = Batches(train, shape.context, SEED)
    for step in range(COUNTED_BATCHES):
        targets = asking(batches.rows(step * 64, 64), step * 64)["targets"].numpy()
        counts += np.bincount(targets[targets >= 0], minlength=shape.vocab_size)
    frequency = counts / counts.sum()
    return "nats a token asked for", float(losses.mean()), float(-np.log(frequency[wanted.numpy()]).mean())


@torch.no_grad()
def _replaced(folder: JobFolder) -> tuple[str, float, float]:
    """Cross-entropy of "was this token replaced?", against always saying how often that is so."""
    model, shape, _, asking, _, held_out = _opened(folder)
    torch.manual_seed(SEED)
    rows = np.asarray(held_out[:HELD_OUT_TOKENS], np.int64)
    rows = rows[: len(rows) // (shape.context + 1) * (shape.context + 1)].reshape(-1, shape.context + 1)
    batch = asking(rows, 0)
    asked = batch["targets"] >= 0
    drawn = torch.multinomial(model.proposals(batch["ids"])[asked].softmax(-1), 1).squeeze(-1)
    shown = batch["original"].masked_scatter(asked, drawn)
    true = (shown != batch["original"]).float()
    share = float(true.mean())
    base = -share * math.log(share) - (1 - share) * math.log(1 - share)
    return "nats a token told", float(F.binary_cross_entropy_with_logits(model(shown), true)), base


def _vectors(folder: JobFolder) -> tuple[str, float, float]:
    """Planted analogies answered, against the same questions put to vectors that learned nothing."""
    model, _, tokenizer, *_ = _opened(folder)
    asked = questions(GRID, lambda word: _single(tokenizer, word), SEED)
    table = model.table()[: tokenizer.vocab_size]
    blind = np.random.default_rng(SEED).normal(size=table.shape)
    return (f"share of {len(asked)} analogies", analogy_score(unit_rows(table), asked),
            analogy_score(unit_rows(blind), asked))  # fmt: skip


def _single(tokenizer: Tokenizer, word: str) -> int | None:
    ids = tokenizer.encode(f" {word}")
    return ids[0] if len(ids) == 1 else None


def _ngram(folder: JobFolder) -> tuple[str, float, float]:
    losses = [found.loss for found in read_view(folder.root).validations]
    return "nats a token", losses[-1], losses[-2]


def markdown(rows: list[Row], threads: int, steps: int) -> str:
    """The table, with how it was made."""
    beaten = sum(row.better for row in rows)
    lines = [
        "# The family tree, trained small", "",
        f"Every shape at about {PARAMETERS:,.0f} parameters, {steps} steps on the documentation of Python, by "
        "`python tests/train_the_tree.py --write`. The baseline of models that predict tokens is the cross-entropy "
        "of the tokens asked for when only their frequency is known; of replaced tokens, always saying how often one "
        "is replaced; of word vectors, vectors that learned nothing; of n-grams, n-grams one token shorter. "
        f"{beaten} of {len(rows)} are better than their baseline. Initial weights are drawn as wide for a small width "
        "as the original's for its own; the weights that ULMFiT drops are not dropped in so short a run.", "",
        f"{threads} thread{'s' if threads > 1 else ''}, {platform.machine()}, torch {torch.__version__}, seed {SEED}.",
        "",
        "| System | Learns | Parameters | Tokens | Measured | Trained | Baseline | Better | Seconds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {row.name} | {row.learns.replace('_', ' ')} | {row.parameters:,} | {row.tokens:,} | {row.measure} | "
        f"{row.trained:.3f} | {row.baseline:.3f} | {'yes' if row.better else 'no'} | {row.seconds:.0f} |"
        for row in rows]
    return "\n".join([*lines, ""])


def main() -> int:
    """Train what is missing, print the table; exit status 1 if a row is not better than its baseline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="systems by their preset's name; without, all shapes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--workspace", type=Path, default=ROOT / "build" / "tree")
    parser.add_argument("--results", type=Path, help="default: results.json in the workspace")
    parser.add_argument("--write", action="store_true", help=f"write the table to {TABLE.relative_to(ROOT)}")
    asked = parser.parse_args()
    path = asked.results or asked.workspace / "results.json"
    done = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    order = [name for name in preset_names("systems") if not preset("systems", name).values.get("recipe")]
    missing = [name for name in order if name not in done and (not asked.only or name in asked.only)]
    torch.set_num_threads(asked.threads)
    workspace = prepare(asked.workspace) if missing else None
    for number, name in enumerate(missing, 1):
        row = grow(workspace, name, asked.threads, asked.steps)
        done[name] = msgspec.to_builtins(row)
        write_json(path, done)
        print(f"{number}/{len(missing)} {row.name}: {row.trained:.3f} against {row.baseline:.3f} {row.measure}, "
              f"{row.seconds:.0f} s", file=sys.stderr)
    rows = [msgspec.convert(done[name], Row) for name in order if name in done]
    table = markdown(rows, asked.threads, asked.steps)
    print(table)
    if asked.write:
        write_text(TABLE, table)
    return 0 if all(row.better for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
