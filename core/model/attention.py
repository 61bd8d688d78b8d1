"""Causal self-attention with any number of query and key/value heads, and its cache."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.model.positions import rotate
from core.spec.model import ModelSpec


class KVCache:
    """Keys and values of the tokens seen so far, for every layer.

    Args:
        spec: the model's shape.
        batch: sequences.
        length: the most tokens it holds.
    """

    def __init__(self, spec: ModelSpec, batch: int = 1, length: int = 0, dtype=torch.float32, device="cpu") -> None:
        shape = (spec.n_layers, batch, spec.kv, length or spec.context, spec.head)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0  # tokens held

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new tokens' (B, KV, T, head) and return all that this layer holds with them."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class Attention(nn.Module):
    """Scaled dot-product attention. Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.heads, self.kv, self.head = spec.n_heads, spec.kv, spec.head
        self.q = nn.Linear(spec.d_model, self.heads * self.head, bias=spec.bias)
        self.k = nn.Linear(spec.d_model, self.kv * self.head, bias=spec.bias)
        self.v = nn.Linear(spec.d_model, self.kv * self.head, bias=spec.bias)
        self.o = nn.Linear(self.heads * self.head, spec.d_model, bias=spec.bias)
        self.dropout = spec.dropout
        self.path = "torch"

    def forward(self, x: Tensor, angles, cache: KVCache | None, layer: int) -> Tensor:
        """x (B, T, D) -> (B, T, D); ``angles`` are RoPE's (cos, sin) of these places, or None."""
        batch, length, _ = x.shape
        q = self.q(x).view(batch, length, self.heads, self.head).transpose(1, 2)  # (B, H, T, d)
        k = self.k(x).view(batch, length, self.kv, self.head).transpose(1, 2)
        v = self.v(x).view(batch, length, self.kv, self.head).transpose(1, 2)
        if self.path == "ours" and cache is None and not (self.training and self.dropout):
            half = self.head // 2  # our kernel turns queries and keys itself, from half of the (repeating) table
            rope = None if angles is None else tuple(table[:, :half] for table in angles)
            out = ops.attention(q, k, v, rope=rope, path="ours")
        else:
            out = self._attend(q, k, v, angles, cache, layer)
        return self.o(out.transpose(1, 2).reshape(batch, length, self.heads * self.head))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, angles, cache: KVCache | None, layer: int) -> Tensor:
        """The plain path: torch's own attention, with a cache and dropout where they are asked for."""
        if angles is not None:
            q, k = rotate(q, *angles), rotate(k, *angles)
        if cache is not None:
            k, v = cache.append(layer, k, v)
        new, seen = q.shape[2], k.shape[2]
        mask = None
        if 1 < new < seen:  # several new tokens behind a cache: each sees those before it
            mask = torch.ones(new, seen, dtype=torch.bool, device=q.device).tril(seen - new)
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout_p=self.dropout if self.training else 0.0, is_causal=new == seen,
            enable_gqa=self.heads != self.kv)
