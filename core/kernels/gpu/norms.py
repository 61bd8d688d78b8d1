"""RMSNorm and LayerNorm in Triton, forward and backward; a residual is added on the way where one is given."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl

    HAS_TRITON = True
except ImportError:
    HAS_TRITON = False

PARTS = 512  # rows of partial sums of the weight's gradient, one a program


class Norm(torch.autograd.Function):
    """Keeps what was normalised and two numbers a row; with a residual the sum that was normalised is returned too."""

    @staticmethod
    def forward(ctx, x: Tensor, residual: Tensor | None, weight: Tensor, bias: Tensor | None, epsilon: float,
                centred: bool):  # fmt: skip
        x = x.contiguous()
        width = x.shape[-1]
        rows = x.numel() // width
        summed = x if residual is None else torch.empty_like(x)
        y, means = torch.empty_like(x), x.new_empty(rows, dtype=torch.float32)
        inverses = torch.empty_like(means)
        _forward[(rows,)](x, x if residual is None else residual.contiguous(), summed, y, weight, bias, means, inverses,
                          width, epsilon, residual is not None, centred, bias is not None,
                          triton.next_power_of_2(width))  # fmt: skip
        ctx.save_for_backward(summed, weight, means, inverses)
        ctx.added, ctx.centred, ctx.biased = residual is not None, centred, bias is not None
        return (y, summed) if ctx.added else y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor, d_summed: Tensor | None = None):
        summed, weight, means, inverses = ctx.saved_tensors
        width, rows = summed.shape[-1], means.numel()
        parts = min(PARTS, rows)
        d_x = torch.empty_like(summed)
        d_weight = torch.empty(parts, width, dtype=torch.float32, device=summed.device)
        d_bias = torch.empty_like(d_weight)
        beside = d_summed.contiguous() if ctx.added else d_x
        _backward[(parts,)](summed, d_y.contiguous(), beside, d_x, weight, means, inverses, d_weight, d_bias, rows,
                            width, parts, ctx.added, ctx.centred, triton.next_power_of_2(width))  # fmt: skip
        return (d_x, d_x if ctx.added else None, d_weight.sum(0).to(weight.dtype),
                d_bias.sum(0).to(weight.dtype) if ctx.biased else None, None, None)


def norm(x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, centred: bool,
         residual: Tensor | None = None):  # fmt: skip
    """The norm of ``x``, or of ``x + residual``; arguments and result as in ops."""
    return Norm.apply(x, residual, weight, bias, epsilon, centred)


if HAS_TRITON:

    @triton.jit
    def _forward(x, residual, summed, y, weight, bias, means, inverses, width, epsilon, added: tl.constexpr,
                 centred: tl.constexpr, biased: tl.constexpr, block: tl.constexpr):
        row = tl.program_id(0).to(tl.int64)
        columns = tl.arange(0, block)
        inside = columns < width
        v = tl.load(x + row * width + columns, mask=inside, other=0.0).to(tl.float32)
        if added:
            v += tl.load(residual + row * width + columns, mask=inside, other=0.0).to(tl.float32)
            rounded = v.to(x.dtype.element_ty)
            tl.store(summed + row * width + columns, rounded, mask=inside)
            v = rounded.to(tl.float32)
        mean = 0.0
        if centred:
            mean = tl.sum(v, 0) / width
            v = tl.where(inside, v - mean, 0.0)
        inverse = 1.0 / tl.sqrt(tl.sum(v * v, 0) / width + epsilon)
        out = v * inverse * tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
        if biased:
            out += tl.load(bias + columns, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + row * width + columns, out.to(y.dtype.element_ty), mask=inside)
        tl.store(means + row, mean)
        tl.store(inverses + row, inverse)

    @triton.jit
    def _backward(summed, d_y, d_summed, d_x, weight, means, inverses, d_weight, d_bias, rows, width, parts,
                  added: tl.constexpr, centred: tl.constexpr, block: tl.constexpr):
        part = tl.program_id(0)
        columns = tl.arange(0, block)
        inside = columns < width
        w = tl.load(weight + columns, mask=inside, other=0.0).to(tl.float32)
        own_weight = tl.zeros((block,), tl.float32)
        own_bias = tl.zeros((block,), tl.float32)
        for row in range(part, rows, parts):
            at = (tl.zeros((1,), tl.int64) + row) * width + columns
            inverse = tl.load(inverses + row)
            v = tl.load(summed + at, mask=inside, other=0.0).to(tl.float32)
            straight = tl.where(inside, (v - tl.load(means + row)) * inverse, 0.0)  # normalised, not yet weighted
            given = tl.load(d_y + at, mask=inside, other=0.0).to(tl.float32)
            own_weight += given * straight
            own_bias += given
            g = given * w
            d = g - straight * (tl.sum(g * straight, 0) / width)
            if centred:
                d -= tl.sum(g, 0) / width
            d = d * inverse
            if added:
                d += tl.load(d_summed + at, mask=inside, other=0.0).to(tl.float32)
            tl.store(d_x + at, d.to(d_x.dtype.element_ty), mask=inside)
        tl.store(d_weight + part * width + columns, own_weight, mask=inside)
        tl.store(d_bias + part * width + columns, own_bias, mask=inside)
