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


def attention(q: Tensor, k: Tensor, v: Tensor, cosines: Tensor | None, sines: Tensor | None, scale: float, seen,
              bias: Tensor | None) -> Tensor:  # fmt: skip
    """softmax(scale q k^T + bias, of the keys seen) v, each key/value head shared by a group of heads; see ops."""
    if cosines is not None:
        q, k = rotate(q, cosines, sines).to(v.dtype), rotate(k, cosines, sines).to(v.dtype)
    grouped = q.shape[1] != k.shape[1]
    if seen.plain and bias is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=grouped)
    mask = added_to_scores(q.shape[2], seen, bias, q.device).to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, mask, scale=scale, enable_gqa=grouped)


def added_to_scores(time: int, seen, bias: Tensor | None, device: torch.device) -> Tensor:
    """Biases, and -1e30 where a key is hidden, float32 (1 or B, 1 or H, T, T); see ops.attention."""
    places = torch.arange(time, device=device)
    distance = places[None, :] - places[:, None]  # key minus query
    shown = (distance <= (time if seen.two_way else 0))[None]
    if seen.prefix is not None:
        shown = shown | (places < seen.prefix[:, None])[:, None]
    if seen.window:
        shown = shown & (distance.abs() < seen.window)
    if seen.lengths is not None:
        shown = shown & (places < seen.lengths[:, None])[:, None]
    mask = torch.zeros(shown.shape, device=device).masked_fill(~shown, -1e30)[:, None]
    if seen.slopes is not None:
        mask = mask - seen.slopes[:, None, None] * distance.abs()
    return mask if bias is None else mask + bias


def norm(x: Tensor, weight: Tensor, bias: Tensor | None, epsilon: float, centred: bool, added: Tensor | None,
         dtype: torch.dtype | None) -> Tensor | tuple:  # fmt: skip
    """Each row (minus its mean) divided by the root of its mean square, times a weight, plus a bias; see ops."""
    total = x if added is None else x + added
    weight, shape = weight.to(total.dtype), (x.shape[-1],)
    if centred:
        y = F.layer_norm(total, shape, weight, None if bias is None else bias.to(total.dtype), epsilon)
    else:
        y = F.rms_norm(total, shape, weight, epsilon)
        y = y if bias is None else y + bias.to(total.dtype)
    y = y.to(dtype or total.dtype)
    return y if added is None else (total, y)


def gelu(x: Tensor, bias: Tensor | None, exact: bool) -> Tensor:
    """x + bias times the probability that a standard normal variable is below it; see ops."""
    x = x if bias is None else x + bias.to(x.dtype)
    return F.gelu(x, approximate="none" if exact else "tanh")


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
