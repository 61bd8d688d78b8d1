"""Whether influence finds the document that taught a model an answer, among five thousand.

    python tests/planted_causes.py [--models 1] [--each 10] [--documents 5000] [--epochs 30]

Documents of one made-up fact each, in one and the same wording; a small model is trained on them by the real job. A
trial: the model is given the beginning of one of the facts, and the real job asks for the causes of its end. No other
document has that subject, some have its value. Prints the planted document's rank in each trial; exit status 1 if it
is not in the top 5 in nine trials of ten.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core.data.documents import Documents  # noqa: E402
from core.jobs import worker  # noqa: E402
from core.record.folder import Workspace  # noqa: E402
from core.spec.base import build  # noqa: E402
from core.spec.corpus import CorpusSpec  # noqa: E402
from core.spec.influence import InfluenceResult, InfluenceSpec  # noqa: E402
from core.spec.tokenizer import TokenizerSpec  # noqa: E402
from core.spec.train import TrainSpec  # noqa: E402

BEGINNINGS = "ba be bi bo da de di do fa fe ga ge ka ke ki la le li ma mi na ne pa pe ra re sa se ta te va ve".split()
ENDINGS = "lun rim dor mis tal ven kos pil nar bet gum zan".split()
VALUES = [f"{colour} {thing}" for colour in "red green blue white black grey amber violet".split()
          for thing in "lamp wheel bridge tower garden mirror kettle ladder harbour violin".split()]  # fmt: skip
TOP = 5


def make_facts(draw: random.Random, documents: int) -> list[tuple[str, str]]:
    """A subject and its value for each document; subjects share syllables, values are shared by many."""
    subjects: set[str] = set()
    while len(subjects) < documents:
        subjects.add("".join(draw.choices(BEGINNINGS, k=2)).capitalize() + draw.choice(ENDINGS) + " "
                     + draw.choice(BEGINNINGS).capitalize() + draw.choice(ENDINGS))  # fmt: skip
    return [(subject, draw.choice(VALUES)) for subject in draw.sample(sorted(subjects), documents)]


def said(subject: str, value: str) -> str:
    """The one document of a fact."""
    return f"The sign of {subject} is the {value}."


def prepare(root: Path, facts: list[tuple[str, str]]) -> Workspace:
    """A workspace with these facts, a document each, and a tokenizer."""
    source = root / "facts"
    source.mkdir(parents=True)
    lines = [msgspec.json.encode({"text": said(*fact)}) for fact in facts]
    (source / "facts.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    workspace = Workspace(root / "workspace")
    for kind, spec in (("corpus", CorpusSpec(sources=[str(source)], rules=[], held_out=0.01)),
                       ("tokenizer", TokenizerSpec(corpus="facts", vocab_size=512))):
        assert worker.main(workspace.create(kind, "facts", spec).root) == 0
    return workspace


def trials(root: Path, seed: int, documents: int, epochs: int, each: int) -> Iterator[dict]:
    """Train a model and ask for several of its facts; the rank of each one's document (1 = the strongest)."""
    draw = random.Random(seed)
    facts = make_facts(draw, documents)
    workspace = prepare(root, facts)
    with Documents(workspace.path("corpora", "facts")) as kept:
        read = {document.text for document in kept.iter("train")}
    facts = [fact for fact in facts if said(*fact) in read]  # what was held out taught nothing
    spec = train_spec(documents, epochs, seed)
    assert worker.main(workspace.create("train", "facts", spec).root) == 0
    for number, (subject, value) in enumerate(draw.sample(facts, each)):
        asked = InfluenceSpec(run="facts", prompt=f"The sign of {subject} is the", answer=f" {value}.",
                              passages=documents, listed=documents, threads=spec.threads)  # fmt: skip
        folder = workspace.create("influence", f"facts-{number}", asked)
        assert worker.main(folder.root) == 0
        found = msgspec.json.decode(folder.path("influence.json").read_bytes(), type=InfluenceResult)
        ranks = [place for place, one in enumerate(found.towards, 1) if subject in one.snippet]
        yield {"rank": ranks[0] if ranks else documents, "compared": found.compared, "elapsed_s": found.elapsed_s,
               "subject": subject, "value": value}  # fmt: skip


def train_spec(documents: int, epochs: int, seed: int) -> TrainSpec:
    """A model of some 0.3 M parameters that reads every document so many times."""
    batch, context = 8, 64
    steps = max(8, documents * 17 * epochs // (batch * context))  # a document has some 17 tokens
    return build(TrainSpec, {
        "corpus": "facts", "tokenizer": "facts", "seed": seed, "steps": steps, "batch_size": batch,
        "model": {"d_model": 96, "n_layers": 2, "n_heads": 4, "context": context},
        "learning_rate": 3e-3, "warmup_steps": 20, "validate_every": steps, "checkpoint_every": -(-steps // 4),
        "keep_checkpoints": 4, "sample_tokens": 0, "precision": "fp32", "kernels": "torch", "device": "cpu",
        "threads": 1})  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    found = []
    for seed in range(args.models):
        with tempfile.TemporaryDirectory() as folder:
            for one in trials(Path(folder), seed, args.documents, args.epochs, args.each):
                found.append(one["rank"] <= TOP)
                print(f"model {seed}: rank {one['rank']} of {one['compared']} ({one['subject']}: {one['value']}), "
                      f"{one['elapsed_s']:.0f} s", flush=True)  # fmt: skip
    print(f"in the top {TOP}: {sum(found)} of {len(found)}")
    return int(sum(found) < 0.9 * len(found))


if __name__ == "__main__":
    sys.exit(main())
