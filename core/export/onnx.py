"""Write a trained model as one ONNX file that answers alone: weights, tokenizer and spec inside.

The graph is written node by node rather than traced: the same file takes a whole text
(``ids`` alone) or one more token behind a cache (``past_key``, ``past_value``), for any batch and length.
"""

import os
from pathlib import Path

import msgspec
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core.export.refusal import Refusal, refuse_unknown_parts
from core.model.decoder import Decoder
from core.record.atomic import TEMPORARY, commit_file, disk_error
from core.spec.model import ModelSpec

OPSET = 18
LARGEST_BYTES = 2_000_000_000  # a protobuf message holds at most 2 GiB
SPEC_KEY, TOKENIZER_KEY = "coldframe.spec", "coldframe.tokenizer"


class _Graph:
    """Nodes and weights under construction; each method adds one operation and returns its output's name."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.weights: list = []
        self._constants: dict[tuple, str] = {}
        self._count = 0

    def op(self, kind: str, *inputs: str, outputs: int = 1, name: str = "", **attributes):
        self._count += 1
        stem = name or f"{kind.lower()}_{self._count}"
        names = [stem] if outputs == 1 else [f"{stem}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}_{self._count}", **attributes))
        return names[0] if outputs == 1 else names

    def weight(self, name: str, array: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.require(array, requirements="C"), name))
        return name

    def ints(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def int(self, value: int) -> str:
        return self._constant(np.array(value, np.int64))

    def real(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _constant(self, array: np.ndarray) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self.weight(f"constant_{len(self._constants)}", array)
        return self._constants[key]


def write_onnx(path: Path, decoder: Decoder, tokenizer_json: Path, name: str, description: str) -> None:
    """Write the model as float32 ONNX.

    Inputs: ``ids`` (B, T) int64; optional ``past_key`` and ``past_value`` (layers, B, KV, P, head).
    Outputs: ``logits`` (B, T, V); ``present_key`` and ``present_value`` (layers, B, KV, P + T, head).

    Raises:
        Refusal: larger than one ONNX file can be.
        LabError: the disk is full.
    """
    spec, path = decoder.spec, Path(path)
    refuse_unknown_parts(spec)
    if sum(p.numel() for p in decoder.parameters()) * 4 > LARGEST_BYTES:
        raise Refusal(
            "This model is larger than the 2 GB that one ONNX file holds.", "", "Export it to GGUF.")
    model = build(decoder, name, description)
    helper.set_model_props(model, {
        SPEC_KEY: msgspec.json.encode(spec).decode(), TOKENIZER_KEY: Path(tokenizer_json).read_text("utf-8")})
    onnx.checker.check_model(model, full_check=True)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        temporary.write_bytes(model.SerializeToString())
        commit_file(temporary, path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def build(decoder: Decoder, name: str, description: str) -> onnx.ModelProto:
    """The model as an ONNX graph, no metadata yet."""
    spec, graph = decoder.spec, _Graph()
    weights = {key: value.detach().float().cpu().numpy() for key, value in decoder.state_dict().items()}
    weights |= {key: value.float().cpu().numpy() for key, value in decoder.named_buffers() if value is not None}
    no_past = np.zeros((spec.n_layers, 1, spec.kv, 0, spec.head), np.float32)
    graph.weight("past_key", no_past)  # defaults of the two optional inputs
    graph.weight("past_value", no_past)
    _forward(graph, spec, weights)
    past = [spec.n_layers, "past_batch", spec.kv, "past", spec.head]
    present = [spec.n_layers, "batch", spec.kv, "total", spec.head]
    info = helper.make_tensor_value_info
    inputs = [info("ids", TensorProto.INT64, ["batch", "length"])]
    inputs += [info(key, TensorProto.FLOAT, past) for key in ("past_key", "past_value")]
    outputs = [info("logits", TensorProto.FLOAT, ["batch", "length", spec.vocab_size])]
    outputs += [info(key, TensorProto.FLOAT, present) for key in ("present_key", "present_value")]
    body = helper.make_graph(graph.nodes, name, inputs, outputs, graph.weights, doc_string=description)
    return helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9, producer_name="Coldframe")


def _forward(graph: _Graph, spec: ModelSpec, weights: dict) -> None:
    """ids to logits, and the cache on its way through."""
    places, mask = _places(graph)
    embedding = graph.weight("embed.weight", weights["embed.weight"])
    x = graph.op("Gather", embedding, "ids")  # (B, T, D)
    table = weights.get("positions.weight", weights.get("fixed_positions"))
    if table is not None:
        x = graph.op("Add", x, graph.op("Gather", graph.weight("positions", table), places))
    angles = None
    if "cos" in weights:
        # One angle turns two features, each in its half of the head.
        both = {key: np.concatenate([weights[key]] * 2, axis=-1) for key in ("cos", "sin")}
        angles = [graph.op("Gather", graph.weight(key, table), places) for key, table in both.items()]  # (T, head)
    batch = graph.op("Shape", "ids", start=0, end=1)
    one = graph.ints(1)
    rows = graph.op("Concat", batch, one, one, one, axis=0)
    keys, values = [], []
    for layer in range(spec.n_layers):
        past = [_past(graph, key, layer, rows) for key in ("past_key", "past_value")]
        x, key, value = _block(graph, spec, weights, f"blocks.{layer}.", x, angles, mask, past)
        keys.append(key)
        values.append(value)
    for name, parts in (("present_key", keys), ("present_value", values)):
        stacked = [graph.op("Unsqueeze", part, graph.ints(0)) for part in parts]
        graph.op("Concat", *stacked, axis=0, name=name)
    x = _norm(graph, spec, weights, "final_norm", x)
    if spec.tied_head:
        graph.op("MatMul", x, graph.op("Transpose", embedding, perm=[1, 0]), name="logits")
    else:
        graph.op("MatMul", x, graph.weight("head.weight", weights["head.weight"].T), name="logits")


def _places(graph: _Graph) -> tuple[str, str]:
    """Where the new tokens stand, (T,), and what each may look at: 0 or minus infinity, (T, P + T)."""
    past = graph.op("Squeeze", graph.op("Shape", "past_key", start=3, end=4), graph.ints(0))
    length = graph.op("Squeeze", graph.op("Shape", "ids", start=1, end=2), graph.ints(0))
    total = graph.op("Add", past, length)
    places = graph.op("Range", past, total, graph.int(1))
    seen = graph.op("Range", graph.int(0), total, graph.int(1))
    allowed = graph.op("LessOrEqual", graph.op("Unsqueeze", seen, graph.ints(0)),
                       graph.op("Unsqueeze", places, graph.ints(1)))
    return places, graph.op("Where", allowed, graph.real(0.0), graph.real(-np.inf))


def _past(graph: _Graph, name: str, layer: int, rows: str) -> str:
    """One layer's cache (B, KV, P, head); an absent one is empty for every row of the batch."""
    return graph.op("Expand", graph.op("Gather", name, graph.int(layer), axis=0), rows)


