"""Every optimizer beside an independent one, in float64, over steps with random gradients and shapes."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from transformers.optimization import Adafactor as TheirAdafactor

from core.model.decoder import Decoder
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.optimizers import make_optimizer, matrices
from core.train.optimizers.muon import orthogonal

STEPS, RATE, DECAY = 20, 0.03, 0.1
SHAPES = [[(7, 5), (5,), (6, 6), (3, 11), (1, 4), (9,), (7, 5)], [(2, 2), (13, 3), (4,), (3, 13), (2, 5, 3)]]


class Bag(nn.Module):
    """Parameters of given shapes."""

    def __init__(self, shapes, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.parts = nn.ParameterList(torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes)


def gradients(shapes, seed: int):
    """Random gradients of every step; their size changes from step to step."""
    draw = np.random.default_rng(seed)
    return [[draw.normal(0, math.exp(draw.normal()), shape) for shape in shapes] for _ in range(STEPS)]


def ours(name: str, shapes, given, **more) -> list[np.ndarray]:
    bag = Bag(shapes, 0)
    spec = TrainSpec(corpus="", tokenizer="", optimizer=name, learning_rate=RATE, weight_decay=DECAY, **more)
    optimizer = make_optimizer(bag, spec)
    for step in given:
        for parameter, gradient in zip(bag.parameters(), step, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
    return [p.detach().numpy() for p in bag.parameters()]


def by_torch(make, shapes, given) -> list[np.ndarray]:
    """What an optimizer of others makes of the same; ``make(matrices, vectors)`` returns a list of optimizers."""
    bag = Bag(shapes, 0)
    parameters = list(bag.parameters())
    optimizers = make([p for p in parameters if p.ndim >= 2], [p for p in parameters if p.ndim < 2])
    for step in given:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        for optimizer in optimizers:
            optimizer.step()
    return [p.detach().numpy() for p in parameters]


def by_formula(change, shapes, given) -> list[np.ndarray]:
    """``change(weights, gradient, memory, step, decay)`` written in numpy, applied to each parameter."""
    weights = [p.detach().numpy().copy() for p in Bag(shapes, 0).parameters()]
    memories = [{} for _ in weights]
    for step, found in enumerate(given, 1):
        for i, gradient in enumerate(found):
            weights[i] = change(weights[i], gradient, memories[i], step, DECAY if weights[i].ndim >= 2 else 0.0)
    return weights


def adamw_formula(x, g, memory, step, decay):
    """Loshchilov & Hutter 2019, algorithm 2."""
    m = memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    v = memory["v"] = 0.95 * memory.get("v", 0) + 0.05 * g * g
    return x - RATE * (m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.95**step)) + 1e-8) + decay * x)


def lion_formula(x, g, memory, step, decay):
    """Chen et al. 2023, algorithm 2."""
    m = memory.get("m", np.zeros_like(g))
    memory["m"] = 0.95 * m + 0.05 * g
    return x - RATE * (np.sign(0.9 * m + 0.1 * g) + decay * x)


def sgd_formula(x, g, memory, step, decay):
    """Sutskever et al. 2013, as torch writes it."""
    memory["m"] = 0.95 * memory["m"] + (g + decay * x) if memory else g + decay * x
    return x - RATE * memory["m"]


def adafactor_formula(x, g, memory, step, decay):
    """Shazeer & Stern 2018, algorithms 4 and 5, with sums where the paper has sums."""
    beta, squares = 1 - step**-0.8, g * g + 1e-30
    if g.ndim >= 2:
        r = memory["r"] = beta * memory.get("r", 0) + (1 - beta) * squares.sum(-1)
        c = memory["c"] = beta * memory.get("c", 0) + (1 - beta) * squares.sum(-2)
        v = r[..., :, None] * c[..., None, :] / r.sum(-1)[..., None, None]
    else:
        v = memory["v"] = beta * memory.get("v", 0) + (1 - beta) * squares
    u = g / np.sqrt(v)
    u = u / max(1.0, np.sqrt((u * u).mean()))
    return x - RATE * (u + decay * x)


def close(one, other) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shapes", SHAPES, ids=["flat", "deep"])
@pytest.mark.parametrize(("name", "formula"), [
    ("adamw", adamw_formula), ("lion", lion_formula), ("sgd", sgd_formula), ("adafactor", adafactor_formula),
])  # fmt: skip
def test_twenty_steps_are_those_of_the_papers_formula(name, formula, shapes):
    given = gradients(shapes, 1)
    close(ours(name, shapes, given), by_formula(formula, shapes, given))


@pytest.mark.parametrize("shapes", SHAPES, ids=["flat", "deep"])
def test_adamw_is_torchs_own(shapes):
    def make(matrices, vectors):
        groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
        return [torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), eps=1e-8, foreach=False)]

    given = gradients(shapes, 2)
    close(ours("adamw", shapes, given), by_torch(make, shapes, given))


@pytest.mark.parametrize("shapes", SHAPES, ids=["flat", "deep"])
def test_adafactor_is_that_of_transformers(shapes):
    def make(matrices, vectors):
        settings = {"lr": RATE, "relative_step": False, "scale_parameter": False}
        return [TheirAdafactor(matrices, weight_decay=DECAY, **settings), TheirAdafactor(vectors, **settings)]

    given = gradients(shapes, 3)
    close(ours("adafactor", shapes, given), by_torch(make, shapes, given))


def test_muon_is_torchs_own_when_that_computes_in_float64(monkeypatch):
    def make(matrices, vectors):
        return [torch.optim.Muon(matrices, lr=RATE, weight_decay=DECAY, momentum=0.9, adjust_lr_fn="match_rms_adamw"),
                torch.optim.AdamW(vectors, lr=RATE, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.0)]  # fmt: skip

    given = gradients(SHAPES[0], 4)
    mine = ours("muon", SHAPES[0], given, momentum=0.9)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.double)  # else it rounds to three digits inside
    close(mine, by_torch(make, SHAPES[0], given))


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (6, 6), (1, 7)])
def test_orthogonal_brings_every_singular_value_near_one_and_keeps_the_directions(shape):
    draw = torch.Generator().manual_seed(5)
    many = torch.randn(3, *shape, generator=draw, dtype=torch.float64) * 100
    found = orthogonal(many)
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.5 and values.max() < 1.3
    u, _, vh = torch.linalg.svd(many, full_matrices=False)
    assert torch.linalg.norm(found - u @ vh) < 0.4 * math.sqrt(3 * min(shape))
    assert torch.allclose(found[1], orthogonal(many[1:2])[0])  # each for itself, whatever stands beside it


def test_muon_turns_neither_embeddings_nor_the_head_nor_vectors():
    model = Decoder(ModelSpec(d_model=16, n_layers=2, n_heads=2, context=8, vocab_size=32, tied_head=False,
                              position="learned"))  # fmt: skip
    turned = {id(p) for p in matrices(model)}
    names = {name for name, p in model.named_parameters() if id(p) in turned}
    assert {"blocks.0.attn.q.weight", "blocks.1.ff.down.weight"} <= names
    assert not names & {"embed.weight", "head.weight", "positions.weight", "final_norm.weight"}
    kinds = make_optimizer(model, TrainSpec(corpus="", tokenizer="", optimizer="muon")).param_groups
    assert sum(len(group["params"]) for group in kinds) == len(list(model.parameters()))


@pytest.mark.parametrize("name", ["adamw", "adafactor", "muon", "lion", "sgd"])
def test_decay_pulls_matrices_and_leaves_vectors(name):
    nothing = [[np.zeros(shape) for shape in SHAPES[0]]]
    before = [p.detach().numpy().copy() for p in Bag(SHAPES[0], 0).parameters()]
    for old, new in zip(before, ours(name, SHAPES[0], nothing), strict=True):
        expected = old * (1 - RATE * DECAY) if old.ndim >= 2 else old
        np.testing.assert_allclose(new, expected, atol=1e-12)
