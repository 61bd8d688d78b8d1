"""Norms, GELU and SwiGLU's gate through the C++ library: each reads and writes its tensors once each way."""

import ctypes

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.kernels import library

ROW_BLOCK = 64  # of cpu/table.h


class Norm(torch.autograd.Function):
    """RMSNorm or LayerNorm; keeps the input and one or two numbers a row."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, centred: bool,
                dtype: torch.dtype) -> Tensor:  # fmt: skip
        _, y = _normalise(ctx, x.contiguous(), None, weight, bias, epsilon, centred, dtype)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        d_x, _, d_weight, d_bias = _norm_gradients(ctx, None, d_y)
        return d_x, d_weight, d_bias, None, None, None


class AddedNorm(torch.autograd.Function):
    """The same of a sum, which is given back as well: the residual stream after a part has written into it."""

    @staticmethod
    def forward(ctx, x: Tensor, added: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, centred: bool,
                dtype: torch.dtype) -> tuple[Tensor, Tensor]:  # fmt: skip
        ctx.set_materialize_grads(False)  # a sum that nobody reads has no gradient
        return _normalise(ctx, x.contiguous(), added.contiguous(), weight, bias, epsilon, centred, dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, d_sum: Tensor | None, d_y: Tensor | None):
        if d_y is None:
            d_y = torch.zeros_like(ctx.saved_tensors[0], dtype=ctx.dtype)
        d_x, d_added, d_weight, d_bias = _norm_gradients(ctx, d_sum, d_y)
        return d_x, d_added, d_weight, d_bias, None, None, None


def _normalise(ctx, x: Tensor, added: Tensor | None, weight: Tensor, bias: Tensor | None, epsilon: float,
               centred: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor]:  # fmt: skip
    weight, bias = weight.float().contiguous(), None if bias is None else bias.float().contiguous()
    width = x.shape[-1]
    rows = x.numel() // width
    inverse, mean = torch.empty(rows), torch.empty(rows) if centred else None
    total = x if added is None else torch.empty_like(x)
    y = torch.empty_like(x, dtype=dtype)
    job = library.NormJob(
        x=_at(x), added=_at(added), sum=_at(total), y=_at(y), weight=_at(weight), bias=_at(bias), mean=_at(mean),
        inverse=_at(inverse), rows=rows, width=width, epsilon=epsilon, bf16=library.element_is_bf16(x),
        bf16_result=library.element_is_bf16(y))
    library.load().coldframe_norm_forward(ctypes.byref(job), torch.get_num_threads())
    ctx.save_for_backward(total, weight, bias, mean, inverse)
    ctx.dtype, ctx.is_sum = dtype, added is not None
    return total, y


def _norm_gradients(ctx, d_sum: Tensor | None, d_y: Tensor) -> tuple:
    """Gradients of the input, of what was added to it, of the weight and of the bias."""
    x, weight, bias, mean, inverse = ctx.saved_tensors
    rows, width = len(inverse), x.shape[-1]
    d_y, d_x = d_y.contiguous(), torch.empty_like(x)
    d_sum = None if d_sum is None else d_sum.contiguous()
    apart = torch.empty_like(x, dtype=ctx.dtype) if ctx.is_sum and ctx.dtype != x.dtype else None
    d_weight = _partial_sums(rows, width)
    d_bias = None if bias is None else _partial_sums(rows, width)
    job = library.NormJob(
        x=_at(x), weight=_at(weight), mean=_at(mean), inverse=_at(inverse), d_y=_at(d_y), d_sum=_at(d_sum),
        d_x=_at(d_x), d_added=_at(apart), d_weight=_at(d_weight), d_bias=_at(d_bias), rows=rows, width=width,
        bf16=library.element_is_bf16(x), bf16_result=ctx.dtype == torch.bfloat16)
    library.load().coldframe_norm_backward(ctypes.byref(job), torch.get_num_threads())
    return d_x, d_x if apart is None else apart, _fold(d_weight), None if bias is None else _fold(d_bias)


class Gelu(torch.autograd.Function):
    """gelu(x + bias); keeps its inputs."""

    @staticmethod
    def forward(ctx, x: Tensor, bias: Tensor | None, exact: bool) -> Tensor:
        x, bias = x.contiguous(), None if bias is None else bias.float().contiguous()
        y, width = torch.empty_like(x), x.shape[-1]
        job = library.GeluJob(x=_at(x), bias=_at(bias), y=_at(y), rows=x.numel() // width, width=width,
                              bf16=library.element_is_bf16(x), exact=exact)
        library.load().coldframe_gelu_forward(ctypes.byref(job), torch.get_num_threads())
        ctx.save_for_backward(x, bias)
        ctx.exact = exact
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        x, bias = ctx.saved_tensors
        width = x.shape[-1]
        rows = x.numel() // width
        d_y, d_x = d_y.contiguous(), torch.empty_like(x)
        d_bias = None if bias is None else _partial_sums(rows, width)
        job = library.GeluJob(x=_at(x), d_y=_at(d_y), bias=_at(bias), d_x=_at(d_x), d_bias=_at(d_bias), rows=rows,
                              width=width, bf16=library.element_is_bf16(x), exact=ctx.exact)
        library.load().coldframe_gelu_backward(ctypes.byref(job), torch.get_num_threads())
        return d_x, None if bias is None else _fold(d_bias), None


class GatedSilu(torch.autograd.Function):
    """Keeps its two inputs; backward recomputes the sigmoid."""

    @staticmethod
    def forward(ctx, gate: Tensor, up: Tensor) -> Tensor:
        gate, up = gate.contiguous(), up.contiguous()
        y = torch.empty_like(gate)
        job = library.GatedJob(gate=gate.data_ptr(), up=up.data_ptr(), y=y.data_ptr(), count=gate.numel(),
                               bf16=library.element_is_bf16(gate))
        library.load().coldframe_gated_forward(ctypes.byref(job), torch.get_num_threads())
        ctx.save_for_backward(gate, up)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        gate, up = ctx.saved_tensors
        d_y, d_gate, d_up = d_y.contiguous(), torch.empty_like(gate), torch.empty_like(up)
        job = library.GatedJob(gate=gate.data_ptr(), up=up.data_ptr(), d_y=d_y.data_ptr(), d_gate=d_gate.data_ptr(),
                               d_up=d_up.data_ptr(), count=gate.numel(), bf16=library.element_is_bf16(gate))
        library.load().coldframe_gated_backward(ctypes.byref(job), torch.get_num_threads())
        return d_gate, d_up


def _at(x: Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def _partial_sums(rows: int, width: int) -> Tensor:
    return torch.empty(-(-rows // ROW_BLOCK), width)


def _fold(sums: Tensor) -> Tensor:
    """Sums of columns, in one order whatever the number of threads: (blocks, width) -> (width,)."""
    if not len(sums):
        return sums.new_zeros(sums.shape[1])
    found = torch.empty(sums.shape[1])
    job = library.FoldJob(_at(sums), _at(found), *sums.shape)
    library.load().coldframe_fold(ctypes.byref(job), torch.get_num_threads())
    return found
