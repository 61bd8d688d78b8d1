"""The bend between a feed-forward's two products, in Triton: SiLU or GELU of a gate times its neighbour, or alone."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl

    HAS_TRITON = True
except ImportError:
    HAS_TRITON = False

BLOCK = 1024
BENDS = {"silu": 0, "gelu": 1, "gelu_tanh": 2}


class Gate(torch.autograd.Function):
    """Keeps its inputs; backward computes the bend anew."""

    @staticmethod
    def forward(ctx, gate: Tensor, up: Tensor | None, bend: int) -> Tensor:
        gate = gate.contiguous()
        up = gate if up is None else up.contiguous()
        y, count = torch.empty_like(gate), gate.numel()
        ctx.bend, ctx.gated = bend, up is not gate
        _forward[(triton.cdiv(count, BLOCK),)](gate, up, y, count, bend, ctx.gated, BLOCK)
        ctx.save_for_backward(gate, up)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        gate, up = ctx.saved_tensors
        d_gate, count = torch.empty_like(gate), gate.numel()
        d_up = torch.empty_like(up) if ctx.gated else d_gate
        _backward[(triton.cdiv(count, BLOCK),)](gate, up, d_y.contiguous(), d_gate, d_up, count, ctx.bend, ctx.gated,
                                                BLOCK)  # fmt: skip
        return d_gate, d_up if ctx.gated else None, None


def gated(gate: Tensor, up: Tensor | None, bend: str) -> Tensor:
    """bend(gate) * up, or bend(gate) where up is None; shape and dtype of gate."""
    return Gate.apply(gate, up, BENDS[bend])


if HAS_TRITON:

    @triton.jit
    def _share(x, bend: tl.constexpr):
        """How much of x comes through: bend(x) / x."""
        if bend == 1:
            return 0.5 * (1.0 + tl.erf(x * 0.7071067811865476))
        z = x
        if bend == 2:
            z = 1.5957691216057308 * (x + 0.044715 * x * x * x)  # 2 sqrt(2 / pi)
        return 1.0 / (1.0 + tl.exp(-z))

    @triton.jit
    def _slope(x, share, bend: tl.constexpr):
        """The derivative of bend(x)."""
        if bend == 1:
            return share + x * 0.3989422804014327 * tl.exp(-0.5 * x * x)  # 1 / sqrt(2 pi)
        steep = share * (1.0 - share)
        if bend == 2:
            steep *= 1.5957691216057308 * (1.0 + 3.0 * 0.044715 * x * x)
        return share + x * steep

    @triton.jit
    def _forward(gate, up, y, count, bend: tl.constexpr, gated: tl.constexpr, block: tl.constexpr):
        at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
        inside = at < count
        x = tl.load(gate + at, mask=inside, other=0.0).to(tl.float32)
        out = x * _share(x, bend)
        if gated:
            out *= tl.load(up + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(y + at, out.to(y.dtype.element_ty), mask=inside)

    @triton.jit
    def _backward(gate, up, d_y, d_gate, d_up, count, bend: tl.constexpr, gated: tl.constexpr, block: tl.constexpr):
        at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
        inside = at < count
        x = tl.load(gate + at, mask=inside, other=0.0).to(tl.float32)
        d = tl.load(d_y + at, mask=inside, other=0.0).to(tl.float32)
        share = _share(x, bend)
        if gated:
            tl.store(d_up + at, (d * x * share).to(d_up.dtype.element_ty), mask=inside)
            d *= tl.load(up + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(d_gate + at, (d * _slope(x, share, bend)).to(d_gate.dtype.element_ty), mask=inside)
