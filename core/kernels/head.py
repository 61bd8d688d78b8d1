"""Linear + cross-entropy in chunks of rows: no more than one chunk of logits exists at a time."""

import ctypes
import threading
from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.kernels import library

# Rows in a chunk: enough that the products run at full speed (measured: BENCHMARKS.md), and the bytes they may take.
CHUNK_ROWS = 512
CHUNK_BYTES = 32 << 20
GPU_CHUNK_ROWS, GPU_CHUNK_BYTES = 4096, 512 << 20  # not measured: few chunks, for each one passes over all weights

# (logits, targets, losses, scale): write each row's loss; with scale > 0 turn the logits into their gradient.
InPlace = Callable[[Tensor, Tensor, Tensor, float], None]


class LinearCrossEntropy(torch.autograd.Function):
    """Loss and both gradients in one pass over the rows; backward only scales them."""

    @staticmethod
    def forward(ctx, hidden: Tensor, weight: Tensor, targets: Tensor, in_place: InPlace) -> Tensor:
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        need = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        with torch.autocast(device, enabled=False), torch.no_grad():
            make = loss_and_gradients if device == "cpu" else unasked
            loss, *grads = make(hidden.to(dtype), weight.to(dtype), targets.contiguous(), need, in_place)
        if need:
            ctx.save_for_backward(*grads)
            ctx.dtypes = hidden.dtype, weight.dtype
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx, d_loss: Tensor):
        d_hidden, d_weight, *share = ctx.saved_tensors
        if share:  # on a GPU nobody asks for a number
            d_loss = d_loss * share[0]
        if share or d_loss.item() != 1.0:  # micro-batches scale the loss; otherwise nothing is left to do
            d_hidden, d_weight = d_hidden * d_loss, d_weight * d_loss
        return d_hidden.to(ctx.dtypes[0]), d_weight.to(ctx.dtypes[1]), None, None


def unasked(hidden: Tensor, weight: Tensor, targets: Tensor, need: bool, in_place: InPlace) -> tuple:
    """(loss,) or (loss, d_hidden, d_weight, share), the true gradients being ``share`` times those.

    The processor never waits for a number of the GPU here, so that a CUDA graph can hold all of it. A target beyond
    the vocabulary is not looked for.
    """
    share = len(targets) / (targets >= 0).sum().clamp(min=1)
    summed, *grads = chunked(hidden, weight, targets, need, in_place, 1.0 / max(len(targets), 1))
    loss = (summed / max(len(targets), 1) * share).float()
    return (loss, *grads, share.float()) if need else (loss,)


def loss_and_gradients(hidden: Tensor, weight: Tensor, targets: Tensor, need: bool, in_place: InPlace) -> tuple:
    """(loss,) or (loss, d_hidden, d_weight); d_weight is summed in float32 whatever the inputs are."""
    n, vocab = len(hidden), weight.shape[0]
    count = int((targets >= 0).sum())
    if n and int(targets.max()) >= vocab:
        raise IndexError(f"a target is not below the vocabulary size {vocab}")
    summed, *grads = chunked(hidden, weight, targets, need, in_place, 1.0 / max(count, 1))
    return (summed / max(count, 1)).float(), *grads


def chunked(hidden: Tensor, weight: Tensor, targets: Tensor, need: bool, in_place: InPlace, scale: float) -> tuple:
    """The sum of all losses, float64, and the gradients of ``scale`` times it; see loss_and_gradients."""
    (n, width), vocab = hidden.shape, weight.shape[0]
    losses = hidden.new_empty(n, dtype=torch.float32)
    d_hidden = torch.empty_like(hidden, memory_format=torch.contiguous_format) if need else None
    d_weight = weight.new_zeros(vocab, width, dtype=torch.float32) if need else None
    most, n_bytes = (GPU_CHUNK_ROWS, GPU_CHUNK_BYTES) if hidden.is_cuda else (CHUNK_ROWS, CHUNK_BYTES)
    rows = max(32, min(n, most, n_bytes // (vocab * hidden.element_size()) // 32 * 32))
    logits = _scratch("logits", (rows, vocab), hidden)
    partial = _scratch("partial", (vocab, width), hidden) if need and hidden.dtype != torch.float32 else None
    for first in range(0, n, rows):
        here = slice(first, min(first + rows, n))
        chunk = torch.mm(hidden[here], weight.T, out=logits[: here.stop - first])
        in_place(chunk, targets[here], losses[here], scale if need else 0.0)
        if need:
            torch.mm(chunk, weight, out=d_hidden[here])
            if partial is None:
                d_weight.addmm_(chunk.T, hidden[here])
            else:
                d_weight.add_(torch.mm(chunk.T, hidden[here], out=partial))
    summed = losses.sum(dtype=torch.float64)
    return (summed, d_hidden, d_weight) if need else (summed,)


def cross_entropy_in_place(logits: Tensor, targets: Tensor, losses: Tensor, scale: float) -> None:
    """The C++ kernel, on this thread's share of cores; float32 or bfloat16 logits (rows, V)."""
    job = library.CrossEntropyJob(logits.data_ptr(), targets.data_ptr(), losses.data_ptr(), *logits.shape,
                                  logits.stride(0), scale, library.element_is_bf16(logits))
    library.load().coldframe_cross_entropy(ctypes.byref(job), torch.get_num_threads())


_kept = threading.local()


def _scratch(name: str, shape: tuple[int, int], like: Tensor) -> Tensor:
    """Memory kept between calls, one piece a name and thread: fresh pages cost more than the arithmetic on them.

    On a GPU torch keeps what is let go, and a recorded graph must own what it writes.
    """
    if like.is_cuda:
        return like.new_empty(shape)
    size = shape[0] * shape[1]
    held = getattr(_kept, name, None)
    if held is None or held.dtype != like.dtype or held.device != like.device or held.numel() < size:
        held = like.new_empty(size)
        setattr(_kept, name, held)
    return held[:size].view(shape)
