"""Normalisation layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.kernels import ops
from core.spec.model import ModelSpec


class RMSNorm(nn.Module):
    """x / rms(x) * weight over the last dimension. Source: Zhang & Sennrich 2019, arXiv:1910.07467."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps
        self.path = "torch"

    def forward(self, x: Tensor) -> Tensor:
        if self.path == "ours":
            return ops.rms_norm(x, self.weight, self.eps, path="ours")
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class LayerNorm(nn.Module):
    """(x - mean) / std * weight + bias, the bias optional. Source: Ba et al. 2016, arXiv:1607.06450."""

    def __init__(self, width: int, eps: float, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


def norm(spec: ModelSpec) -> nn.Module:
    """The normalisation a spec asks for."""
    if spec.norm == "rms_norm":
        return RMSNorm(spec.d_model, spec.norm_eps)
    return LayerNorm(spec.d_model, spec.norm_eps, spec.bias)
