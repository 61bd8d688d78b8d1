"""What held-out text costs the model."""

import math

import numpy as np
import torch
from torch import Tensor
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
