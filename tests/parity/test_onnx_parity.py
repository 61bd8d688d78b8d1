"""ONNX Runtime computes what we trained, for any batch and length, at once or token by token."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from core.errors import LabError
from core.export.onnx import write_onnx
from core.infer.onnx import OnnxEngine
from core.tokens.tokenizer import Tokenizer

GPT2 = {"norm": "layer_norm", "position": "learned", "activation": "gelu", "bias": True}
SHAPES = {
    "llama": {},
    "llama-untied-shared-heads": {"kv_heads": 2, "tied_head": False, "head_size": 32},
    "gpt2": GPT2,
    "gpt2-tanh-one-key-head": {**GPT2, "activation": "gelu_tanh", "kv_heads": 1, "bias": False},
    "sinusoidal-relu": {"position": "sinusoidal", "activation": "relu"},
    "no-positions-silu": {"position": "none", "activation": "silu", "norm": "layer_norm"},
    "geglu-bias": {"activation": "geglu", "bias": True},
}


@pytest.mark.parametrize("name", SHAPES)
def test_onnx_runtime_gives_the_logits_of_the_trained_model(name, grow, bpe_json, token_ids, tmp_path):
    decoder = grow(steps=5, **SHAPES[name])
    path = tmp_path / "m.onnx"
    write_onnx(path, decoder, bpe_json, name, "a test")
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["ids"], "ids alone must be enough"
    for batch, length in ((1, 1), (1, 64), (3, 17)):
        ids = token_ids[: batch * length].reshape(batch, length).astype(np.int64)
        with torch.inference_mode():
            ours = decoder(torch.from_numpy(ids)).numpy()
        logits = session.run(["logits"], {"ids": ids})[0]
        assert logits.shape == ours.shape and np.abs(logits - ours).max() <= 1e-4


@pytest.mark.parametrize("name", ["llama-untied-shared-heads", "gpt2"])
def test_a_step_behind_the_cache_gives_what_the_whole_text_gives(name, grow, bpe_json, token_ids, tmp_path):
    decoder = grow(steps=5, **SHAPES[name])
    write_onnx(tmp_path / "m.onnx", decoder, bpe_json, name, "")
    engine = OnnxEngine(tmp_path / "m.onnx", threads=1)
    ids = token_ids[:64].tolist()
    whole = engine.score(ids)
    stepped = np.stack([engine.start(ids[:10]), *(engine.step(id) for id in ids[10:])])
    assert np.abs(stepped - whole[9:]).max() <= 1e-4
    with pytest.raises(LabError, match="full"):
        engine.step(1)
    assert np.abs(engine.start(ids[:3]) - whole[2]).max() <= 1e-4, "start forgets what came before"
    past = [np.random.default_rng(0).normal(size=(2, 2, decoder.spec.kv, 4, decoder.spec.head)).astype(np.float32)] * 2
    two = engine._session.run(None, {"ids": np.array([[1, 2]] * 2), "past_key": past[0], "past_value": past[1]})
    assert two[0].shape == (2, 2, 384) and two[1].shape == (2, 2, decoder.spec.kv, 6, decoder.spec.head)
    engine.close()


def test_the_file_carries_its_tokenizer_and_its_shape(grow, bpe_json, tmp_path):
    decoder = grow(steps=0)
    write_onnx(tmp_path / "m.onnx", decoder, bpe_json, "m", "")
    engine, tokenizer = OnnxEngine(tmp_path / "m.onnx", threads=1), Tokenizer.load(bpe_json)
    text = "Naïve 汉字 😀 <|endoftext|>\n"
    assert engine.encode(text) == tokenizer.encode(text)
    assert engine.encode("<|endoftext|>", special=True) == [0]
    assert b"".join(engine.token_bytes(id) for id in engine.encode(text)) == text.encode()
    assert engine.spec == decoder.spec and (engine.start_id, engine.end_ids) == (0, {0})


def test_a_foreign_or_damaged_onnx_file_gets_one_sentence(grow, bpe_json, tmp_path):
    write_onnx(tmp_path / "whole.onnx", grow(steps=0), bpe_json, "m", "")
    data = (tmp_path / "whole.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.onnx").write_text(json.dumps({"not": "onnx"}))
    model = onnx.load(tmp_path / "whole.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    for name, said in (("cut", "does not accept"), ("text", "does not accept"), ("foreign", "not written by Coldframe"),
                       ("absent", "no such file")):
        with pytest.raises(LabError, match=said) as caught:
            OnnxEngine(tmp_path / f"{name}.onnx")
        assert "\n" not in str(caught.value)
