"""What held-out text costs the model."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import LabError
from core.model.decoder import Decoder


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
    training = model.training
    model.eval()
    with torch.no_grad():
        for rows in _windows(tokens, context, batch):
            ids, targets = rows[:, :-1].to(device), rows[:, 1:].to(device)
            logits = model(ids)
            losses.append(F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").cpu())
            lengths.append(torch.from_numpy(byte_lengths[rows[:, 1:].flatten().numpy()]))
    model.train(training)
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
) -> tuple[float, float]:  # fmt: skip
    """As :func:`validate`, for models that are asked something else than the next token.

    What is hidden is the same at every measurement. The loss is the one trained on; bits per byte count the
    tokens asked for, and the bytes that those stand for.
    """
    context = model.spec.context
    tokens = np.asarray(tokens[: limit + 1], np.int64)
    whole = (len(tokens) - 1) // context
    if not whole:
        raise LabError("There is no held-out text to measure on.", "", "Hold out a larger share of the corpus.")
    rows = tokens[np.arange(whole)[:, None] * context + np.arange(context + 1)]
    totals, losses, lengths = [], [], []
    training, random_state = model.training, torch.get_rng_state()
    model.eval()
    torch.manual_seed(0)  # replaced tokens are drawn
    with torch.no_grad():
        for first in range(0, whole, batch):
            shown = {k: v.to(device) for k, v in asking(rows[first : first + batch], first).items()}
            totals.append((float(model.loss(**shown)), len(rows[first : first + batch])))
            targets = shown.pop("targets")
            logits = model.predictions(**shown)
            asked = targets >= 0
            losses.append(F.cross_entropy(logits[asked].float(), targets[asked], reduction="none").cpu())
            lengths.append(torch.from_numpy(byte_lengths[targets[asked].cpu().numpy()]))
    torch.set_rng_state(random_state)
    model.train(training)
    mean = sum(loss * count for loss, count in totals) / sum(count for _, count in totals)
    return mean, bits_per_byte(torch.cat(losses), torch.cat(lengths))
