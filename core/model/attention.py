"""Attention with any number of query and key/value heads, its masks, and its cache."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.kernels.heads import Seen
from core.model.norms import LayerNorm, RMSNorm
from core.model.places import Places
from core.model.positions import rotate
from core.model.relative import relative_terms
from core.spec.model import ModelSpec


class KVCache:
    """Keys and values of the tokens seen so far, for every layer.

    Args:
        spec: the model's shape.
        batch: sequences.
        length: the most tokens it holds.
    """

    def __init__(self, spec: ModelSpec, batch: int = 1, length: int = 0, dtype=torch.float32, device="cpu") -> None:
        layers = spec.n_layers + int(spec.query_layer)
        shape = (layers, batch, spec.kv, length or spec.context, spec.head)
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0  # tokens held
        self.memory: Tensor | None = None  # what an encoder has read, (B, S, D)

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add the new tokens' (B, KV, T, head) and return all that this layer holds with them."""
        end = self.length + k.shape[2]
        self.keys[layer, :, :, self.length : end] = k
        self.values[layer, :, :, self.length : end] = v
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


class Attention(nn.Module):
    """Scaled dot-product attention. Source: Vaswani et al. 2017; grouped heads: Ainslie et al. 2023.

    Args:
        spec: the model's shape.
        cross: keys and values come from another sequence, which has no positions relative to this one.
        banded: only the ``spec.window`` nearest tokens are seen.
    """

    def __init__(self, spec: ModelSpec, cross: bool = False, banded: bool = False) -> None:
        super().__init__()
        self.heads, self.kv, self.head = spec.n_heads, spec.kv, spec.head
        self.q = nn.Linear(spec.d_model, self.heads * self.head, bias=spec.qkv_biased)
        self.k = nn.Linear(spec.d_model, self.kv * self.head, bias=spec.qkv_biased)
        self.v = nn.Linear(spec.d_model, self.kv * self.head, bias=spec.qkv_biased)
        self.o = nn.Linear(self.heads * self.head, spec.d_model, bias=spec.out_biased)
        self.q_norm, self.k_norm = (_head_norm(spec), _head_norm(spec)) if spec.qk_norm else (None, None)
        self.relative = None if cross else relative_terms(spec)
        self.cross, self.banded = cross, banded
        self.scale = self.head**-0.5 if spec.attn_scaled else 1.0
        self.softcap, self.interleaved = spec.attn_softcap, spec.rope_pairs == "interleaved"
        self.dropout = spec.dropout
        self.path = "torch"

    def forward(
        self, x: Tensor, places: Places, cache: KVCache | None = None, layer: int = 0, memory: Tensor | None = None
    ) -> Tensor:
        """Attend from x to itself, or to ``memory``.

        Args:
            x: (B, T, D).
            places: where the tokens stand, and what each may see.
            cache: filled, and attended to, when given.
            layer: which of the cache's layers is this one's.
            memory: (B, S, D), for cross-attention and the query layer.
        Returns:
            (B, T, D).
        """
        batch, length, _ = x.shape
        source = x if memory is None else memory
        q = self._heads(self.q(x), self.heads)  # (B, H, T, d)
        k = self._heads(self.k(source), self.kv)
        v = self._heads(self.v(source), self.kv)
        if self.q_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        seen = self._kernel_sees(places, cache, memory)
        if seen is not None:
            out = self._in_kernel(q, k, v, places, seen)
        else:
            out = self._attend(q, k, v, places, cache, layer)
        return self.o(out.transpose(1, 2).reshape(batch, length, self.heads * self.head))

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        return x.view(x.shape[0], x.shape[1], heads, self.head).transpose(1, 2)

    def _kernel_sees(self, places: Places, cache: KVCache | None, memory: Tensor | None) -> Seen | None:
        """What queries see, where our kernel is to compute it and can; None = the plain path."""
        if (self.path != "ours" or cache is not None or memory is not None or self.relative is not None or self.softcap
                or (self.training and self.dropout)):  # fmt: skip
            return None
        return places.stretches(self.banded)

    def _in_kernel(self, q: Tensor, k: Tensor, v: Tensor, places: Places, seen: Seen) -> Tensor:
        """Our kernel turns whole heads whose halves are turned; other rotary positions are applied before it."""
        angles = places.angles
        if angles is not None and (2 * angles[0].shape[-1] != self.head or self.interleaved):
            q, k, angles = rotate(q, *angles, self.interleaved), rotate(k, *angles, self.interleaved), None
        bias = None if places.bias is None else places.bias[0]
        return ops.attention(q, k, v, rope=angles, scale=self.scale, seen=seen, bias=bias, path="ours")

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, places: Places, cache: KVCache | None, layer: int) -> Tensor:
        """The plain path: torch's own attention, with masks, a cache and dropout where they are asked for."""
        if not self.cross:
            if places.angles is not None:
                q, k = rotate(q, *places.angles, self.interleaved), rotate(k, *places.angles, self.interleaved)
            if cache is not None:
                k, v = cache.append(layer, k, v)
        bias, causal = places.mask(self.banded, self.cross)
        if self.relative is not None:
            q, scores = self.relative(q, k, places, self.scale)
            bias = scores if bias is None and not causal else scores + places.dense_mask(self.banded)
            causal = False
        dropout = self.dropout if self.training else 0.0
        if self.softcap:
            return self._capped(q, k, v, places.dense_mask(self.banded) if causal else bias, dropout)
        return F.scaled_dot_product_attention(
            q, k, v, bias if bias is None else bias.to(q.dtype), dropout_p=dropout, is_causal=causal, scale=self.scale,
            enable_gqa=self.heads != self.kv)

    def weights(self, x: Tensor, places: Places, memory: Tensor | None = None) -> Tensor:
        """How each query shares out its attention, (B, H, T, S) float32: written out for looking, without dropout."""
        source = x if memory is None else memory
        q, k = self._heads(self.q(x), self.heads), self._heads(self.k(source), self.kv)
        if self.q_norm is not None:
            q, k = self.q_norm(q), self.k_norm(k)
        if places.angles is not None and not self.cross:
            q, k = rotate(q, *places.angles, self.interleaved), rotate(k, *places.angles, self.interleaved)
        bias = places.mask(self.banded, True)[0] if self.cross else places.dense_mask(self.banded)
        if self.relative is not None:
            q, scores = self.relative(q, k, places, self.scale)
            bias = bias + scores
        scores = q.float() @ k.float().repeat_interleave(self.heads // self.kv, 1).transpose(-1, -2) * self.scale
        if self.softcap:
            scores = self.softcap * torch.tanh(scores / self.softcap)
        return (scores if bias is None else scores + bias).softmax(-1)

    def _capped(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
        """Attention written out: scores are squashed before the mask. Source: Gemma Team 2024, arXiv:2408.00118."""
        group = self.heads // self.kv
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = self.softcap * torch.tanh(q @ k.transpose(-1, -2) * self.scale / self.softcap)
        weights = (scores if bias is None else scores + bias.to(q.dtype)).softmax(-1)
        return F.dropout(weights, dropout) @ v


def _head_norm(spec: ModelSpec) -> nn.Module:
    """Norm over one head's features, the same for all heads."""
    if spec.norm == "rms_norm":
        return RMSNorm(spec.head, spec.norm_eps)
    return LayerNorm(spec.head, spec.norm_eps, False)
