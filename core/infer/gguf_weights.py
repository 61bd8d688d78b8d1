"""Which GGUF files our own decoder computes, and their weights as it takes them: mapped, not read."""

import mmap
import os
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.infer.gguf_header import Header, Tensor, read_header
from core.kernels.decode import TYPES, DecodeModel, Shape, Stored

# What a file may say of itself; another key may mean arithmetic that is not ours, and is left to llama.cpp.
_KNOWN = {
    "context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size", "rope.dimension_count",
    "rope.freq_base", *(f"attention.{name}" for name in (
        "head_count", "head_count_kv", "key_length", "value_length", "layer_norm_rms_epsilon", "layer_norm_epsilon")),
}  # fmt: skip
_FACTORS = "rope_freqs.weight"
_ROWS = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "out": "attn_output", "gate": "ffn_gate", "up": "ffn_up",
         "down": "ffn_down", "qkv": "attn_qkv"}


class Plan(msgspec.Struct, frozen=True):
    """Sizes of a model that we compute, read from a file's head; rotary angles follow when it is mapped."""

    architecture: str
    context: int
    d_model: int
    n_layers: int
    n_heads: int
    kv_heads: int
    head_size: int
    rotated: int
    feed_forward: int
    vocab: int
    epsilon: float
    rope_base: float


def plan(header: Header) -> Plan | None:
    """The sizes, where our decoder computes this file exactly as llama.cpp would; None where it does not."""
    about = header.metadata
    name = about.get("general.architecture")
    own = {key.removeprefix(f"{name}."): value for key, value in about.items() if key.startswith(f"{name}.")}
    try:
        if name not in ("llama", "gpt2") or not set(own) <= _KNOWN:
            return None
        found = _sizes(name, own, about)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    tensors = {tensor.name: tensor for tensor in header.tensors}
    return found if _computable(tensors, _expected(found)) else None


def _sizes(name: str, own: dict, about: dict) -> Plan:
    heads, d_model, llama = own["attention.head_count"], own["embedding_length"], name == "llama"
    size = own.get("attention.key_length", d_model // heads)
    kv_heads = own.get("attention.head_count_kv", heads)
    rotated = own.get("rope.dimension_count", size) if llama else 0
    if own.get("attention.value_length", size) != size or size % 2 or rotated % 2 or heads % kv_heads:
        raise ValueError("shapes that are not ours")
    epsilon = own["attention.layer_norm_rms_epsilon" if llama else "attention.layer_norm_epsilon"]
    return Plan(name, own["context_length"], d_model, own["block_count"], heads, kv_heads, size, rotated,
                own["feed_forward_length"], about["tokenizer.ggml.tokens"], epsilon,
                own.get("rope.freq_base", 10000.0))  # fmt: skip


def _expected(plan: Plan) -> dict[str, tuple[int, ...]]:
    """The shape, fastest axis first, of every tensor that may be there; a * before its name: that must be there."""
    d, wide, narrow = plan.d_model, plan.n_heads * plan.head_size, plan.kv_heads * plan.head_size
    gpt2, found = plan.architecture == "gpt2", {"*token_embd": (d, plan.vocab), "output": (d, plan.vocab)}
    rows = {"out": (wide, d), "up": (d, plan.feed_forward), "down": (plan.feed_forward, d)}
    rows |= {"qkv": (d, wide + 2 * narrow)} if gpt2 else {
        "q": (d, wide), "k": (d, narrow), "v": (d, narrow), "gate": (d, plan.feed_forward)}
    norms = ["output_norm"]
    for layer in range(plan.n_layers):
        norms += [f"blk.{layer}.attn_norm", f"blk.{layer}.ffn_norm"]
        found |= {f"*blk.{layer}.{_ROWS[part]}": shape for part, shape in rows.items()}
    shapes = {f"{name}.weight": shape for name, shape in found.items()}
    shapes |= {f"{name.lstrip('*')}.bias": shape[1:] for name, shape in found.items() if "blk." in name}
    shapes |= {f"*{name}.weight": (d,) for name in norms}
    if gpt2:  # there a norm without a bias would be RMSNorm to our decoder
        return shapes | {f"*{name}.bias": (d,) for name in norms} | {"*position_embd.weight": (d, plan.context)}
    return shapes | {_FACTORS: (plan.rotated // 2,)}


def _computable(tensors: dict[str, Tensor], expected: dict[str, tuple[int, ...]]) -> bool:
    shapes = {name.lstrip("*"): shape for name, shape in expected.items()}
    if any(name.startswith("*") and name[1:] not in tensors for name in expected):
        return False
    return all(
        tensor.shape == shapes.get(tensor.name) and tensor.type in _types(tensor) for tensor in tensors.values())


def _types(tensor: Tensor) -> tuple[str, ...]:
    plain = len(tensor.shape) == 1 or tensor.name.startswith("position_embd")
    return ("F32",) if plain else tuple(TYPES)


def open_weights(path: Path, plan: Plan, context: int, cache: str = "f32", threads: int = 1) -> DecodeModel:
    """The decoder of a file; its bytes stay mapped while it lives.

    Args:
        plan: what ``plan`` found in its head.
        context, cache, threads: see DecodeModel. With COLDFRAME_DECODE=gpu in the environment the first GPU
            computes, by a kernel that no GPU has timed yet, or torch where there is none.
    """
    header = read_header(path)
    with open(path, "rb") as file:
        data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    tensors = {t.name: Stored(data[t.begin : t.begin + t.size], t.type, t.shape[::-1]) for t in header.tensors}
    for layer in range(plan.n_layers if plan.architecture == "gpt2" else 0):
        _split(tensors, f"blk.{layer}.", plan)
    factors = tensors.pop(_FACTORS, None)
    turns = plan.rope_base ** (-2.0 * np.arange(plan.rotated // 2) / max(plan.rotated, 1))
    if factors is not None:
        turns = turns / np.frombuffer(factors.data, np.float32)
    shape = Shape(plan.n_layers, plan.d_model, plan.n_heads, plan.kv_heads, plan.head_size, plan.feed_forward,
                  plan.vocab, plan.epsilon, tuple(turns.tolist()))  # fmt: skip
    if os.environ.get("COLDFRAME_DECODE") == "gpu":
        from core.kernels.gpu.decode import open_decoder

        if cache == "int8":
            raise LabError("A GPU keeps no cache of 8 bits.", str(path), "Choose bf16, or let the processor compute.")
        return open_decoder(shape, tensors, context, cache)
    return DecodeModel(shape, tensors, context, cache, threads)


def _split(tensors: dict[str, Stored], prefix: str, plan: Plan) -> None:
    """GPT-2's one matrix for queries, keys and values, as three."""
    wide, narrow = plan.n_heads * plan.head_size, plan.kv_heads * plan.head_size
    for kind in ("weight", "bias"):
        joined = tensors.pop(f"{prefix}attn_qkv.{kind}", None)
        begin = 0
        for name, rows in (("q", wide), ("k", narrow), ("v", narrow)):
            if joined is not None:
                tensors[f"{prefix}attn_{name}.{kind}"] = joined.rows(begin, begin + rows)
            begin += rows
