"""How a model knows the order of its tokens: tables to add, angles to turn by, penalties and classes of distance."""

import math

import torch
from torch import Tensor

YARN_FAST, YARN_SLOW = 32.0, 1.0  # turns over the trained context above and below which YaRN leaves and slows a pair


def rope_table(
    rotated: int, length: int, theta: float, scaling: str = "none", factor: float = 1.0, trained: int = 0
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of RoPE's angles, one a pair of features, each float32 (length, rotated / 2).

    Args:
        rotated: features of a head that are turned, even.
        length: places.
        theta: base of the frequencies.
        scaling: "none"; "linear" (places divided by ``factor``); "ntk" (a larger base); "yarn" (fast pairs
            stay, slow ones are divided, and scores are sharpened).
        factor: by how much the context is stretched.
        trained: context before stretching, for YaRN; 0 = length / factor.
    Source: Su et al. 2021, arXiv:2104.09864; Chen et al. 2023, arXiv:2306.15595; Peng et al. 2023, arXiv:2309.00071.
    """
    if scaling == "ntk" and rotated > 2:
        theta *= factor ** (rotated / (rotated - 2))
    frequency = theta ** (-torch.arange(0, rotated, 2, dtype=torch.float64) / rotated)  # (rotated / 2,)
    sharpened = 1.0
    if scaling == "linear":
        frequency = frequency / factor
    elif scaling == "yarn":
        turns = (trained or length / factor) * frequency / (2 * math.pi)
        kept = ((turns - YARN_SLOW) / (YARN_FAST - YARN_SLOW)).clamp(0, 1)
        frequency = frequency * kept + frequency / factor * (1 - kept)
        sharpened = 0.1 * math.log(factor) + 1
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return (sharpened * angle.cos()).float(), (sharpened * angle.sin()).float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor, interleaved: bool = False) -> Tensor:
    """Turn queries or keys by the angles of their places; features beyond the table's pass unchanged.

    Args:
        x: (B, H, T, head).
        cos, sin: (T, pairs).
        interleaved: feature 2i turns with 2i + 1 (GPT-J), else i with i + pairs (Hugging Face's LLaMA).
    """
    pairs = cos.shape[-1]
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    turned, rest = x[..., : 2 * pairs], x[..., 2 * pairs :]
    if interleaved:
        a, b = turned[..., 0::2], turned[..., 1::2]
        out = torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)
    else:
        a, b = turned[..., :pairs], turned[..., pairs:]
        out = torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
    return torch.cat([out, rest], dim=-1) if rest.shape[-1] else out


def sinusoidal_table(length: int, width: int) -> Tensor:
    """Fixed position vectors, float32 (length, width): sines at even, cosines at odd features.

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5.
    """
    frequency = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).float()


def distances(start: int, new: int, total: int, device=None) -> Tensor:
    """How far each key lies from each query, key minus query, int64 (new, total); negative = before it."""
    queries = torch.arange(start, start + new, device=device)
    return torch.arange(total, device=device)[None, :] - queries[:, None]


def alibi_slopes(heads: int) -> Tensor:
    """The penalty a token of distance for each head, float32 (heads,). Source: Press et al. 2022, arXiv:2108.12409."""
    nearest = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / nearest) for i in range(nearest)]
    slopes += [2 ** (-4 * (2 * i + 1) / nearest) for i in range(heads - nearest)]
    return torch.tensor(slopes, dtype=torch.float32)


def t5_bucket(distance: Tensor, both_ways: bool, buckets: int, farthest: int) -> Tensor:
    """The class of each distance (key minus query), int64 of the same shape.

    Half of the classes are exact distances, the other half grow logarithmically up to ``farthest``.

    Source: Raffel et al. 2020, arXiv:1910.10683, section 2.1.
    """
    side = torch.zeros_like(distance)
    if both_ways:
        buckets //= 2
        side = (distance > 0).long() * buckets
        distance = distance.abs()
    else:
        distance = (-distance).clamp(min=0)
    exact = buckets // 2
    scale = (buckets - exact) / math.log(farthest / exact)
    far = exact + (torch.log(distance.clamp(min=1).float() / exact) * scale).long()
    return side + torch.where(distance < exact, distance, far.clamp(max=buckets - 1))


def deberta_bucket(distance: Tensor, buckets: int, farthest: int) -> Tensor:
    """Query minus key as DeBERTa's signed class: exact when near, logarithmic when far, int64 of the same shape.

    Source: He et al. 2021, DeBERTa, arXiv:2006.03654; log buckets as in its second version.
    """
    middle = buckets // 2
    near = (distance < middle) & (distance > -middle)
    size = torch.where(near, torch.full_like(distance, middle - 1), distance.abs())
    ratio = torch.log(size.float() / middle) / math.log((farthest - 1) / middle)
    far = torch.ceil(ratio * (middle - 1)).long() + middle
    return torch.where(size <= middle, distance, far * distance.sign())
