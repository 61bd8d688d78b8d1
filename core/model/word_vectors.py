"""Word vectors: a vector a token such that neighbours are told from random tokens."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.model.sizing import SUBWORD_BUCKETS as BUCKETS
from core.spec.model import ModelSpec

SUBWORDS = 32  # character n-grams of one token, at most


class WordVectors(nn.Module):
    """Skip-gram or CBOW with negative samples, over tokens or over sums of their character n-grams.

    Source: Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546; Bojanowski et al. 2017, arXiv:1607.04606.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embed = nn.Embedding(spec.vocab_size, spec.d_model)
        self.out = nn.Embedding(spec.vocab_size, spec.d_model)
        self.pieces = nn.EmbeddingBag(BUCKETS, spec.d_model, mode="sum") if spec.objective.subwords else None
        if spec.objective.subwords:  # which n-grams each token has, -1 = none; saved with the weights
            self.register_buffer("subwords", torch.full((spec.vocab_size, SUBWORDS), -1))
        self.register_buffer("noise_odds", torch.ones(spec.vocab_size))  # of being drawn as a negative

    def vectors(self, ids: Tensor) -> Tensor:
        """The vectors of tokens: ids (...) int64 -> (..., D)."""
        found = self.embed(ids)
        if self.pieces is None:
            return found
        pieces = self.subwords[ids]  # (..., SUBWORDS)
        there = (pieces >= 0).to(found.dtype)
        flat = self.pieces(pieces.clamp(min=0).view(-1, SUBWORDS), per_sample_weights=there.view(-1, SUBWORDS))
        return (found + flat.view_as(found)) / (1 + there.sum(-1, keepdim=True))

    @torch.no_grad()
    def table(self) -> np.ndarray:
        """The vectors of all tokens, float32 (V, D)."""
        ids = torch.arange(self.spec.vocab_size, device=self.embed.weight.device)
        return torch.cat([self.vectors(part) for part in ids.split(1024)]).float().cpu().numpy()

    def read_counts(self, counts: Tensor) -> None:
        """Draw negatives by counts to the power of 3/4, as the paper found best; counts (V,)."""
        self.noise_odds.copy_(counts.float().pow(0.75).clamp(min=1e-6))

    def read_subwords(self, tokens: list[bytes]) -> None:
        """Learn which character n-grams each token has, where the objective asks for them; a token's bytes by id."""
        if self.pieces is None:
            return
        for id, token in enumerate(tokens):
            found = subwords_of(token)
            self.subwords[id, : len(found)] = torch.tensor(found, dtype=torch.int64)

    def loss(self, ids: Tensor, targets: Tensor, noise: Tensor) -> Tensor:
        """Mean loss of telling a true neighbour from negatives, nats a pair, float32 scalar.

        Args:
            ids: windows of text, (B, T) int64; ``targets`` are the same.
            noise: numbers in [0, 1) that choose the negatives, (B, T, negatives).
        """
        told = self._scores(ids, noise)
        return -sum(F.logsigmoid(s).sum() for s in told) / told[0].numel()

    def told_apart(self, ids: Tensor, noise: Tensor) -> float:
        """Share of true neighbours and negatives that are told rightly; 0.5 = chance for one negative a pair."""
        scores = torch.cat([s.flatten() for s in self._scores(ids, noise)])
        return float((scores > 0).float().mean())

    def _scores(self, ids: Tensor, noise: Tensor) -> list[Tensor]:
        """Scores of true pairs, and of pairs with negatives, their sign turned: all should be positive."""
        cdf = torch.cumsum(self.noise_odds.double(), 0)
        negatives = torch.searchsorted(cdf, noise * cdf[-1]).clamp(max=self.spec.vocab_size - 1)  # (B, T, K)
        own, other = self.vectors(ids), self.out(ids)
        true, false = [], []
        if self.spec.objective.task == "cbow":
            middle = self._around(own)
            true.append((middle * other).sum(-1))
            false.append(-torch.einsum("btd,btkd->btk", middle, self.out(negatives)))
        else:
            wrong = self.out(negatives)
            for far in range(1, min(self.spec.window, ids.shape[1] - 1) + 1):
                for left, right in ((slice(None, -far), slice(far, None)), (slice(far, None), slice(None, -far))):
                    true.append((own[:, left] * other[:, right]).sum(-1))
                    false.append(-torch.einsum("btd,btkd->btk", own[:, left], wrong[:, right]))
        return [torch.cat([t.flatten() for t in true]), torch.cat([f.flatten() for f in false])]

    def _around(self, own: Tensor) -> Tensor:
        """The mean vector of each place's neighbours, (B, T, D)."""
        wide = min(self.spec.window, own.shape[1] - 1)
        sums = F.pad(own.cumsum(1), (0, 0, 1, 0))  # (B, T + 1, D)
        place = torch.arange(own.shape[1], device=own.device)
        low, high = (place - wide).clamp(min=0), (place + wide + 1).clamp(max=own.shape[1])
        count = (high - low - 1).clamp(min=1)
        return (sums[:, high] - sums[:, low] - own) / count[None, :, None]

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Nothing here has kernels of its own."""


def subwords_of(token: bytes) -> list[int]:
    """Buckets of a token's character n-grams of 3 to 6, marks of beginning and end included, at most SUBWORDS."""
    word = f"<{token.decode('utf-8', 'replace').strip()}>"
    found = {word[i : i + n] for n in range(3, 7) for i in range(len(word) - n + 1)}
    return sorted({_fnv(piece) % BUCKETS for piece in found})[:SUBWORDS]


def _fnv(piece: str) -> int:
    """FNV-1a of the UTF-8 bytes, 32 bit: the same everywhere, unlike Python's own hash."""
    value = 2166136261
    for byte in piece.encode("utf-8", "replace"):
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value
