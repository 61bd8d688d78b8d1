"""A stack of blocks with the way in: positions, segments, and the norms around it."""

import math

from torch import Tensor, is_grad_enabled, nn
from torch.utils.checkpoint import checkpoint

from core.model.attention import Attention, KVCache
from core.model.block import Block
from core.model.experts import MixtureOfExperts
from core.model.feed_forward import OUR_GELU, FeedForward
from core.model.norms import LayerNorm, RMSNorm, norm
from core.model.places import Places
from core.model.positions import alibi_slopes, rope_table, sinusoidal_table, t5_bucket
from core.model.relative import Disentangled
from core.spec.model import ModelSpec


class Trunk(nn.Module):
    """Embedded tokens in, vectors after the last norm out.

    Args:
        spec: the shape.
        layers: blocks.
        causal: whether a token sees only what stands before it.
        cross: whether each block attends to an encoder's memory too.
        encoder: whether this is the encoder of an encoder-decoder.
    """

    def __init__(self, spec: ModelSpec, layers: int, causal: bool, cross: bool = False, encoder: bool = False) -> None:
        super().__init__()
        self.spec, self.causal, self.layers = spec, causal, layers
        self.recompute = False  # whether each block's inside is computed again for the backward pass
        self.positions = nn.Embedding(spec.position_rows, spec.embed) if spec.position == "learned" else None
        self.segments = nn.Embedding(spec.segments, spec.embed) if spec.segments else None
        self.embed_norm = norm(spec, spec.embed) if spec.embed_norm else None
        self.embed_up = nn.Linear(spec.embed, spec.d_model) if spec.embed != spec.d_model else None
        self.dropout = nn.Dropout(spec.dropout)
        count = 1 if spec.shared_layers else layers
        self.blocks = nn.ModuleList(Block(spec, layer, cross, encoder) for layer in range(count))
        self.final_norm = norm(spec) if spec.final_normed else None
        self.query_positions = nn.Embedding(spec.context, spec.d_model) if spec.query_layer else None
        self.query_block = Block(spec, layers) if spec.query_layer else None
        self._add_relative(spec)
        self._add_tables(spec)

    def _add_relative(self, spec: ModelSpec) -> None:
        """Relative positions learned once for all layers."""
        self.distance_bias = nn.Embedding(spec.relative_buckets, spec.n_heads) if spec.position == "t5" else None
        self.distances = nn.Embedding(2 * spec.relative_buckets, spec.d_model) if spec.position == "deberta" else None
        self.distances_norm = norm(spec) if spec.position == "deberta" else None
        for module in self.modules():
            if isinstance(module, Attention) and isinstance(module.relative, Disentangled):
                module.relative.attach(module.q, module.k)

    def _add_tables(self, spec: ModelSpec) -> None:
        """Tables that follow from the spec and are not saved with the weights."""
        cos = sin = fixed = slopes = None
        if spec.position == "rope":
            cos, sin = rope_table(spec.rotated, spec.context, spec.rope_theta, spec.rope_scaling, spec.rope_factor)
        elif spec.position == "sinusoidal":
            fixed = sinusoidal_table(spec.context, spec.embed)
        elif spec.position == "alibi":
            slopes = alibi_slopes(spec.n_heads)
        for name, table in (("cos", cos), ("sin", sin), ("fixed_positions", fixed), ("slopes", slopes)):
            self.register_buffer(name, table, persistent=False)

    def places(self, start: int, new: int, x: Tensor, **seen) -> Places:
        """Where ``new`` tokens after ``start`` others stand; ``seen`` are the masks of :class:`Places`."""
        angles = None if self.cos is None else (self.cos[start : start + new], self.sin[start : start + new])
        places = Places(start, new, self.causal, window=self.spec.window, angles=angles, slopes=self.slopes,
                        device=x.device, dtype=x.dtype, **seen)  # fmt: skip
        if self.distance_bias is not None:
            classes = t5_bucket(
                places.distance(), not self.causal, self.spec.relative_buckets, self.spec.relative_distance)
            places.bias = self.distance_bias(classes).permute(2, 0, 1)[None]  # (1, H, T, S)
        if self.distances is not None:
            places.shared["deberta"] = self.distances_norm(self.distances.weight)
        return places

    def way_in(self, embedded: Tensor, start: int, segments: Tensor | None = None) -> Tensor:
        """Embedded tokens (B, T, E) with positions and segments, normalised and widened: (B, T, D)."""
        x = embedded * math.sqrt(self.spec.d_model) if self.spec.embed_scaled else embedded
        end = start + embedded.shape[1]
        if self.positions is not None:
            x = x + self.positions.weight[start:end]
        if self.fixed_positions is not None:
            x = x + self.fixed_positions[start:end].to(x.dtype)
        if self.segments is not None:
            first = self.segments.weight[0]
            x = x + (first if segments is None else self.segments(segments))
        if self.embed_norm is not None:
            x = self.embed_norm(x)
        x = self.dropout(x)
        return x if self.embed_up is None else self.embed_up(x)

    def run(
        self, embedded: Tensor, cache: KVCache | None = None, memory: Tensor | None = None, ids: Tensor | None = None,
        segments: Tensor | None = None, **seen,
    ) -> Tensor:  # fmt: skip
        """embedded (B, T, E) -> vectors after the last norm (B, T, D); a cache is filled on the way."""
        start = cache.length if cache is not None else 0
        new = embedded.shape[1]
        x = self.way_in(embedded, start, segments)
        places = self.places(start, new, x, **seen)
        if self.recompute:
            self.note_masks(places)
        for layer in range(self.layers):
            block = self.blocks[0] if self.spec.shared_layers else self.blocks[layer]
            x = self.through(block, x, places, cache, layer, memory, ids)
        if self.query_block is not None:
            queries = self.query_positions.weight[start : start + new].expand(x.shape[0], -1, -1)
            x = self.query_block(x, places, cache, self.layers, ids=ids, queries=queries)
        if cache is not None:
            cache.length = start + new
        return x if self.final_norm is None else self.final_norm(x)

    def note_masks(self, *places: Places) -> None:
        """Work out now the masks that blocks will ask for: one graph for all, however often a block is computed."""
        for banded in {block.attn.banded for block in self.blocks}:
            for place in places:
                place.mask(banded, cross=False)

    def through(self, work, x: Tensor, *others):
        """work(x, *others), a block or what it does; if so set, only its inputs are kept until the backward pass.

        Random numbers, and so dropout, are the same both times. What blocks share and has a gradient must be there
        before the first of them (see ``note_masks``): the second time it would be found, and the graphs would differ.

        Source: Chen et al. 2016, arXiv:1604.06174.
        """
        if not (self.recompute and self.training and is_grad_enabled()):
            return work(x, *others)
        return checkpoint(work, x, *others, use_reentrant=False)

    def router_losses(self) -> Tensor | float:
        """Balance and z-losses of the last pass, summed over sparse blocks; 0 where there are none."""
        return sum((m.balance + m.z for m in self.modules() if isinstance(m, MixtureOfExperts)), 0.0)

    def use_kernels(self, paths: dict[str, str]) -> None:
        """Choose whose arithmetic runs: {"attention" | "norm" | "swiglu" | "gelu": "torch" | "ours"}."""
        for module in self.modules():
            if isinstance(module, Attention):
                module.path = paths.get("attention", "torch")
            elif isinstance(module, RMSNorm | LayerNorm):
                module.path = paths.get("norm", "torch")
            elif isinstance(module, FeedForward):
                module.path = paths.get("gelu" if module.activation in OUR_GELU else "swiglu", "torch")
