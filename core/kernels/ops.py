"""The kernels' one Python face. Every function has two paths that mean the same: torch's, and ours in C++.

``path="torch"`` runs anywhere; ``path="ours"`` needs the library (ask `available`). Which is faster depends on
shapes, precision and machine, so a training run times both once, on its own shapes, and keeps the faster.
"""

import ctypes
import threading
from typing import Literal

import torch
from torch import Tensor

from core.errors import LabError
from core.kernels import library, reference

Path = Literal["torch", "ours"]

# Logits in flight at once, in bytes: a chunk that stays in a core's second-level cache is read back for free.
CHUNK_BYTES = 2 << 20


def available() -> dict:
    """What there is here: {"built": bool, "instruction_sets": [fastest first], "problem": why not, or ""}."""
    try:
        return {"built": True, "instruction_sets": library.instruction_sets(), "problem": ""}
    except LabError as problem:
        return {"built": False, "instruction_sets": [], "problem": str(problem)}


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, *, path: Path = "torch") -> Tensor:
    """Mean cross-entropy of the language-model head, nats, float32 scalar.

    Our path never holds all logits: a chunk of rows at a time is multiplied, turned into its own gradient in
    place, and multiplied back, so its memory does not grow with N x V.

    Args:
        hidden: (N, D), float32 or bfloat16.
        weight: (V, D), float32 or bfloat16; under bfloat16 autocast float32 weights are multiplied as bfloat16.
        targets: (N,), int64; a negative target is ignored. With none left the loss is 0 on our path, NaN on torch's.
        path: "torch" or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: the fusion is that of Hsu et al. 2024, Liger Kernel, arXiv:2410.10989.
    """
    if path == "torch":
        return reference.linear_cross_entropy(hidden, weight, targets)
    library.load()
    return _LinearCrossEntropy.apply(hidden, weight, targets)


def attention(q: Tensor, k: Tensor, v: Tensor, *, rope: tuple[Tensor, Tensor] | None = None,
              path: Path = "torch") -> Tensor:
    """Causal attention, (B, H, T, size); the result has v's dtype.

    Args:
        q: (B, H, T, size).
        k, v: (B, KV, T, size), where KV divides H; query head h looks at key/value head h // (H / KV).
        rope: cosines and sines, each (T, size / 2) float32: rotary positions in half-split order, applied inside
            to q and k; None = none, or applied already.
        path: "torch" or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Vaswani et al. 2017, arXiv:1706.03762; Dao et al. 2022, arXiv:2205.14135; Ainslie et al. 2023,
        arXiv:2305.13245.
    """
    cosines, sines = rope or (None, None)
    if path == "torch":
        return reference.attention(q, k, v, cosines, sines)
    library.load()
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else v.dtype
    return _Attention.apply(q.to(dtype), k.to(dtype), v.to(dtype), cosines, sines)


class _LinearCrossEntropy(torch.autograd.Function):
    """Loss and both gradients in one pass over the rows; backward only scales them."""

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        mixed = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if mixed else hidden.dtype
        need = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        with torch.autocast("cpu", enabled=False), torch.no_grad():
            loss, *grads = _loss_and_gradients(hidden.to(dtype), weight.to(dtype), targets.contiguous(), need)
        if need:
            ctx.save_for_backward(*grads)
            ctx.dtypes = hidden.dtype, weight.dtype
        return loss

    @staticmethod
    def backward(ctx, d_loss: Tensor):
        d_hidden, d_weight = ctx.saved_tensors
        if d_loss.item() != 1.0:  # micro-batches scale the loss; otherwise nothing is left to do
            d_hidden, d_weight = d_hidden * d_loss, d_weight * d_loss
        return d_hidden.to(ctx.dtypes[0]), d_weight.to(ctx.dtypes[1]), None


