"""What a design is said to keep for the backward pass, against what autograd keeps when it is built and run."""

import warnings

import msgspec
import numpy as np
import pytest
import torch

from core.model.activations import kept
from core.model.build import build_model
from core.model.decoder import initialise
from core.model.scaling import scale_to_parameters
from core.model.sizing import parameters, training_memory
from core.spec.model import ModelSpec
from core.train.objectives import Asking
from tests.tiny_tree import SHAPES, SYSTEMS

ROWS, VOCAB, CONTEXT = 4, 600, 64
NEURAL = [name for name in SHAPES if SYSTEMS[name].shape.family != "ngram"]
# A whole batch is padded to its longest text, which chance decides where texts are cut at a random place; and the
# library's workspace of a small LSTM grows in steps.
ROUGHLY = ("transformer", "alphacode", "gshard", "ul2", "alexatm", "bart", "electra", "ulmfit")


def grown(name: str) -> ModelSpec:
    spec = scale_to_parameters(SYSTEMS[name].shape, 6e5 if name == "fasttext" else 3e5, VOCAB, CONTEXT)
    return msgspec.structs.replace(spec, dropout=0.0)


def kept_bytes(spec: ModelSpec, bf16: bool = False) -> int:
    """Bytes of all different memory that autograd holds after a forward pass, parameters and buffers apart."""
    vocab = spec.vocab_size - spec.objective.extra_tokens
    model = build_model(spec).train()
    initialise(model, 0)
    windows = np.random.default_rng(0).integers(1, vocab, (ROWS, spec.context + 1))
    batch = Asking(spec, vocab, np.ones(vocab, bool), 0)(windows, 0)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    found, alive = {}, []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)  # so that no address is given away twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model.loss(**batch)
    assert torch.isfinite(loss)
    return sum(found.values())


def told_bytes(spec: ModelSpec, bf16: bool = False) -> float:
    told = kept(spec, ROWS)
    return told.n_bytes(bf16) + 4 * told.logits + (2 * parameters(spec)["total"] if bf16 else 0)


@pytest.mark.parametrize("name", NEURAL)
def test_what_is_kept_is_what_autograd_keeps(name):
    spec = grown(name)
    assert told_bytes(spec) == pytest.approx(kept_bytes(spec), rel=0.25 if name in ROUGHLY else 0.1)


@pytest.mark.parametrize("name", ["llama", "gpt-2", "bert", "xlnet", "t5", "glam"])
def test_dropout_and_bfloat16_change_what_is_kept(name):
    spec = grown(name)
    assert told_bytes(spec, True) == pytest.approx(kept_bytes(spec, True), rel=0.25)
    dropped = msgspec.structs.replace(spec, dropout=0.1)
    assert told_bytes(dropped) == pytest.approx(kept_bytes(dropped), rel=0.1)
    assert told_bytes(dropped) > 1.1 * told_bytes(spec) > 1.1 * told_bytes(spec, True)


def test_the_total_is_the_most_at_once():
    spec = grown("llama")
    once, again = (training_memory(spec, ROWS, accumulated=more) for more in (False, True))
    causes = {name: n for name, n in again.items() if name != "total"}
    assert again["total"] == sum(causes.values()) and once["total"] == again["total"] - causes["gradients"]
    assert causes["gradients"] == causes["weights"] == 4 * parameters(spec)["total"] == causes["optimizer"] // 2
    few = training_memory(spec, 1)
    assert few["activations"] < once["activations"] and few["logits"] * ROWS == pytest.approx(once["logits"], rel=1e-6)
