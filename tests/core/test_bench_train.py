"""What training is measured against is the same model, and learns the same from the same batches."""

import pytest
import torch

from core.cli.entry import run
from core.model.build import build_model
from core.model.decoder import initialise
from core.train import bench
from core.train.rival import NanoGPT

SMALL = bench.Size(layers=2, heads=2, width=32, context=24, batch=4, vocabulary=65)
BF16 = 0.02  # relative difference of losses


@pytest.fixture
def model():
    made = build_model(SMALL.spec)
    initialise(made, 0)
    return made


@pytest.fixture(scope="module")
def drawn():
    tokens = bench.read_tokens(None, SMALL.vocabulary)
    assert tokens.min() >= 0 and len(set(tokens.tolist())) == SMALL.vocabulary
    source = bench.batches(tokens, SMALL, seed=3)
    return [next(source) for _ in range(6)]


def test_the_rival_is_our_decoder_by_another_name(model, drawn):
    model.double()
    nano = NanoGPT(SMALL.spec).double().take_weights(model)
    ids, targets = drawn[0]
    own, theirs = model.loss(ids, targets), nano(ids, targets)
    assert float(own) == pytest.approx(float(theirs), rel=1e-7)  # our loss is told in float32
    own.backward(), theirs.backward()
    assert torch.allclose(model.embed.weight.grad, nano.tokens.weight.grad, atol=1e-6)
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in nano.parameters())


def test_all_racers_lose_alike_when_they_see_the_same_batches(model, drawn):
    tokens = bench.read_tokens(None, SMALL.vocabulary)
    nano, flat = bench.nano_step(model), bench._flat(NanoGPT(SMALL.spec).take_weights(model), "bf16")
    autocast = bench._plain(NanoGPT(SMALL.spec).take_weights(model), "bf16")
    named, _, ours = bench.our_step(model, SMALL, tokens)
    assert named
    losses = [[step(ids, targets) for ids, targets in drawn] for step in (nano, ours, autocast, flat)]
    assert losses[0][-1] < losses[0][0]
    for other in losses[1:]:
        assert other == pytest.approx(losses[0], rel=BF16)


def test_an_unknown_size_is_refused_in_a_sentence(capsys):
    assert run(["bench", "train", "--sizes", "12 M"], lambda *_, **__: 0) == 2
    assert "There is no size 12 M to measure." in capsys.readouterr().err
