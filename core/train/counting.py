"""The training of an n-gram model: its corpus is counted once, then measured at every length of n-gram.

In the records a step is a length: step 0 is a blind guess, step 1 single tokens, the last one the whole model.
So the curve shows what each further token of context is worth.
"""

import math
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from core.data.shards import TokenShard
from core.errors import LabError
from core.model.ngram.counts import Counts, count
from core.model.ngram.file import to_bytes
from core.model.ngram.kneser_ney import estimate
from core.model.ngram.model import NgramModel
from core.record.atomic import clear_leftovers
from core.record.events import CheckpointSaved, Noted, Phase, Progress, Resumed, Sampled, Validated
from core.record.folder import JobFolder
from core.record.metrics import MetricsWriter
from core.spec.train import TrainSpec
from core.tokens.tokenizer import Tokenizer
from core.train.checkpoint import TrainState, save_counted
from core.train.inputs import COLUMNS, open_text, resolve_vocabulary
from core.train.memory import peak_memory

DOCUMENTS_A_LOOK = 256  # between two looks at what was asked of the job


def run(spec: TrainSpec, folder: JobFolder, emit, control) -> dict:
    """Count, measure, save; a resume counts anew and comes to the same bytes.

    Raises:
        LabError: the corpus has no text to learn from.
    """
    tokenizer = open_text(spec, folder, emit, control)
    return _Counting(spec, folder, tokenizer, emit, control).run()


class _Counting:
    def __init__(self, spec: TrainSpec, folder: JobFolder, tokenizer: Tokenizer, emit, control) -> None:
        self.spec, self.folder, self.tokenizer, self.emit, self.control = spec, folder, tokenizer, emit, control
        self.shape = msgspec.structs.replace(spec.model, vocab_size=resolve_vocabulary(spec, tokenizer))
        self.train, self.held_out = (TokenShard.open(folder.root, split) for split in ("train", "held_out"))
        self.state = TrainState(tokens=len(self.train.tokens))
        self.first_bits: float | None = None
        self.measurable = bool(self.tokenizer.byte_lengths[self._held_out()].sum())

    def run(self) -> dict:
        if not len(self.train.tokens):
            raise LabError("The corpus has no text to learn from.", self.spec.corpus, "Choose another corpus.")
        clear_leftovers(self.folder.path("checkpoints"))
        if self.folder.path("metrics.bin").is_file():
            self.emit(Resumed(from_step=0))
        start = time.perf_counter()
        self.emit(Phase(name="Counting n-grams"))
        counts = count(
            self._documents(), self.shape.window, self.shape.vocab_size, boundary=self.tokenizer.end_id)
        self.emit(Phase(name="Training"))
        metrics = MetricsWriter(self.folder.path("metrics.bin"), COLUMNS, last_step=-1)
        try:
            model = self._measure_lengths(counts, metrics, start)
            metrics.sync()
        finally:
            metrics.close()
        path, size = save_counted(self.folder.root, lambda metadata: to_bytes(model, metadata), self.shape, self.state)
        self.emit(CheckpointSaved(
            step=self.state.step, path=path.relative_to(self.folder.root).as_posix(), bytes=size,
            val_loss=self.state.val_loss))
        if self.spec.sample_tokens:
            self._sample(model)
        return self._summary(model)

    def _documents(self) -> Iterator[np.ndarray]:
        """Every training document without its leading boundary; requests are answered on the way."""
        total = len(self.train.doc_starts)
        for done, document in enumerate(documents(self.train)):
            if done % DOCUMENTS_A_LOOK == 0:
                self._look()
                self.emit(Progress(done=done, total=total, unit="documents"))
            yield document

    def _look(self) -> None:
        if any(request.name in ("sample", "checkpoint") for request in self.control.check(self.state.step)):
            self.emit(Noted(text="An n-gram model can be asked as soon as its text is counted."))

    def _measure_lengths(self, counts: Counts, metrics: MetricsWriter, start: float) -> NgramModel:
        """The model of each length in turn, measured on held-out text; returns the longest."""
        self._record(metrics, start, math.log(self.shape.vocab_size), None)
        for length in range(1, counts.order + 1):
            self._look()
            model = estimate(shortened(counts, length))
            loss, bits = validate(model, self.held_out, self.tokenizer.byte_lengths, self.spec.validation_tokens)
            self.state.step = length
            self._record(metrics, start, loss, bits)
            self.emit(Progress(done=length, total=counts.order, unit="steps"))
        return model

    def _record(self, metrics: MetricsWriter, start: float, loss: float | None, bits: float | None) -> None:
        state = self.state
        state.elapsed_s = state.wall_s = time.perf_counter() - start
        measured = {}
        if self.measurable:
            bits = self._blind_bits() if bits is None else bits
            self.first_bits = bits if self.first_bits is None else self.first_bits
            state.val_loss, state.val_bits_per_byte, state.val_step = loss, bits, state.step
            state.best_loss, state.best_step = loss, state.step
            measured = {"val_loss": loss, "val_bits_per_byte": bits}
            self.emit(Validated(step=state.step, loss=loss, bits_per_byte=bits, elapsed_s=state.elapsed_s))
        metrics.append(
            step=state.step, tokens=state.tokens if state.step else 0, elapsed_s=state.elapsed_s, flops=0,
            tokens_per_s=state.tokens / state.elapsed_s, **measured)

    def _held_out(self) -> np.ndarray:
        return np.asarray(self.held_out.tokens[: self.spec.validation_tokens], np.int64)

    def _blind_bits(self) -> float:
        """Bits per byte of a guess that takes all tokens for equally likely."""
        lengths = self.tokenizer.byte_lengths[self._held_out()]
        return math.log2(self.shape.vocab_size) * int((lengths > 0).sum()) / int(lengths.sum())

    def _sample(self, model: NgramModel) -> None:
        prompt = self.tokenizer.encode(self.spec.sample_prompt)
        ids = model.sample(np.random.default_rng(self.spec.seed), self.spec.sample_tokens, prompt)
        self.emit(Sampled(step=self.state.step, prompt=self.spec.sample_prompt, text=self.tokenizer.decode(ids)))

    def _summary(self, model: NgramModel) -> dict:
        state = self.state
        return {
            "parameters": model.ngrams + sum(map(len, model.log_gamma)), "ngrams": model.ngrams, "steps": state.step,
            "tokens": state.tokens, "epochs": 1.0, "first_val_bits_per_byte": self.first_bits,
            "last_val_bits_per_byte": state.val_bits_per_byte, "val_loss": state.val_loss,
            "best_step": state.best_step, "tokens_per_s": state.tokens / state.elapsed_s, "mfu": 0.0,
            "precision": "fp32", "kernels": {}, "threads": 1, "peak_bytes": peak_memory(),
            "elapsed_s": state.elapsed_s,
        }  # fmt: skip


