"""How a model knows the order of its tokens."""

import torch
from torch import Tensor


def rope_table(head: int, length: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines of RoPE's angles, each float32 (length, head).

    Half-split convention (as Hugging Face): feature i turns with feature i + head/2.
    Source: Su et al. 2021, RoFormer, arXiv:2104.09864.
    """
    frequency = theta ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)  # (head/2,)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency  # (length, head/2)
    angle = torch.cat([angle, angle], dim=-1)
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn queries or keys (B, H, T, head) by the angles of their places; cos and sin are (T, head)."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * cos.to(x.dtype) + turned * sin.to(x.dtype)


def sinusoidal_table(length: int, width: int) -> Tensor:
    """Fixed position vectors, float32 (length, width): sines at even, cosines at odd features.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    frequency = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()
