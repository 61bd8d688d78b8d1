"""The family tree as presets: complete, honest about sizes, and every shape can be grown small."""

import msgspec
import pytest
import torch

from core.errors import LabError
from core.model.build import build_model
from core.model.scaling import scale_to_compute, scale_to_memory, scale_to_parameters
from core.model.sizing import flops_per_token, parameters, training_memory
from core.spec.base import build
from core.spec.files import preset, preset_names
from core.spec.system import SystemSpec

SYSTEMS = {name: build(SystemSpec, preset("systems", name).values, name) for name in preset_names("systems")}
SHAPES = [name for name, system in SYSTEMS.items() if not system.recipe]
BUILT = [name for name in SHAPES if SYSTEMS[name].shape.family != "ngram"]
# Recipes mostly have the very shape of what they grew from: each shape once.
DIFFERENT = BUILT + [name for name, system in SYSTEMS.items() if system.recipe and system.shape not in [
    SYSTEMS[other].shape for other in SHAPES]]  # fmt: skip


def test_the_tree_has_its_45_shapes_and_32_recipes():
    assert len(SYSTEMS) == 77 and len(SHAPES) == 45
    names = {system.name for system in SYSTEMS.values()}
    assert len(names) == 77
    for system in SYSTEMS.values():
        assert system.recipe == bool(system.base) and (not system.base or system.base in names)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_original_size_is_the_published_one_or_the_difference_is_explained(name):
    system = SYSTEMS[name]
    if system.published_parameters and not system.difference:
        assert abs(parameters(system.shape)["total"] / system.published_parameters - 1) <= 0.02


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_count_at_the_original_size_is_that_of_the_built_model(name):
    """On the meta device, where nothing is allocated; hundreds of experts are told from two and from four of them."""
    shape, experts = SYSTEMS[name].shape, SYSTEMS[name].shape.experts
    if experts.count <= 4:
        assert parameters(shape)["total"] == built(shape)
        return
    two, four = (built(msgspec.structs.replace(
        shape, experts=msgspec.structs.replace(experts, count=count))) for count in (2, 4))
    assert parameters(shape)["total"] == two + (four - two) // 2 * (experts.count - 2)


def built(shape) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in build_model(shape).parameters())


@pytest.mark.parametrize("budget", [1e6, 1e7])
@pytest.mark.parametrize("name", BUILT)
def test_every_shape_can_be_grown_at_a_budget_with_its_ratios(name, budget):
    original = SYSTEMS[name].shape
    small = scale_to_parameters(original, budget, 2048, 256)
    assert parameters(small)["total"] == pytest.approx(budget, rel=0.15)
    assert small.vocab_size == 2048 + original.objective.extra_tokens and small.context == 256
    if original.family == "transformer":
        assert small.n_heads * small.head / small.d_model == pytest.approx(
            original.n_heads * original.head / original.d_model, rel=0.2)
        assert small.ff / small.d_model == pytest.approx(original.ff / original.d_model, rel=0.15)
        assert (small.kv == small.n_heads) == (original.kv == original.n_heads)
        assert small.kv == 1 or original.kv > 1
    with torch.device("meta"):
        assert sum(p.numel() for p in build_model(small).parameters()) == parameters(small)["total"]


def test_memory_and_compute_are_budgets_too():
    palm = SYSTEMS["palm"].shape
    small = scale_to_memory(palm, 2e9, 4096, 256, batch=16)
    assert training_memory(small, 16)["total"] == pytest.approx(2e9, rel=0.1)
    small = scale_to_compute(palm, 1e13, 4096)
    assert flops_per_token(small).training * 20 * parameters(small)["total"] == pytest.approx(1e13, rel=0.15)


def test_a_vocabulary_larger_than_the_budget_is_refused():
    with pytest.raises(LabError, match="vocabulary"):
        scale_to_parameters(SYSTEMS["palm"].shape, 1e5, 50_000)
