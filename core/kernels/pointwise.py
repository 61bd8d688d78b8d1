"""RMSNorm and SwiGLU's gate through the C++ library: each reads and writes its tensors once each way."""

import ctypes

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from core.kernels import library


class RmsNorm(torch.autograd.Function):
    """Keeps the input and one number a row."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        x, weight = x.contiguous(), weight.float().contiguous()
        width = x.shape[-1]
        inverse_rms = torch.empty(x.numel() // width)
        y = torch.empty_like(x)
        job = library.NormJob(x=x.data_ptr(), y=y.data_ptr(), weight=weight.data_ptr(), epsilon=epsilon,
                              inverse_rms=inverse_rms.data_ptr(), rows=inverse_rms.numel(), width=width,
                              bf16=library.element_is_bf16(x))
        library.load().coldframe_norm_forward(ctypes.byref(job), torch.get_num_threads())
        ctx.save_for_backward(x, weight, inverse_rms)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, d_y: Tensor):
        x, weight, inverse_rms = ctx.saved_tensors
        threads, width = torch.get_num_threads(), x.shape[-1]
        d_y, d_x = d_y.contiguous(), torch.empty_like(x)
        d_weight = torch.empty(threads, width)
        job = library.NormJob(x=x.data_ptr(), d_y=d_y.data_ptr(), d_x=d_x.data_ptr(), weight=weight.data_ptr(),
                              inverse_rms=inverse_rms.data_ptr(), d_weight=d_weight.data_ptr(),
                              rows=inverse_rms.numel(), width=width, bf16=library.element_is_bf16(x))
        library.load().coldframe_norm_backward(ctypes.byref(job), threads)
        return d_x, d_weight.sum(0), None


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
