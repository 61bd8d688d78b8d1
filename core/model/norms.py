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
            return self.ours(x)
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)

    def ours(self, x: Tensor, added: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor | tuple:
        """Our kernel, with what :func:`core.kernels.ops.norm` can do besides."""
        return ops.norm(x, self.weight, None, self.eps, added=added, dtype=dtype, path="ours")


class LayerNorm(nn.Module):
    """(x - mean) / std * weight + bias, the bias optional. Source: Ba et al. 2016, arXiv:1607.06450."""

    def __init__(self, width: int, eps: float, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None
        self.eps = eps
        self.path = "torch"

    def forward(self, x: Tensor) -> Tensor:
        if self.path == "ours":
            return self.ours(x)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)

    def ours(self, x: Tensor, added: Tensor | None = None, dtype: torch.dtype | None = None) -> Tensor | tuple:
        """Our kernel, with what :func:`core.kernels.ops.norm` can do besides."""
        return ops.norm(x, self.weight, self.bias, self.eps, centred=True, added=added, dtype=dtype, path="ours")


def add_then_norm(norm: nn.Module, x: Tensor, added: Tensor | None, narrow: bool) -> tuple[Tensor, Tensor]:
    """The residual stream with what a part adds to it, and its norm: one pass where our kernel does it.

    Args:
        norm: an RMSNorm or LayerNorm.
        x: (B, T, D).
        added: (B, T, D), or None.
        narrow: only matrix products read the norm, so that it may be given in the type that they multiply.
    """
    if norm.path == "ours" and x.device.type != "cpu" and added is not None:
        return norm.ours(x, added)
    if norm.path != "ours" or x.device.type != "cpu":
        x = x if added is None else x + added
        return x, norm(x)
    narrow = narrow and torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    dtype = torch.bfloat16 if narrow else None
    return (x, norm.ours(x, None, dtype)) if added is None else norm.ours(x, added, dtype)


def norm(spec: ModelSpec, width: int = 0) -> nn.Module:
    """The normalisation a spec asks for, of the model's width or another."""
    width = width or spec.d_model
    if spec.norm == "rms_norm":
        return RMSNorm(width, spec.norm_eps)
    return LayerNorm(width, spec.norm_eps, spec.norm_biased)


def deep_norm_scales(spec: ModelSpec, encoder: bool = False) -> tuple[float, float]:
    """DeepNorm's (alpha, beta): how much the residual is scaled up, and initial weights down; (1, 1) without it.

    Source: Wang et al. 2022, arXiv:2203.00555, figure 2.
    """
    if not spec.deep_norm:
        return 1.0, 1.0
    n, m = spec.encoders, spec.n_layers
    if not n:  # one stack
        return (2 * m) ** 0.25, (8 * m) ** -0.25
    if encoder:
        return 0.81 * (n**4 * m) ** (1 / 16), 0.87 * (n**4 * m) ** (-1 / 16)
    return (3 * m) ** 0.25, (12 * m) ** -0.25
