"""Our CUDA kernels without a GPU: NVRTC compiles them, and compiled for the host they give what the reference gives.

On the host every thread of a grid is a fiber, and memory ends where a page begins that nobody may touch
(tests/cuda_on_host.h): a read past a buffer would end this process.
"""

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.kernels import decode_reference
from core.kernels.decode import BLOCK_BYTES, QUANTIZED, Shape, Stored
from core.kernels.gpu import driver, nvrtc, weights
from core.kernels.gpu.decode import GpuDecoder, open_decoder
from core.kernels.gpu.decode_torch import TorchDecoder
from core.kernels.gpu.weights import Weights, multiply_plain

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ROOT / "core" / "kernels" / "gpu"
TYPES = ["F32", "F16", "Q8_0", "Q4_0"]
VOCAB = 50
compiler = shutil.which("g++")
on_host = pytest.mark.skipif(sys.platform != "linux" or compiler is None, reason="the stand-in needs Linux and g++")


class OnHost(driver.Device):
    """The stand-in for a GPU: 3 multiprocessors, a block on each."""

    def compile(self, source: str) -> bytes:
        return b""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Makes the device that runs the kernels of a file."""
    folder, made = tmp_path_factory.mktemp("cuda"), {}

    def device(source: str) -> OnHost:
        if source not in made:
            library = folder / f"{source}.so"
            done = subprocess.run(
                [compiler, "-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-include",
                 str(ROOT / "tests" / "cuda_on_host.h"), "-x", "c++", str(KERNELS / source), "-o", str(library)],
                capture_output=True, text=True)  # fmt: skip
            assert done.returncode == 0, done.stderr[-2000:]
            made[source] = OnHost(ctypes.CDLL(str(library)))
        return made[source]

    return device


def stored(values, type: str) -> Stored:
    values = np.ascontiguousarray(values, np.float32)
    if type in QUANTIZED:
        raw = gguf.quants.quantize(values, gguf.GGMLQuantizationType[type])
    else:
        raw = values.astype({"F32": np.float32, "F16": np.float16}[type])
    return Stored(np.ascontiguousarray(raw).view(np.uint8).reshape(-1), type, values.shape)


def make_model(type: str, kv_heads=2, head=16, gpt2=False, tied=False, turning=None, ff=96, d=64) -> tuple[Shape, dict]:
    """A random model of 2 layers in GGUF's names; ``gpt2`` has positions, biases, LayerNorm and no gate."""
    random, heads = np.random.default_rng(0), 4
    linear = {"attn_q": (heads * head, d), "attn_k": (kv_heads * head, d), "attn_v": (kv_heads * head, d),
              "attn_output": (d, heads * head), "ffn_gate": (ff, d), "ffn_up": (ff, d), "ffn_down": (d, ff)}
    tensors = {"token_embd.weight": stored(random.normal(size=(VOCAB, d)), type)}
    if not tied:
        tensors["output.weight"] = stored(random.normal(size=(VOCAB, d)) / 8, type)
    if gpt2:
        tensors["position_embd.weight"] = stored(random.normal(size=(48, d)) / 3, "F32")
        del linear["ffn_gate"]
    for name in ["output_norm", *(f"blk.{n}.{name}" for n in (0, 1) for name in ("attn_norm", "ffn_norm"))]:
        tensors[f"{name}.weight"] = stored(1 + random.normal(size=d) / 5, "F32")
        if gpt2:
            tensors[f"{name}.bias"] = stored(random.normal(size=d) / 5, "F32")
    for n in (0, 1):
        for name, (rows, columns) in linear.items():
            tensors[f"blk.{n}.{name}.weight"] = stored(random.normal(size=(rows, columns)) / columns**0.5, type)
            if gpt2:
                tensors[f"blk.{n}.{name}.bias"] = stored(random.normal(size=rows) / 5, "F32")
    pairs = 0 if gpt2 else head // 2 if turning is None else turning
    turns = tuple(10000.0 ** (-2 * i / head) for i in range(pairs))
    return Shape(2, d, heads, kv_heads, head, ff, VOCAB, 1e-5, turns), tensors


SHAPES = {
    "llama": {}, "one kv head, tied, odd head": {"kv_heads": 1, "tied": True, "head": 40},
    "half of each head turns": {"turning": 3}, "gpt2": {"gpt2": True, "kv_heads": 4},
}  # fmt: skip
IDS = [7, 0, 49, 3, 3, 21, 8, 30, 11]


def difference(ours, reference) -> float:
    return float(np.abs(ours - reference).max() / np.abs(reference).max())


@pytest.mark.parametrize("architecture", ["sm_80", "sm_89", "sm_90"])
@pytest.mark.parametrize("source", sorted(path.name for path in KERNELS.glob("*.cu")))
def test_every_kernel_compiles_with_no_gpu_here(source, architecture):
    if nvrtc.library() is None:
        pytest.skip("NVIDIA's run-time compiler is not installed (pip install nvidia-cuda-nvrtc-cu12; Linux, Windows)")
    image = nvrtc.compile_source(source, architecture)
    assert image[:4] == b"\x7fELF" and architecture in nvrtc.architectures()


def test_what_the_compiler_refuses_is_said(monkeypatch, tmp_path):
    if nvrtc.library() is None:
        pytest.skip("NVIDIA's run-time compiler is not installed")
    (tmp_path / "wrong.cu").write_text("__global__ void f() { no_such_thing(); }")
    monkeypatch.setattr(nvrtc, "SOURCES", tmp_path)
    with pytest.raises(LabError, match="no_such_thing"):
        nvrtc.compile_source("wrong.cu", "sm_80")


