"""What each objective shows and asks: counts, places, and that nothing asked for is shown."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.build import build_model
from core.model.decoder import initialise
from core.model.writing import make_writer
from core.spec.base import build
from core.spec.model import ModelSpec
from core.spec.objective import SENTINELS
from core.train.noise import choose_spans, choose_tokens, corrupt
from core.train.objectives import Asking

VOCAB, CONTEXT = 50, 32
STARTS = np.arange(VOCAB) % 3 == 0  # every third token begins a word
KINDS = {
    "causal": {}, "prefix": {"layout": "prefix", "objective": {"task": "prefix"}},
    "blank_infilling": {"layout": "prefix", "objective": {"task": "blank_infilling"}},
    "prefix denoisers": {"layout": "prefix", "objective": {"task": "denoisers"}},
    "masked": {"layout": "encoder", "objective": {"task": "masked"}},
    "unilm": {"layout": "encoder", "objective": {"task": "unilm"}},
    "replaced": {"layout": "encoder", "objective": {"task": "replaced"}},
    "permutation": {"layout": "encoder", "position": "xl", "objective": {"task": "permutation"}},
    "span_corruption": {"layout": "encoder_decoder", "objective": {"task": "span_corruption"}},
    "infilling": {"layout": "encoder_decoder", "objective": {"task": "infilling", "mask_rate": 0.3}},
    "denoisers": {"layout": "encoder_decoder", "objective": {"task": "denoisers"}},
    "translation": {"layout": "encoder_decoder", "objective": {"task": "prefix"}},
}  # fmt: skip


def shape(kind: str) -> ModelSpec:
    spec = build(ModelSpec, {"d_model": 16, "n_layers": 2, "n_heads": 2, "context": CONTEXT, **KINDS[kind]})
    return build(ModelSpec, {**_plain(spec), "vocab_size": VOCAB + spec.objective.extra_tokens})


def _plain(spec):
    import msgspec

    return msgspec.to_builtins(spec)


def windows(count: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, VOCAB, (count, CONTEXT + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_every_objective_is_learned_written_and_the_same_when_asked_again(kind):
    spec = shape(kind)
    model, asking = build_model(spec), Asking(spec, VOCAB, STARTS, 7)
    initialise(model, 0)
    batch = asking(windows(), 12)
    again = asking(windows(), 12)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    other = asking(windows(), 13)
    assert kind == "causal" or any(batch[n].shape != other[n].shape or not torch.equal(batch[n], other[n])
                                   for n in batch)  # fmt: skip
    loss = model.loss(**batch)
    loss.backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None]
    assert torch.isfinite(loss) and idle == []
    shown = {name: tensor for name, tensor in batch.items() if name != "targets"}
    assert model.eval().predictions(**shown).shape == (*batch["targets"].shape, spec.vocab_size)
    with torch.no_grad():
        writer = make_writer(model, VOCAB)
        first = writer.start([0, 3, 5])
        assert first.shape == writer.step(int(first[:VOCAB].argmax())).shape == (spec.vocab_size,)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("span_corruption", "infilling", "denoisers")])
def test_what_is_asked_is_what_the_text_says(kind):
    spec, rows = shape(kind), windows(20, seed=3)
    batch = Asking(spec, VOCAB, STARTS, 1)(rows, 0)
    asked = batch["targets"] >= 0
    assert asked.any(dim=1).all()
    if kind in ("masked", "replaced", "unilm", "permutation"):
        assert torch.equal(batch["targets"][asked], torch.from_numpy(rows[:, :-1])[asked])
    if kind in ("causal", "prefix"):
        assert torch.equal(batch["targets"][asked], torch.from_numpy(rows[:, 1:])[asked])
    if kind == "prefix":
        places = torch.arange(CONTEXT)
        assert torch.equal(asked, places[None] >= batch["prefix"][:, None] - 1)
    if kind == "replaced":
        assert (batch["ids"][asked] == VOCAB).all() and torch.equal(batch["original"], torch.from_numpy(rows[:, :-1]))


def test_masked_tokens_are_80_masks_10_others_10_themselves():
    batch = Asking(shape("masked"), VOCAB, STARTS, 1)(windows(2000), 0)
    asked = batch["targets"] >= 0
    assert float(asked.float().mean()) == pytest.approx(0.15, abs=0.01)
    shown, true = batch["ids"][asked], batch["targets"][asked]
    assert float((shown == VOCAB).float().mean()) == pytest.approx(0.8, abs=0.02)
    assert float((shown == true).float().mean()) == pytest.approx(0.1 + 0.1 / VOCAB, abs=0.015)
    assert torch.equal(batch["ids"][~asked], torch.from_numpy(windows(2000)[:, :-1])[~asked])


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 80), st.floats(0.05, 0.6), st.floats(1.0, 8.0), st.integers(0, 10**6))
def test_span_corruption_can_be_undone(length, rate, span, seed):
    rng = np.random.default_rng(seed)
    text = rng.integers(1, VOCAB, length)
    spans = choose_spans(length, rate, span, rng)
    sentinels = [VOCAB + i for i in range(SENTINELS)]
    source, target = corrupt(text, spans, sentinels)
    hidden = sum(end - start for start, end in spans)
    assert hidden == min(max(1, round(length * rate)), length - 1) and len(source) == length - hidden + len(spans)
    pieces, current = {}, None
    for token in target:
        if token >= VOCAB:
            current = pieces.setdefault(token, [])
        else:
            current.append(token)
    restored = [t for token in source for t in (pieces[token] if token >= VOCAB else [token])]
    assert restored == text.tolist()


def test_whole_words_are_masked_whole():
    tokens = windows(1, seed=9)[0]
    chosen = choose_tokens(tokens, 0.3, "word", 3.0, STARTS, np.random.default_rng(2))
    begins = STARTS[tokens]
    begins[0] = True
    word = np.cumsum(begins)
    assert chosen.any() and not chosen.all()
    assert all(len(set(chosen[word == w])) == 1 for w in set(word))


def test_a_permutation_model_never_sees_what_it_is_asked():
    spec = shape("permutation")
    model = build_model(spec).eval()
    initialise(model, 0)
    batch = Asking(spec, VOCAB, STARTS, 1)(windows(1), 0)
    place = int((batch["targets"][0] >= 0).nonzero()[0])
    changed = batch["ids"].clone()
    changed[0, place] = (changed[0, place] + 1) % VOCAB
    with torch.no_grad():
        before, after = model(batch["ids"], batch["rank"])[0], model(changed, batch["rank"])[0]
    later = batch["rank"][0] > batch["rank"][0, place]
    assert torch.equal(before[place], after[place])
    assert not later.any() or (before[later] - after[later]).abs().max() > 0
