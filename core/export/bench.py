"""Tokens a second of our decoder, of llama.cpp and of transformers: ``python main.py bench decode``.

All three have the same weights, ours and llama.cpp the same file. They take turns, so that whatever else the machine
does slows all alike; medians are compared. Every one picks the likeliest token each time.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import save_file

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.quantize import quantize
from core.infer.gguf import ROOT, LlamaProcess
from core.infer.gguf_header import read_header
from core.infer.gguf_weights import open_weights, plan
from core.kernels import decode
from core.kernels.decode import DecodeModel
from core.model.decoder import Decoder, initialise
from core.spec.base import build
from core.spec.model import ModelSpec

Say = Callable[[str], None]

SIZES = {
    "10 M": {"n_layers": 6, "d_model": 320, "n_heads": 5, "d_ff": 864, "vocab_size": 8192},
    "124 M": {"n_layers": 14, "d_model": 768, "n_heads": 12, "d_ff": 2048, "vocab_size": 32000},
}
TYPES = {"f16": "F16", "q8_0": "Q8_0", "q4_0": "Q4_0"}
RIVAL_PYTHON = "COLDFRAME_RIVAL_PYTHON"  # the environment's name for a Python whose llama_cpp is the rival
PROMPT, CONTEXT, LEAST_ROUNDS = list(range(1, 17)), 256, 3
STEPS = {"10 M": 64, "124 M": 24}  # tokens of one turn
_NAMES = {"attn_norm": "input_layernorm", "ff_norm": "post_attention_layernorm", "attn.q": "self_attn.q_proj",
          "attn.k": "self_attn.k_proj", "attn.v": "self_attn.v_proj", "attn.o": "self_attn.o_proj",
          "ff.up": "mlp.up_proj", "ff.gate": "mlp.gate_proj", "ff.down": "mlp.down_proj",
          "embed": "model.embed_tokens", "final_norm": "model.norm"}  # ours -> transformers'


def bench_decode(threads: tuple[int, ...], seconds: float, sizes: list[str],
                 say: Say = lambda said: None) -> list[dict]:  # fmt: skip
    """Time every size and number format at every number of threads.

    Args:
        threads: thread counts to measure; ours and the rivals get the same.
        seconds: about how long all of it may take.
        sizes: some of SIZES.
        say: is told what is measured now.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}: medians of tokens/s; ratio = ours / rival; spread =
        the ratio's own quartiles [low, high] over the rounds.
    Raises:
        LabError: our kernels were not built, or llama.cpp or transformers is not installed.
    """
    if not decode.built():
        raise LabError("The C++ kernels have not been built.", "core/kernels/cpu",
                       'Install a C++ compiler and run "python -m core.kernels.build".')
    share = seconds / (len(sizes) * len(threads) * (len(TYPES) + 1))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            files = make_files(Path(folder), size)
            for count in threads:
                label = f"{count} thread{'s' if count > 1 else ''}"
                for type, name in TYPES.items():
                    say(f"{size}, {name}, {label}")
                    rows.append({"name": f"{size}, {name}, {label}", **_against_llama(
                        files[type], size, count, share)})
                say(f"{size}, transformers, {label}")
                rows.append({"name": f"{size}, F16, {label}", **_against_transformers(
                    files, size, count, share)})
    return rows


def make_files(folder: Path, size: str) -> dict[str, Path]:
    """One random model in every format, by our own exporter and llama.cpp's quantizer, and for transformers."""
    spec = build(ModelSpec, SIZES[size] | {"context": CONTEXT})
    decoder = Decoder(spec)
    initialise(decoder, 0)
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(json.dumps(_made_up_tokenizer(spec.vocab_size)))
    files = {type: folder / f"{size}-{type}.gguf" for type in TYPES}
    write_gguf(files["f16"], decoder, tokenizer, "f16", size, "random weights")
    for type in TYPES:
        if type != "f16":
            quantize(files["f16"], files[type], type)
    files["weights"], files["config"] = folder / f"{size}.safetensors", folder / f"{size}.json"
    save_file({_theirs(name): value.half().float().contiguous() for name, value in decoder.state_dict().items()
               if name != "head.weight"}, files["weights"])
    files["config"].write_text(json.dumps({
        "hidden_size": spec.d_model, "num_hidden_layers": spec.n_layers, "num_attention_heads": spec.n_heads,
        "num_key_value_heads": spec.kv, "head_dim": spec.head, "intermediate_size": spec.ff,
        "vocab_size": spec.vocab_size, "max_position_embeddings": spec.context, "rms_norm_eps": spec.norm_eps,
        "tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": spec.rope_theta}}))
    return files


