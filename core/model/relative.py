"""Relative positions that depend on what is said: Transformer-XL's terms and DeBERTa's disentangled ones."""

import torch
from torch import Tensor, nn

from core.model.places import Places
from core.model.positions import deberta_bucket
from core.spec.model import ModelSpec


def relative_terms(spec: ModelSpec) -> nn.Module | None:
    """The terms that a spec's positions add to the scores of one attention; None for other positions."""
    return {"xl": TransformerXL, "deberta": Disentangled}[spec.position](spec) \
        if spec.position in ("xl", "deberta") else None  # fmt: skip


class TransformerXL(nn.Module):
    """score(i, j) = (q_i + u) k_j + (q_i + v) r_(i-j), with r a projection of the distance's sinusoids.

    Source: Dai et al. 2019, Transformer-XL, arXiv:1901.02860, section 3.3.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.heads, self.head = spec.n_heads, spec.head
        self.r = nn.Linear(spec.d_model, self.heads * self.head, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(self.heads, self.head))  # u
        self.position_bias = nn.Parameter(torch.zeros(self.heads, self.head))  # v

    def forward(self, q: Tensor, k: Tensor, places: Places, scale: float) -> tuple[Tensor, Tensor]:
        """The queries (B, H, T, d) with their content bias, and the position term of the scores (B, H, T, S)."""
        if "xl" not in places.shared:
            places.shared["xl"] = self._sinusoids(places, q)
        distance, table = places.distance(), places.shared["xl"]  # table: (T + S - 1, D), farthest ahead first
        r = self.r(table).view(-1, self.heads, self.head)  # (R, H, d)
        terms = torch.einsum("bhtd,rhd->bhtr", q + self.position_bias[:, None], r)
        index = (distance.max() - distance).expand(q.shape[0], self.heads, -1, -1)
        return q + self.content_bias[:, None], scale * terms.gather(-1, index)

    def _sinusoids(self, places: Places, q: Tensor) -> Tensor:
        """Of every distance query minus key that occurs, ascending: sines, then cosines."""
        far = places.distance()
        width = self.r.in_features
        frequency = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64, device=q.device) / width)
        angle = torch.arange(-int(far.max()), -int(far.min()) + 1, device=q.device)[:, None] * frequency
        return torch.cat([angle.sin(), angle.cos()], dim=-1).to(q.dtype)


class Disentangled(nn.Module):
    """Content to position and position to content, from one table of relative vectors shared by all layers.

    score(i, j) = (q_i k_j + q_i kr_(i-j) + k_j qr_(i-j)) / sqrt(3 d), kr and qr being the layer's own
    projections of keys and queries applied to the table. The attention that owns this hands in the table's
    projections through :meth:`attach`.

    Source: He et al. 2021, DeBERTa, arXiv:2006.03654, section 3.1.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.heads, self.head = spec.n_heads, spec.head
        self.buckets, self.farthest = spec.relative_buckets, max(spec.relative_distance, spec.context)
        self._project = None

    def attach(self, q: nn.Linear, k: nn.Linear) -> None:
        """Use the attention's own projections for the table (shared keys, as DeBERTa's later versions do)."""
        self._project = (q, k)

    def forward(self, q: Tensor, k: Tensor, places: Places, scale: float) -> tuple[Tensor, Tensor]:
        """The queries rescaled for three terms, and the two position terms of the scores (B, H, T, S)."""
        table = places.shared["deberta"]  # (2 * buckets, D), normalised by the trunk
        to_q, to_k = self._project
        keys = to_k(table).view(-1, self.heads, self.head)  # (R, H, d)
        queries = to_q(table).view(-1, self.heads, self.head)
        index = deberta_bucket(-places.distance(), self.buckets, self.farthest)  # query minus key
        index = (index + self.buckets).clamp(0, table.shape[0] - 1).expand(q.shape[0], self.heads, -1, -1)
        share = 3**-0.5
        content = torch.einsum("bhtd,rhd->bhtr", q, keys).gather(-1, index)
        position = torch.einsum("bhsd,rhd->bhsr", k, queries).gather(-1, index.transpose(-1, -2)).transpose(-1, -2)
        return q * share, scale * share * (content + position)
