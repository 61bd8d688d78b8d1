"""What every training begins with: the tokens of its corpus, and how many different ones there are."""

from core.data.shards import write_shards
from core.errors import LabError
from core.record.atomic import write_bytes
from core.record.events import Phase, Progress
from core.record.folder import JobFolder
from core.spec.train import TrainSpec
from core.tokens.tokenizer import Tokenizer

# One record a step, in metrics.bin: name and unit.
COLUMNS = [
    ("step", ""), ("tokens", "tokens"), ("elapsed_s", "s"), ("flops", "FLOP"), ("loss", "nats/token"), ("lr", ""),
    ("grad_norm", ""), ("tokens_per_s", "tokens/s"), ("val_loss", "nats/token"), ("val_bits_per_byte", "bits/byte"),
    ("epoch", ""), ("batch_size", "sequences"), ("energy_j", "J"), ("val_loss_ema", "nats/token"),
]  # fmt: skip


def open_text(spec: TrainSpec, folder: JobFolder, emit, control) -> Tokenizer:
    """Encode the corpus into ``RUN/tokens`` and copy the tokenizer into the run, unless both stand there already."""
    inputs = folder.request["inputs"]
    corpus, source = (folder.workspace.root / inputs[name]["folder"] for name in ("corpus", "tokenizer"))
    tokenizer = Tokenizer.load(source)
    if not folder.path("tokenizer.json").is_file():
        write_bytes(folder.path("tokenizer.json"), (source / "tokenizer.json").read_bytes())
    elsewhere = inputs.get("held_out_corpus")
    emit(Phase(name="Tokenizing the corpus"))
    write_shards(
        folder.root, corpus, tokenizer, lambda done, total: _encoded(done, total, emit, control),
        folder.workspace.root / elsewhere["folder"] if elsewhere else None)
    return tokenizer


def _encoded(done: int, total: int, emit, control) -> None:
    control.check()
    if done == total or done % 2048 < 256:
        emit(Progress(done=done, total=total, unit="documents"))


def resolve_vocabulary(spec: TrainSpec, tokenizer: Tokenizer) -> int:
    """The tokenizer's vocabulary and what the objective adds; a larger one is kept (unused rows), a smaller refused."""
    made = tokenizer.vocab_size + spec.model.objective.extra_tokens
    asked = spec.model.vocab_size or made
    if asked < made:
        raise LabError(
            "The model knows {asked} tokens, but the tokenizer and the objective make {made}.", "model.vocab_size",
            "Set the vocabulary to 0 (as many as are needed).", asked=asked, made=made)
    return asked