def _block(graph: _Graph, spec: ModelSpec, weights: dict, prefix: str, x: str, angles, mask: str, past: list[str]):
    normed = _norm(graph, spec, weights, f"{prefix}attn_norm", x)
    out, key, value = _attention(graph, spec, weights, f"{prefix}attn.", normed, angles, mask, past)
    x = graph.op("Add", x, out)
    normed = _norm(graph, spec, weights, f"{prefix}ff_norm", x)
    return graph.op("Add", x, _feed_forward(graph, spec, weights, f"{prefix}ff.", normed)), key, value


def _linear(graph: _Graph, weights: dict, name: str, x: str) -> str:
    out = graph.op("MatMul", x, graph.weight(f"{name}.weight", weights[f"{name}.weight"].T))
    bias = weights.get(f"{name}.bias")
    return out if bias is None else graph.op("Add", out, graph.weight(f"{name}.bias", bias))


def _norm(graph: _Graph, spec: ModelSpec, weights: dict, name: str, x: str) -> str:
    scale = graph.weight(f"{name}.weight", weights[f"{name}.weight"])
    if spec.norm == "layer_norm":
        bias = [graph.weight(f"{name}.bias", weights[f"{name}.bias"])] if f"{name}.bias" in weights else []
        return graph.op("LayerNormalization", x, scale, *bias, axis=-1, epsilon=spec.norm_eps)
    mean = graph.op("ReduceMean", graph.op("Mul", x, x), graph.ints(-1), keepdims=1)
    size = graph.op("Sqrt", graph.op("Add", mean, graph.real(spec.norm_eps)))
    return graph.op("Mul", graph.op("Div", x, size), scale)


