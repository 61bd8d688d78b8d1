"""The kernels' one Python face. Every function has two paths that mean the same: torch's, and ours.

``path="torch"`` runs anywhere; ``path="ours"`` runs the C++ library on the CPU (ask `available`) and Triton on a
GPU. Which is faster depends on shapes, precision and machine, so a training run times both once, on its own shapes,
and keeps the faster.
"""

from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import LabError
from core.kernels import head, heads, library, pointwise, reference

Path = Literal["torch", "ours"]
BENDS = tuple(reference.BENDS)


def available() -> dict:
    """What there is here: {"built": bool, "instruction_sets": [fastest first], "problem": why not, or "",
    "triton": bool}."""
    try:
        cpu = {"built": True, "instruction_sets": library.instruction_sets(), "problem": ""}
    except LabError as problem:
        cpu = {"built": False, "instruction_sets": [], "problem": str(problem)}
    return {**cpu, "triton": find_spec("triton") is not None}


def _by_triton(x: Tensor, path: Path) -> bool:
    """Whether our kernel for a GPU does this; where there is no Triton, torch does it on either path."""
    return path == "ours" and x.device.type != "cpu" and find_spec("triton") is not None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, *, path: Path = "torch") -> Tensor:
    """Mean cross-entropy of the language-model head, nats, float32 scalar.

    Our path never holds all logits: a chunk of rows at a time is multiplied, turned into its own gradient in
    place, and multiplied back, so its memory does not grow with N x V.

    Args:
        hidden: (N, D), float32 or bfloat16.
        weight: (V, D), float32 or bfloat16; under bfloat16 autocast both are multiplied as bfloat16.
        targets: (N,), int64; a negative target is ignored. With none left the loss is 0 on our path, NaN on torch's.
        path: "torch" or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: the fusion is that of Hsu et al. 2024, Liger Kernel, arXiv:2410.10989.
    """
    if path == "torch":
        return reference.linear_cross_entropy(hidden, weight, targets)
    if hidden.device.type != "cpu":
        from core.kernels.gpu import linear_cross_entropy as gpu_head  # Triton takes a second to import

        return gpu_head.linear_cross_entropy(hidden, weight, targets)
    library.load()
    return head.LinearCrossEntropy.apply(hidden, weight, targets, head.cross_entropy_in_place)


def attention(q: Tensor, k: Tensor, v: Tensor, *, rope: tuple[Tensor, Tensor] | None = None,
              path: Path = "torch") -> Tensor:
    """Causal attention, (B, H, T, size); the result has v's dtype, or bfloat16 under bfloat16 autocast.

    Args:
        q: (B, H, T, size).
        k, v: (B, KV, T, size), where KV divides H; query head h looks at key/value head h // (H / KV).
        rope: cosines and sines, each (T, size / 2), float32: rotary positions in half-split order, applied inside
            to q and k; None = none, or applied already.
        path: "torch" or "ours" (on a GPU the positions are ours and the rest torch's, which is fused there).
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Vaswani et al. 2017, arXiv:1706.03762; Dao et al. 2022, arXiv:2205.14135; Ainslie et al. 2023,
        arXiv:2305.13245.
    """
    length, size = q.shape[2:]
    if k.shape[2] != length or (rope and rope[0].shape != (length, size // 2)):
        raise ValueError(f"q of {length} times and size {size} does not fit k {tuple(k.shape)} or its rotary positions")
    cosines, sines = (x.float().contiguous() for x in rope) if rope else (None, None)
    if rope and _by_triton(q, path):
        from core.kernels.gpu import rotary

        q, k = (rotary.rotate(x, cosines, sines).to(v.dtype) for x in (q, k))
        return reference.attention(q, k, v)
    if path == "torch" or q.device.type != "cpu":
        return reference.attention(q, k, v, cosines, sines)
    library.load()
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else v.dtype
    return heads.Attention.apply(q.to(dtype), k.to(dtype), v.to(dtype), cosines, sines)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float = 1e-5, *, residual: Tensor | None = None,
             path: Path = "torch"):  # fmt: skip
    """x / sqrt(mean(x^2) + epsilon) * weight over the last dimension; shape and dtype of x.

    Args:
        x: (..., D), float32 or bfloat16.
        weight: (D,), float32.
        epsilon: keeps the division safe.
        residual: added to x first; then the sum is returned too: (normalised, sum).
        path: "torch" or "ours".
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Zhang & Sennrich 2019, arXiv:1910.07467.
    """
    if _by_triton(x, path):
        from core.kernels.gpu import norms

        return norms.norm(x, weight, None, epsilon, False, residual)
    if residual is not None:
        x = x + residual
    if path == "torch" or x.device.type != "cpu":
        y = reference.rms_norm(x, weight, epsilon)
    else:
        library.load()
        y = pointwise.RmsNorm.apply(x, weight, epsilon)
    return y if residual is None else (y, x)


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None = None, epsilon: float = 1e-5, *,
               residual: Tensor | None = None, path: Path = "torch"):  # fmt: skip
    """(x - mean) / sqrt(variance + epsilon) * weight + bias over the last dimension; arguments as in rms_norm.

    On the processor both paths are torch's.

    Source: Ba et al. 2016, arXiv:1607.06450.
    """
    if _by_triton(x, path):
        from core.kernels.gpu import norms

        return norms.norm(x, weight, bias, epsilon, True, residual)
    if residual is not None:
        x = x + residual
    y = F.layer_norm(x, weight.shape, weight, bias, epsilon)
    return y if residual is None else (y, x)


def gated(gate: Tensor, up: Tensor | None, bend: str = "silu", *, path: Path = "torch") -> Tensor:
    """bend(gate) * up, or bend(gate) where up is None; shape and dtype of gate.

    Args:
        gate, up: the same shape and dtype, float32 or bfloat16.
        bend: "silu", "gelu" (by erf) or "gelu_tanh".
        path: "torch" or "ours" (on the processor that is a gate with SiLU alone).
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Shazeer 2020, arXiv:2002.05202; Hendrycks & Gimpel 2016, arXiv:1606.08415.
    """
    if up is not None and (gate.shape != up.shape or gate.dtype != up.dtype):
        raise ValueError(f"gate {tuple(gate.shape)} {gate.dtype} and up {tuple(up.shape)} {up.dtype} differ")
    if _by_triton(gate, path):
        from core.kernels.gpu import gates

        return gates.gated(gate, up, bend)
    if path == "torch" or up is None or bend != "silu" or gate.device.type != "cpu":
        return reference.gated(gate, up, bend)
    library.load()
    return pointwise.GatedSilu.apply(gate, up)


def swiglu(gate: Tensor, up: Tensor, *, path: Path = "torch") -> Tensor:
    """silu(gate) * up, the inside of SwiGLU; see gated."""
    return gated(gate, up, "silu", path=path)


def newton_schulz(x: Tensor, quintic: tuple[float, float, float], rounds: int, *, path: Path = "torch") -> Tensor:
    """Rounds of x <- a x + (b G + c G G) x with G = x x^T for matrices of one shape; none has more rows than columns.

    Args:
        x: (n, rows, columns), of norm at most 1; bfloat16 on a GPU.
        quintic: (a, b, c).
        path: "torch" or "ours" (on the processor both are torch's).
    Source: Jordan et al. 2024, Muon (kellerjordan.github.io/posts/muon).
    """
    if _by_triton(x, path):
        from core.kernels.gpu import newton_schulz as gpu_rounds

        return gpu_rounds.rounds(x, quintic, rounds)
    return reference.newton_schulz(x, quintic, rounds)
