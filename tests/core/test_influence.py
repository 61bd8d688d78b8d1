"""Influence is the product of gradients that it claims to be, and finds the document that taught an answer."""

import msgspec
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.glass import influence
from core.glass.influence import ADAM_EPS, agreements, answer_gradient, as_adam_steps, token_losses
from core.glass.influence_job import asked_tokens, choose_checkpoints, rate_weights
from core.glass.passages import closest, passages
from core.model.build import build_model
from core.model.decoder import initialise
from core.record.metrics import MetricsWriter
from core.spec.experts import Experts
from core.spec.influence import InfluenceSpec
from core.spec.model import ModelSpec
from core.spec.objective import Objective
from core.train.optimizers import optimizer_tensors
from tests.planted_causes import trials

VOCAB, CONTEXT = 40, 24
SHAPES = {
    "llama": {}, "gpt": {"norm": "layer_norm", "position": "learned", "bias": True, "activation": "gelu"},
    "experts": {"experts": Experts(count=4)}, "lstm": {"family": "lstm"}, "window": {"family": "window", "window": 3},
}  # fmt: skip


def make_model(**changes):
    spec = ModelSpec(**{"d_model": 16, "n_layers": 2, "n_heads": 2, "context": CONTEXT, "vocab_size": VOCAB} | changes)
    model = build_model(spec)
    initialise(model, 0)
    return model.float().eval()


def some_documents(count=5):
    random = np.random.default_rng(0)
    return [np.concatenate([[0], random.integers(1, VOCAB, random.integers(1, CONTEXT))]) for _ in range(count)]


def products_by_hand(model, gradient, documents):
    """A whole gradient a document, multiplied out in double precision."""
    parameters = dict(model.named_parameters())
    found = []
    for document in documents:
        loss = token_losses(model, parameters, torch.from_numpy(document)[None]).sum()
        own = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        found.append(sum(float((gradient[name].double() * g.double()).sum())
                         for name, g in zip(parameters, own) if g is not None))
    return np.array(found)


@pytest.mark.parametrize("shape", SHAPES)
def test_agreements_are_the_products_of_the_documents_gradients_with_the_answers(shape):
    model, documents = make_model(**SHAPES[shape]), some_documents()
    gradient = answer_gradient(model, [0, 3, 7], [9, 1])
    assert set(gradient) == {name for name, _ in model.named_parameters()}
    expected = products_by_hand(model, gradient, documents)
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(agreements(model, gradient, documents), expected, rtol=2e-4, atol=1e-4)


def test_without_a_forward_derivative_each_document_has_a_gradient_of_its_own(monkeypatch):
    model, documents = make_model(), some_documents()
    gradient = answer_gradient(model, [0, 3], [9, 1])
    forward = agreements(model, gradient, documents)
    monkeypatch.setattr(influence, "_goes_forward", lambda *_: False)
    np.testing.assert_allclose(agreements(model, gradient, documents), forward, rtol=2e-4, atol=1e-4)


def test_a_step_on_a_document_lowers_the_answers_loss_as_its_influence_says():
    model, documents = make_model(), some_documents(3)
    prompt, answer = [0, 3, 7], [9, 1]
    influences = agreements(model, answer_gradient(model, prompt, answer), documents)
    parameters, rate = dict(model.named_parameters()), 1e-4

    def loss_of_answer():
        with torch.no_grad():
            return float(token_losses(model, parameters, torch.tensor([prompt + answer]))[:, len(prompt) - 1 :].sum())

    for document, influenced in zip(documents, influences):
        before = loss_of_answer()
        loss = token_losses(model, parameters, torch.from_numpy(document)[None]).sum()
        steps = torch.autograd.grad(loss, list(parameters.values()))
        with torch.no_grad():
            for parameter, step in zip(parameters.values(), steps):
                parameter -= rate * step
            after = loss_of_answer()
            for parameter, step in zip(parameters.values(), steps):
                parameter += rate * step
        assert (before - after) / rate == pytest.approx(influenced, rel=0.05, abs=0.2)


