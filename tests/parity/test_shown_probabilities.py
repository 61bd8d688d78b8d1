"""The probabilities that are shown beside an answer are those of a rescoring that knows the answer, on every backend.

Shown ones come from the decode itself: token by token, with a cache or a state. The rescoring reads prompt and
answer at once.
"""

import importlib.util

import msgspec
import numpy as np
import pytest
import torch

from core.export.gguf import write_gguf
from core.export.onnx import write_onnx
from core.infer.decode_engine import DecodeEngine
from core.infer.engine import begin
from core.infer.generate import Generation, generate, score
from core.infer.gguf import GgufEngine
from core.infer.onnx import OnnxEngine
from core.infer.open import open_engine
from core.infer.sampling import softmax
from core.infer.torch_engine import TorchEngine
from core.kernels import decode
from core.model.attention import KVCache
from core.spec.sampling import SamplingSpec
from tests import tiny_tree

EXACT, HALF = 1e-4, 1e-2  # HALF: keys and values, or all numbers, are kept in 16 bits
EVERYTHING = SamplingSpec(max_tokens=16, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0)  # unlikely tokens as well
SYSTEMS = ["llama", "gpt-2", "bloom", "gpt-j", "glam", "pangu-alpha", "ulmfit", "nnlm", "n-gram"]
LLAMA_CPP = pytest.mark.skipif(not importlib.util.find_spec("llama_cpp"), reason="llama.cpp is not installed")


def check(shown: np.ndarray, rescored: np.ndarray, most: float) -> None:
    """Both agree, and the text has likely and unlikely tokens enough to tell them from another text's."""
    assert len(shown) >= 8 and np.ptp(shown) > 0.05
    assert np.abs(shown - rescored).max() <= most
    assert np.abs(shown[1:] - rescored[:-1]).max() > 3 * HALF, "a test that any numbers would pass"


def answered(engine, prompt: str, least: int = 10) -> Generation:
    """A generation that did not end at once, and its records."""
    for seed in range(30):
        run = generate(engine, engine.encode(prompt), msgspec.structs.replace(EVERYTHING, seed=seed))
        records = list(run)
        if len(records) >= least and np.ptp([record.probability for record in records]) > 0.05:
            return run, records
    raise AssertionError(f"no answer is long and various enough, the last {records}")


def agree(engine, prompt: str, most: float) -> list[int]:
    """Shown and rescored probabilities of one answer agree; returns all its tokens."""
    run, records = answered(engine, prompt)
    ids = [*run.prompt_ids, *(record.id for record in records)]
    again = score(engine, ids)[-len(records) :]
    assert [record.id for record in again] == [record.id for record in records]
    check(np.array([r.probability for r in records]), np.array([r.probability for r in again]), most)
    return ids


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return tiny_tree.make_workspace(tmp_path_factory.mktemp("tree"))


def opened(tree, name: str):
    """A tiny trained model of a system; after so few steps its logits are scaled up, so that it has opinions."""
    if not tree.path("runs", name).exists():
        tiny_tree.train(tree, name, tiny_tree.train_spec(tiny_tree.tiny(name)))
    engine = open_engine(f"run:{name}", tree)
    if isinstance(engine, TorchEngine):
        spread = float(np.mean([np.std(engine.start([0, *engine.encode(text)])) for text in ("the", "old", "glass")]))
        scale = engine.spec.logit_scale or engine.spec.d_model**-0.5
        engine.model.spec = msgspec.structs.replace(engine.spec, logit_scale=scale * 2.5 / spread)
    return engine


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_run_of_ours_shows_what_a_rescoring_gives(tree, name):
    engine = opened(tree, name)
    agree(engine, "the", EXACT)
    engine.close()


def test_a_model_of_two_stacks_shows_what_reading_the_whole_answer_gives(tree):
    engine = opened(tree, "transformer")
    run, records = answered(engine, "the")
    target = torch.tensor([[0, *(record.id for record in records)]])  # a document's end begins what it writes
    with torch.inference_mode():
        logits = engine.model(torch.tensor([run.prompt_ids]), target)[0, :-1, : engine.vocab_size]
    rescored = softmax(logits.numpy())[np.arange(len(records)), target[0, 1:].numpy()]
    check(np.array([record.probability for record in records]), rescored, EXACT)


def test_a_prompt_that_is_read_both_ways_is_rescored_so_too(tree):
    engine = opened(tree, "u-palm")
    run, records = answered(engine, "the")
    ids = torch.tensor([[*run.prompt_ids, *(record.id for record in records)]])
    with torch.inference_mode():
        logits = engine.model(ids, prefix=torch.tensor([len(run.prompt_ids)]))[0, :, : engine.vocab_size]
    rescored = softmax(logits[len(run.prompt_ids) - 1 : -1].numpy())
    shown = np.array([record.probability for record in records])
    check(shown, rescored[np.arange(len(records)), ids[0, len(run.prompt_ids) :].numpy()], EXACT)


def test_bfloat16_shows_what_a_rescoring_in_bfloat16_gives(tree):
    engine = opened(tree, "llama")
    engine.model.to(torch.bfloat16)
    engine._writer.cache = KVCache(engine.spec, dtype=torch.bfloat16)
    agree(engine, "the", HALF)


@pytest.fixture(scope="module")
def decoder(grow):
    model = grow(steps=40)
    with torch.no_grad():
        model.final_norm.weight.mul_(2)  # surer than 40 steps make it
    return model


def test_onnx_runtime_shows_what_a_rescoring_gives(decoder, bpe_json, tmp_path):
    write_onnx(tmp_path / "m.onnx", decoder, bpe_json, "m", "a test")
    engine = OnnxEngine(tmp_path / "m.onnx", threads=1)
    ids = agree(engine, "The value of", EXACT)
    against_torch(engine, decoder, ids, EXACT)
    engine.close()


@LLAMA_CPP
@pytest.mark.parametrize("type", ["f32", "f16"])
def test_llama_cpp_shows_what_a_rescoring_gives(decoder, bpe_json, tmp_path, type):
    write_gguf(tmp_path / "m.gguf", decoder, bpe_json, type, "m", "a test")
    exact = GgufEngine(tmp_path / "m.gguf", exact=True, threads=1)
    ids = agree(exact, "The value of", EXACT)
    against_torch(exact, decoder, ids, EXACT if type == "f32" else HALF)
    exact.close()
    usual = GgufEngine(tmp_path / "m.gguf", threads=1)  # its cache is of 16 bits
    agree(usual, "The value of", HALF)
    usual.close()


@LLAMA_CPP
@pytest.mark.skipif(not decode.built(), reason="the C++ kernels are not built here")
@pytest.mark.parametrize(("cache", "most"), [("f32", EXACT), ("bf16", HALF), ("int8", HALF)])
def test_our_decoder_of_gguf_files_shows_what_a_rescoring_gives(decoder, bpe_json, tmp_path, cache, most):
    write_gguf(tmp_path / "m.gguf", decoder, bpe_json, "f32", "m", "a test")
    engine = DecodeEngine(tmp_path / "m.gguf", cache=cache, threads=1)
    against_torch(engine, decoder, agree(engine, "The value of", most), most)
    engine.close()


def against_torch(engine, decoder, ids: list[int], most: float) -> None:
    """The rescoring of an exported file is that of the model it was made from."""
    ids = begin(engine, ids)
    with torch.inference_mode():
        wanted = softmax(decoder(torch.tensor([ids]))[0].numpy())
    assert np.abs(softmax(engine.score(ids)) - wanted).max() <= most
