"""Looks into a model: each view's numbers equal what the model itself computes, or what can be known by hand."""

import functools
import math

import msgspec
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.data.shards import write_shards
from core.errors import LabError
from core.glass import ablation, embeddings, induction, lens, neurons
from core.glass.inside import Inside
from core.glass.trace import blocks_of, watch
from core.infer.open import open_engine
from core.jobs.session import Session
from core.model.build import build_model
from core.model.decoder import Decoder, initialise
from core.spec import messages as m
from core.spec.inside import (
    AttentionLook,
    EmbeddingsLook,
    HeadsLook,
    InductionLook,
    LensLook,
    NeuronsLook,
    ResidualLook,
)
from core.spec.model import Experts, ModelSpec, Objective
from core.tokens.tokenizer import Tokenizer
from tests import tiny_tree
from tests.tiny_run import make_workspace

PLAIN = ModelSpec(d_model=32, n_layers=3, n_heads=4, context=32, vocab_size=64)
SHAPES = {
    "llama": PLAIN,
    "grouped heads": msgspec.structs.replace(PLAIN, kv_heads=2, activation="swiglu"),
    "norms behind": msgspec.structs.replace(PLAIN, norm="layer_norm", norm_place="post"),
    "sandwich": msgspec.structs.replace(PLAIN, norm_place="sandwich"),
    "parallel": msgspec.structs.replace(PLAIN, parallel="one_norm"),
    "one block for all": msgspec.structs.replace(PLAIN, shared_layers=True),
    "ALiBi": msgspec.structs.replace(PLAIN, position="alibi"),
    "T5": msgspec.structs.replace(PLAIN, position="t5"),
    "banded": msgspec.structs.replace(PLAIN, attention="banded", window=4),
    "query layer": msgspec.structs.replace(PLAIN, query_layer=True),
    "soft caps": msgspec.structs.replace(PLAIN, attn_softcap=5.0, logit_softcap=5.0),
    "narrow embedding": msgspec.structs.replace(PLAIN, embed_size=16),
}
IDS = torch.randint(1, 64, (2, 20), generator=torch.Generator().manual_seed(4))


def made(spec: ModelSpec, seed: int = 0) -> Decoder:
    model = build_model(spec).eval()
    initialise(model, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)  # heads and neurons that have opinions
    return model


