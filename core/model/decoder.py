"""A decoder-only Transformer put together from a spec."""

import math

import torch
from torch import Tensor, nn

from core.kernels import ops
from core.model.attention import Attention, KVCache
from core.model.feed_forward import FeedForward
from core.model.norms import RMSNorm, norm
from core.model.positions import rope_table, sinusoidal_table
from core.spec.model import ModelSpec

INIT_STD = 0.02  # Radford et al. 2019, GPT-2


class Block(nn.Module):
    """x + attention(norm x), then x + feed_forward(norm x)."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.attn_norm = norm(spec)
        self.attn = Attention(spec)
        self.ff_norm = norm(spec)
        self.ff = FeedForward(spec)
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, x: Tensor, angles, cache: KVCache | None, layer: int) -> Tensor:
        x = x + self.dropout(self.attn(self.attn_norm(x), angles, cache, layer))
        return x + self.dropout(self.ff(self.ff_norm(x)))


class Decoder(nn.Module):
    """Token ids in, logits of the next token out.

    Args:
        spec: the shape; ``vocab_size`` must be resolved (not 0).
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        assert spec.vocab_size > 0, "the vocabulary size is taken from the tokenizer before a model is built"
        self.spec = spec
        self.embed = nn.Embedding(spec.vocab_size, spec.d_model)
        self.positions = nn.Embedding(spec.context, spec.d_model) if spec.position == "learned" else None
        self.dropout = nn.Dropout(spec.dropout)
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.n_layers))
        self.final_norm = norm(spec)
        self.head = None if spec.tied_head else nn.Linear(spec.d_model, spec.vocab_size, bias=False)
        self.loss_path = "torch"
        self._add_tables()

    def _add_tables(self) -> None:
        """Tables that follow from the spec and are not saved with the weights."""
        spec = self.spec
        cos, sin = rope_table(spec.head, spec.context, spec.rope_theta) if spec.position == "rope" else (None, None)
        fixed = sinusoidal_table(spec.context, spec.d_model) if spec.position == "sinusoidal" else None
        for name, table in (("cos", cos), ("sin", sin), ("fixed_positions", fixed)):
            self.register_buffer(name, table, persistent=False)

    @property
    def head_weight(self) -> Tensor:
        """The output layer's matrix (V, D), shared with the embedding when tied."""
        return self.embed.weight if self.head is None else self.head.weight

    def hidden(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """ids (B, T) int64 -> vectors after the last norm (B, T, D); a cache is filled on the way."""
        start = cache.length if cache is not None else 0
        end = start + ids.shape[1]
        x = self.embed(ids)
        if self.positions is not None:
            x = x + self.positions.weight[start:end]
        if self.fixed_positions is not None:
            x = x + self.fixed_positions[start:end]
        angles = None if self.cos is None else (self.cos[start:end], self.sin[start:end])
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, angles, cache, layer)
        if cache is not None:
            cache.length = end
        return self.final_norm(x)

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """ids (B, T) int64 -> logits (B, T, V) float32."""
        return torch.nn.functional.linear(self.hidden(ids, cache), self.head_weight).float()

    def loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy, nats a token, float32 scalar; targets (B, T) int64, negative = not counted."""
        hidden = self.hidden(ids)
        return ops.linear_cross_entropy(
            hidden.reshape(-1, self.spec.d_model), self.head_weight, targets.reshape(-1), path=self.loss_path)

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"loss" | "attention" | "norm" | "swiglu": "torch" | "ours"}."""
        self.loss_path = paths.get("loss", "torch")
        for module in self.modules():
            if isinstance(module, Attention):
                module.path = paths.get("attention", "torch")
            elif isinstance(module, RMSNorm):
                module.path = paths.get("norm", "torch")
            elif isinstance(module, FeedForward):
                module.path = paths.get("swiglu", "torch")


def initialise(model: Decoder, seed: int) -> None:
    """Draw the initial weights from a seed of their own: normal, std 0.02, zero biases.

    Layers that write into the residual stream get std 0.02 / sqrt(2 layers), so that its size does
    not grow with depth. Source: Radford et al. 2019, GPT-2, section 2.3.
    """
    generator = torch.Generator().manual_seed(seed)
    residual = INIT_STD / math.sqrt(2 * model.spec.n_layers)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2:
                std = residual if name.endswith(("attn.o.weight", "ff.down.weight")) else INIT_STD
                parameter.copy_(torch.empty(parameter.shape).normal_(0.0, std, generator=generator))
            elif name.endswith("bias"):
                parameter.zero_()
