"""What a model remembers of planted secrets: does it write them out, and how do they rank among others?

Exposure is log2(N) - log2(rank) of the true secret among N of the same form, by the model's probability:
0 = the least likely, log2(N) = the likeliest. A model that never saw it
gives ``core.evaluate.extraction_rates.chance_exposure`` on average.
Source: Carlini et al. 2019, The Secret Sharer, arXiv:1802.08232, section 4.
"""

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from core.data.plants import Canary, secrets
from core.infer.sources import checkpoint_path
from core.model.decoder import Decoder
from core.model.loading import load_decoder
from core.tokens.tokenizer import Tokenizer

ROWS = 256  # sequences scored at once


class Recalled(msgspec.Struct, frozen=True):
    """What became of one canary in one model.

    Args:
        extracted: the greedy completion of its prefix is the secret, word for word.
        rank: 1 = likelier than every other candidate.
        exposure: bits.
    """

    canary: Canary
    extracted: bool
    rank: int
    exposure: float


def recall(
    run: Path, canaries: list[Canary], candidates: int, seed: int, tell: Callable[[int, int], None] = lambda *_: None
) -> list[Recalled]:
    """Ask a trained run for every canary.

    Args:
        run: the run's folder; its last checkpoint is asked.
        candidates: N, secrets of the same form among which each is ranked, itself included.
        tell: called with (canaries done, in all); may raise to stop.
    """
    model, _, _ = load_decoder(checkpoint_path(run, "last"))
    tokenizer = Tokenizer.load(run)
    true = {canary.secret for canary in canaries}
    others = {kind: secrets(kind, candidates - 1, seed, true) for kind in {canary.kind for canary in canaries}}
    written = complete(model, tokenizer, [canary.prefix for canary in canaries], _longest(canaries))
    found = []
    for number, (canary, text) in enumerate(zip(canaries, written, strict=True)):
        tell(number, len(canaries))
        rank = rank_of(model, tokenizer, canary.prefix, canary.secret, others[canary.kind])
        extracted = text.strip().startswith(canary.secret)
        found.append(Recalled(canary, extracted, rank, math.log2(candidates) - math.log2(rank)))
    return found


def rank_of(model: Decoder, tokenizer: Tokenizer, prefix: str, secret: str, others: list[str]) -> int:
    """Place of a secret among itself and others by probability after a prefix, from 1; equals stand behind it."""
    scores = log_probabilities(model, tokenizer, prefix, [secret, *others])
    return 1 + int((scores[1:] > scores[0]).sum())


@torch.no_grad()
def log_probabilities(model: Decoder, tokenizer: Tokenizer, prefix: str, endings: list[str]) -> Tensor:
    """log p(ending | prefix) of each ending, nats, float64, (endings,).

    What the token sequences have in common is the prefix: all candidates are scored from the same place on.
    """
    start = tokenizer.end_id
    rows = [[start, *ids] for ids in tokenizer.encode_batch([f"{prefix} {ending}" for ending in endings])]
    shared = _shared(rows)
    scores = []
    for at in range(0, len(rows), ROWS):
        part = rows[at : at + ROWS]
        ids = _padded(part)
        logits = model(ids[:, :-1]).log_softmax(-1)  # (B, T, V)
        chosen = logits.gather(-1, ids[:, 1:, None])[..., 0].double()
        place = torch.arange(1, ids.shape[1])
        lengths = torch.tensor([len(row) for row in part])[:, None]
        scores.append((chosen * ((place >= shared) & (place < lengths))).sum(1))
    return torch.cat(scores)


@torch.no_grad()
def complete(model: Decoder, tokenizer: Tokenizer, prefixes: list[str], n_bytes: int) -> list[str]:
    """The likeliest continuation of each prefix, token by token, of at least ``n_bytes`` bytes (or a full context)."""
    rows = [[tokenizer.end_id, *tokenizer.encode(prefix)] for prefix in prefixes]
    starts = [len(row) for row in rows]
    texts = [""] * len(rows)
    while any(len(text.encode()) < n_bytes for text in texts) and max(map(len, rows)) < model.spec.context:
        ids = _padded(rows)
        last = torch.tensor([len(row) - 1 for row in rows])
        chosen = model(ids)[torch.arange(len(rows)), last].argmax(-1).tolist()
        for row, token in zip(rows, chosen, strict=True):
            row.append(token)
        texts = [tokenizer.decode(row[start:]) for row, start in zip(rows, starts, strict=True)]
        if all(row[-1] == tokenizer.end_id for row in rows):
            break
    return texts


def _longest(canaries: list[Canary]) -> int:
    return 2 + max(len(canary.secret.encode()) for canary in canaries)


def _padded(rows: list[list[int]]) -> Tensor:
    """(B, T) int64, filled up at the right; a causal model never looks there."""
    width = max(map(len, rows))
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def _shared(rows: list[list[int]]) -> int:
    """How many tokens all rows begin with alike."""
    first, last = min(rows), max(rows)
    for place, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return place
    return min(len(first), len(last))
