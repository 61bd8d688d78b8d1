"""Replaced-token detection: a small generator fills masks, the model tells which tokens are not the original's."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.model.head import Head, HeadTransform
from core.model.trunk import Trunk
from core.spec.model import ModelSpec


class Detector(nn.Module):
    """One logit a token: how likely it was replaced."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.dense = nn.Linear(spec.d_model, spec.d_model)
        self.out = nn.Linear(spec.d_model, 1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B, T, D) -> logits (B, T)."""
        return self.out(F.gelu(self.dense(x))).squeeze(-1)


class Generator(Trunk):
    """The small masked model; the embedding is the detecting model's own, narrowed on the way in."""

    def __init__(self, spec: ModelSpec, embed: int) -> None:
        super().__init__(spec, spec.n_layers, causal=False)
        self.narrow = nn.Linear(embed, spec.d_model) if embed != spec.d_model else None
        self.transform = HeadTransform(spec)
        self.widen = nn.Linear(spec.d_model, embed, bias=False) if embed != spec.d_model else None

    def fill(self, embedded: Tensor) -> Tensor:
        """embedded (B, T, E) -> vectors to compare with the embedding, (B, T, E)."""
        x = self.transform(self.run(embedded if self.narrow is None else self.narrow(embedded)))
        return x if self.widen is None else self.widen(x)


class ReplacedTokenModel(Trunk, Head):
    """ELECTRA. Source: Clark et al. 2020, arXiv:2003.10555.

    Args:
        spec: the detecting model's shape; ``vocab_size`` must be resolved (not 0).
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, spec.n_layers, causal=False)
        self.embed = nn.Embedding(spec.vocab_size, spec.embed)
        self.generator = Generator(spec.generator, spec.embed)
        self.generator_bias = nn.Parameter(torch.zeros(spec.vocab_size))
        self.detect = Detector(spec)
        self.loss_path = "torch"

    @property
    def head_weight(self) -> Tensor:
        """The generator's output matrix: the embedding, (V, E)."""
        return self.embed.weight

    def proposals(self, masked: Tensor) -> Tensor:
        """The generator's logits for each place, (B, T, V) float32, of ids (B, T) with masks in them."""
        return F.linear(self.generator.fill(self.embed(masked)), self.embed.weight, self.generator_bias).float()

    def forward(self, ids: Tensor, **seen) -> Tensor:
        """ids (B, T) int64 -> logit that each token was replaced, (B, T) float32 (float64 in a float64 model)."""
        logits = self.detect(self.run(self.embed(ids), ids=ids, **seen))
        return logits if logits.dtype == torch.float64 else logits.float()

    def predictions(self, ids: Tensor, original: Tensor) -> Tensor:
        """The generator's logits of the masked tokens, (B, T, V) float32."""
        return self.proposals(ids)

    def loss(self, ids: Tensor, targets: Tensor, original: Tensor) -> Tensor:
        """The generator's cross-entropy and the weighted cross-entropy of detection, nats, float32 scalar.

        Args:
            ids: with masks, (B, T) int64.
            targets: the true tokens where the generator is asked, negative elsewhere.
            original: the text before masking, (B, T) int64.
        """
        asked = targets >= 0
        logits = self.proposals(ids)[asked]
        with torch.no_grad():
            drawn = torch.multinomial(logits.softmax(-1), 1).squeeze(-1)
        shown = original.masked_scatter(asked, drawn)
        told = F.binary_cross_entropy_with_logits(self(shown), (shown != original).float())
        return F.cross_entropy(logits, targets[asked]) + self.spec.objective.replaced_weight * told

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"attention" | "norm" | "swiglu": "torch" | "ours"}."""
        super().use_kernels(paths)
        self.generator.use_kernels(paths)
