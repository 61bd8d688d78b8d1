"""Attention through the C++ library: one call each way."""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.kernels import library


@dataclass(frozen=True)
class Seen:
    """Which keys a query sees, and what distance takes from a score; by default all keys up to its own place.

    Args:
        two_way: keys after its place as well.
        window: only keys nearer than this; 0 = however far.
        prefix: int64 (B,), keys before this place are seen by all queries of their sequence.
        lengths: int64 (B,), keys from this place on are not there.
        slopes: float32 (H,), taken from a score for each step of distance: ALiBi.
    """

    two_way: bool = False
    window: int = 0
    prefix: Tensor | None = None
    lengths: Tensor | None = None
    slopes: Tensor | None = None

    @property
    def plain(self) -> bool:
        """Whether this is nothing but causal."""
        return not (self.two_way or self.window) and self.prefix is self.lengths is self.slopes is None


class Attention(torch.autograd.Function):
    """Keeps the inputs and one number a query (its log-sum-exp); backward recomputes the probabilities."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, cosines: Tensor | None, sines: Tensor | None, scale: float,
                seen: Seen, bias: Tensor | None) -> Tensor:  # fmt: skip
        q, k, v = (_dense(x) for x in (q, k, v))
        out = _heads_like(q)
        lse = torch.empty(q.shape[:3])
        ctx.scale, ctx.seen = scale, seen
        _attend(library.load().coldframe_attention_forward, ctx, q, k, v, lse, cosines, sines, bias, out=out)
        ctx.save_for_backward(q, k, v, lse, cosines, sines, bias)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_out: Tensor):
        q, k, v, lse, cosines, sines, bias = ctx.saved_tensors
        grads = [_heads_like(x) for x in (q, k, v)]
        d_q, d_k, d_v = grads
        d_bias = torch.zeros_like(bias) if bias is not None and ctx.needs_input_grad[7] else None
        _attend(library.load().coldframe_attention_backward, ctx, q, k, v, lse, cosines, sines, bias, d_bias,
                d_out=_dense(d_out), d_q=d_q, d_k=d_k, d_v=d_v)
        return *grads, None, None, None, None, d_bias


def _attend(function, ctx, q: Tensor, k: Tensor, v: Tensor, lse: Tensor, cosines: Tensor | None, sines: Tensor | None,
            bias: Tensor | None, d_bias: Tensor | None = None, **tensors: Tensor) -> None:  # fmt: skip
    batch, heads, time, size = q.shape
    tensors |= {"q": q, "k": k, "v": v}
    seen: Seen = ctx.seen
    job = library.AttentionJob(
        **{name: library.Heads.of(x) for name, x in tensors.items()}, lse=lse.data_ptr(),
        cosines=_at(cosines), sines=_at(sines), batches=batch, heads=heads, kv_heads=k.shape[1], time=time, size=size,
        scale=ctx.scale, bf16=library.element_is_bf16(q), two_way=seen.two_way, window=seen.window,
        prefix=_at(seen.prefix), lengths=_at(seen.lengths), slopes=_at(seen.slopes), bias=_at(bias),
        d_bias=_at(d_bias))
    function(ctypes.byref(job), torch.get_num_threads())


def _at(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def _dense(x: Tensor) -> Tensor:
    """The kernels take any strides but want the features of one head side by side."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _heads_like(x: Tensor) -> Tensor:
    """An empty (B, H, T, size) that lies in memory as (B, T, H, size): the layout the projections around it use."""
    batch, heads, time, size = x.shape
    return torch.empty(batch, time, heads, size, dtype=x.dtype).transpose(1, 2)
