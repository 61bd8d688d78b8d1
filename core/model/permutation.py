"""A permutation language model: every token is predicted from those that precede it in a random order."""

import torch
from torch import Tensor, nn

from core.model.decoder import Decoder
from core.spec.model import ModelSpec


class PermutationModel(Decoder):
    """Two streams through the same weights: content sees its own token, the query sees only its place.

    Source: Yang et al. 2019, XLNet, arXiv:1906.08237.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.query_vector = nn.Parameter(torch.zeros(spec.d_model))  # what a query stream begins with

    def streams(self, ids: Tensor, rank: Tensor) -> tuple[Tensor, Tensor]:
        """Both streams after the last norm, each (B, T, D).

        Args:
            ids: (B, T) int64.
            rank: each token's place in the order of prediction, (B, T) int64; equal ranks see each other's
                content, and a query sees only what has a lower rank than its own.
        """
        h = self.way_in(self.embed(ids), 0)
        g = self.query_vector.expand_as(h)
        later = rank[:, None, :] - rank[:, :, None]  # key's rank minus query's, (B, T, S)
        content = self.places(0, ids.shape[1], h, allowed=later <= 0)
        query = self.places(0, ids.shape[1], h, allowed=later < 0)
        query.shared = content.shared
        if self.recompute:
            self.note_masks(content, query)
        for layer in range(self.layers):
            block = self.blocks[0] if self.spec.shared_layers else self.blocks[layer]
            h, g = self.through(block.two_streams, h, g, content, query)
        return (h, g) if self.final_norm is None else (self.final_norm(h), self.final_norm(g))

    def forward(self, ids: Tensor, rank: Tensor | None = None) -> Tensor:
        """Logits of the token at each place, from those of lower rank: (B, T, V) float32.

        Without ``rank`` the order is that of reading, so place t is predicted from places 0 to t - 1.
        """
        rank = torch.arange(ids.shape[1], device=ids.device).expand_as(ids) if rank is None else rank
        logits = self.logits(self.streams(ids, rank)[1])
        return logits if logits.dtype == torch.float64 else logits.float()

    def loss(self, ids: Tensor, targets: Tensor, rank: Tensor) -> Tensor:
        """Mean cross-entropy of the tokens to predict, nats, float32 scalar; negative targets do not count."""
        return self.loss_of(self.streams(ids, rank)[1], targets) + self.router_losses()
