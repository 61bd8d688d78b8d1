"""A feed-forward part that is many: a router sends each token to a few experts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.model.feed_forward import FeedForward
from core.spec.model import ModelSpec

ROUTE_SEED = 7919  # of the fixed assignment of tokens to experts by a random router


class MixtureOfExperts(nn.Module):
    """The chosen experts' outputs, weighted by the router.

    After a forward pass ``balance`` and ``z`` hold its two losses (float32 scalars, weighted), ``use`` how many
    tokens each expert was given, and ``dropped`` how many tokens found their expert full.

    Source: Shazeer et al. 2017, arXiv:1701.06538; Fedus et al. 2021, arXiv:2101.03961; Zoph et al. 2022,
    arXiv:2202.08906 (z-loss); Ren et al. 2023, arXiv:2303.10845 (random routing).
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.settings = spec.experts
        learned = spec.experts.router == "learned"
        self.router = nn.Linear(spec.d_model, spec.experts.count, bias=False) if learned else None
        self.experts = nn.ModuleList(FeedForward(spec) for _ in range(spec.experts.count))
        if not learned:
            generator = torch.Generator().manual_seed(ROUTE_SEED)
            route = torch.randint(0, spec.experts.count, (spec.vocab_size,), generator=generator)
            self.register_buffer("route", route, persistent=False)
        self.balance = self.z = torch.zeros(())
        self.use, self.dropped = torch.zeros(spec.experts.count), 0

    def forward(self, x: Tensor, ids: Tensor | None = None) -> Tensor:
        """x (B, T, D) -> (B, T, D); ``ids`` (B, T) are needed by a random router only."""
        flat = x.reshape(-1, x.shape[-1])  # (N, D)
        weights, chosen = self._route(flat, ids)  # each (N, top)
        kept = self._within_capacity(chosen)
        out = torch.zeros_like(flat)
        for expert, part in enumerate(self.experts):
            rows, place = torch.nonzero((chosen == expert) & kept, as_tuple=True)
            if len(rows):
                out.index_add_(0, rows, (part(flat[rows]) * weights[rows, place, None]).to(out.dtype))
        return out.view_as(x)

    def _route(self, flat: Tensor, ids: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights and numbers of each token's experts; the losses and the counts are kept on the way."""
        settings = self.settings
        if self.router is None:
            chosen = self.route[ids.reshape(-1)][:, None]
            self._count(chosen)
            return torch.ones(chosen.shape, dtype=flat.dtype, device=flat.device), chosen
        logits = self.router(flat).float()
        shares = logits.softmax(-1)
        weights, chosen = shares.topk(settings.top, dim=-1)
        if settings.normalised:
            weights = weights / weights.sum(-1, keepdim=True)
        self._count(chosen)
        given = F.one_hot(chosen[:, 0], settings.count).float().mean(0)  # share of tokens, by first choice
        self.balance = settings.balance_loss * settings.count * (given * shares.mean(0)).sum()
        self.z = settings.z_loss * logits.logsumexp(-1).square().mean()
        return weights.to(flat.dtype), chosen

    def _count(self, chosen: Tensor) -> None:
        self.use = torch.bincount(chosen.detach().flatten().cpu(), minlength=self.settings.count)

    def _within_capacity(self, chosen: Tensor) -> Tensor:
        """True where a token still finds room in its expert, in order of the text; all of them when not training.

        Dropping depends on the other tokens of a batch, so an answer must never do it.
        """
        kept = torch.ones(chosen.shape, dtype=torch.bool, device=chosen.device)
        self.dropped = 0
        if not (self.training and self.settings.capacity):
            return kept
        room = int(self.settings.capacity * chosen.numel() / self.settings.count)
        first_choices_first = F.one_hot(chosen.T.reshape(-1), self.settings.count)
        place = (first_choices_first.cumsum(0) - 1).gather(1, chosen.T.reshape(-1, 1)).view(chosen.T.shape).T
        kept = place < max(room, 1)
        self.dropped = int((~kept).sum())
        return kept
