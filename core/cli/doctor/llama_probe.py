"""A process of its own: write a tiny quantized model, load it in llama.cpp, evaluate a few tokens."""

import json
import tempfile
from pathlib import Path

import numpy as np

WIDTH, HIDDEN, VOCABULARY = 64, 128, 96  # multiples of 32: what the matrix instructions take


def write_model(path: Path) -> None:
    """A random one-layer model in LLaMA's shape, its matrices as Q8_0."""
    import gguf

    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(32)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // 2)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(f"t{number}" for number in range(3, VOCABULARY))])
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([2, 3, 3] + [1] * (VOCABULARY - 3))
    random = np.random.default_rng(0)
    kind = gguf.GGMLQuantizationType.Q8_0
    for name, rows, columns in _matrices():
        weights = (random.standard_normal((rows, columns)) * 0.05).astype(np.float32)
        writer.add_tensor(name, gguf.quants.quantize(weights, kind), raw_dtype=kind)
    for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"):
        writer.add_tensor(name, np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _matrices() -> list[tuple[str, int, int]]:
    square = [(f"blk.0.attn_{part}.weight", WIDTH, WIDTH) for part in ("q", "k", "v", "output")]
    return [
        ("token_embd.weight", VOCABULARY, WIDTH), ("output.weight", VOCABULARY, WIDTH), *square,
        ("blk.0.ffn_gate.weight", HIDDEN, WIDTH), ("blk.0.ffn_up.weight", HIDDEN, WIDTH),
        ("blk.0.ffn_down.weight", WIDTH, HIDDEN),
    ]  # fmt: skip


def main() -> None:
    """Print what llama.cpp can do here, or die of it."""
    import llama_cpp

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        write_model(path)
        model = llama_cpp.Llama(str(path), n_ctx=32, n_threads=1, verbose=False)
        model.eval([1, *range(3, 19)])
        model.close()
    gpu = bool(llama_cpp.llama_supports_gpu_offload())
    print(json.dumps({"evaluated": True, "version": llama_cpp.__version__, "gpu": gpu}))


if __name__ == "__main__":
    main()
