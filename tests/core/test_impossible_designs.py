"""Designs that cannot work are refused while they are described: the field is named, and what would work."""

import msgspec
import pytest
import torch

from core.errors import LabError
from core.export.gguf_graph import choose_graph, tensors
from core.model.build import build_model
from core.model.scaling import scale_to_parameters
from core.model.sizing import parameters
from core.spec.base import build
from core.spec.model import ModelSpec

LEARNED = {"position": "learned", "d_model": 16, "n_heads": 2, "n_layers": 1, "context": 16, "vocab_size": 20}
IMPOSSIBLE = [
    ({"d_model": 20, "n_heads": 4}, "head_size", "head size 5 must be even"),
    ({"head_size": 7}, "head_size", "head size 7 must be even"),
    ({"experts": {"count": 4, "router": "none"}}, "experts.router", "4 experts need a router"),
    ({**LEARNED, "context": 64, "n_positions": 32}, "context", "64 tokens is longer than the 32 learned positions"),
    ({"layout": "encoder", "objective": {"task": "prefix"}}, "objective.task", "encoder cannot learn the objective"),
    ({"layout": "encoder"}, "objective.task", "cannot learn the objective causal"),
    ({"layout": "decoder", "objective": {"task": "masked"}}, "objective.task", "cannot learn the objective masked"),
    ({"family": "lstm", "objective": {"task": "prefix"}}, "objective.task", "lstm cannot learn the objective prefix"),
    ({"experts": {"count": 2, "top": 3}}, "experts.top", "3 of 2 experts"),
    ({"experts": {"count": 1}}, "experts.top", "of 1 experts"),
    ({"deep_norm": True}, "norm_place", "DeepNorm"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "where", "words"), IMPOSSIBLE, ids=str)
def test_an_impossible_design_names_its_field_and_says_why(values, where, words):
    with pytest.raises(LabError) as caught:
        build(ModelSpec, values)
    assert caught.value.where == where and words in str(caught.value)
    assert caught.value.remedy and "{" not in str(caught.value)


@pytest.mark.parametrize("values", [
    {"d_model": 20, "n_heads": 4, "position": "alibi"}, {"experts": {"router": "none"}},
    {"experts": {"count": 4, "router": "random", "top": 1}}, {**LEARNED, "n_positions": 16},
    {**LEARNED, "n_positions": 40}, {"n_positions": 8, "position": "rope"},
    {"layout": "prefix", "objective": {"task": "prefix"}}, {"head_size": 7, "rope_share": 0.5},
], ids=str)  # fmt: skip
def test_what_is_nearly_impossible_is_allowed(values):
    build(ModelSpec, values)


@pytest.mark.parametrize("positions", [0, 16, 40])
def test_learned_positions_may_be_more_than_the_context_and_are_counted(positions):
    spec = build(ModelSpec, {**LEARNED, "n_positions": positions})
    model = build_model(spec)
    assert model.positions.weight.shape == (positions or 16, 16)
    assert parameters(spec)["total"] == sum(p.numel() for p in model.parameters())
    assert parameters(spec)["positions"] == (positions or 16) * 16
    assert model(torch.randint(0, 20, (1, 16))).shape == (1, 16, 20)


def test_a_small_model_has_as_many_positions_as_its_own_context():
    original = build(ModelSpec, {
        **LEARNED, "d_model": 768, "n_heads": 12, "n_layers": 12, "context": 512, "n_positions": 1024,
        "norm": "layer_norm", "activation": "gelu", "bias": True})
    small = scale_to_parameters(original, 1e6, 2048, 128)
    assert small.context == small.position_rows == 128


def test_a_gguf_has_a_position_for_each_place_of_the_context():
    spec = build(ModelSpec, {**LEARNED, "n_positions": 40, "norm": "layer_norm", "activation": "gelu_tanh",
                             "bias": True})  # fmt: skip
    weights = {name: p.detach().numpy() for name, p in build_model(spec).named_parameters()}
    found = dict(tensors(choose_graph(spec), spec, weights))
    assert found["position_embd.weight"].shape == (16, 16)
    assert (found["position_embd.weight"] == weights["positions.weight"][:16]).all()


def test_a_design_saved_before_positions_had_a_number_of_their_own_can_be_read():
    old = {name: value for name, value in msgspec.to_builtins(build(ModelSpec, LEARNED)).items()
           if name != "n_positions"}  # fmt: skip
    assert build(ModelSpec, old).position_rows == 16
