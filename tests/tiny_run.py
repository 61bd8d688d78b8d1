"""A tiny real run on disk, with its corpus and tokenizer: what a finished training job leaves behind."""

import json
from pathlib import Path

import msgspec
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer as RawTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers

from core.data.documents import Document, DocumentWriter
from core.model.decoder import Decoder, initialise
from core.record.atomic import write_json
from core.record.folder import Workspace
from core.spec.files import write_toml
from core.spec.model import ModelSpec
from core.tokens.tokenizer import Tokenizer

TEXTS = [
    "Return the length of the list. The list is not changed.\nRaises TypeError otherwise.",
    "Return the length of the string. It counts characters, not bytes.",
    "The quick brown fox jumps over the lazy dog, and the dog sleeps. 模型 🦊",
]
# With these three a model can be made that never says its end token (see add_checkpoint).
SPEC = ModelSpec(d_model=32, n_layers=2, n_heads=4, context=64, norm="layer_norm", bias=True, tied_head=False)
ENDLESS = msgspec.structs.replace(SPEC, context=100_000, position="none")  # takes far longer to fill than any test


def make_workspace(root: Path, run: str = "tiny", spec: ModelSpec = SPEC) -> Workspace:
    """A workspace with one corpus and one run."""
    workspace = Workspace(root)
    corpus = workspace.path("corpora", "texts")
    corpus.mkdir(parents=True)
    writer = DocumentWriter(corpus, "kept")
    for row, text in enumerate(TEXTS):
        writer.add(Document(id=row, text=text, source=f"texts/{row}.txt", line=1))
    writer.commit()
    write_toml(corpus / "spec.toml", {"kind": "corpus", "spec": {}})
    add_run(workspace, run, spec)
    return workspace


def add_run(workspace: Workspace, run: str, spec: ModelSpec = SPEC, steps: tuple[int, ...] = (10, 20)) -> Path:
    """A finished run; "best" is its first checkpoint, "last" its last."""
    folder = workspace.path("runs", run)
    folder.mkdir(parents=True)
    write_toml(folder / "spec.toml", {"kind": "train", "spec": {"corpus": "texts"}})
    _tokenizer().save(str(folder / "tokenizer.json"))
    for step in steps:
        add_checkpoint(folder, spec, step)
    write_json(folder / "checkpoints.json", {"last": f"step-{steps[-1]:08d}", "best": f"step-{steps[0]:08d}"})
    return folder


def add_checkpoint(run: Path, spec: ModelSpec, step: int) -> Path:
    """Weights drawn by seed ``step``, saved as a training run saves them; "last" moves on to them."""
    spec = msgspec.structs.replace(spec, vocab_size=Tokenizer.load(run).vocab_size)
    model = Decoder(spec)
    initialise(model, seed=step)
    with torch.no_grad():
        model.head_weight.mul_(20)  # an untrained model is sure of nothing: this one has opinions
        if spec.bias and not spec.tied_head:  # and it never says the end token
            model.final_norm.bias[0], model.head.weight[0, 0], model.head.weight[1:, 0] = 10.0, -10.0, 0.0
    folder = run / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True)
    metadata = {"spec": msgspec.json.encode(spec).decode(), "step": str(step)}
    weights = {name: p.detach().contiguous() for name, p in model.named_parameters()}
    save_file(weights, folder / "model.safetensors", metadata)
    pointers = run / "checkpoints.json"
    if pointers.is_file():
        write_json(pointers, json.loads(pointers.read_text()) | {"last": folder.name})
    return folder


def _tokenizer() -> RawTokenizer:
    raw = RawTokenizer(models.BPE())
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    raw.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    return raw
