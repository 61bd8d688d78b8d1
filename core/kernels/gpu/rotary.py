"""Rotary positions in Triton: one pass over queries or keys either way, where torch takes one an operation."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl

    HAS_TRITON = True
except ImportError:
    HAS_TRITON = False


class Rotate(torch.autograd.Function):
    """Keeps the angles alone: backward turns the other way."""

    @staticmethod
    def forward(ctx, x: Tensor, cosines: Tensor, sines: Tensor, interleaved: bool) -> Tensor:
        ctx.save_for_backward(cosines, sines)
        ctx.interleaved = interleaved
        return _turned(x, cosines, sines, interleaved, 1.0)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        return _turned(d_y, *ctx.saved_tensors, ctx.interleaved, -1.0), None, None, None


def rotate(x: Tensor, cosines: Tensor, sines: Tensor, interleaved: bool = False) -> Tensor:
    """Queries or keys (B, H, T, size) turned by the angles of their places, (T, pairs) float32 each; dtype of x.

    Args:
        interleaved: feature 2i turns with 2i + 1, else i with i + pairs. Features past the last pair stay.
    """
    return Rotate.apply(x, cosines.float().contiguous(), sines.float().contiguous(), interleaved)


def _turned(x: Tensor, cosines: Tensor, sines: Tensor, interleaved: bool, sign: float) -> Tensor:
    batch, heads, length, size = x.shape
    pairs = cosines.shape[-1]
    x = x if x.stride(-1) == 1 else x.contiguous()
    y = torch.empty(batch, length, heads, size, dtype=x.dtype, device=x.device).transpose(1, 2)
    if 2 * pairs < size:
        y[..., 2 * pairs :] = x[..., 2 * pairs :]
    step, apart = (2, 1) if interleaved else (1, pairs)
    _turn[(batch * length,)](x, y, cosines, sines, *x.stride()[:3], *y.stride()[:3], heads, length, pairs, sign, step,
                             apart, triton.next_power_of_2(heads), triton.next_power_of_2(pairs))  # fmt: skip
    return y


if HAS_TRITON:

    @triton.jit
    def _turn(x, y, cosines, sines, x_batch, x_head, x_time, y_batch, y_head, y_time, heads, length, pairs, sign, step,
              apart, head_block: tl.constexpr, pair_block: tl.constexpr):
        """All heads of one token."""
        row = tl.program_id(0).to(tl.int64)
        batch, time = row // length, row % length
        pair = tl.arange(0, pair_block)
        head = tl.arange(0, head_block)
        inside = (head[:, None] < heads) & (pair[None, :] < pairs)
        c = tl.load(cosines + time * pairs + pair, mask=pair < pairs, other=0.0)[None, :]
        s = tl.load(sines + time * pairs + pair, mask=pair < pairs, other=0.0)[None, :] * sign
        at = x + batch * x_batch + time * x_time + head[:, None] * x_head + pair[None, :] * step
        a = tl.load(at, mask=inside, other=0.0).to(tl.float32)
        b = tl.load(at + apart, mask=inside, other=0.0).to(tl.float32)
        to = y + batch * y_batch + time * y_time + head[:, None] * y_head + pair[None, :] * step
        tl.store(to, (a * c - b * s).to(y.dtype.element_ty), mask=inside)
        tl.store(to + apart, (b * c + a * s).to(y.dtype.element_ty), mask=inside)
