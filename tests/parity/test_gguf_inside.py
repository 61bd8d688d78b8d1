"""A GGUF unpacked to be looked into is the model that llama.cpp answers from; other designs say so in a sentence."""

import gguf
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.quantize import quantize
from core.glass.inside import Inside
from core.infer.gguf import GgufEngine
from core.infer.gguf_header import read_header
from core.infer.gguf_model import open_decoder, read_tensor
from core.infer.open import open_engine
from core.infer.sampling import softmax
from core.record.folder import Workspace
from core.spec.inside import (
    AttentionLook,
    EmbeddingsLook,
    HeadsLook,
    InductionLook,
    LensLook,
    NeuronsLook,
    ResidualLook,
)

GPT2 = {"norm": "layer_norm", "position": "learned", "activation": "gelu_tanh", "bias": True}
SHAPES = {
    "llama": {}, "llama-untied-shared-heads": {"kv_heads": 2, "tied_head": False},
    "llama-own-head-size": {"head_size": 32, "kv_heads": 1, "bias": True}, "gpt2": GPT2,
    "gpt2-untied-no-bias": {**GPT2, "bias": False, "tied_head": False},
}  # fmt: skip
OTHERS = {
    "no-positions": {"position": "none"}, "gemma": {"activation": "geglu"}, "starcoder2": {**GPT2, "position": "rope"},
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_unpacked_weights_give_the_logits_of_the_model_that_was_exported(name, grow, bpe_json, token_ids, tmp_path):
    decoder = grow(steps=5, **SHAPES[name])
    write_gguf(tmp_path / "m.gguf", decoder, bpe_json, "f32", "m", "a test")
    ids = torch.from_numpy(token_ids[:64].astype(np.int64))[None]
    with torch.inference_mode():
        assert float((open_decoder(tmp_path / "m.gguf")(ids) - decoder(ids)).abs().max()) < 1e-4


@pytest.mark.parametrize("type", ["f16", "q8_0", "q4_k_m"])
def test_unpacked_weights_of_any_type_give_the_probabilities_of_llama_cpp(type, grow, bpe_json, token_ids, tmp_path):
    decoder = grow(steps=20, d_model=256, n_heads=4, n_layers=1)  # wide enough for K-quants
    write_gguf(tmp_path / "f16.gguf", decoder, bpe_json, "f16", "m", "a test")
    path = tmp_path / f"{type}.gguf"
    if type != "f16":
        quantize(tmp_path / "f16.gguf", path, type)
    ids = token_ids[:48].tolist()
    engine = GgufEngine(path, exact=True, threads=1)
    with torch.inference_mode():
        ours = softmax(open_decoder(path)(torch.tensor([ids]))[0].numpy())
    assert np.abs(ours - softmax(engine.score(ids))).max() < 0.02  # llama.cpp rounds activations to 8 bits as well
    engine.close()


def test_every_number_of_a_quantized_tensor_is_that_of_the_gguf_library(grow, bpe_json, tmp_path):
    write_gguf(tmp_path / "f16.gguf", grow(steps=0, d_model=256), bpe_json, "f16", "m", "a test")
    quantize(tmp_path / "f16.gguf", tmp_path / "q.gguf", "q4_k_m")
    theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "q.gguf").tensors}
    kinds = set()
    for tensor in read_header(tmp_path / "q.gguf").tensors:
        other = theirs[tensor.name]
        kinds.add(tensor.type)
        assert np.array_equal(read_tensor(tmp_path / "q.gguf", tensor),
                              gguf.quants.dequantize(other.data, other.tensor_type)), tensor.name  # fmt: skip
    assert len(kinds) > 1


@pytest.mark.parametrize("name", OTHERS)
def test_another_design_is_refused_in_one_sentence(name, grow, bpe_json, tmp_path):
    write_gguf(tmp_path / "m.gguf", grow(steps=0, **OTHERS[name]), bpe_json, "f32", "m", "a test")
    with pytest.raises(LabError, match="can be answered, but not looked into here") as refused:
        open_decoder(tmp_path / "m.gguf")
    assert "\n" not in str(refused.value)


def test_a_file_without_its_run_shows_all_but_what_needs_a_corpus(grow, bpe_json, tmp_path):
    write_gguf(tmp_path / "elsewhere.gguf", grow(steps=5), bpe_json, "f32", "m", "a test")
    engine, inside = open_engine(str(tmp_path / "elsewhere.gguf")), Inside(Workspace(tmp_path / "workspace"))
    ids = [0, *engine.encode("The value of")]
    for look in (LensLook(), AttentionLook(), HeadsLook(), InductionLook(), ResidualLook(), EmbeddingsLook(most=50)):
        assert inside.answer(engine, "", look, ids)
    said = inside.answer(engine, "", LensLook(), ids).probability.numpy()[-1]
    scored = softmax(engine.score(ids))
    assert said[:-1] == pytest.approx([scored[i, ids[i + 1]] for i in range(len(ids) - 1)], abs=1e-4)
    seen = inside.answer(engine, "", NeuronsLook(), ids)
    assert seen.neurons and not seen.examples and "training text is not here" in seen.missing
    for look, words in ((LensLook(tuned=True), "no held-out text"), (InductionLook(history=True), "no checkpoints")):
        with pytest.raises(LabError, match=words):
            inside.answer(engine, "", look, ids)
    engine.close()
