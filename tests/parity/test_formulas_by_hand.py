"""What has no public twin, against the papers' formulas: Transformer-XL, GLM's DeepNorm prefix, UL2's denoisers.

Written out slowly, one pair of tokens and one head at a time, from the weights alone: no line is shared with the lab.
"""

import math

import numpy as np
import pytest
import torch

from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.base import build
from core.spec.model import ModelSpec
from core.train.objectives import Asking

BOUND = 1e-5  # of the largest logit, and of the model's largest gradient, in float64
VOCAB = 23
SHAPES = [
    {"d_model": 16, "n_layers": 2, "n_heads": 2, "context": 12, "d_ff": 24},
    {"d_model": 24, "n_layers": 1, "n_heads": 3, "context": 9, "d_ff": 20},
    {"d_model": 20, "n_layers": 3, "n_heads": 5, "context": 10, "d_ff": 16},
]
FAMILIES = {
    "Transformer-XL": {"position": "xl", "norm": "rms_norm", "activation": "gelu"},
    "GLM": {"layout": "prefix", "norm": "layer_norm", "norm_place": "post", "deep_norm": True, "bias": True,
            "activation": "geglu", "objective": {"task": "blank_infilling"}},
    "UL2": {"layout": "encoder_decoder", "position": "t5", "attn_scaled": False, "activation": "swiglu",
            "tied_head": False, "relative_buckets": 8, "relative_distance": 8, "norm_eps": 1e-6,
            "objective": {"task": "denoisers"}},
    "UL2, one stack": {"layout": "prefix", "activation": "swiglu", "tied_head": False,
                       "objective": {"task": "denoisers"}},
}  # fmt: skip


class ByHand:
    """A model's logits from its weights, by name, as the papers write them."""

    def __init__(self, spec: ModelSpec, weights: dict) -> None:
        self.spec, self.w = spec, weights
        self.head = spec.d_model // spec.n_heads

    def logits(self, ids: list[int], sees, source: list[int] | None = None):
        """(T, V) of one sequence; ``sees(i, j)``: whether place i may look at place j."""
        memory = None
        if source is not None:
            memory = self.stack("encoder.", source, lambda i, j: True, None)
        x = self.stack("decoder." if source is not None else "", ids, sees, memory)
        return x @ self.w["embed.weight" if self.spec.tied_head else "head.weight"].T

    def stack(self, name, ids, sees, memory):
        x = torch.stack([self.w["embed.weight"][id] for id in ids])
        for layer in range(self.spec.n_layers):
            block = f"{name}blocks.{layer}."
            x = self.add(x, block + "attn_norm", lambda y, b=block: self.attend(b + "attn.", y, y, sees, name))
            if memory is not None:
                x = self.add(x, block + "cross_norm", lambda y, b=block: self.attend(
                    b + "cross.", y, memory, lambda i, j: True, None))
            x = self.add(x, block + "ff_norm", lambda y, b=block: self.feed(b + "ff.", y))
        return x if self.spec.norm_place == "post" else self.norm(x, name + "final_norm")

    def add(self, x, norm, part):
        if self.spec.norm_place == "post":  # DeepNorm: LayerNorm(alpha x + part(x)), alpha = (2 N)^(1/4)
            return self.norm((2 * self.spec.n_layers) ** 0.25 * x + part(x), norm)
        return x + part(self.norm(x, norm))

    def norm(self, x, name):
        rows = []
        for row in x:
            if self.spec.norm == "layer_norm":
                row = row - row.sum() / len(row)
            row = row / torch.sqrt((row * row).sum() / len(row) + self.spec.norm_eps) * self.w[name + ".weight"]
            rows.append(row + self.w[name + ".bias"] if name + ".bias" in self.w else row)
        return torch.stack(rows)

    def linear(self, x, name):
        out = x @ self.w[name + ".weight"].T
        return out + self.w[name + ".bias"] if name + ".bias" in self.w else out

    def feed(self, name, x):
        up = self.linear(x, name + "up")
        if self.spec.activation == "swiglu":
            gate = self.linear(x, name + "gate")
            up = gate / (1 + torch.exp(-gate)) * up
        elif self.spec.activation == "geglu":
            up = gelu(self.linear(x, name + "gate")) * up
        else:
            up = gelu(up)
        return self.linear(up, name + "down")

    def attend(self, name, x, y, sees, stack):
        """``stack`` is whose positions count; None = none do, as in cross-attention."""
        q, k, v = self.linear(x, name + "q"), self.linear(y, name + "k"), self.linear(y, name + "v")
        rows = []
        for i in range(len(x)):
            parts = []
            for h in range(self.spec.n_heads):
                of_head = slice(h * self.head, (h + 1) * self.head)
                seen = [j for j in range(len(y)) if sees(i, j)]
                scores = [self.score(name, stack, q[i, of_head], k[j, of_head], i, j, h) for j in seen]
                powers = [torch.exp(score - max(float(s.detach()) for s in scores)) for score in scores]
                parts.append(sum(power * v[j, of_head] for power, j in zip(powers, seen)) / sum(powers))
            rows.append(torch.cat(parts))
        return self.linear(torch.stack(rows), name + "o")

    def score(self, name, stack, q, k, i, j, h):
        if stack is None:  # T5 divides nothing
            return q @ k
        if self.spec.position == "t5":
            both_ways = stack == "encoder."
            return q @ k + self.w[stack + "distance_bias.weight"][bucket(j - i, both_ways), h]
        if self.spec.position == "xl":
            of_head = slice(h * self.head, (h + 1) * self.head)
            r = self.w[name + "relative.r.weight"][of_head] @ sinusoid(i - j, self.spec.d_model)
            u, w = self.w[name + "relative.content_bias"][h], self.w[name + "relative.position_bias"][h]
            return ((q + u) @ k + (q + w) @ r) / math.sqrt(self.head)
        return turned(q, i) @ turned(k, j) / math.sqrt(self.head)


