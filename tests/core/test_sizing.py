"""Numbers promised before training against what is really built."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from core.errors import LabError
from core.model.build import build_model
from core.model.decoder import Decoder
from core.model.sizing import flops_per_token, inference_memory, parameters, training_memory
from core.spec.base import build, fields
from core.spec.files import preset, preset_names
from core.spec.model import ModelSpec

shapes = st.fixed_dictionaries({
    "d_model": st.sampled_from([16, 24, 48]), "n_layers": st.integers(1, 3), "n_heads": st.sampled_from([2, 4]),
    "kv_heads": st.sampled_from([0, 1, 2]), "head_size": st.sampled_from([0, 6]), "d_ff": st.sampled_from([0, 30]),
    "norm": st.sampled_from(["layer_norm", "rms_norm"]), "bias": st.booleans(), "tied_head": st.booleans(),
    "position": st.sampled_from(["learned", "sinusoidal", "rope", "none"]), "context": st.just(16),
    "activation": st.sampled_from(["gelu", "gelu_tanh", "relu", "silu", "swiglu", "geglu"]),
    "vocab_size": st.just(50),
})  # fmt: skip


designs = st.fixed_dictionaries({
    "layout": st.sampled_from(["decoder", "prefix", "encoder", "encoder_decoder"]),
    "d_model": st.sampled_from([16, 24]), "n_layers": st.integers(1, 4), "encoder_layers": st.sampled_from([0, 1, 3]),
    "n_heads": st.sampled_from([2, 4]), "kv_heads": st.sampled_from([0, 2]), "head_size": st.sampled_from([0, 6]),
    "d_ff": st.sampled_from([0, 30]), "norm": st.sampled_from(["layer_norm", "rms_norm"]), "bias": st.booleans(),
    "norm_bias": st.sampled_from(["as_bias", "yes", "no"]), "norm_place": st.sampled_from(["pre", "post", "sandwich"]),
    "attn_bias": st.sampled_from(["as_bias", "yes", "qkv", "no"]), "qk_norm": st.booleans(),
    "parallel": st.sampled_from(["no", "one_norm", "two_norms"]), "embed_norm": st.booleans(),
    "position": st.sampled_from(["learned", "sinusoidal", "rope", "alibi", "t5", "xl", "deberta", "none"]),
    "relative_buckets": st.just(8), "context": st.just(16), "vocab_size": st.just(50),
    "embed_size": st.sampled_from([0, 8]), "segments": st.sampled_from([0, 2]), "shared_layers": st.booleans(),
    "activation": st.sampled_from(["gelu", "relu_squared", "swiglu", "geglu_tanh", "reglu"]),
    "tied_head": st.booleans(), "head_bias": st.booleans(), "head_transform": st.booleans(),
    "query_layer": st.booleans(), "objective": st.sampled_from(["", "", "replaced", "permutation"]),
    "experts": st.sampled_from([{}, {"count": 3}, {"count": 4, "every": 2}, {"count": 2, "top": 1,
                                                                              "router": "random"}]),
})  # fmt: skip
TASKS = {"decoder": "causal", "prefix": "prefix", "encoder": "masked", "encoder_decoder": "span_corruption"}


@settings(max_examples=120, deadline=None)
@given(shapes | designs)
def test_the_parameter_count_is_exact_for_every_shape(values):
    try:
        layout = values.get("layout", "decoder")
        task = values.get("objective") if layout == "encoder" else ""
        task = task or TASKS[layout]
        spec = build(ModelSpec, values | {"objective": {"task": task}})
    except LabError as impossible:
        assert impossible.where in {field.name for field in fields(ModelSpec)} | {"experts.top", "experts.every"}
        return
    with torch.device("meta"):
        model = build_model(spec)
    assert parameters(spec)["total"] == sum(p.numel() for p in model.parameters())


def test_the_size_of_a_model_of_hundreds_of_billions_is_counted_without_building_it():
    gpt3 = ModelSpec(
        d_model=12288, n_layers=96, n_heads=96, context=2048, vocab_size=50257, position="learned", bias=True,
        norm="layer_norm", activation="gelu")
    assert abs(parameters(gpt3)["total"] / 175e9 - 1) < 0.005  # Brown et al. 2020, table 2.1


def test_flops_of_the_matrices_equal_what_torch_counts():
    spec = ModelSpec(d_model=32, n_layers=2, n_heads=4, kv_heads=2, context=16, vocab_size=64)
    model = Decoder(spec)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 16, dtype=torch.int64))
    counted = counter.get_flop_counts()["Global"]
    matrices = sum(n for op, n in counted.items() if "mm" in str(op) and "bmm" not in str(op))
    assert matrices == 16 * flops_per_token(spec).matrices


def test_gpt2_small_has_its_published_size():
    values = preset("models", "gpt2-124m").values
    assert parameters(build(ModelSpec, values))["total"] == 124_439_808  # Radford et al. 2019, as distributed


@pytest.mark.parametrize("name", preset_names("models"))
def test_every_model_preset_is_near_the_size_it_names(name):
    spec = build(ModelSpec, preset("models", name).values)
    promised = float(name.split("-")[1].removesuffix("m")) * 1e6
    assert abs(parameters(spec)["total"] / promised - 1) < 0.11
    assert training_memory(spec, 4)["total"] > 16 * parameters(spec)["total"]
    assert inference_memory(spec)["kv_cache"] == 2 * spec.n_layers * spec.kv * spec.head * spec.context * 4


@pytest.mark.parametrize(("values", "words"), [
    ({"d_model": 100, "n_heads": 3}, "cannot be divided evenly among 3"),
    ({"n_heads": 4, "kv_heads": 3}, "cannot share 3"),
    ({"d_model": 20, "n_heads": 4}, "must be even"),
    ({"d_modle": 64}, "Did you mean d_model"),
    ({"n_layers": 0}, "n_layers"),
    ({"activation": "cosine"}, "activation"),
])  # fmt: skip
def test_an_impossible_shape_is_refused_in_one_clear_sentence(values, words):
    with pytest.raises(LabError) as caught:
        build(ModelSpec, values, "spec.toml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
