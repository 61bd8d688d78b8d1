"""llama.cpp computes what we trained: every graph we write for, at the precision it can have."""

import numpy as np
import pytest
import torch

from core.errors import LabError
from core.export.gguf import write_gguf
from core.export.gguf_graph import choose_graph, interleave
from core.infer.gguf import GgufEngine
from core.model.positions import rope_table, rotate
from core.spec.model import ModelSpec

GPT2 = {"norm": "layer_norm", "position": "learned", "activation": "gelu_tanh", "bias": True}
SHAPES = {
    "llama": ("llama", {}),
    "llama-untied-shared-heads": ("llama", {"kv_heads": 2, "tied_head": False}),
    "llama-own-head-size": ("llama", {"head_size": 32, "kv_heads": 1, "bias": True}),
    "llama-without-positions": ("llama", {"position": "none"}),
    "gpt2": ("gpt2", GPT2),
    "gpt2-erf-untied-no-bias": ("gpt2", {**GPT2, "activation": "gelu", "bias": False, "tied_head": False}),
    "gpt2-sinusoidal": ("gpt2", {**GPT2, "position": "sinusoidal"}),
    "gpt2-one-key-head": ("starcoder", {**GPT2, "kv_heads": 1}),
    "gpt2-rope": ("starcoder2", {**GPT2, "position": "rope", "kv_heads": 2}),
    "stablelm": ("stablelm", {"norm": "layer_norm", "kv_heads": 2}),
    "gemma": ("gemma", {"activation": "geglu", "head_size": 32, "kv_heads": 1}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_llama_cpp_gives_the_logits_of_the_trained_model(name, grow, bpe_json, token_ids, tmp_path):
    graph, shape = SHAPES[name]
    decoder = grow(**shape)
    assert choose_graph(decoder.spec).name == graph
    ids = token_ids[:64].tolist()
    with torch.inference_mode():
        ours = decoder(torch.tensor([ids]))[0].numpy()
    uses_table = "gelu" in decoder.spec.activation or decoder.spec.activation == "geglu"
    for type, limit in (("f32", 5e-3 if uses_table else 1e-3), ("f16", 2e-2)):
        path = tmp_path / f"{type}.gguf"
        write_gguf(path, decoder, bpe_json, type, name, "a test")
        engine = GgufEngine(path, exact=True, threads=1)
        try:
            theirs = engine.score(ids)
            stepped = np.stack([engine.start(ids[:50]), *(engine.step(id) for id in ids[50:])])
        finally:
            engine.close()
        assert np.abs(ours - theirs).max() <= limit
        assert (ours.argmax(1) != theirs.argmax(1)).sum() <= 1  # a near tie may fall the other way
        assert np.abs(stepped - theirs[49:]).max() <= 5e-3
    assert (engine.vocab_size, engine.context, engine.start_id) == (384, 64, 0)
    assert engine.end_ids == {0} and engine.architecture == graph


@pytest.mark.parametrize(("shape", "named"), [
    ({"activation": "relu"}, "relu"),
    ({"norm": "layer_norm", "position": "learned"}, "swiglu, learned positions"),
    ({"norm": "layer_norm", "bias": True}, "biases"),
    ({**GPT2, "head_size": 32}, "head size"),
    ({"position": "learned"}, "RMSNorm"),
    ({"activation": "geglu", "tied_head": False}, "a head of its own"),
])
def test_a_shape_that_llama_cpp_cannot_compute_is_refused_by_part(shape, named):
    with pytest.raises(LabError) as caught:
        choose_graph(ModelSpec(d_model=64, vocab_size=300, **shape))
    assert named in str(caught.value) and "ONNX" in str(caught.value)


def test_interleaved_rows_turn_neighbours_as_half_split_rows_turn_halves():
    heads, head = 2, 8
    rows = torch.randn(heads * head, 5)
    cos, sin = rope_table(head, 7, 10000.0)
    x = torch.randn(1, 7, 5)
    halves = rotate((x @ rows.T).view(1, 7, heads, head).transpose(1, 2), cos, sin)
    moved = torch.from_numpy(interleave(rows.numpy(), heads))
    pairs = (x @ moved.T).view(1, 7, heads, head // 2, 2).transpose(1, 2)
    c, s = cos[:, : head // 2], sin[:, : head // 2]
    turned = torch.stack([pairs[..., 0] * c - pairs[..., 1] * s, pairs[..., 0] * s + pairs[..., 1] * c], -1)
    regrouped = torch.cat([turned[..., 0], turned[..., 1]], -1)
    assert torch.allclose(regrouped, halves, atol=1e-5)


def test_a_weight_too_large_for_half_precision_is_refused(grow, bpe_json, tmp_path):
    decoder = grow(steps=0)
    decoder.embed.weight.data[5, 5] = 1e6
    with pytest.raises(LabError, match="half precision"):
        write_gguf(tmp_path / "m.gguf", decoder, bpe_json, "f16", "m", "")
    assert list(tmp_path.iterdir()) == []
