"""From vectors to logits, and to the loss."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.model.feed_forward import ACTIVATIONS
from core.model.norms import norm
from core.spec.model import ModelSpec


class HeadTransform(nn.Module):
    """A linear layer, the activation, a norm: what BERT's head does first. Source: arXiv:1810.04805."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.dense = nn.Linear(spec.d_model, spec.embed)
        self.norm = norm(spec, spec.embed)
        self.activation = ACTIVATIONS.get(spec.activation, F.gelu)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., D) -> (..., E)."""
        return self.norm(self.activation(self.dense(x)))


class Head(nn.Module):
    """What stands between the last norm and the logits, the output matrix (``head.weight``) apart.

    Mixed into the models: they own ``embed`` and call :meth:`add_head`.
    """

    def add_head(self, spec: ModelSpec) -> None:
        """Make the parts of the head that the spec asks for."""
        width = spec.embed if spec.head_transform or (spec.tied_head and spec.embed != spec.d_model) else spec.d_model
        self.transform = HeadTransform(spec) if spec.head_transform else None
        narrows = spec.tied_head and spec.embed != spec.d_model and not spec.head_transform
        self.embed_down = nn.Linear(spec.d_model, spec.embed, bias=False) if narrows else None
        self.head = None if spec.tied_head else nn.Linear(width, spec.vocab_size, bias=False)
        self.head_bias = nn.Parameter(torch.zeros(spec.vocab_size)) if spec.head_bias else None
        self.loss_path = "torch"

    @property
    def head_weight(self) -> Tensor:
        """The output layer's matrix (V, D), shared with the embedding when tied."""
        return self.embed.weight if self.head is None else self.head.weight

    def before_head(self, hidden: Tensor) -> Tensor:
        """What the output matrix is applied to: transformed, narrowed and scaled hidden vectors."""
        if self.transform is not None:
            hidden = self.transform(hidden)
        if self.embed_down is not None:
            hidden = self.embed_down(hidden)
        scale = self.spec.logit_scale or self.spec.d_model**-0.5
        return hidden if scale == 1.0 else hidden * scale

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden (..., D) -> logits (..., V) in the type of hidden."""
        logits = F.linear(self.before_head(hidden), self.head_weight, self.head_bias)
        cap = self.spec.logit_softcap
        return cap * torch.tanh(logits / cap) if cap else logits

    def loss_of(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, nats a token, float32 scalar; targets int64, negative = not counted."""
        if self.head_bias is None and not self.spec.logit_softcap:
            ready = self.before_head(hidden)
            return ops.linear_cross_entropy(
                ready.reshape(-1, ready.shape[-1]), self.head_weight, targets.reshape(-1), path=self.loss_path)
        logits = self.logits(hidden).float().flatten(0, -2)
        return F.cross_entropy(logits, targets.reshape(-1).masked_fill(targets.reshape(-1) < 0, -100))
