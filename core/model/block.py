"""One block: attention and feed-forward around a residual, in any of the arrangements of the field."""

from torch import Tensor, nn

from core.model.attention import Attention, KVCache
from core.model.experts import MixtureOfExperts
from core.model.feed_forward import FeedForward
from core.model.norms import add_then_norm, deep_norm_scales, norm
from core.model.places import Places
from core.spec.model import ModelSpec


class Block(nn.Module):
    """x + attention(norm x), then x + feed_forward(norm x), or what the spec says instead.

    Args:
        spec: the model's shape.
        layer: its place in the stack, from 0: decides whether it is banded and whether it has experts.
        cross: whether it also attends to what an encoder has read.
        encoder: whether it stands in the encoder of an encoder-decoder.
    """

    def __init__(self, spec: ModelSpec, layer: int = 0, cross: bool = False, encoder: bool = False) -> None:
        super().__init__()
        banded = spec.attention == "window" or (spec.attention == "banded" and layer % 2 == 1)
        self.sparse = bool(spec.experts.count) and (layer + 1) % spec.experts.every == 0
        self.place, self.parallel = spec.norm_place, spec.parallel
        self.attn_norm = norm(spec)
        self.attn = Attention(spec, banded=banded)
        self.cross_norm = norm(spec) if cross else None
        self.cross = Attention(spec, cross=True) if cross else None
        self.ff_norm = norm(spec) if spec.parallel != "one_norm" else None
        self.ff = MixtureOfExperts(spec) if self.sparse else FeedForward(spec)
        if spec.norm_place == "sandwich":
            self.attn_norm_out, self.ff_norm_out = norm(spec), norm(spec)
            self.cross_norm_out = norm(spec) if cross else None
        self.dropout = nn.Dropout(spec.dropout)
        self.alpha = deep_norm_scales(spec, encoder)[0]

    def forward(
        self, x: Tensor, places: Places, cache: KVCache | None = None, layer: int = 0, memory: Tensor | None = None,
        ids: Tensor | None = None, queries: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """x (B, T, D) -> (B, T, D).

        Args:
            places: where the tokens stand and what they see.
            cache, layer: the cache and which of its layers is this block's.
            memory: what an encoder has read, (B, S, D).
            ids: the tokens, (B, T), for experts chosen by token.
            queries: what attention asks with instead of x, (B, T, D): the query layer.
        """
        if self.parallel != "no":
            seen = add_then_norm(self.attn_norm, x, None, narrow=not self.sparse)[1]
            other = seen if self.ff_norm is None else add_then_norm(self.ff_norm, x, None, narrow=not self.sparse)[1]
            return x + self.dropout(self.attn(seen, places, cache, layer)) + self.dropout(self.ff(other))

        def attend(y: Tensor) -> Tensor:
            if queries is None:
                return self.attn(y, places, cache, layer)
            return self.attn(queries, places, cache, layer, memory=y)

        parts = [(attend, self.attn_norm, "attn_norm_out")]
        if self.cross is not None:
            parts.append((lambda y: self.cross(y, places, memory=memory), self.cross_norm, "cross_norm_out"))
        parts.append((self._feed(ids), self.ff_norm, "ff_norm_out"))
        return self._through(x, parts)

    def _through(self, x: Tensor, parts: list) -> Tensor:
        """The residual and its parts one after the other; each is added when the next norm reads the sum."""
        if self.place == "post":
            for part, before, _ in parts:
                y = self.dropout(part(x))
                x = add_then_norm(before, self.alpha * x if self.alpha != 1 else x, y, narrow=False)[1]
            return x
        written = None
        for part, before, after in parts:
            x, y = add_then_norm(before, x, written, narrow=not (self.sparse and before is self.ff_norm))
            y = part(y)
            written = self.dropout(getattr(self, after)(y) if self.place == "sandwich" else y)
        return x + written

    def two_streams(self, h: Tensor, g: Tensor, content: Places, query: Places) -> tuple[Tensor, Tensor]:
        """One layer of two-stream attention: what is said (h) and what is asked (g), both (B, T, D).

        Both look at the content stream; the query stream does not see the token it stands for.

        Source: Yang et al. 2019, XLNet, arXiv:1906.08237, section 2.3.
        """
        seen = h if self.place == "post" else self.attn_norm(h)
        g = self._through(g, [(lambda y: self.attn(y, query, memory=seen), self.attn_norm, "attn_norm_out")])
        h = self._through(h, [(lambda y: self.attn(y, content), self.attn_norm, "attn_norm_out")])
        feed = [(self._feed(None), self.ff_norm, "ff_norm_out")]
        return self._through(h, feed), self._through(g, feed)

    def _feed(self, ids: Tensor | None):
        return (lambda y: self.ff(y, ids)) if self.sparse else self.ff
