"""Causal attention through the C++ library: one call each way."""

import ctypes

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.kernels import library


class Attention(torch.autograd.Function):
    """Keeps the inputs and one number a query (its log-sum-exp); backward recomputes the probabilities."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, cosines: Tensor | None, sines: Tensor | None) -> Tensor:
        q, k, v = (_dense(x) for x in (q, k, v))
        out = _heads_like(q)
        lse = torch.empty(q.shape[:3])
        _attend(library.load().coldframe_attention_forward, q, k, v, lse, cosines, sines, out=out)
        ctx.save_for_backward(q, k, v, lse, cosines, sines)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, d_out: Tensor):
        q, k, v, lse, cosines, sines = ctx.saved_tensors
        grads = [_heads_like(x) for x in (q, k, v)]
        d_q, d_k, d_v = grads
        _attend(library.load().coldframe_attention_backward, q, k, v, lse, cosines, sines,
                d_out=_dense(d_out), d_q=d_q, d_k=d_k, d_v=d_v)
        return *grads, None, None


def _attend(function, q: Tensor, k: Tensor, v: Tensor, lse: Tensor, cosines: Tensor | None, sines: Tensor | None,
            **tensors: Tensor) -> None:
    batch, heads, time, size = q.shape
    tensors |= {"q": q, "k": k, "v": v}
    job = library.AttentionJob(
        **{name: library.Heads.of(x) for name, x in tensors.items()}, lse=lse.data_ptr(),
        cosines=None if cosines is None else cosines.data_ptr(), sines=None if sines is None else sines.data_ptr(),
        batches=batch, heads=heads, kv_heads=k.shape[1], time=time, size=size, scale=size**-0.5,
        bf16=library.element_is_bf16(q))
    function(ctypes.byref(job), torch.get_num_threads())


def _dense(x: Tensor) -> Tensor:
    """The kernels take any strides but want the features of one head side by side."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _heads_like(x: Tensor) -> Tensor:
    """An empty (B, H, T, size) that lies in memory as (B, T, H, size): the layout the projections around it use."""
    batch, heads, time, size = x.shape
    return torch.empty(batch, time, heads, size, dtype=x.dtype).transpose(1, 2)
