"""A GGUF's weights unpacked into a model of our own, to look into: of the Llama and GPT-2 shapes, whatever the type."""

from pathlib import Path

import numpy as np
import torch

from core.errors import LabError
from core.infer.gguf_header import Header, Tensor, read_header
from core.model.decoder import Decoder
from core.spec.model import ModelSpec

MOST_PARAMETERS = 1_000_000_000  # 4 GB once they are float32
LONGEST = 4096  # places; a foreign model may have been trained on far more than one looks at
# What a file may say of itself; another key may mean arithmetic that is not ours.
KNOWN = {
    "context_length", "embedding_length", "block_count", "feed_forward_length", "vocab_size", "rope.dimension_count",
    "rope.freq_base", *(f"attention.{name}" for name in (
        "head_count", "head_count_kv", "key_length", "value_length", "layer_norm_rms_epsilon", "layer_norm_epsilon")),
}  # fmt: skip
NAMES = {
    "token_embd": "embed", "position_embd": "positions", "output_norm": "final_norm", "output": "head",
    "attn_norm": "attn_norm", "ffn_norm": "ff_norm", "attn_q": "attn.q", "attn_k": "attn.k", "attn_v": "attn.v",
    "attn_output": "attn.o", "ffn_up": "ff.up", "ffn_gate": "ff.gate", "ffn_down": "ff.down",
}  # fmt: skip


def open_decoder(path: Path) -> Decoder:
    """The model of a GGUF file in float32, in eval mode.

    Raises:
        LabError: its design is not one that our parts compute as llama.cpp does, or it is too large to unpack.
    """
    header = read_header(path)
    if sum(int(np.prod(tensor.shape)) for tensor in header.tensors) > MOST_PARAMETERS:
        raise LabError(
            "{name} is too large to be unpacked for a look inside.", "", "Look into a smaller model.",
            name=Path(path).stem)  # fmt: skip
    try:
        model = Decoder(_spec(header)).eval()
        weights = {}
        for tensor in header.tensors:
            weights |= _named(tensor.name, read_tensor(path, tensor), model.spec)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except (KeyError, ValueError, TypeError, RuntimeError, ZeroDivisionError, LabError) as error:
        raise LabError(
            "{name} is a {kind} file of a design that can be answered, but not looked into here.", "",
            "Open a GGUF of the Llama or GPT-2 design, or a run.", name=Path(path).stem,
            kind=str(header.metadata.get("general.architecture"))) from error  # fmt: skip
    return model


def read_tensor(path: Path, tensor: Tensor) -> np.ndarray:
    """One tensor of a file as float32, the fastest axis last, whatever it is quantized to."""
    from gguf import GGMLQuantizationType
    from gguf.quants import dequantize

    with open(path, "rb") as file:
        file.seek(tensor.begin)
        data = np.frombuffer(file.read(tensor.size), np.uint8)
    rows = tensor.shape[:0:-1]  # of all axes but the fastest
    plain = {"F32": np.float32, "F16": np.float16}.get(tensor.type)
    if plain is not None:
        return data.view(plain).reshape(*rows, -1).astype(np.float32)
    return dequantize(data.reshape(*rows, -1), GGMLQuantizationType[tensor.type]).astype(np.float32)


def _spec(header: Header) -> ModelSpec:
    """The shape that a file's head describes.

    Raises:
        ValueError, KeyError: it is none of ours.
    """
    about, tensors = header.metadata, {tensor.name: tensor for tensor in header.tensors}
    kind = about["general.architecture"]
    own = {key.removeprefix(f"{kind}."): value for key, value in about.items() if key.startswith(f"{kind}.")}
    if kind not in ("llama", "gpt2") or not set(own) <= KNOWN or "rope_freqs.weight" in tensors:
        raise ValueError("another design")
    d_model, heads = own["embedding_length"], own["attention.head_count"]
    size, llama = own.get("attention.key_length", d_model // heads), kind == "llama"
    if own.get("attention.value_length", size) != size or own.get("rope.dimension_count", size) != size:
        raise ValueError("heads of another shape")
    return ModelSpec(
        d_model=d_model, n_layers=own["block_count"], n_heads=heads, head_size=size,
        kv_heads=own.get("attention.head_count_kv", heads), d_ff=own["feed_forward_length"],
        vocab_size=tensors["token_embd.weight"].shape[1], context=min(own["context_length"], LONGEST),
        n_positions=0 if llama else tensors["position_embd.weight"].shape[1],
        norm="rms_norm" if llama else "layer_norm", position="rope" if llama else "learned",
        norm_eps=own["attention.layer_norm_rms_epsilon" if llama else "attention.layer_norm_epsilon"],
        rope_theta=own.get("rope.freq_base", 10000.0), rope_pairs="interleaved" if llama else "half",
        activation="swiglu" if llama else "gelu_tanh", bias="blk.0.ffn_up.bias" in tensors,
        tied_head="output.weight" not in tensors)  # fmt: skip


def _named(name: str, array: np.ndarray, spec: ModelSpec) -> dict[str, np.ndarray]:
    """A tensor under our name for it; GPT-2's one matrix for queries, keys and values becomes three."""
    stem, _, kind = name.rpartition(".")
    block, part = "", stem
    if stem.startswith("blk."):
        _, number, part = stem.split(".")
        block = f"blocks.{number}."
    if part == "attn_qkv":
        wide, narrow = spec.n_heads * spec.head, spec.kv * spec.head
        parts = np.split(array, [wide, wide + narrow])
        return {f"{block}attn.{ours}.{kind}": np.ascontiguousarray(p) for ours, p in zip("qkv", parts)}
    return {f"{block}{NAMES[part]}.{kind}": array}