def test_adams_step_is_the_gradient_as_adam_divides_it():
    model, beta2, rate = make_model(), 0.9, 1e-3
    optimizer = torch.optim.AdamW(model.parameters(), rate, betas=(0.0, beta2), eps=ADAM_EPS, weight_decay=0.0)
    for document in some_documents(4):
        optimizer.zero_grad()
        token_losses(model, dict(model.named_parameters()), torch.from_numpy(document)[None]).sum().backward()
        before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
        optimizer.step()
    state = optimizer_tensors(model, optimizer)
    last = {name: parameter.grad for name, parameter in model.named_parameters()}
    for name, step in as_adam_steps(last, state, beta2).items():
        moved = (before[name] - model.get_parameter(name).detach()) / rate
        torch.testing.assert_close(step, moved, rtol=2e-3, atol=2e-3)
    state.pop(next(iter(state)).rpartition("/")[0] + "/exp_avg_sq")
    assert as_adam_steps(last, state, beta2) is last  # not Adam's, or not whole


def test_progress_counts_every_document_and_may_stop_the_work():
    model, told = make_model(), []
    gradient = answer_gradient(model, [0], [9])
    agreements(model, gradient, some_documents(5), told.append)
    assert told[-1] == 5

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agreements(model, gradient, some_documents(5), stop)


def test_passages_hold_every_predicted_token_once():
    starts, ends = passages(np.array([0, 4, 5, 30]), 33, context=10)
    predicted = sorted(place for a, b in zip(starts, ends) for place in range(a + 1, b))
    assert predicted == [place for place in range(33) if place not in (0, 4, 5, 30)]
    assert (ends - starts).max() == 11 and starts.tolist() == [0, 4, 5, 15, 25, 30]


def test_the_closest_passages_share_the_rare_tokens():
    documents = [[5, 5, 5], [1, 2], [1, 9], [1, 1], [3, 9]]
    tokens = np.array([id for document in documents for id in [0, *document]], np.uint16)
    starts, ends = passages(np.flatnonzero(tokens == 0), len(tokens), 10)
    assert closest(tokens, starts, ends, [0, 1, 9], 5).tolist() == [0, 1, 2, 3, 4]
    assert closest(tokens, starts, ends, [0, 1, 9], 1).tolist() == [2]  # both
    assert closest(tokens, starts, ends, [0, 1, 9], 2).tolist() == [2, 4]  # 9 is rarer than 1


def test_a_checkpoint_counts_as_the_learning_rates_of_the_steps_before_it(tmp_path):
    path = tmp_path / "metrics.bin"
    writer = MetricsWriter(path, [("step", ""), ("lr", "")])
    for step in range(11):
        writer.append(step=step, lr=0.0 if step == 0 else 1.0 if step <= 4 else 0.5)
    writer.close()
    assert rate_weights(path, [4, 10]) == [pytest.approx(4 / 7), pytest.approx(3 / 7)]
    assert rate_weights(tmp_path / "none", [1, 2]) == [0.5, 0.5]


def test_checkpoints_are_chosen_evenly_and_the_last_is_one_of_them(tmp_path):
    with pytest.raises(LabError, match="no checkpoint"):
        choose_checkpoints(tmp_path, 3)
    for step in (1, 2, 3, 4, 5):
        (tmp_path / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    assert [path.name[-1] for path in choose_checkpoints(tmp_path, 3)] == ["1", "3", "5"]
    assert [path.name[-1] for path in choose_checkpoints(tmp_path, 1)] == ["5"]
    assert len(choose_checkpoints(tmp_path, 99)) == 5


class Letters:
    """A tokenizer of one letter a token."""

    end_id = 0

    def encode(self, text):
        return list(text.encode())


@pytest.mark.parametrize(("changes", "asked", "told"), [
    ({"layout": "encoder", "objective": Objective(task="masked")}, {"answer": "a"}, "left to right"),
    ({}, {"answer": ""}, "no answer"),
    ({}, {"prompt": "p" * 20, "answer": "a" * 10}, "31 tokens, more than the 24"),
])
def test_what_cannot_be_traced_back_is_refused_in_one_sentence(changes, asked, told):
    shape = ModelSpec(**{"d_model": 16, "n_heads": 2, "context": CONTEXT, "vocab_size": 300} | changes)
    with pytest.raises(LabError, match=told):
        asked_tokens(InfluenceSpec(run="run", **asked), shape, Letters())


def test_the_document_that_taught_the_answer_is_found(tmp_path):
    """A small sample of tests/planted_causes.py."""
    (found,) = trials(tmp_path, seed=1, documents=120, epochs=40, each=1)
    assert found["compared"] >= 110
    assert found["rank"] <= 3, msgspec.json.encode(found)
