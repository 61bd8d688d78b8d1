"""Our own decoder against the readable one: every weight format and instruction set, any threads, any batch."""

import gguf
import numpy as np
import pytest

from core.kernels import decode, decode_reference, library
from core.kernels.decode import DecodeModel, Shape, Stored

pytestmark = pytest.mark.skipif(not decode.built(), reason="the C++ kernels are not built here")
SETS = library.instruction_sets() if decode.built() else []
ALL_TYPES = ["F32", "F16", "Q8_0", "Q4_0"]
VOCAB = 100


@pytest.fixture(params=SETS)
def instruction_set(request):
    before = library.current_instruction_set()
    library.use_instruction_set(request.param)
    yield request.param
    library.use_instruction_set(before)


def stored(values, type: str) -> Stored:
    values = np.ascontiguousarray(values, np.float32)
    if type in decode.QUANTIZED:
        raw = gguf.quants.quantize(values, gguf.GGMLQuantizationType[type])
    else:
        raw = values.astype({"F32": np.float32, "F16": np.float16}[type])
    return Stored(np.ascontiguousarray(raw).view(np.uint8).reshape(-1), type, values.shape)


def make_model(type: str, kv_heads=2, head=16, gpt2=False, tied=False, turning=None, ff=160) -> tuple[Shape, dict]:
    """A random model of 2 layers in GGUF's names; ``gpt2`` has positions, biases, LayerNorm and no gate."""
    random, d, heads = np.random.default_rng(0), 64, 4
    linear = {"attn_q": (heads * head, d), "attn_k": (kv_heads * head, d), "attn_v": (kv_heads * head, d),
              "attn_output": (d, heads * head), "ffn_gate": (ff, d), "ffn_up": (ff, d), "ffn_down": (d, ff)}
    tensors = {"token_embd.weight": stored(random.normal(size=(VOCAB, d)), type)}
    if not tied:
        tensors["output.weight"] = stored(random.normal(size=(VOCAB, d)) / 8, type)
    if gpt2:
        tensors["position_embd.weight"] = stored(random.normal(size=(48, d)) / 3, "F32")
        del linear["ffn_gate"]
    norms = ["output_norm", *(f"blk.{n}.{name}" for n in (0, 1) for name in ("attn_norm", "ffn_norm"))]
    for name in norms:
        tensors[f"{name}.weight"] = stored(1 + random.normal(size=d) / 5, "F32")
        if gpt2:
            tensors[f"{name}.bias"] = stored(random.normal(size=d) / 5, "F32")
    for n in (0, 1):
        for name, (rows, columns) in linear.items():
            weight = random.normal(size=(rows, columns)) / columns**0.5
            tensors[f"blk.{n}.{name}.weight"] = stored(weight, type)
            if gpt2:
                tensors[f"blk.{n}.{name}.bias"] = stored(random.normal(size=rows) / 5, "F32")
    pairs = 0 if gpt2 else head // 2 if turning is None else turning
    turns = tuple(10000.0 ** (-2 * i / head) for i in range(pairs))
    return Shape(2, d, heads, kv_heads, head, ff, VOCAB, 1e-5, turns), tensors


SHAPES = {
    "llama": {}, "one kv head, tied, odd head": {"kv_heads": 1, "tied": True, "head": 24},
    "half of each head turns": {"turning": 3}, "gpt2": {"gpt2": True, "kv_heads": 4},
}  # fmt: skip


def ids_of(count: int) -> list[int]:
    return np.random.default_rng(1).integers(0, VOCAB, count).tolist()


def difference(ours, reference) -> float:
    return float(np.abs(ours - reference).max() / np.abs(reference).max())


@pytest.mark.parametrize("type", ALL_TYPES)
def test_a_matrix_times_a_vector_is_what_numpy_finds(instruction_set, type):
    random = np.random.default_rng(2)
    widths = (32, 96, 1056) if type in decode.QUANTIZED else (1, 31, 96, 131)
    for rows in (1, 16, 45):
        for width in widths:
            matrix, x = stored(random.normal(size=(rows, width)), type), random.normal(size=(3, width))
            x = x.astype(np.float32)
            expected = np.array([decode_reference.multiply(matrix, row.astype(np.float64)) for row in x])
            scale = np.abs(x).sum(1, keepdims=True)
            assert np.abs(decode.multiply(matrix, x) - expected).max() < 1e-6 * scale.max(), (rows, width)
            assert np.array_equal(decode.multiply(matrix, x), decode.multiply(matrix, x, threads=2))


