"""Every shape of the family tree gives the same loss and gradients with all our kernels as with torch's."""

import msgspec
import numpy as np
import pytest
import torch

from core.kernels import ops
from core.model.build import build_model
from core.model.decoder import initialise
from core.train.objectives import Asking
from core.train.precision import Arithmetic
from tests.tiny_tree import SHAPES, SYSTEMS, tiny

pytestmark = pytest.mark.skipif(not ops.available()["built"], reason="the C++ kernels are not built here")

OURS = dict.fromkeys(("attention", "norm", "swiglu", "gelu"), "ours")
TRANSFORMERS = [name for name in SHAPES if SYSTEMS[name].shape.family == "transformer"]
STEADY = [name for name in TRANSFORMERS if not SYSTEMS[name].shape.experts.count]  # a rounding may change the expert
VOCAB = 200


def losses_and_gradients(name: str, paths: dict, precision: str) -> tuple[float, torch.Tensor]:
    """Of one batch of three sequences, which the objective of the shape asks; weights and draws are always the same."""
    shape = msgspec.structs.replace(tiny(name), vocab_size=VOCAB, dropout=0.0)
    asking = Asking(shape, VOCAB - shape.objective.extra_tokens, np.ones(VOCAB, bool), 0)
    rows = np.random.default_rng(1).integers(1, VOCAB - shape.objective.extra_tokens, (3, shape.context + 1))
    torch.manual_seed(0)
    model = build_model(shape)
    initialise(model, 0)
    model.train()
    model.use_kernels(paths)
    arithmetic = Arithmetic(model, precision, "cpu")
    loss = arithmetic.loss(**asking(rows, 0))
    arithmetic.backward(loss)
    return float(loss.detach()), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_our_kernels_mean_the_same_in_every_design(name):
    (loss, gradient), (ours, mine) = (losses_and_gradients(name, paths, "fp32") for paths in ({}, OURS))
    assert ours == pytest.approx(loss, rel=2e-6)
    assert float((mine - gradient).norm() / gradient.norm()) < 1e-4


@pytest.mark.parametrize("precision", ["bf16", "bf16_weights"])
@pytest.mark.parametrize("name", STEADY)
def test_in_bf16_they_are_as_near_to_float32_as_torch_is(name, precision):
    exact_loss, exact = losses_and_gradients(name, {}, "fp32")
    found = [losses_and_gradients(name, paths, precision) for paths in ({}, OURS)]
    (torchs_loss, torchs), (loss, mine) = found
    assert loss == pytest.approx(exact_loss, rel=5e-3)
    assert float((mine - exact).norm()) <= 1.3 * float((torchs - exact).norm()) + 1e-3 * float(exact.norm())
