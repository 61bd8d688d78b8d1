"""Write a trained model as one GGUF file that llama.cpp, Ollama and their kin can run."""

import errno
import json
import os
from pathlib import Path

import numpy as np

from core.export import gguf_graph
from core.export.gguf_tokenizer import END, GgufTokenizer, convert
from core.export.refusal import Refusal
from core.model.decoder import Decoder
from core.record.atomic import TEMPORARY, commit_file, disk_error

LARGEST_HALF = 65504.0


def write_gguf(path: Path, decoder: Decoder, tokenizer_json: Path, type: str, name: str, description: str) -> None:
    """Write weights, tokenizer and metadata as F32 or F16.

    Args:
        path: the file; it appears whole or not at all.
        decoder: the trained model.
        tokenizer_json: the run's tokenizer.json.
        type: "f32" or "f16" (matrices only; norms, biases and positions stay F32).
        name: the model's name.
        description: one sentence that says where it comes from.
    Raises:
        Refusal: llama.cpp has no graph or tokenizer for it, or a weight does not fit F16.
        LabError: the disk is full.
    """
    import gguf

    spec = decoder.spec
    graph = gguf_graph.choose_graph(spec)
    tokenizer = convert(json.loads(Path(tokenizer_json).read_text("utf-8")), spec.vocab_size)
    weights = {key: value.detach().float().cpu().numpy() for key, value in decoder.state_dict().items()}
    path = Path(path)
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    writer = gguf.GGUFWriter(temporary, graph.name)
    try:
        writer.add_name(name)
        writer.add_description(description)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if type == "f16" else gguf.LlamaFileType.ALL_F32)
        for key, value in gguf_graph.metadata(graph, spec).items():
            (writer.add_uint32 if isinstance(value, int) else writer.add_float32)(key, value)
        _add_tokenizer(writer, tokenizer)
        for key, array in gguf_graph.tensors(graph, spec, weights):
            writer.add_tensor(key, _stored(key, array, type))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        commit_file(temporary, path)
    except OSError as error:
        full = OSError(errno.ENOSPC, str(error)) if error.errno is None else error  # numpy's short write has no number
        raise disk_error(full, path) from error
    finally:
        _close_quietly(writer)
        temporary.unlink(missing_ok=True)


def _stored(name: str, array: np.ndarray, type: str) -> np.ndarray:
    array = np.ascontiguousarray(array, np.float32)
    if type == "f32" or array.ndim < 2 or name.startswith("position_embd"):
        return array
    largest = float(np.abs(array).max())
    if not largest <= LARGEST_HALF:
        raise Refusal(
            "A weight of {largest} in {tensor} does not fit half precision.", "", "Export F32 instead.",
            largest=f"{largest:.3g}", tensor=name)
    return array.astype(np.float16)


def _add_tokenizer(writer, tokenizer: GgufTokenizer) -> None:
    writer.add_tokenizer_model(tokenizer.model)
    writer.add_tokenizer_pre("gpt-2" if tokenizer.model == "gpt2" else "default")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_types(tokenizer.types)
    if tokenizer.merges:
        writer.add_token_merges(tokenizer.merges)
    if tokenizer.scores:
        writer.add_token_scores(tokenizer.scores)
    if tokenizer.unknown is not None:
        writer.add_unk_token_id(tokenizer.unknown)
    writer.add_bos_token_id(END)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    if tokenizer.model == "t5":
        writer.add_remove_extra_whitespaces(False)
    if tokenizer.model == "bert":
        writer.add_sep_token_id(END)
        writer.add_bool("tokenizer.ggml.normalizer.lowercase", tokenizer.lowercase)
        writer.add_bool("tokenizer.ggml.normalizer.strip_accents", tokenizer.strip_accents)


def _close_quietly(writer) -> None:
    """Let go of the file even when its last bytes can't be written, so that it can be removed."""
    try:
        writer.close()
    except OSError:
        pass