@on_host
@pytest.mark.parametrize("type", TYPES)
def test_vectors_times_a_matrix_are_what_numpy_finds(host, type):
    random = np.random.default_rng(2)
    for rows, width in [(1, 32), (45, 96), (37, 1056)] if type in QUANTIZED else [(1, 1), (45, 31), (7, 131), (16, 96)]:
        matrix = stored(random.normal(size=(rows, width)), type)
        x = random.normal(size=(3, width)).astype(np.float32)
        expected = np.array([decode_reference.multiply(matrix, row.astype(np.float64)) for row in x])
        ours = Weights(matrix, host("gemv.cu"), threads=64).multiply(x)
        assert np.abs(ours - expected).max() < 1e-6 * np.abs(x).sum(1).max(), (rows, width)
        if type not in QUANTIZED:
            assert difference(multiply_plain(matrix, torch.from_numpy(x)).numpy(), expected) < 1e-5


@on_host
@pytest.mark.parametrize("type", QUANTIZED)
def test_the_largest_integers_come_through(host, type):
    lowest = np.int8(-128).tobytes() if type == "Q8_0" else b"\x00"  # -128, and -8 twice
    block = np.float16(1).tobytes() + lowest * (BLOCK_BYTES[type][1] - 2)
    matrix = Stored(np.frombuffer(block * 2 * 17, np.uint8), type, (17, 64))
    x = np.full((2, 64), 127, np.float32)
    x[1] = -x[1]
    x[1, :32] = 0  # a block of nothing
    weight = -128 if type == "Q8_0" else -8
    assert np.array_equal(Weights(matrix, host("gemv.cu"), threads=32).multiply(x)[:, ::16],
                          [[weight * 127 * 64.0] * 2, [-weight * 127 * 32.0] * 2])


@on_host
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("type", TYPES)
def test_a_fused_step_agrees_with_the_reference(host, type, shape):
    sizes, tensors = make_model(type, **SHAPES[shape])
    expected = decode_reference.decode(sizes, tensors, IDS)
    model = GpuDecoder(sizes, tensors, 16, "f32", host("decode.cu"), threads=64)
    found = model.read(IDS, "all")
    # In integers a value that lies between two of them may be rounded to the other one: a few logits, a little.
    apart = np.abs(found - expected) / np.abs(expected).max()
    assert np.median(apart) < 1e-6 and apart.max() < (1e-5 if type.startswith("F") else 2e-2)
    model.forget()
    assert np.array_equal(model.read(IDS[:4])[0], found[3]) and np.array_equal(model.read(IDS[4:6])[0], found[5])


@on_host
def test_a_cache_in_bfloat16_is_close_and_other_blocks_give_the_same(host):
    sizes, tensors = make_model("F16", head=6, ff=37, kv_heads=1, d=34)  # no multiple of anything
    expected = decode_reference.decode(sizes, tensors, IDS)
    device = host("decode.cu")
    ours = GpuDecoder(sizes, tensors, 9, "f32", device, threads=32).read(IDS, "all")
    assert difference(ours, expected) < 1e-5
    assert difference(GpuDecoder(sizes, tensors, 9, "f32", device, threads=96).read(IDS, "all"), expected) < 1e-5
    halved = GpuDecoder(sizes, tensors, 9, "bf16", device, threads=32).read(IDS, "all")
    assert 1e-5 < difference(halved, expected) < 3e-2


@on_host
def test_a_model_too_wide_for_a_block_is_refused(host):
    sizes, tensors = make_model("F32", head=272)
    with pytest.raises(LabError, match="too wide"):
        GpuDecoder(sizes, tensors, 8, "f32", host("decode.cu"))
    wide = stored(np.zeros((1, 32768)), "F16")
    with pytest.raises(LabError, match="too wide"):
        Weights(wide, host("gemv.cu"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("type", ["F16", "Q4_0"])
def test_where_there_is_no_gpu_torch_computes_the_same(monkeypatch, type, shape):
    monkeypatch.setattr("core.kernels.gpu.decode.first_device", lambda: None)
    sizes, tensors = make_model(type, **SHAPES[shape])
    model = open_decoder(sizes, tensors, 16)
    assert isinstance(model, TorchDecoder)
    plain = {name: stored(decode_reference.dequantize(tensor), "F32") for name, tensor in tensors.items()}
    expected = decode_reference.decode(sizes, plain, IDS)  # torch rounds no activations
    assert difference(model.read(IDS, "all"), expected) < 1e-5
    model.forget()
    model.read(IDS[:5])
    assert difference(model.read(IDS[5:]), expected[-1:]) < 1e-5


def test_blocks_come_apart_into_planes_without_loss():
    matrix = stored(np.random.default_rng(0).normal(size=(5, 64)), "Q4_0")
    whole, scales = weights.planes(matrix)
    assert whole.shape == (5, 32) and scales.shape == (5, 2)
    nibbles = whole.reshape(5, 2, 16).astype(int)
    values = (np.concatenate([nibbles & 15, nibbles >> 4], -1) - 8) * scales[..., None].astype(float)
    assert np.array_equal(values.reshape(5, 64), decode_reference.dequantize(matrix))
