"""The kernels' one Python face. Every function has two paths that mean the same: torch's, and ours.

``path="torch"`` runs anywhere; ``path="ours"`` runs the C++ library on the CPU (ask `available`) and Triton on a
GPU. Which is faster depends on shapes, precision and machine, so a training run times both once, on its own shapes,
and keeps the faster.
"""

from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from core.errors import LabError
from core.kernels import head, heads, library, pointwise, reference
from core.kernels.heads import Seen

Path = Literal["torch", "ours"]
CAUSAL = Seen()
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


def attention(q: Tensor, k: Tensor, v: Tensor, *, rope: tuple[Tensor, Tensor] | None = None, scale: float = 0.0,
              seen: Seen = CAUSAL, bias: Tensor | None = None, path: Path = "torch") -> Tensor:
    """Attention of a sequence to itself, (B, H, T, size); of v's dtype, or bfloat16 under bfloat16 autocast.

    Args:
        q: (B, H, T, size).
        k, v: (B, KV, T, size), where KV divides H; query head h looks at key/value head h // (H / KV).
        rope: cosines and sines, each (T, size / 2), float32: rotary positions in half-split order, applied inside
            to q and k; None = none, or applied already.
        scale: of the scores; 0 = 1 / sqrt(size).
        seen: which keys a query sees, and ALiBi's slopes; by default those up to its own place. A query that sees
            nothing gives zeros on our path, the mean of the hidden values on torch's.
        bias: (H, T, T), added to the scaled scores of every sequence: relative positions.
        path: "torch" or "ours" (on a GPU the positions are ours and the rest torch's, which is fused there).
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Vaswani et al. 2017, arXiv:1706.03762; Dao et al. 2022, arXiv:2205.14135; Ainslie et al. 2023,
        arXiv:2305.13245; Press et al. 2022, arXiv:2108.12409; Raffel et al. 2020, arXiv:1910.10683.
    """
    length, size = q.shape[2:]
    if k.shape[2] != length or (rope and rope[0].shape != (length, size // 2)):
        raise ValueError(f"q of {length} times and size {size} does not fit k {tuple(k.shape)} or its rotary positions")
    if bias is not None and bias.shape != (q.shape[1], length, length):
        raise ValueError(f"a bias of {tuple(bias.shape)} does not fit {q.shape[1]} heads and {length} times")
    cosines, sines = (x.float().contiguous() for x in rope) if rope else (None, None)
    scale = scale or size**-0.5
    if rope and _by_triton(q, path):
        from core.kernels.gpu import rotary

        q, k = (rotary.rotate(x, cosines, sines).to(v.dtype) for x in (q, k))
        return reference.attention(q, k, v, None, None, scale, seen, bias)
    if path == "torch" or q.device.type != "cpu":
        return reference.attention(q, k, v, cosines, sines, scale, seen, bias)
    library.load()
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else v.dtype
    bias = None if bias is None else bias.float().contiguous()
    return heads.Attention.apply(q.to(dtype), k.to(dtype), v.to(dtype), cosines, sines, scale, seen, bias)


def norm(x: Tensor, weight: Tensor, bias: Tensor | None = None, epsilon: float = 1e-5, *, centred: bool = False,
         added: Tensor | None = None, dtype: torch.dtype | None = None, path: Path = "torch") -> Tensor | tuple:
    """RMSNorm or LayerNorm over the last dimension, of x or of x + added.

    Args:
        x: (..., D), float32 or bfloat16.
        weight: (D,), float32.
        bias: (D,), float32, added to the result; or None.
        epsilon: keeps the division safe.
        centred: LayerNorm, (x - mean) / std; otherwise RMSNorm, x / sqrt(mean(x^2) + epsilon).
        added: what a part adds to the residual stream x, of its shape; None = nothing.
        dtype: of the result; None = the sum's. Where only matrix products read it, it may be theirs.
        path: "torch" or "ours".
    Returns:
        The result, of x's shape; with ``added`` (x + added, result).
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Zhang & Sennrich 2019, arXiv:1910.07467; Ba et al. 2016, arXiv:1607.06450.
    """
    if _by_triton(x, path):
        from core.kernels.gpu import norms

        found = norms.norm(x, weight, bias, epsilon, centred, added)
        return found if added is None else found[::-1]
    if path == "torch" or x.device.type != "cpu":
        return reference.norm(x, weight, bias, epsilon, centred, added, dtype)
    library.load()
    if added is None:
        return pointwise.Norm.apply(x, weight, bias, epsilon, centred, dtype or x.dtype)
    x = x.to(torch.promote_types(x.dtype, added.dtype))
    inner = dtype if dtype == added.dtype else x.dtype  # the kernel takes what is added in the result's type
    total, y = pointwise.AddedNorm.apply(x, added.to(inner), weight, bias, epsilon, centred, inner)
    return total, y.to(dtype or x.dtype)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float = 1e-5, *, residual: Tensor | None = None,
             path: Path = "torch") -> Tensor | tuple:  # fmt: skip
    """RMSNorm as :func:`norm` has it; with ``residual`` (result, x + residual)."""
    found = norm(x, weight, None, epsilon, added=residual, path=path)
    return found if residual is None else found[::-1]


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor | None = None, epsilon: float = 1e-5, *,
               residual: Tensor | None = None, path: Path = "torch") -> Tensor | tuple:  # fmt: skip
    """LayerNorm as :func:`norm` has it; with ``residual`` (result, x + residual)."""
    found = norm(x, weight, bias, epsilon, centred=True, added=residual, path=path)
    return found if residual is None else found[::-1]


def gelu(x: Tensor, bias: Tensor | None = None, *, exact: bool = True, path: Path = "torch") -> Tensor:
    """gelu(x + bias), x times the probability that a standard normal variable is below x; shape and dtype of x.

    Args:
        x: (..., D), float32 or bfloat16.
        bias: (D,), float32; None = none.
        exact: by the error function; otherwise by the hyperbolic tangent, as GPT-2 has it.
        path: "torch" or "ours" (on a GPU both are torch's).
    Raises:
        LabError: path is "ours" and the library is missing; remedy: build it.
    Source: Hendrycks & Gimpel 2016, arXiv:1606.08415.
    """
    if path == "torch" or x.device.type != "cpu":
        return reference.gelu(x, bias, exact)
    library.load()
    return pointwise.Gelu.apply(x, bias, exact)


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
