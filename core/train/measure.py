"""What held-out text costs the model."""

import math
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import LabError
from core.model.decoder import Decoder
from core.model.word_vectors import WordVectors
from core.train.sample import evaluating

FEWEST = 16  # held-out tokens of which anything can be asked


def bits_per_byte(loss: Tensor, n_bytes: Tensor) -> float:
    """Code length per UTF-8 byte; comparable across tokenizers; lower is better.

    Args:
        loss: cross-entropy of each target token, nats, float32, (B, T).
        n_bytes: UTF-8 bytes of each target token, int, (B, T); 0 = not counted.
    Raises:
        LabError: no target is counted; remedy: enlarge the validation split.
    Source: Gao et al. 2020, The Pile, arXiv:2101.00027.
    """
    total = int(n_bytes.sum())
    if total == 0:
        raise LabError("There is no held-out text to measure on.", "", "Hold out a larger share of the corpus.")
    return float(loss[n_bytes > 0].double().sum()) / math.log(2) / total


def validate(
    model: Decoder, tokens: np.ndarray, byte_lengths: np.ndarray, limit: int, device: str = "cpu", batch: int = 8
) -> tuple[float, float]:
    """Mean loss (nats a token) and bits per byte on the first ``limit`` held-out tokens, in float32."""
    context = model.spec.context
    tokens = np.asarray(tokens[: limit + 1], np.int64)
    if len(tokens) < 2:
        raise LabError("There is no held-out text to measure on.", "", "Hold out a larger share of the corpus.")
    losses, lengths = [], []
    with torch.no_grad(), evaluating(model):
        for rows in _windows(tokens, context, batch):
            ids, targets = rows[:, :-1].to(device), rows[:, 1:].to(device)
            logits = model(ids)
            losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").cpu())
            lengths.append(torch.from_numpy(byte_lengths[rows[:, 1:].flatten().numpy()]))
    loss, n_bytes = torch.cat(losses), torch.cat(lengths)
    return float(loss.double().mean()), bits_per_byte(loss, n_bytes)


def _windows(tokens: np.ndarray, context: int, batch: int):
    """Windows of context + 1 tokens that overlap by one, (B, T + 1); the shorter rest comes alone."""
    whole = (len(tokens) - 1) // context
    if whole:
        starts = np.arange(whole)[:, None] * context + np.arange(context + 1)
        rows = torch.from_numpy(tokens[starts])
        yield from rows.split(batch)
    if len(tokens) - 1 > whole * context:
        yield torch.from_numpy(tokens[whole * context :])[None]


def validate_objective(
    model: nn.Module, asking: Callable, tokens: np.ndarray, byte_lengths: np.ndarray, limit: int, device: str = "cpu",
    batch: int = 8,
) -> tuple[float, float | None]:  # fmt: skip
    """As :func:`validate`, for models that are asked something else than the next token.

    What is hidden is the same at every measurement. The loss is the one trained on; bits per byte count the
    tokens asked for, and the bytes that those stand for. Word vectors give no probability to a token: None.
    """
    loss, losses, asked = ask(model, asking, tokens, limit, device, batch)
    if isinstance(model, WordVectors):
        return loss, None
    return loss, bits_per_byte(losses, torch.from_numpy(byte_lengths[asked.numpy()]))


def ask(
    model: nn.Module, asking: Callable, tokens: np.ndarray, limit: int, device: str = "cpu", batch: int = 8
) -> tuple[float, Tensor, Tensor]:
    """Ask a model what its objective asks, on the first ``limit`` held-out tokens, without dropout.

    Returns:
        The mean loss trained on; the cross-entropy of each token asked for, nats, float32 (n,); and those
        tokens, int64 (n,). Word vectors are asked for no token: n = 0.
    Raises:
        LabError: there is next to no held-out text.
    """
    rows = _rows(np.asarray(tokens[: limit + 1], np.int64), model.spec.context)
    totals, losses, wanted = 0.0, [torch.empty(0)], [torch.empty(0, dtype=torch.int64)]
    with torch.no_grad(), evaluating(model), own_randomness(device):
        for first in range(0, len(rows), batch):
            part = rows[first : first + batch]
            shown = {name: tensor.to(device) for name, tensor in asking(part, first).items()}
            totals += float(model.loss(**shown)) * len(part)
            if isinstance(model, WordVectors):
                continue
            targets = shown.pop("targets")
            logits, asked = model.predictions(**shown), targets >= 0
            losses.append(F.cross_entropy(logits[asked].float(), targets[asked], reduction="none").cpu())
            wanted.append(targets[asked].cpu())
    return totals / len(rows), torch.cat(losses), torch.cat(wanted)


def _rows(tokens: np.ndarray, context: int) -> np.ndarray:
    """Windows of context + 1 tokens, (B, T + 1); one shorter window where there is not enough for a whole one."""
    whole = (len(tokens) - 1) // context
    if whole:
        return tokens[np.arange(whole)[:, None] * context + np.arange(context + 1)]
    if len(tokens) < FEWEST:
        raise LabError("There is no held-out text to measure on.", "", "Hold out a larger share of the corpus.")
    return tokens[None]


@contextmanager
def own_randomness(device: str):
    """Replaced tokens are drawn: the same ones each time, and the run's own random state stays as it was."""
    with torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else []):
        torch.manual_seed(0)
        yield
