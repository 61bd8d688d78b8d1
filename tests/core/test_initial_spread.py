"""How wide initial weights are drawn is part of a design, and a narrower model draws them wider."""

import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.model.scaling import DRAWN_AT, scale_to_parameters
from core.spec.base import build
from core.spec.files import preset
from core.spec.model import ModelSpec
from core.spec.system import SystemSpec


def shape(name: str) -> ModelSpec:
    return build(SystemSpec, preset("systems", name).values, name).shape


@pytest.mark.parametrize("spread", [0.02, 0.07])
def test_weights_are_drawn_as_wide_as_the_design_says(spread):
    model = build_model(ModelSpec(d_model=128, n_layers=2, vocab_size=500, init_std=spread))
    initialise(model, 0)
    drawn = dict(model.named_parameters())
    assert float(drawn["embed.weight"].detach().std()) == pytest.approx(spread, rel=0.03)
    assert float(drawn["blocks.0.attn.q.weight"].detach().std()) == pytest.approx(spread, rel=0.03)
    assert float(drawn["blocks.0.attn.o.weight"].detach().std()) == pytest.approx(spread / 2, rel=0.03)  # 4 parts


@pytest.mark.parametrize("name", ["gpt-1", "albert", "llama", "elmo"])
def test_a_narrower_model_draws_wider_so_that_layers_add_as_much(name):
    original = shape(name)
    small = scale_to_parameters(original, 1e6, 512, 64)
    drawn_at = min(original.d_model, DRAWN_AT)
    assert small.init_std == pytest.approx(original.init_std * (drawn_at / small.d_model) ** 0.5, rel=0.01)
    assert small.init_std > 0.03


def test_a_model_as_wide_as_the_original_keeps_its_spread():
    assert scale_to_parameters(shape("gpt-1"), 2e8, 40478, 512).init_std == 0.02


def test_the_size_of_what_a_layer_adds_does_not_depend_on_the_width():
    torch.manual_seed(0)
    sizes = []
    for width, spread in ((768, 0.02), (96, 0.02 * 8**0.5)):
        model = build_model(ModelSpec(d_model=width, n_layers=1, n_heads=4, d_ff=4 * width, vocab_size=64,
                                      activation="relu", norm="layer_norm", init_std=spread))  # fmt: skip
        initialise(model, 0)
        with torch.no_grad():
            sizes.append(float(model.blocks[0].ff.up(torch.randn(512, width)).std()))
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