def _theirs(name: str) -> str:
    place, kind = name.rsplit(".", 1)
    if place.startswith("blocks."):
        _, layer, part = place.split(".", 2)
        return f"model.layers.{layer}.{_NAMES[part]}.{kind}"
    return f"{_NAMES[place]}.{kind}"


def _made_up_tokenizer(vocab_size: int) -> dict:
    """A byte-level BPE of so many tokens: all bytes, then pairs of them."""
    from tokenizers.pre_tokenizers import ByteLevel

    letters = sorted(ByteLevel.alphabet())
    merges = [(a, b) for a in letters for b in letters][: vocab_size - 1 - len(letters)]
    tokens = ["<|endoftext|>", *letters, *("".join(pair) for pair in merges)]
    return {
        "version": "1.0", "model": {"type": "BPE", "vocab": {token: id for id, token in enumerate(tokens)},
                                    "merges": merges},
        "added_tokens": [{"id": 0, "content": tokens[0], "special": True, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}}


def _ours(path: Path, threads: int) -> DecodeModel:
    return open_weights(path, plan(read_header(path)), CONTEXT, threads=threads)


def _time_steps(model: DecodeModel, count: int) -> float:
    model.forget()
    next_id = int(model.read(PROMPT)[0].argmax())
    begin = time.perf_counter()
    for _ in range(count):
        next_id = int(model.read([next_id])[0].argmax())
    return time.perf_counter() - begin


def _against_llama(path: Path, size: str, threads: int, seconds: float) -> dict:
    model, count = _ours(path, threads), STEPS[size]
    with LlamaProcess(os.environ.get(RIVAL_PYTHON) or sys.executable) as llama:
        llama.call("load", path=str(path), n_ctx=CONTEXT, threads=threads)
        built_for = llama.call("system")

        def theirs() -> float:
            return llama.call("time_steps", ids=PROMPT, count=count)

        return _duel(lambda: _time_steps(model, count), theirs, count, seconds, f"llama.cpp ({_sets(built_for)})")


def _sets(system: str) -> str:
    """The instruction sets among what llama.cpp says it was built for ("AVX2 = 1 | AVX512 = 1 | ...")."""
    on = [part.split("=")[0].split(":")[-1].strip() for part in system.split("|") if part.strip().endswith("= 1")]
    return ", ".join(name for name in on if name.startswith(("AVX", "AMX", "NEON", "FMA"))) or "plain"


def _against_transformers(files: dict[str, Path], size: str, threads: int, seconds: float) -> dict:
    model, count = _ours(files["f16"], threads), STEPS[size]
    command = [sys.executable, "-m", "core.export.transformers_child", str(files["weights"]),
               files["config"].read_text(), str(threads)]
    with tempfile.TemporaryFile() as complaints, subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, text=True) as rival:
        def ask(line: str = "") -> str:
            try:
                if line:
                    print(line, file=rival.stdin, flush=True)
                answer = rival.stdout.readline().strip()
            except OSError:
                answer = ""
            if not answer:
                complaints.seek(0)
                said = complaints.read()[-300:].decode("utf-8", "replace").strip()
                raise LabError("transformers cannot be measured: {said}", "",
                               "Run: pip install -r requirements-dev.txt", said=said)
            return answer

        kind = ask()
        return _duel(lambda: _time_steps(model, count), lambda: float(ask(f"{len(PROMPT)} {count}")), count, seconds,
                     f"transformers ({kind})")


def _duel(ours: Callable[[], float], theirs: Callable[[], float], count: int, seconds: float, name: str) -> dict:
    """Let the two take turns for about ``seconds`` (at least three rounds each) and compare their medians."""
    ours(), theirs()
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_ROUNDS or time.perf_counter() < end:
        times.append((ours(), theirs()))
    mine, other = (count / statistics.median(column) for column in zip(*times, strict=True))
    low, _, high = statistics.quantiles([b / a for a, b in times], n=4)
    return {"unit": "tokens/s", "ours": round(mine, 1), "rival": round(other, 1), "rival_name": name,
            "ratio": round(mine / other, 3), "spread": [round(low, 3), round(high, 3)]}