def documents(shard: TokenShard) -> Iterator[np.ndarray]:
    """The token ids of each document of a split, without the boundary that leads it."""
    starts = np.asarray(shard.doc_starts, np.int64)
    for start, end in zip(starts, [*starts[1:], len(shard.tokens)], strict=True):
        yield np.asarray(shard.tokens[start + 1 : end], np.int64)


def shortened(counts: Counts, order: int) -> Counts:
    """The counts of n-grams of up to ``order`` tokens alone."""
    return Counts(counts.vocab_size, counts.boundary, counts.keys[: order - 1], counts.counts[:order])


def validate(
    model: NgramModel, held_out: TokenShard, byte_lengths: np.ndarray, limit: int
) -> tuple[float | None, float | None]:
    """Mean loss (nats a token, ends of documents included) and bits per byte on the first ``limit`` held-out tokens.

    None for both where nothing is held out.
    """
    nats, tokens, of_text, n_bytes = 0.0, 0, 0.0, 0
    for ids in documents(held_out):
        ids = ids[: limit - tokens]
        losses = -model.score(ids).astype(np.float64)
        nats, tokens = nats + float(losses.sum()), tokens + len(losses)
        of_text, n_bytes = of_text + float(losses[:-1].sum()), n_bytes + int(byte_lengths[ids].sum())
        if tokens >= limit:
            break
    return (nats / tokens, of_text / math.log(2) / n_bytes) if n_bytes else (None, None)
