"""Does an exported file answer as the trained model does? Measured in the file's own runtime."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch

from core.errors import LabError
from core.infer.engine import Engine
from core.infer.gguf import GgufEngine
from core.infer.onnx import OnnxEngine
from core.model.decoder import Decoder

KEPT_BYTES = 512 << 20  # the reference's logits are computed once while they fit in this
BURSTS, BURST_S, BURST_TOKENS = 3, 0.7, 100  # how often and how long decoding is timed, at most
ALIKE = 0.0005  # a change of perplexity below 0.05 % is not worth a word

# Largest logit difference and least share of equal first choices that still count as the same model.
LIMITS: dict[str, tuple[float | None, float | None]] = {
    "onnx": (1e-3, 0.995), "gguf-f32": (1e-3, 0.995), "gguf-f16": (2e-2, 0.99), "gguf-q8_0": (None, 0.98),
    "gguf-q4_k_m": (None, None),
}  # fmt: skip
GELUS = ("gelu", "gelu_tanh", "geglu")
GELU_LIMIT = 5e-3  # llama.cpp computes GELU from a half-precision table of its tanh form


class Comparison(msgspec.Struct, frozen=True):
    """What was measured on one file."""

    max_logit_difference: float
    top1_agreement: float  # share of positions with the same most probable token
    perplexity: float
    tokens_per_s: float
    texts: int = 0  # texts that both tokenizers read
    mismatches: int = 0  # of them, how many became other tokens


class Reference:
    """The trained model on held-out text, window by window.

    Args:
        decoder: the trained model in eval mode.
        windows: token ids, each at most the model's context long.
    """

    def __init__(self, decoder: Decoder, windows: list[list[int]]) -> None:
        self.decoder, self.windows = decoder, windows
        self.tokens = sum(map(len, windows))
        self._keep = self.tokens * decoder.spec.vocab_size * 4 <= KEPT_BYTES
        self._kept: dict[int, np.ndarray] = {}
        self._perplexity: float | None = None

    def logits(self, window: int) -> np.ndarray:
        """Logits of one window, float32, (T, V)."""
        if window in self._kept:
            return self._kept[window]
        with torch.inference_mode():
            found = self.decoder(torch.tensor([self.windows[window]]))[0].numpy()
        if self._keep:
            self._kept[window] = found
        return found

    def perplexity(self) -> float:
        """exp of the mean -log p of every token that has one before it in its window."""
        if self._perplexity is None:
            losses = [token_losses(self.logits(i), ids) for i, ids in enumerate(self.windows)]
            self._perplexity = perplexity(losses)
        return self._perplexity


def held_out_windows(tokens: np.ndarray, context: int, count: int) -> list[list[int]]:
    """The first ``count`` held-out tokens in windows of the model's context.

    Raises:
        LabError: there is no held-out text to compare on.
    """
    tokens = np.asarray(tokens[:count]).astype(np.int64)
    windows = [tokens[at : at + context].tolist() for at in range(0, len(tokens), context)]
    windows = [w for w in windows if len(w) > 1]
    if not windows:
        raise LabError(
            "The run has no held-out text to compare on.", "", "Train on a larger corpus, or export without verifying.")
    return windows


def token_losses(logits: np.ndarray, ids: list[int]) -> np.ndarray:
    """-log p of ids[1:], nats, float64, from logits (T, V)."""
    rows = logits[:-1].astype(np.float64)
    top = rows.max(axis=1)
    total = top + np.log(np.exp(rows - top[:, None]).sum(axis=1))
    return total - rows[np.arange(len(ids) - 1), ids[1:]]


def perplexity(losses: list[np.ndarray]) -> float:
    """exp of the mean over all tokens."""
    return float(np.exp(np.concatenate(losses).mean()))


def open_exact(path: Path, format: str, context: int) -> Engine:
    """The file in its own runtime, as exactly as that computes, for texts of up to ``context`` tokens."""
    return OnnxEngine(path) if format == "onnx" else GgufEngine(path, context=context, exact=True)


def open_fast(path: Path, format: str) -> Engine:
    """The file in its own runtime, as people run it."""
    return OnnxEngine(path) if format == "onnx" else GgufEngine(path)


def compare(
    path: Path, format: str, reference: Reference, texts: list[str], encode: Callable[[str], list[int]],
    check: Callable[[int], None] = lambda done: None,
) -> Comparison:  # fmt: skip
    """Measure one file against the trained model.

    Args:
        path: the exported file.
        format: one of the export formats.
        reference: the trained model and the windows to compare on.
        texts: what both tokenizers are to read.
        encode: our tokenizer.
        check: called with the tokens done so far; may raise to stop.
    Raises:
        LabError: the runtime refuses the file, or dies.
    """
    engine = open_exact(path, format, max(map(len, reference.windows)))
    try:
        difference, equal, losses, done = 0.0, 0, [], 0
        for window, ids in enumerate(reference.windows):
            ours, theirs = reference.logits(window), engine.score(ids)
            difference = max(difference, float(np.abs(ours - theirs).max()))
            equal += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
            losses.append(token_losses(theirs, ids))
            done += len(ids)
            check(done)
        mismatches = sum(engine.encode(text) != encode(text) for text in texts)
    finally:
        engine.close()
    return Comparison(
        max_logit_difference=difference, top1_agreement=equal / done, perplexity=perplexity(losses),
        tokens_per_s=_speed(path, format, reference.windows[0]), texts=len(texts), mismatches=mismatches)


def _speed(path: Path, format: str, ids: list[int]) -> float:
    """Tokens a second when each waits for the one before, after a short prompt; loading is not counted.

    The best of three bursts, so that what else the machine does meanwhile disturbs less.
    """
    engine = open_fast(path, format)
    try:
        return max(_burst(engine, ids[: max(1, min(16, engine.context // 2))]) for _ in range(BURSTS))
    finally:
        engine.close()


def _burst(engine: Engine, prompt: list[int]) -> float:
    token = int(engine.start(prompt).argmax())
    engine.step(token)  # the first step sets up what later ones use
    steps = min(BURST_TOKENS, engine.context - len(prompt) - 1)
    begin, done = time.perf_counter(), 0
    while done < steps and time.perf_counter() - begin < BURST_S:
        token = int(engine.step(token).argmax())
        done += 1
    return done / (time.perf_counter() - begin)


def judge(format: str, activation: str, found: Comparison, reference_perplexity: float) -> tuple[str, dict, bool]:
    """A plain verdict as a template, its values, and whether the file is within the limits of its format."""
    most, least = LIMITS[format]
    if format == "gguf-f32" and activation in GELUS:
        most = GELU_LIMIT
    change = found.perplexity / reference_perplexity - 1
    values = {
        "difference": f"{found.max_logit_difference:.2g}", "agreement": f"{100 * found.top1_agreement:.1f}",
        "change": f"{100 * abs(change):.1f}", "mismatches": found.mismatches, "texts": found.texts,
    }  # fmt: skip
    close = (most is None or found.max_logit_difference <= most) and (least is None or found.top1_agreement >= least)
    if not close or not np.isfinite(change):
        return "Differs: the same first choice {agreement} % of the time, largest logit difference {difference}.", \
            values, False
    if found.mismatches:
        return "Computes the same, but reads {mismatches} of {texts} test texts as other tokens.", values, True
    if abs(change) < ALIKE:
        return "Answers like the trained model.", values, True
    side = "worse" if change > 0 else "better"
    if abs(change) < 0.02:
        return f"Answers nearly alike; perplexity {{change}} % {side}.", values, True
    return f"Answers alike less often: perplexity {{change}} % {side}, the same first choice {{agreement}} % of the " \
        "time.", values, True
