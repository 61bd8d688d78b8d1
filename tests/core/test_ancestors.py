"""The ancestors of the Transformer: LSTMs, window models and word vectors."""

import numpy as np
import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.model.sizing import parameters
from core.model.word_vectors import BUCKETS, subwords_of
from core.model.writing import make_writer
from core.spec.base import build
from core.spec.model import ModelSpec

SHAPES = {
    "LSTM": {"family": "lstm", "d_model": 16, "n_layers": 2},
    "AWD-LSTM": {"family": "lstm", "d_model": 16, "n_layers": 3, "d_ff": 24, "weight_drop": 0.5, "dropout": 0.1},
    "ELMo": {"family": "lstm", "d_model": 16, "n_layers": 2, "d_ff": 40, "projected": True, "layout": "encoder"},
    "NNLM": {"family": "window", "d_model": 16, "embed_size": 8, "window": 5, "tied_head": False,
             "activation": "tanh"},
    "skip-gram": {"family": "word_vectors", "d_model": 16, "window": 4, "objective": {"task": "skip_gram"}},
    "CBOW": {"family": "word_vectors", "d_model": 16, "window": 4, "objective": {"task": "cbow"}},
    "fastText": {"family": "word_vectors", "d_model": 16, "window": 4,
                 "objective": {"task": "skip_gram", "subwords": True}},
}  # fmt: skip


def spec_of(name):
    return build(ModelSpec, {"vocab_size": 40, "context": 24, **SHAPES[name]})


@pytest.mark.parametrize("name", SHAPES)
def test_the_parameter_count_is_exact(name):
    spec = spec_of(name)
    with torch.device("meta"):
        assert parameters(spec)["total"] == sum(p.numel() for p in build_model(spec).parameters())


@pytest.mark.parametrize("name", ["LSTM", "AWD-LSTM", "ELMo", "NNLM"])
def test_writing_token_by_token_equals_one_pass(name):
    model = build_model(spec_of(name)).eval()
    initialise(model, 0)
    ids = torch.randint(0, 40, (1, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        whole = model(ids)[0]
        writer = make_writer(model, 40)
        pieces = [writer.start(ids[0, :5].tolist()), *(writer.step(int(i)) for i in ids[0, 5:])]
    assert torch.allclose(torch.stack(pieces), whole[4:], atol=1e-5)


def test_a_window_model_sees_its_window_and_nothing_else():
    model = build_model(spec_of("NNLM")).eval()
    ids = torch.randint(0, 39, (1, 20))
    changed = ids.clone()
    changed[0, 6] += 1
    moved = (model(ids) - model(changed)).abs().amax(-1)[0] > 0
    assert moved.tolist() == [6 <= place < 11 for place in range(20)]


def test_the_backward_half_of_a_two_way_lstm_learns_to_predict_what_came_before():
    spec = spec_of("ELMo")
    model = build_model(spec)
    initialise(model, 0)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(1, 20, (16, 25), generator=generator)
    text = torch.stack([noise, noise + 20], -1).flatten(1)[:, :25]  # each token of 20.. tells the one before it
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(200):
        optimizer.zero_grad()
        model.loss(text[:, :-1], text[:, 1:]).backward()
        optimizer.step()
    turned = text.flip(1)
    behind = model.logits(model.backwards(model.embed(turned[:, :-1]))).argmax(-1)
    told = turned[:, :-1] >= 20
    assert float((behind == turned[:, 1:])[told].float().mean()) > 0.9


@pytest.mark.parametrize("name", ["skip-gram", "CBOW", "fastText"])
def test_word_vectors_bring_together_tokens_that_share_neighbours(name):
    spec = spec_of(name)
    model = build_model(spec)
    initialise(model, 0)
    if spec.objective.subwords:
        for token in range(40):
            pieces = subwords_of(b"word%d" % token)
            model.subwords[token, : len(pieces)] = torch.tensor(pieces)
            assert max(pieces) < BUCKETS
    rng = np.random.default_rng(0)
    groups = np.repeat(rng.integers(0, 4, (64, 6)), 4, axis=1)  # stretches of text about one of four topics
    text = torch.from_numpy(groups * 10 + rng.integers(0, 10, groups.shape))
    model.read_counts(torch.bincount(text.flatten(), minlength=40))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for step in range(80):
        noise = torch.rand(64, 24, 5, generator=torch.Generator().manual_seed(step)).double()
        optimizer.zero_grad()
        model.loss(text, text, noise).backward()
        optimizer.step()
    vectors = torch.nn.functional.normalize(model.vectors(torch.arange(40)), dim=-1)
    likeness = vectors @ vectors.T
    same = torch.arange(40)[:, None] // 10 == torch.arange(40)[None] // 10
    off = ~torch.eye(40, dtype=torch.bool)
    assert likeness[same & off].mean() > likeness[~same].mean() + 0.2