@pytest.mark.parametrize("type", ["Q8_0", "Q4_0"])
def test_the_largest_integers_do_not_overflow_on_the_way(instruction_set, type):
    lowest = np.int8(-128).tobytes() if type == "Q8_0" else b"\x00"  # -128, and -8 twice
    block = np.float16(1).tobytes() + lowest * (decode.BLOCK_BYTES[type][1] - 2)
    matrix = Stored(np.frombuffer(block * 2 * 17, np.uint8), type, (17, 64))
    x = np.full((2, 64), 127, np.float32)
    x[1] = -x[1]
    x[1, :32] = 0  # a block of nothing
    weight = -128 if type == "Q8_0" else -8
    assert np.array_equal(decode.multiply(matrix, x)[:, ::16], [[weight * 127 * 64.0] * 2, [-weight * 127 * 32.0] * 2])


def test_every_half_precision_number_is_read_exactly(instruction_set):
    every = np.arange(1 << 16, dtype=np.uint16)
    matrix = Stored(every.view(np.uint8), "F16", (1 << 16, 1))
    with np.errstate(invalid="ignore"):
        assert np.array_equal(decode.multiply(matrix, np.ones((1, 1)))[0],
                              every.view(np.float16).astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("type", ALL_TYPES)
def test_a_step_agrees_with_the_reference(instruction_set, type, shape):
    sizes, tensors = make_model(type, **SHAPES[shape])
    ids = ids_of(40)
    expected = decode_reference.decode(sizes, tensors, ids)
    model = DecodeModel(sizes, tensors, 48)
    together = model.read(ids, "all")
    # In integers a value that lies between two of them may be rounded to the other one: a few logits, a little.
    apart = np.abs(together - expected) / np.abs(expected).max()
    assert np.median(apart) < 1e-6 and apart.max() < (1e-5 if type.startswith("F") else 2e-2)
    model.forget()
    one_by_one = np.concatenate([model.read([id]) for id in ids])
    assert np.array_equal(together, one_by_one)
    two = DecodeModel(sizes, tensors, 48, threads=2)
    assert np.array_equal(two.read(ids[:33]), together[32:33]) and np.array_equal(two.read(ids[33:]), together[-1:])
    halved = DecodeModel(sizes, tensors, 48, cache="bf16").read(ids, "all")
    assert 0 < difference(halved, expected) < 3e-2


@pytest.mark.parametrize("shape", ["llama", "one kv head, tied, wide head", "gpt2"])
@pytest.mark.parametrize("type", ["F32", "Q8_0"])
def test_a_cache_of_8_bits_agrees_with_the_reference(instruction_set, type, shape):
    kinds = SHAPES | {"one kv head, tied, wide head": {"kv_heads": 1, "tied": True, "head": 32}}
    sizes, tensors = make_model(type, **kinds[shape])
    ids = ids_of(40)
    expected = decode_reference.decode(sizes, tensors, ids, whole_cache=True)
    model = DecodeModel(sizes, tensors, 48, cache="int8")
    ours = model.read(ids, "all")
    # What lies between two whole numbers may be rounded to the other one: a few logits, a little.
    apart = np.abs(ours - expected) / np.abs(expected).max()
    assert np.median(apart) < 1e-5 and apart.max() < 2e-2
    assert 0 < difference(ours, DecodeModel(sizes, tensors, 48).read(ids, "all")) < 5e-2
    model.forget()
    assert np.array_equal(np.concatenate([model.read([id]) for id in ids]), ours)  # and nothing of before is left
    assert np.array_equal(DecodeModel(sizes, tensors, 48, cache="int8", threads=2).read(ids, "all"), ours)


def test_a_cache_of_8_bits_hides_no_missing_number():
    sizes, tensors = make_model("F32")
    broken = np.frombuffer(tensors["blk.0.attn_k.weight"].data, np.float32).copy()
    broken[:] = np.nan
    tensors["blk.0.attn_k.weight"] = stored(broken.reshape(tensors["blk.0.attn_k.weight"].shape), "F32")
    assert np.isnan(DecodeModel(sizes, tensors, 16, cache="int8").read([1, 2])).all()


def test_widths_that_are_no_multiple_of_anything_stay_in_half_precision():
    sizes, tensors = make_model("F16", head=6, ff=37, kv_heads=1)
    ids = ids_of(20)
    ours = DecodeModel(sizes, tensors, 20, threads=2).read(ids, "all")
    assert difference(ours, decode_reference.decode(sizes, tensors, ids)) < 1e-5


def test_more_tokens_than_the_cache_holds_are_refused():
    sizes, tensors = make_model("F32")
    model = DecodeModel(sizes, tensors, 4)
    model.read([1, 2, 3])
    with pytest.raises(AssertionError):
        model.read([1, 2])
    with pytest.raises(AssertionError):
        model.read([VOCAB])
    assert model.position == 3


def test_more_threads_than_heads_or_cores_give_the_same_bits():
    sizes, tensors = make_model("Q8_0")
    ids = ids_of(12)
    one = DecodeModel(sizes, tensors, 16).read(ids, "all")
    for threads in (3, 7):
        assert np.array_equal(DecodeModel(sizes, tensors, 16, threads=threads).read(ids, "all"), one)