def _heads(graph: _Graph, x: str, heads: int, size: int) -> str:
    """(B, T, heads * size) -> (B, heads, T, size)."""
    return graph.op("Transpose", graph.op("Reshape", x, graph.ints(0, 0, heads, size)), perm=[0, 2, 1, 3])


def _rotate(graph: _Graph, x: str, angles: list[str]) -> str:
    first, second = graph.op("Split", x, axis=-1, num_outputs=2, outputs=2)
    turned = graph.op("Concat", graph.op("Neg", second), first, axis=-1)
    return graph.op("Add", graph.op("Mul", x, angles[0]), graph.op("Mul", turned, angles[1]))


def _attention(graph: _Graph, spec: ModelSpec, weights: dict, prefix: str, x: str, angles, mask: str, past: list[str]):
    """Grouped query heads share a key/value head by broadcasting: (B, KV, H/KV, T, head)."""
    query, key, value = (
        _heads(graph, _linear(graph, weights, f"{prefix}{name}", x), heads, spec.head)
        for name, heads in (("q", spec.n_heads), ("k", spec.kv), ("v", spec.kv)))
    if angles is not None:
        query, key = _rotate(graph, query, angles), _rotate(graph, key, angles)
    key, value = graph.op("Concat", past[0], key, axis=2), graph.op("Concat", past[1], value, axis=2)
    group = spec.n_heads // spec.kv
    if group > 1:
        query = graph.op("Reshape", query, graph.op("Concat", graph.ints(0, spec.kv, group), graph.op(
            "Concat", graph.op("Shape", x, start=1, end=2), graph.ints(spec.head), axis=0), axis=0))
        wide_key, wide_value = (graph.op("Unsqueeze", part, graph.ints(2)) for part in (key, value))
        flip = [0, 1, 2, 4, 3]
    else:
        wide_key, wide_value, flip = key, value, [0, 1, 3, 2]
    query = graph.op("Mul", query, graph.real(spec.head**-0.5))
    scores = graph.op("Add", graph.op("MatMul", query, graph.op("Transpose", wide_key, perm=flip)), mask)
    mixed = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), wide_value)
    if group > 1:
        mixed = graph.op("Reshape", mixed, graph.op("Concat", graph.ints(0, spec.n_heads), graph.op(
            "Concat", graph.op("Shape", x, start=1, end=2), graph.ints(spec.head), axis=0), axis=0))
    joined = graph.op("Reshape", graph.op("Transpose", mixed, perm=[0, 2, 1, 3]),
                      graph.ints(0, 0, spec.n_heads * spec.head))
    return _linear(graph, weights, f"{prefix}o", joined), key, value


def _feed_forward(graph: _Graph, spec: ModelSpec, weights: dict, prefix: str, x: str) -> str:
    up = _linear(graph, weights, f"{prefix}up", x)
    if spec.gated:
        gate = _activation(graph, {"swiglu": "silu", "geglu": "gelu"}[spec.activation],
                           _linear(graph, weights, f"{prefix}gate", x))
        up = graph.op("Mul", gate, up)
    else:
        up = _activation(graph, spec.activation, up)
    return _linear(graph, weights, f"{prefix}down", up)


def _activation(graph: _Graph, name: str, x: str) -> str:
    """GELU exact or in its tanh form, ReLU or SiLU, from primitive operations."""
    if name == "relu":
        return graph.op("Relu", x)
    if name == "silu":
        return graph.op("Mul", x, graph.op("Sigmoid", x))
    if name == "gelu":
        inner = graph.op("Erf", graph.op("Mul", x, graph.real(0.5**0.5)))
    else:
        cube = graph.op("Mul", graph.op("Mul", graph.op("Mul", x, x), x), graph.real(0.044715))
        inner = graph.op("Tanh", graph.op("Mul", graph.op("Add", x, cube), graph.real((2 / np.pi) ** 0.5)))
    return graph.op("Mul", graph.op("Mul", x, graph.real(0.5)), graph.op("Add", inner, graph.real(1.0)))