def _loss_and_gradients(hidden: Tensor, weight: Tensor, targets: Tensor, need: bool) -> tuple[Tensor, ...]:
    """(loss,) or (loss, d_hidden, d_weight); d_weight is summed in float32 whatever the inputs are."""
    (n, width), vocab = hidden.shape, weight.shape[0]
    counted = targets >= 0
    count = int(counted.sum())
    if n and int(targets.max()) >= vocab:
        raise IndexError(f"a target is not below the vocabulary size {vocab}")
    losses = torch.empty(n)
    scale = 1.0 / max(count, 1) if need else 0.0
    d_hidden = torch.empty_like(hidden, memory_format=torch.contiguous_format) if need else None
    d_weight = torch.zeros(vocab, width) if need else None
    rows = max(32, min(n, CHUNK_BYTES // (vocab * hidden.element_size()) // 32 * 32))
    logits = _scratch("logits", (rows, vocab), hidden.dtype)
    partial = _scratch("partial", (vocab, width), hidden.dtype) if need and hidden.dtype != torch.float32 else None
    for first in range(0, n, rows):
        here = slice(first, min(first + rows, n))
        chunk = torch.mm(hidden[here], weight.T, out=logits[: here.stop - first])
        _cross_entropy_in_place(chunk, targets[here], losses[here], scale)
        if need:
            torch.mm(chunk, weight, out=d_hidden[here])
            if partial is None:
                d_weight.addmm_(chunk.T, hidden[here])
            else:
                d_weight.add_(torch.mm(chunk.T, hidden[here], out=partial))
    loss = (losses.sum(dtype=torch.float64) / max(count, 1)).float()
    return (loss, d_hidden, d_weight) if need else (loss,)


def _cross_entropy_in_place(logits: Tensor, targets: Tensor, losses: Tensor, scale: float) -> None:
    """Write each row's loss; with scale > 0 turn the logits into their gradient, (softmax - onehot) * scale."""
    job = library.CrossEntropyJob(logits.data_ptr(), targets.data_ptr(), losses.data_ptr(), *logits.shape,
                                  logits.stride(0), scale, logits.dtype == torch.bfloat16)
    library.load().coldframe_cross_entropy(ctypes.byref(job), torch.get_num_threads())


_kept = threading.local()


def _scratch(name: str, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """Memory kept between calls, one piece a name and thread: fresh pages cost more than the arithmetic on them."""
    held = getattr(_kept, name, None)
    if held is None or held.dtype != dtype or held.numel() < shape[0] * shape[1]:
        held = torch.empty(shape[0] * shape[1], dtype=dtype)
        setattr(_kept, name, held)
    return held[: shape[0] * shape[1]].view(shape)


class _Attention(torch.autograd.Function):
    """One C++ call each way; keeps the inputs and one number a query (its log-sum-exp)."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, cosines: Tensor | None, sines: Tensor | None) -> Tensor:
        q, k, v = (_dense(x) for x in (q, k, v))
        out = _heads_like(q)
        lse = torch.empty(q.shape[:3])
        _attend(library.load().coldframe_attention_forward, q, k, v, lse, cosines, sines, out=out)
        ctx.save_for_backward(q, k, v, lse, cosines, sines)
        return out

    @staticmethod
    def backward(ctx, d_out: Tensor):
        q, k, v, lse, cosines, sines = ctx.saved_tensors
        grads = [_heads_like(x) for x in (q, k, v)]
        d_q, d_k, d_v = grads
        _attend(library.load().coldframe_attention_backward, q, k, v, lse, cosines, sines,
                d_out=_dense(d_out), d_q=d_q, d_k=d_k, d_v=d_v)
        return *grads, None, None


def _attend(function, q: Tensor, k: Tensor, v: Tensor, lse: Tensor, cosines, sines, **tensors: Tensor) -> None:
    batch, heads, time, size = q.shape
    tensors |= {"q": q, "k": k, "v": v}
    job = library.AttentionJob(
        **{name: library.Heads.of(x) for name, x in tensors.items()}, lse=lse.data_ptr(),
        cosines=None if cosines is None else cosines.data_ptr(), sines=None if sines is None else sines.data_ptr(),
        batches=batch, heads=heads, kv_heads=k.shape[1], time=time, size=size, scale=size**-0.5,
        bf16=q.dtype == torch.bfloat16)
    function(ctypes.byref(job), torch.get_num_threads())


def _dense(x: Tensor) -> Tensor:
    """The kernels take any strides but want the features of one head side by side."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _heads_like(x: Tensor) -> Tensor:
    """An empty (B, H, T, size) that lies in memory as (B, T, H, size): the layout the projections around it use."""
    batch, heads, time, size = x.shape
    return torch.empty(batch, time, heads, size, dtype=x.dtype).transpose(1, 2)