def gelu(x):
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def bucket(distance: int, both_ways: bool, buckets: int = 8, farthest: int = 8) -> int:
    """Raffel et al. 2020: half of the classes are exact, the others grow logarithmically up to ``farthest``."""
    first = 0
    if both_ways:
        buckets //= 2
        first = buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(0, -distance)
    exact = buckets // 2
    if distance < exact:
        return first + distance
    far = exact + int(math.log(distance / exact) / math.log(farthest / exact) * (buckets - exact))
    return first + min(far, buckets - 1)


def sinusoid(distance: int, width: int) -> torch.Tensor:
    angles = [distance / 10000.0 ** (2 * i / width) for i in range(width // 2)]
    return torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles], dtype=torch.float64)


def turned(vector, place):
    """RoPE, feature i with feature i + half."""
    half = len(vector) // 2
    angles = [place * 10000.0 ** (-2 * i / len(vector)) for i in range(half)]
    first = [vector[i] * math.cos(a) - vector[i + half] * math.sin(a) for i, a in enumerate(angles)]
    second = [vector[i + half] * math.cos(a) + vector[i] * math.sin(a) for i, a in enumerate(angles)]
    return torch.stack(first + second)


def loss_by_hand(by_hand: ByHand, batch: dict) -> tuple[torch.Tensor, list]:
    """Mean of -log p over all tokens asked for, in all rows; and each row's logits."""
    lost, rows = [], []
    for row, (ids, targets) in enumerate(zip(batch["ids"].tolist(), batch["targets"].tolist())):
        prefix = int(batch["prefix"][row]) if "prefix" in batch else 0
        source = None
        if "source" in batch:
            there = ~batch["source_padding"][row] if "source_padding" in batch else slice(None)
            source = batch["source"][row][there].tolist()
        logits = by_hand.logits(ids, lambda i, j, p=prefix: j <= i or j < p, source)
        rows.append(logits)
        for place, target in enumerate(targets):
            if target >= 0:
                top = logits[place].max().detach()
                lost.append(top + torch.log(torch.exp(logits[place] - top).sum()) - logits[place][target])
    return sum(lost) / len(lost), rows


@pytest.mark.parametrize("shape", range(3))
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_loss_and_gradients_are_those_of_the_formula(family, shape):
    spec = build(ModelSpec, {**SHAPES[shape], **FAMILIES[family], "vocab_size": VOCAB})
    spec = build(ModelSpec, {**SHAPES[shape], **FAMILIES[family], "vocab_size": VOCAB + spec.objective.extra_tokens})
    model = build_model(spec).double()
    initialise(model, 3)
    generator = torch.Generator().manual_seed(4 + shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    windows = np.random.default_rng(shape).integers(1, VOCAB, (2, spec.context + 1))
    batch = Asking(spec, VOCAB, np.ones(VOCAB, bool), seed=5)(windows, 0)
    weights = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    expected, rows = loss_by_hand(ByHand(spec, weights), batch)
    found = model.loss(**batch)
    logits = model.predictions(**{name: part for name, part in batch.items() if name != "targets"})
    asked, by_hand = batch["targets"] >= 0, torch.stack(rows)
    assert logits.dtype == torch.float64 and int(asked.sum()) >= 4
    assert (logits - by_hand)[asked].abs().max() <= BOUND * by_hand[asked].abs().max()
    assert float(found) == pytest.approx(float(expected), rel=BOUND)
    found.backward()
    expected.backward()
    largest = max(w.grad.abs().max() for w in weights.values() if w.grad is not None)
    for name, parameter in model.named_parameters():
        true = torch.zeros_like(parameter) if weights[name].grad is None else weights[name].grad
        assert parameter.grad is not None and (parameter.grad - true).abs().max() <= BOUND * largest, name
