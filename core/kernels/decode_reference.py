"""The decoder of :mod:`core.kernels.decode` in numpy, one token after another, to read and to test against."""

from collections.abc import Callable

import numpy as np

from core.kernels.decode import BLOCK_BYTES, PANEL, QUANTIZED, Shape, Stored

BLOCK = 32  # weights that share a scale


def dequantize(stored: Stored) -> np.ndarray:
    """The weights, float64, in the tensor's shape.

    Source: ggml's ggml-quants.c, dequantize_row_q4_0 and dequantize_row_q8_0.
    """
    if stored.type not in QUANTIZED:
        kind = {"F32": np.float32, "F16": np.float16}[stored.type]
        return np.frombuffer(stored.data, kind).reshape(stored.shape).astype(np.float64)
    scales, whole = split_blocks(stored)
    return (scales[..., None] * whole).reshape(stored.shape)


def split_blocks(stored: Stored) -> tuple[np.ndarray, np.ndarray]:
    """Scales, float64, (rows, blocks), and whole numbers, int64, (rows, blocks, 32), of a quantized matrix."""
    blocks = np.frombuffer(stored.data, np.uint8).reshape(stored.shape[0], -1, BLOCK_BYTES[stored.type][1])
    scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16)[..., 0].astype(np.float64)
    if stored.type == "Q8_0":
        return scales, np.ascontiguousarray(blocks[..., 2:]).view(np.int8).astype(np.int64)
    nibbles = blocks[..., 2:].astype(np.int64)  # the first half of a block in the low four bits
    return scales, np.concatenate([nibbles & 15, nibbles >> 4], axis=-1) - 8


def quantize(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activations as the kernels round them: scales, float32, (blocks,), and int64, (blocks, 32)."""
    x = x.astype(np.float32).reshape(-1, BLOCK)
    amplitude = np.abs(x).max(axis=1)
    inverse = np.divide(np.float32(127), amplitude, out=np.zeros_like(amplitude), where=amplitude > 0)
    return amplitude / np.float32(127), np.rint(x * inverse[:, None]).astype(np.int64)


def multiply(matrix: Stored, x: np.ndarray) -> np.ndarray:
    """``matrix`` times one vector, float64; in integers, block by block, where the matrix is quantized."""
    if matrix.type not in QUANTIZED:
        return dequantize(matrix) @ x
    scales, whole = split_blocks(matrix)
    x_scales, x_whole = quantize(x)
    return ((whole * x_whole).sum(axis=-1) * scales * x_scales).sum(axis=-1)


def decode(shape: Shape, tensors: dict[str, Stored], ids: list[int], whole_cache: bool = False) -> np.ndarray:
    """Logits after every token of ``ids``, float64, (T, vocab).

    Args:
        whole_cache: keys and values are kept as whole numbers, with a scale for every 16 features of a head.
    """
    cache = [([], []) for _ in range(shape.n_layers)]
    kept = round_kept if whole_cache else lambda heads: heads
    return np.array([_step(shape, tensors, id, place, cache, kept) for place, id in enumerate(ids)])


def round_kept(heads: np.ndarray) -> np.ndarray:
    """Keys or values as a cache of 8 bits gives them back: float64, (kv heads, size)."""
    groups = heads.reshape(-1, PANEL)
    scale = np.abs(groups).max(axis=1, keepdims=True) / 127
    whole = np.rint(np.divide(groups, scale, out=np.zeros_like(groups), where=scale > 0))
    return (whole * scale).reshape(heads.shape)


def _step(shape: Shape, tensors: dict[str, Stored], id: int, place: int, cache: list, kept: Callable) -> np.ndarray:
    def linear(name: str, x: np.ndarray) -> np.ndarray:
        y = multiply(tensors[f"{name}.weight"], x)
        bias = tensors.get(f"{name}.bias")
        return y if bias is None else y + dequantize(bias)

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        bias = tensors.get(f"{name}.bias")
        x = x if bias is None else x - x.mean()  # with a bias LayerNorm, without RMSNorm
        y = x / np.sqrt((x * x).mean() + shape.epsilon) * dequantize(tensors[f"{name}.weight"])
        return y if bias is None else y + dequantize(bias)

    embedding = tensors["token_embd.weight"]
    x = dequantize(embedding.rows(id, id + 1))[0]
    if "position_embd.weight" in tensors:
        x = x + dequantize(tensors["position_embd.weight"].rows(place, place + 1))[0]
    for layer, (keys, values) in enumerate(cache):
        blk = f"blk.{layer}."
        a = norm(blk + "attn_norm", x)
        q = turn(linear(blk + "attn_q", a).reshape(shape.n_heads, -1), place, shape.turns)
        keys.append(kept(turn(linear(blk + "attn_k", a).reshape(shape.kv_heads, -1), place, shape.turns)))
        values.append(kept(linear(blk + "attn_v", a).reshape(shape.kv_heads, -1)))
        x = x + linear(blk + "attn_output", attend(q, np.array(keys), np.array(values)))
        a = norm(blk + "ffn_norm", x)
        up = linear(blk + "ffn_up", a)
        if f"{blk}ffn_gate.weight" in tensors:
            gate = linear(blk + "ffn_gate", a)
            hidden = gate / (1 + np.exp(-gate)) * up
        else:
            hidden = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up**3)))
        x = x + linear(blk + "ffn_down", hidden)
    return multiply(tensors.get("output.weight", embedding), norm("output_norm", x))


def turn(heads: np.ndarray, place: int, turns: tuple[float, ...]) -> np.ndarray:
    """Rotary positions: neighbouring features turn together; features past the last pair stay.

    Source: Su et al. 2021, RoFormer, arXiv:2104.09864.
    """
    cosine, sine = np.cos(place * np.array(turns)), np.sin(place * np.array(turns))
    out, n = heads.copy(), 2 * len(turns)
    out[:, 0:n:2] = heads[:, 0:n:2] * cosine - heads[:, 1:n:2] * sine
    out[:, 1:n:2] = heads[:, 0:n:2] * sine + heads[:, 1:n:2] * cosine
    return out


def attend(q: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """One query (heads, size) over keys and values (places, kv heads, size); groups of heads share them."""
    group = len(q) // keys.shape[1]
    mixed = []
    for head, query in enumerate(q):
        scores = keys[:, head // group] @ query / np.sqrt(query.size)
        weights = np.exp(scores - scores.max())
        mixed.append(weights / weights.sum() @ values[:, head // group])
    return np.concatenate(mixed)
