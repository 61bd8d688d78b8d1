"""Which of llama.cpp's built-in graphs computes a model of ours, and how its weights are laid out there.

llama.cpp runs only architectures it knows by name, so a shape is matched to the one whose
arithmetic is the same; some parts can be expressed through another (fixed positions as learned
ones, absent biases as zeros). What no graph computes is refused, naming the part.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from core.export.refusal import Refusal, refuse_unknown_parts
from core.spec.model import ModelSpec

NO_ROTATION = 1e30  # divides RoPE's angles down to nothing


class Graph(msgspec.Struct, frozen=True):
    """How one architecture of llama.cpp lays out its weights."""

    name: str
    fused_qkv: bool = False  # query, key and value rows in one matrix
    biases: bool = False  # every linear layer and norm has one; zeros where ours has none
    permuted: bool = False  # RoPE turns neighbours instead of halves, so rows change places
    own_head: bool = False  # the output matrix must be there even when it is the embedding again
    scaled_embedding: bool = False  # the graph multiplies the embedding by sqrt(d_model)


GPT2 = Graph("gpt2", fused_qkv=True, biases=True)
STARCODER = Graph("starcoder", fused_qkv=True, biases=True)
STARCODER2 = Graph("starcoder2", biases=True)
STABLELM = Graph("stablelm", own_head=True)
LLAMA = Graph("llama", permuted=True)
GEMMA = Graph("gemma", scaled_embedding=True)


def choose_graph(spec: ModelSpec) -> Graph:
    """The architecture that computes this shape.

    Raises:
        Refusal: none does; names the part, offers ONNX.
    """
    refuse_unknown_parts(spec)
    plain_gelu = spec.activation in ("gelu", "gelu_tanh")
    even_heads = spec.head * spec.n_heads == spec.d_model
    if not plain_gelu and not spec.gated:
        raise _refusal("the activation {value} without a gate", spec.activation)
    if spec.norm == "rms_norm":
        return _choose_rms(spec)
    if plain_gelu and not even_heads or spec.activation == "swiglu" and not even_heads:
        raise _refusal("LayerNorm with a head size of its own ({value})", str(spec.head))
    if plain_gelu and spec.position == "rope":
        return STARCODER2
    if plain_gelu:
        return GPT2 if spec.kv == spec.n_heads else STARCODER
    if spec.activation == "swiglu" and spec.position == "rope" and not spec.bias:
        return STABLELM
    raise _refusal("LayerNorm together with {value}", _words(spec))


def _choose_rms(spec: ModelSpec) -> Graph:
    if spec.activation == "swiglu" and spec.position in ("rope", "none") and spec.head % 2 == 0:
        return LLAMA
    if spec.activation == "geglu" and spec.position == "rope" and spec.tied_head and not spec.bias:
        return GEMMA
    raise _refusal("RMSNorm together with {value}", _words(spec))


def _words(spec: ModelSpec) -> str:
    parts = [spec.activation, f"{spec.position} positions", "biases" if spec.bias else "no biases"]
    return ", ".join([*parts, "a tied head" if spec.tied_head else "a head of its own"])


def _refusal(part: str, value: str) -> Refusal:
    return Refusal(
        "llama.cpp has no graph for " + part + ", so this model cannot become a GGUF.", "",
        "Export it to ONNX, which computes every shape.", value=value)


def metadata(graph: Graph, spec: ModelSpec) -> dict[str, int | float | str]:
    """The architecture's own keys: sizes, epsilon, RoPE."""
    name = graph.name
    epsilon = "layer_norm_rms_epsilon" if spec.norm == "rms_norm" else "layer_norm_epsilon"
    found = {
        f"{name}.context_length": spec.context,
        f"{name}.embedding_length": spec.d_model,
        f"{name}.block_count": spec.n_layers,
        f"{name}.feed_forward_length": spec.ff,
        f"{name}.attention.head_count": spec.n_heads,
        f"{name}.attention.head_count_kv": spec.kv,
        f"{name}.attention.key_length": spec.head,
        f"{name}.attention.value_length": spec.head,
        f"{name}.attention.{epsilon}": spec.norm_eps,
        f"{name}.vocab_size": spec.vocab_size,
    }
    if graph not in (GPT2, STARCODER):
        found |= {f"{name}.rope.dimension_count": spec.head, f"{name}.rope.freq_base": spec.rope_theta}
    return found


