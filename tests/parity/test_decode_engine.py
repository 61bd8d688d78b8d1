"""Our own decoder on real GGUF files: the numbers of llama.cpp and of torch, chosen only where it fits."""

import gguf
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.quantize import quantize
from core.infer.decode_engine import DecodeEngine, computes
from core.infer.engine import Engine
from core.infer.generate import generate
from core.infer.gguf import GgufEngine
from core.infer.gguf_header import read_header
from core.infer.gguf_weights import plan
from core.infer.open import open_engine
from core.kernels import decode
from core.spec.sampling import SamplingSpec

pytestmark = pytest.mark.skipif(not decode.built(), reason="the C++ kernels are not built here")

GPT2 = {"norm": "layer_norm", "position": "learned", "activation": "gelu_tanh", "bias": True}
OURS = {
    "llama": {},
    "llama-untied-shared-heads": {"kv_heads": 2, "tied_head": False},
    "llama-own-head-size": {"head_size": 32, "kv_heads": 1, "bias": True},
    "llama-without-positions": {"position": "none"},
    "gpt2": GPT2,
    "gpt2-untied-no-bias": {**GPT2, "bias": False, "tied_head": False},
}
THEIRS = {
    "starcoder": {**GPT2, "kv_heads": 1}, "starcoder2": {**GPT2, "position": "rope"},
    "stablelm": {"norm": "layer_norm"}, "gemma": {"activation": "geglu"},
}  # fmt: skip


@pytest.fixture
def write(grow, bpe_json, tmp_path):
    """write(type, **shape) -> (path, decoder)."""
    def make(type="f16", **shape):
        decoder = grow(**shape)
        plain = tmp_path / "plain.gguf"
        write_gguf(plain, decoder, bpe_json, "f32" if type == "f32" else "f16", "m", "a test")
        if type in ("f32", "f16"):
            return plain, decoder
        path = tmp_path / f"{type}.gguf"
        quantize(plain, path, type)
        return path, decoder

    return make


@pytest.mark.parametrize("name", OURS)
def test_a_file_of_a_trained_model_gives_its_logits(name, write, token_ids):
    path, decoder = write("f32", **OURS[name])
    ids = token_ids[:64].tolist()
    with torch.inference_mode():
        expected = decoder(torch.tensor([ids]))[0].numpy()
    engine = DecodeEngine(path, threads=1)
    assert isinstance(engine, Engine) and engine.context == 64 and engine.vocab_size == 384
    assert np.abs(engine.score(ids) - expected).max() < 1e-4 * np.abs(expected).max()
    engine.close()


@pytest.mark.parametrize("type", ["f32", "f16", "q8_0", "q4_0"])
def test_llama_cpp_gives_the_same_logits_on_the_same_file(type, write, token_ids):
    path, _ = write(type, d_model=128, kv_heads=2)
    ids = token_ids[:64].tolist()
    theirs, ours = GgufEngine(path, exact=True, threads=1), DecodeEngine(path, threads=1)
    expected, found = theirs.score(ids), ours.score(ids)
    # llama.cpp rounds activations to half precision for F16, and their scales for the quantized formats.
    limit = {"f32": 1e-5, "f16": 3e-3, "q8_0": 2e-2, "q4_0": 2e-2}[type]
    assert np.abs(found - expected).max() < limit * np.abs(expected).max()
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.95
    text = "Once upon a time, 混沌 \U0001f40d\n"
    assert ours.encode(text) == theirs.encode(text)
    assert (ours.start_id, ours.end_ids, ours.chat_template) == (theirs.start_id, theirs.end_ids, theirs.chat_template)
    assert [ours.token_bytes(id) for id in range(384)] == [theirs.token_bytes(id) for id in range(384)]
    theirs.close()
    ours.close()


def test_a_source_of_this_kind_is_opened_with_our_decoder(write, monkeypatch):
    path, _ = write("q8_0")
    engine = open_engine(str(path))
    assert type(engine) is DecodeEngine
    engine.close()
    monkeypatch.setattr(decode, "built", lambda: False)
    engine = open_engine(str(path))
    assert type(engine) is GgufEngine
    engine.close()


@pytest.mark.parametrize("name", THEIRS)
def test_a_design_that_is_not_ours_is_left_to_llama_cpp(name, write):
    path, _ = write("f32", **THEIRS[name])
    assert not computes(path)


def test_a_number_format_or_a_key_that_we_do_not_know_is_left_to_llama_cpp(write):
    path, _ = write("q4_k_m")
    assert not computes(path)
    header = read_header(write("f16")[0])
    assert plan(header) is not None
    header.metadata["llama.rope.scaling.type"] = "yarn"
    assert plan(header) is None
    header.metadata.pop("llama.rope.scaling.type")
    header.tensors.pop()
    assert plan(header) is None


def test_an_answer_carries_the_probabilities_of_the_decode_itself(write, token_ids):
    path, decoder = write("f32")
    engine = DecodeEngine(path, threads=1)
    prompt = token_ids[:10].tolist()
    answer = list(generate(engine, prompt, SamplingSpec(temperature=0.0, max_tokens=12)))
    ids = [*prompt, *(record.id for record in answer)]
    with torch.inference_mode():
        probabilities = decoder(torch.tensor([ids]))[0].softmax(-1).numpy()
    for at, record in enumerate(answer, start=len(prompt) - 1):
        assert record.probability == pytest.approx(float(probabilities[at, record.id]), rel=1e-3)
        assert record.id == probabilities[at].argmax()
    engine.close()


def test_what_does_not_fit_the_context_is_refused_and_the_engine_lives_on(write):
    engine = DecodeEngine(write()[0], threads=1)
    with pytest.raises(LabError, match="65 tokens"):
        engine.start([1] * 65)
    with pytest.raises(LabError, match="no token 9999"):
        engine.start([9999])
    engine.start([1] * 64)
    with pytest.raises(LabError, match="full"):
        engine.step(1)
    assert engine.score([1, 2, 3]).shape == (3, 384)
    engine.close()


def test_the_bytes_of_every_tensor_are_where_the_gguf_library_finds_them(write):
    path, _ = write("q8_0")
    data = path.read_bytes()
    theirs = {t.name: t.data.tobytes() for t in gguf.GGUFReader(path).tensors}
    for tensor in read_header(path).tensors:
        assert data[tensor.begin : tensor.begin + tensor.size] == theirs[tensor.name]


def test_a_cache_can_be_chosen_where_our_decoder_computes(write, token_ids, tmp_path):
    path, _ = write("f32", head_size=32, n_heads=2)
    ids = token_ids[:64].tolist()
    answers = {}
    for cache in decode.CACHES:
        engine = open_engine(str(path), cache=cache)
        answers[cache] = engine.score(ids)
        engine.close()
    for cache, most in (("bf16", 3e-2), ("int8", 3e-2)):
        assert 0 < np.abs(answers[cache] - answers["f32"]).max() < most * np.abs(answers["f32"]).max()
    with pytest.raises(LabError, match="Its cache cannot be chosen"):
        open_engine("run:any", cache="int8")


def test_a_cache_of_8_bits_wants_heads_of_whole_groups(write):
    path, _ = write("f32", head_size=24, n_heads=2)
    with pytest.raises(LabError, match="heads of 24 features; a cache of 8 bits needs a multiple of 16"):
        DecodeEngine(path, cache="int8", threads=1)
