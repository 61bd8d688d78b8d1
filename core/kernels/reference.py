"""What each kernel computes, in the plainest torch there is: the torch path, and the truth in the tests."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of ``hidden @ weight.T`` over the targets that are not negative; see ops."""
    logits = F.linear(hidden, weight).float()  # (N, V)
    return F.cross_entropy(logits, targets.clamp_min(-1), ignore_index=-1)


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn each pair of features (f, f + size / 2) by its angle at each time; (B, H, T, size).

    Source: Su et al. 2021, RoFormer, arXiv:2104.09864, in the half-split order of Llama.
    """
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)


def attention(q: Tensor, k: Tensor, v: Tensor, cosines: Tensor | None = None, sines: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(size), causal) v, each key/value head shared by a group of query heads; see ops."""
    if cosines is not None:
        q, k = rotate(q, cosines, sines).to(v.dtype), rotate(k, cosines, sines).to(v.dtype)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Each row divided by the root of its mean square, times a learned weight; see ops."""
    return F.rms_norm(x, (x.shape[-1],), weight.to(x.dtype), epsilon)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up; see ops."""
    return F.silu(gate) * up


BENDS = {"silu": F.silu, "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh")}


def gated(gate: Tensor, up: Tensor | None, bend: str) -> Tensor:
    """bend(gate) * up, or bend(gate) alone; see ops."""
    return BENDS[bend](gate) if up is None else BENDS[bend](gate) * up


def newton_schulz(x: Tensor, quintic: tuple[float, float, float], rounds: int) -> Tensor:
    """Rounds of x <- a x + (b G + c G G) x with G = x x^T; see ops."""
    a, b, c = quintic
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x
