"""Contrastive decoding and DoLa against the formulas of their papers, written out token by token."""

import math

import numpy as np
import pytest
import torch

from core.errors import LabError
from core.infer.contrast import ContrastiveEngine, DolaEngine, bucket, contrast, divergence
from core.infer.generate import generate
from core.infer.layers import LayerReader
from core.infer.open import open_engine
from core.spec.model import ModelSpec
from core.spec.sampling import SamplingSpec
from tests.tiny_run import add_run, make_workspace

DEEP = ModelSpec(d_model=24, n_layers=6, n_heads=2, context=48)


def shares(logits):
    powers = [math.exp(x - max(logits)) for x in logits]
    return [power / sum(powers) for power in powers]


def by_hand(expert, amateur, alpha, temperature=1.0):
    """Li et al. 2023: log p_exp / p_ama among the tokens with p_exp >= alpha max p_exp."""
    p, q = shares(expert), shares([x / temperature for x in amateur])
    return [math.log(a / b) if a >= alpha * max(p) else -math.inf for a, b in zip(p, q, strict=True)]


def apart(first, second):
    """Jensen-Shannon: the mean divergence of both from their middle."""
    p, q = shares(first), shares(second)
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return sum(sum(a * math.log(a / m) for a, m in zip(one, middle, strict=True)) for one in (p, q)) / 2


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("workspace"))
    add_run(workspace, "deep", DEEP)
    return workspace


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.9])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_contrast_is_the_quotient_of_plausible_tokens(alpha, temperature):
    random = np.random.default_rng(0)
    for _ in range(20):
        expert, amateur = random.normal(0, 3, (2, 12))
        assert contrast(expert, amateur, alpha, temperature) == pytest.approx(
            by_hand(expert, amateur, alpha, temperature), abs=1e-9)  # fmt: skip


def test_the_divergence_is_even_and_bounded():
    random = np.random.default_rng(1)
    first, second = random.normal(0, 3, (2, 12))
    assert float(divergence(first, second)) == pytest.approx(apart(first, second), abs=1e-12)
    assert float(divergence(first, second)) == pytest.approx(float(divergence(second, first)))
    far = np.array([0.0, 500.0]), np.array([500.0, 0.0])
    assert float(divergence(*far)) == pytest.approx(math.log(2)) and float(divergence(first, first)) == 0.0


def test_the_layers_offered_are_those_of_the_authors_code():
    assert bucket(32, False, "low") == list(range(0, 16, 2)) and bucket(32, True, "low") == list(range(2, 16, 2))
    assert bucket(32, True, "high") == list(range(16, 32, 2))
    assert bucket(80, False, "low") == list(range(0, 20, 2)) and bucket(80, False, "high") == list(range(60, 80, 2))
    assert bucket(4, True, "low") == [2] and bucket(2, True, "low") == [1] and bucket(1, False, "high") == [0]


def layers_of(model, ids):
    """What every layer says after the last token, without a cache: the stack gone through block by block."""
    with torch.no_grad():
        x = model.way_in(model.embed(torch.tensor([ids])), 0)
        left, places = [x], model.places(0, len(ids), x)
        for layer, block in enumerate(model.blocks):
            x = block(x, places, None, layer)
            left.append(x)
        left[-1] = left[-1] if model.final_norm is None else model.final_norm(left[-1])
        return [model.logits(one)[0, -1].float().numpy() for one in left]


@pytest.mark.parametrize("run", ["tiny", "deep"])
def test_each_layer_is_read_on_with_a_cache_as_without(workspace, run):
    engine = open_engine(f"run:{run}", workspace)
    reader, ids = LayerReader(engine.model), [0, 5, 9, 17]
    said = reader.start(ids)
    for next_id in (3, 40, 8):
        assert said == pytest.approx(np.stack(layers_of(engine.model, ids)), abs=1e-4)
        ids.append(next_id)
        said = reader.step(next_id)
    assert said[-1] == pytest.approx(engine.score(ids)[-1], abs=1e-4)


def test_dola_contrasts_the_last_layer_with_the_one_farthest_from_it(workspace):
    engine = open_engine("run:deep", workspace)
    dola = DolaEngine(engine, [0, 2, 4])
    ids = [0, 5, 9]
    found = dola.start(ids)
    for next_id in (3, 40, 8):
        said = layers_of(engine.model, ids)
        distances = [apart(said[layer], said[-1]) for layer in (0, 2, 4)]
        chosen = (0, 2, 4)[distances.index(max(distances))]
        assert dola.chosen[-1] == chosen
        assert found == pytest.approx(by_hand(said[-1], said[chosen], 0.1), abs=1e-4)
        ids.append(next_id)
        found = dola.step(next_id)


def test_a_contrast_of_two_engines_is_written_like_any_answer(workspace):
    expert, amateur = (open_engine(f"run:tiny@{which}", workspace) for which in ("last", "best"))
    both = ContrastiveEngine(expert, amateur)
    greedy = SamplingSpec(temperature=0.0, max_tokens=6)
    records = list(generate(both, [0, 5], greedy))
    ids = [0, 5]
    for record in records:
        wanted = by_hand(expert.score(ids)[-1].tolist(), amateur.score(ids)[-1].tolist(), 0.1)
        assert record.id == wanted.index(max(wanted))
        assert record.probability == pytest.approx(shares([max(x, -1e9) for x in wanted])[record.id], abs=1e-4)
        ids.append(record.id)
    both.close()
    assert expert.score([0, 5]).shape[0] == 2  # borrowed, so still open


def test_what_cannot_be_contrasted_is_told_in_one_sentence(workspace):
    engine = open_engine("run:tiny", workspace)
    other = open_engine("run:tiny", workspace)
    other.token_bytes = lambda id: b"?"
    with pytest.raises(LabError, match="have other tokens"):
        ContrastiveEngine(engine, other)
    blind = open_engine("run:tiny", workspace)
    blind._writer = object()  # as the writers of other designs
    with pytest.raises(LabError, match="DoLa contrasts the layers of a decoder"):
        DolaEngine(blind)
    with pytest.raises(LabError, match="gives no probability to a text"):
        DolaEngine(engine).score([0])