def tensors(graph: Graph, spec: ModelSpec, weights: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """llama.cpp's names and float32 arrays, made from ours."""
    embed = weights["embed.weight"]
    scale = np.float32(spec.d_model**0.5) if graph.scaled_embedding else np.float32(1)
    yield "token_embd.weight", embed / scale
    if graph in (GPT2, STARCODER):
        yield "position_embd.weight", _position_rows(spec, weights)
    elif spec.position == "none":
        yield "rope_freqs.weight", np.full(spec.head // 2, NO_ROTATION, np.float32)
    yield "output_norm.weight", weights["final_norm.weight"] * scale  # undoes the division for the tied head
    if graph.biases or "final_norm.bias" in weights or spec.norm == "layer_norm":
        yield "output_norm.bias", weights.get("final_norm.bias", np.zeros(spec.d_model, np.float32))
    if not spec.tied_head or graph.own_head:
        yield "output.weight", weights["head.weight"] if not spec.tied_head else embed
    for layer in range(spec.n_layers):
        for name, array in _block(graph, spec, weights, f"blocks.{layer}."):
            yield f"blk.{layer}.{name}", array


def _position_rows(spec: ModelSpec, weights: dict[str, np.ndarray]) -> np.ndarray:
    if spec.position == "learned":
        return weights["positions.weight"][: spec.context]  # llama.cpp wants a row for each place, and no more
    if spec.position == "sinusoidal":
        from core.model.positions import sinusoidal_table  # imports torch, which choosing a graph does not need

        return sinusoidal_table(spec.context, spec.d_model).numpy()
    return np.zeros((spec.context, spec.d_model), np.float32)


def _block(graph: Graph, spec: ModelSpec, weights: dict[str, np.ndarray], prefix: str):
    """One block's tensors; ours is named on the right, theirs on the left."""
    def bias_of(name: str, width: int) -> np.ndarray | None:
        found = weights.get(f"{prefix}{name}.bias")
        return np.zeros(width, np.float32) if found is None and graph.biases else found

    for theirs, ours in (("attn_norm", "attn_norm"), ("ffn_norm", "ff_norm")):
        yield f"{theirs}.weight", weights[f"{prefix}{ours}.weight"]
        bias = bias_of(ours, spec.d_model)
        if bias is None and spec.norm == "layer_norm":
            bias = np.zeros(spec.d_model, np.float32)
        if bias is not None:
            yield f"{theirs}.bias", bias
    linear = {"attn_output": "attn.o", "ffn_up": "ff.up", "ffn_down": "ff.down"}
    linear |= {"ffn_gate": "ff.gate"} if spec.gated else {}
    rows = {name: weights[f"{prefix}attn.{name}.weight"] for name in "qkv"}
    biases = {name: bias_of(f"attn.{name}", rows[name].shape[0]) for name in "qkv"}
    if graph.permuted:
        for name, heads in (("q", spec.n_heads), ("k", spec.kv)):
            rows[name] = interleave(rows[name], heads)
            biases[name] = None if biases[name] is None else interleave(biases[name], heads)
    if graph.fused_qkv:
        yield "attn_qkv.weight", np.concatenate([rows["q"], rows["k"], rows["v"]])
        yield "attn_qkv.bias", np.concatenate([biases["q"], biases["k"], biases["v"]])
    else:
        for name in "qkv":
            yield f"attn_{name}.weight", rows[name]
            if biases[name] is not None:
                yield f"attn_{name}.bias", biases[name]
    for theirs, ours in linear.items():
        matrix = weights[f"{prefix}{ours}.weight"]
        yield f"{theirs}.weight", matrix
        bias = bias_of(ours, matrix.shape[0])
        if bias is not None:
            yield f"{theirs}.bias", bias


def interleave(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of half-split RoPE in the order that turns neighbours: (0, d/2, 1, d/2 + 1, ...) in every head."""
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