@pytest.mark.parametrize("shape", SHAPES)
def test_a_trace_changes_nothing_and_its_parts_add_up_to_the_answer(shape):
    model = made(SHAPES[shape])
    with torch.inference_mode():
        untouched = model(IDS)
    trace = watch(model, IDS, attention=True, neurons=True)
    assert torch.equal(trace.logits, untouched)
    layers = len(blocks_of(model))
    assert (len(trace.residual), len(trace.attention), len(trace.neurons)) == (layers + 1, layers, layers)
    # the last layer of the lens is the model's own answer
    torch.testing.assert_close(lens.layer_logits(model, trace.residual)[-1], untouched, rtol=1e-4, atol=1e-4)
    weights = torch.stack(trace.attention)  # (L, B, H, T, T)
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), rtol=1e-4, atol=1e-4)
    assert float(weights.triu(1).abs().max()) == 0  # nobody looks ahead
    # what the heads look at is what the layer really adds up: attention written out from the weights
    attn = blocks_of(model)[0].attn
    seen = trace.residual[0] if model.blocks[0].place == "post" else model.blocks[0].attn_norm(trace.residual[0])
    group = attn.heads // attn.kv
    values = attn._heads(attn.v(seen), attn.kv).repeat_interleave(group, 1)
    by_hand = attn.o((trace.attention[0] @ values).transpose(1, 2).flatten(-2))
    places = model.places(0, IDS.shape[1], trace.residual[0])
    with torch.inference_mode():
        torch.testing.assert_close(by_hand, attn(seen, places), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_taking_a_head_out_equals_zeroing_its_columns(shape):
    model, text = made(SHAPES[shape]), IDS[0]
    worse, whole = ablation.ablate_heads(model, text)
    with torch.inference_mode():
        assert whole == pytest.approx(float(F.cross_entropy(model(text[None])[0, :-1], text[1:])), abs=1e-5)
        if model.spec.shared_layers:  # zeroing the weights would take it out of every layer
            assert worse.shape == (3, 4) and len(set(worse[:, 1].tolist())) == 3
            return
        layer, head = 1, 2
        attn = blocks_of(model)[layer].attn
        attn.o.weight[:, head * attn.head : (head + 1) * attn.head] = 0
        without = float(F.cross_entropy(model(text[None])[0, :-1], text[1:]))
    assert float(worse[layer, head]) == pytest.approx(without - whole, abs=1e-5)
    assert abs(without - whole) > 1e-5


def test_the_effect_on_one_token_is_that_tokens_log_probability():
    model, text = made(PLAIN), IDS[0]
    worse, whole = ablation.ablate_heads(model, text, place=7)
    with torch.inference_mode():
        assert whole == pytest.approx(-float(model(text[None]).log_softmax(-1)[0, 6, text[7]]), abs=1e-5)
    later, _ = ablation.ablate_heads(torch_copy(model), torch.cat([text[:8], text[8:] * 0 + 3]), place=7)
    torch.testing.assert_close(worse, later)  # what comes after a token has no part in it


def torch_copy(model: Decoder) -> Decoder:
    other = build_model(model.spec).eval()
    other.load_state_dict(model.state_dict())
    return other


def test_a_heads_mean_takes_nothing_from_a_text_of_one_token_said_again_and_again():
    model = made(msgspec.structs.replace(PLAIN, position="none"))
    text = torch.full((12,), 5)  # without positions every token is the same, and so is what each head says
    worse, _ = ablation.ablate_heads(model, text, how="mean")
    assert float(worse.abs().max()) < 1e-5
    assert float(ablation.ablate_heads(model, text, how="zero")[0].abs().max()) > 1e-3


def test_a_head_that_copies_what_followed_scores_one_and_a_head_that_looks_back_one_scores_one():
    ids = induction.repeated_tokens(64, 41, 0, period=20)
    assert ids.shape == (induction.SEQUENCES, 41) and torch.equal(ids[:, 1:21], ids[:, 21:])
    assert (ids[:, 0] == 0).all() and (ids[:, 1:] != 0).all()
    length, period = 41, 20
    weights = torch.zeros(1, 1, 3, length, length)
    for i in range(length):
        weights[0, 0, 0, i, max(i - 1, 0)] = 1
        weights[0, 0, 1, i, max(i - period + 1, 0)] = 1
        weights[0, 0, 2, i, : i + 1] = 1 / (i + 1)  # looks everywhere alike
    found, previous = induction.head_scores(list(weights), period)
    assert found[0].tolist()[1] == 1 and found[0, 0] == 0
    assert previous[0, 0] == 1 and previous[0, 1] < 0.05
    assert float(found[0, 2]) == pytest.approx(np.mean([1 / (i + 1) for i in range(21, 41)]), abs=1e-6)


def test_a_model_that_sees_too_little_or_fills_gaps_has_no_induction_map():
    with pytest.raises(LabError, match="too few for a text that is said twice"):
        induction.repeated_tokens(64, 8, 0)
    with pytest.raises(LabError, match="fills gaps"):
        gaps = msgspec.structs.replace(PLAIN, layout="encoder", objective=Objective(task="masked"))
        induction.induction_map(made(gaps), 64, 0, "gaps")


def test_a_tuned_lens_comes_closer_to_the_answer_than_the_logit_lens_at_every_layer(tmp_path):
    model = made(PLAIN)
    windows = torch.randint(1, 64, (24, 32), generator=torch.Generator().manual_seed(1))
    found, learnt = lens.tune(model, windows, steps=80)
    assert len(learnt) == 3 and all(tuned < 0.9 * plain for plain, tuned in learnt)
    assert not any(p.requires_grad for p in found.parameters()) and model.head_weight.requires_grad
    lens.save(found, learnt, tmp_path / "lens.safetensors")
    again, measured = lens.load(tmp_path / "lens.safetensors")
    assert torch.equal(again.weight, found.weight) and np.allclose(measured, learnt)
    assert [path.name for path in tmp_path.iterdir()] == ["lens.safetensors"]


def test_a_lens_that_would_take_minutes_is_refused_before_anything_is_read(monkeypatch):
    monkeypatch.setattr(lens, "watch", lambda *_: pytest.fail("it was read"))
    monkeypatch.setattr(lens, "MOST_FLOP", 1e6)
    with pytest.raises(LabError, match="too large to learn a tuned lens"):
        lens.tune(made(PLAIN), torch.zeros(4, 32, dtype=torch.int64))


def test_an_untrained_lens_is_the_logit_lens_and_no_divergence_is_below_zero():
    model = made(PLAIN)
    residual = watch(model, IDS).residual
    plain = lens.layer_logits(model, residual)
    for a, b in zip(plain, lens.layer_logits(model, residual, lens.TunedLens(3, 32))):
        torch.testing.assert_close(a, b)
    plain = [x.detach() for x in plain]
    assert float(lens.divergence(plain[0], plain[-1]).min()) > 0
    assert float(lens.divergence(plain[-1], plain[-1]).abs().max()) < 1e-6
    assert float(lens.entropy(torch.zeros(1, 64))) == pytest.approx(math.log(64))


def test_axes_of_a_flat_cloud_hold_what_it_holds_and_do_not_depend_on_the_sign():
    made_up = np.random.default_rng(0).normal(size=(200, 2)) @ np.array([[3.0, 0, 0, 4.0], [0, 1.0, 0, 0]])
    places, share = embeddings.principal_axes(made_up)
    assert share[0] + share[1] == pytest.approx(1) and share[0] > 0.9
    wanted = made_up - made_up.mean(0)
    assert np.allclose(np.linalg.norm(places, axis=1), np.linalg.norm(wanted, axis=1))  # nothing was lost
    assert np.allclose(embeddings.principal_axes(-made_up)[0], -places)
    assert embeddings.chosen_tokens([5, 5, 9], 100, 10)[0][:2] == [5, 9]
    assert len(embeddings.chosen_tokens([5], 100, 10)[0]) == 10


def test_a_neurons_examples_are_the_strongest_places_of_all_that_was_read():
    model = made(PLAIN)
    windows = np.random.default_rng(1).integers(1, 64, (19, 16))
    numbers, values = neurons.speaking(model, IDS[0], 1)
    said = watch(model, torch.from_numpy(windows), neurons=True).neurons[1]  # all at once: (19, 16, F)
    assert torch.equal(values, watch(model, IDS[:1], neurons=True).neurons[1][0, :, numbers].T)
    assert values.abs().amax(1).tolist() == sorted(values.abs().amax(1).tolist(), reverse=True)
    for n, places in zip(numbers, neurons.strongest(model, windows, 1, numbers, 3)):
        best = said[..., n].amax(1).sort(descending=True)
        assert [value for value, _, _ in places] == pytest.approx(best.values[:3].tolist(), abs=1e-5)
        for value, window, at in places:
            assert float(said[window, at, n]) == pytest.approx(value, abs=1e-5)
    lowest = neurons.strongest(model, windows, 1, numbers[:1], 2, signs=torch.tensor([-1.0]))[0]
    assert lowest[0][0] == pytest.approx(float(said[..., numbers[0]].min()), abs=1e-5)
    assert neurons.directions(torch.tensor([[1.0, -3.0], [2.0, -1.0]])).tolist() == [-1, 1]
    with pytest.raises(LabError, match="no layer 7"):
        neurons.speaking(model, IDS[0], 7)


def test_a_layer_of_experts_is_refused_in_words():
    spec = msgspec.structs.replace(PLAIN, n_layers=2, experts=Experts(count=2, top=1, every=2))
    assert len(neurons.speaking(made(spec), IDS[0], 0)[0]) > 0
    with pytest.raises(LabError, match="experts"):
        neurons.speaking(made(spec), IDS[0], 1)


def test_what_would_take_minutes_is_refused_with_the_length_that_would_do(monkeypatch):
    monkeypatch.setattr(ablation, "MOST_FLOP", 2e7)
    with pytest.raises(LabError) as refused:
        ablation.ablate_heads(made(PLAIN), IDS[0])
    most = refused.value.values["most"]
    assert 1 < most < 20
    ablation.ablate_heads(made(PLAIN), IDS[0][:most])


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A run with its tokens; the same text stands in for the held-out part."""
    workspace = make_workspace(tmp_path_factory.mktemp("inside"))
    run, corpus = workspace.path("runs", "tiny"), workspace.path("corpora", "texts")
    write_shards(run, corpus, Tokenizer.load(run), held_out=corpus)
    return workspace


class Asked:
    """A session without its process: what it is asked, and what it sends back."""

    def __init__(self, workspace) -> None:
        self.events = []
        self.session = Session(workspace.root, self.events.append)

    def ask(self, request):
        try:
            self.session._answers[type(request)](request)
        except LabError as error:
            return error.sentence()
        return self.events[-1]


def test_every_look_is_answered_and_survives_the_way_to_the_window(workspace):
    asked = Asked(workspace)
    asked.ask(m.Load(id=1, source="run:tiny"))
    looks = {
        LensLook(): "entropy", AttentionLook(): "weights", HeadsLook(): "worse",
        HeadsLook(place=2, how="mean"): "worse", InductionLook(history=True): "history", ResidualLook(): "norms",
        EmbeddingsLook(most=50): "places", NeuronsLook(layer=1): "values",
    }  # fmt: skip
    for look, field in looks.items():
        event = asked.ask(m.LookInside(id=2, look=look, prompt="Return the", ids=[5, 6, 7]))
        assert isinstance(event, m.InsideShown), event
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=m.Event)
        assert again == event
        assert type(event.seen).__name__ == type(look).__name__.replace("Look", "Seen")
        numbers = getattr(event.seen, field).numpy()
        assert np.isfinite(numbers).all() and numbers.size > 4
        assert [id for id, _ in event.tokens[event.prompt_tokens :]] == [5, 6, 7] and event.tokens[0][0] == 0
        if isinstance(look, InductionLook):
            assert event.seen.steps == [10, 20] and numbers.shape == (2, 2, 4)
            assert np.allclose(numbers[0], event.seen.induction.numpy())  # "best" is the first checkpoint
        if isinstance(look, NeuronsLook):
            assert event.seen.scanned > 0 and not event.seen.missing
            example = event.seen.examples[0][0]
            assert 0 <= example.at < len(example.tokens)


def test_the_lens_says_what_the_engine_says_at_its_last_layer(workspace):
    engine = open_engine("run:tiny", workspace)
    ids = [0, *engine.encode("Return the length")]
    seen = Inside(workspace).answer(engine, "tiny", LensLook(), ids)
    logits = torch.from_numpy(engine.score(ids)).softmax(-1)
    last = seen.probability.numpy()[-1]
    assert np.isnan(last[-1])
    assert last[:-1] == pytest.approx([float(logits[i, ids[i + 1]]) for i in range(len(ids) - 1)], abs=1e-5)
    best = int(logits[3].argmax())
    assert seen.top[-1][3][0] == (engine.token_bytes(best), pytest.approx(float(logits[3, best]), abs=1e-5))
    assert seen.kl.numpy()[-1] == pytest.approx(0, abs=1e-6) and seen.kl.numpy()[0] > 0


def test_a_tuned_lens_is_learnt_once_and_lies_beside_the_run(workspace, monkeypatch):
    monkeypatch.setattr(lens, "WINDOW", 16)
    monkeypatch.setattr(lens, "tune", functools.partial(lens.tune, steps=20))
    engine, inside = open_engine("run:tiny", workspace), Inside(workspace)
    ids = [0, *engine.encode("Return the length")]
    seen = inside.answer(engine, "tiny", LensLook(tuned=True), ids)
    assert seen.tuned and len(seen.learnt) == 2 and seen.kl != inside.answer(engine, "tiny", LensLook(), ids).kl
    assert (engine.run / "lenses" / "step-00000010.safetensors").is_file()
    monkeypatch.setattr(lens, "tune", lambda *_: pytest.fail("it was learnt a second time"))
    again = Inside(workspace).answer(engine, "tiny", LensLook(tuned=True), ids)
    assert again.kl == seen.kl and np.allclose(again.learnt, seen.learnt)


KINDS = {
    "ulmfit": "no attention and no residual stream", "n-gram": "no attention and no residual stream",
    "nnlm": "no attention and no residual stream", "transformer": "two stacks", "xlnet": "changing orders",
    "electra": "tells which tokens were replaced",
}  # fmt: skip


@pytest.mark.parametrize(("name", "words"), KINDS.items())
def test_a_model_without_these_parts_says_so_in_one_sentence(tmp_path, name, words):
    tree = tiny_tree.make_workspace(tmp_path)
    tiny_tree.train(tree, name, tiny_tree.train_spec(tiny_tree.tiny(name)))
    asked = Asked(tree)
    asked.ask(m.Load(id=1, source=f"run:{name}"))
    for look in (LensLook(), AttentionLook(), HeadsLook(), InductionLook(), ResidualLook(), NeuronsLook()):
        sentence = asked.ask(m.LookInside(id=2, look=look, prompt="the frame"))
        assert isinstance(sentence, str) and words in sentence and "\n" not in sentence


def test_a_model_that_fills_gaps_shows_its_attention_but_has_no_next_token(tmp_path):
    tree = tiny_tree.make_workspace(tmp_path)
    tiny_tree.train(tree, "bert", tiny_tree.train_spec(tiny_tree.tiny("bert")))
    asked = Asked(tree)
    asked.ask(m.Load(id=1, source="run:bert"))
    seen = asked.ask(m.LookInside(id=2, look=AttentionLook(), prompt="the frame keeps")).seen
    assert float(np.triu(seen.weights.numpy(), 1).max()) > 0  # both ways
    assert np.isnan(asked.ask(m.LookInside(id=3, look=LensLook(), prompt="the frame")).seen.probability.numpy()).all()
    for look in (HeadsLook(), InductionLook()):
        assert "fills gaps" in asked.ask(m.LookInside(id=4, look=look, prompt="the frame keeps"))


def test_a_text_longer_than_the_context_is_refused_by_every_look(workspace):
    asked = Asked(workspace)
    asked.ask(m.Load(id=1, source="run:tiny"))
    for look in (LensLook(), AttentionLook(), HeadsLook(), ResidualLook(), EmbeddingsLook(), NeuronsLook()):
        assert "more than the 64 this model can see" in asked.ask(m.LookInside(id=2, look=look, ids=[5] * 80))


def test_a_big_request_is_refused_with_what_would_do(workspace, monkeypatch):
    from core.glass import inside

    asked = Asked(workspace)
    asked.ask(m.Load(id=1, source="run:tiny"))
    monkeypatch.setattr(inside, "MOST_WEIGHTS", 8 * 10 * 10)
    sentence = asked.ask(m.LookInside(id=2, look=AttentionLook(), ids=[5] * 30))
    assert "at most 10 tokens" in sentence
    assert isinstance(asked.ask(m.LookInside(id=3, look=AttentionLook(), ids=[5] * 9)), m.InsideShown)
    monkeypatch.setattr(inside, "MOST_FLOP", 1e3)
    assert "would take too long here" in asked.ask(m.LookInside(id=4, look=ResidualLook(), ids=[5] * 9))


def test_a_look_that_is_no_longer_wanted_ends_at_its_next_step(workspace):
    asked = Asked(workspace)
    asked.ask(m.Load(id=1, source="run:tiny"))
    asked.session.take(m.Cancel(id=9))
    for look in (HeadsLook(), InductionLook(history=True), NeuronsLook()):
        assert "no longer wanted" in asked.ask(m.LookInside(id=9, look=look, prompt="Return the list"))


def test_without_its_training_text_a_run_shows_neurons_but_no_examples_and_learns_no_lens(tmp_path):
    bare = make_workspace(tmp_path)
    asked = Asked(bare)
    asked.ask(m.Load(id=1, source="run:tiny"))
    seen = asked.ask(m.LookInside(id=2, look=NeuronsLook(), prompt="Return the")).seen
    assert seen.examples == [] and seen.scanned == 0 and "no tokens yet" in seen.missing
    assert "no tokens yet" in asked.ask(m.LookInside(id=3, look=LensLook(tuned=True), prompt="Return the"))
    elsewhere = str(tmp_path / "runs" / "tiny" / "checkpoints" / "step-00000010")
    bare.path("runs", "tiny").rename(tmp_path / "tiny")  # a run that is opened by its path, out of the workspace
    asked.ask(m.Load(id=4, source=elsewhere.replace("/runs/tiny/", "/tiny/")))
    seen = asked.ask(m.LookInside(id=5, look=NeuronsLook(), prompt="Return the")).seen
    assert "not grown in this workspace" in seen.missing
    assert "no held-out text" in asked.ask(m.LookInside(id=6, look=LensLook(tuned=True), prompt="Return the"))
