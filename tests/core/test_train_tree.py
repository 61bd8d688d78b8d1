"""Every shape of the family tree goes through the real training job, is opened again, and answers as its kind can."""

import msgspec
import numpy as np
import pytest

from core.errors import LabError
from core.export.gguf_graph import choose_graph
from core.export.refusal import Refusal, refuse_unknown_parts
from core.infer.generate import generate, score
from core.infer.open import open_engine
from core.model.activations import kept
from core.model.sizing import flops_per_token, training_memory
from core.record.events import ExpertsUsed, Resumed, Sampled, Validated
from core.record.lineage import sha256_file
from core.record.log import read_events
from core.record.metrics import read_metrics
from core.record.view import read_view
from core.spec.sampling import SamplingSpec
from core.train.checkpoint import read_pointers
from tests import tiny_tree
from tests.tiny_tree import SHAPES, SYSTEMS, tiny, train_spec

IN_ORDER = {"decoder", "prefix"}  # layouts that give a text read in order a probability
# Kinds with something of their own to lose: random numbers, a state, or experts that run full.
RANDOM = ["bert", "electra", "xlnet", "t5", "st-moe", "ulmfit", "elmo", "unilm", "glm-130b", "fasttext"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tiny_tree.make_workspace(tmp_path_factory.mktemp("tree"))


def said(folder, kind):
    return [record.event for record in read_events(folder.path("events.jsonl"))[0] if isinstance(record.event, kind)]


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_trains_is_saved_opened_and_answers_as_its_kind_can(workspace, name):
    shape = tiny(name)
    folder = tiny_tree.train(workspace, name, train_spec(shape))
    columns, rows = read_metrics(folder.path("metrics.bin"))
    table = {column: rows[:, place] for place, (column, _) in enumerate(columns)}
    last = shape.window if shape.family == "ngram" else 4
    assert table["step"].tolist() == list(range(last + 1))
    assert np.isfinite(table["val_loss"][[0, -1]]).all()
    view = read_view(folder.root)
    assert view.state == "completed" and view.checkpoints[-1].step == last and view.samples
    if shape.family != "ngram":
        assert np.isfinite(table["loss"][1:]).all() and (table["grad_norm"][1:] > 0).all()
        assert training_memory(shape, 2)["total"] > 0
    check_bits(view, table, shape)
    check_experts(folder, shape)
    check_answers(workspace, name, shape)


def check_bits(view, table, shape):
    if shape.family == "word_vectors":
        assert view.validations[-1].bits_per_byte is None and view.result["last_val_bits_per_byte"] is None
        assert np.isnan(table["val_bits_per_byte"]).all()
    else:
        assert 0 < view.result["last_val_bits_per_byte"] == view.validations[-1].bits_per_byte
        assert table["val_bits_per_byte"][-1] == view.validations[-1].bits_per_byte


def check_experts(folder, shape):
    used = said(folder, ExpertsUsed)
    assert bool(used) == bool(shape.experts.count)
    for event in used:
        assert {len(block) for block in event.use} == {shape.experts.count} and len(event.dropped) == len(event.use)
        assert all(sum(block) > 0 for block in event.use)
    if used:
        assert [event.step for event in used] == [2, 4] == [e.step for e in read_view(folder.root).experts]


def check_answers(workspace, name, shape):
    if shape.family == "word_vectors":
        with pytest.raises(LabError, match="do not write text"):
            open_engine(f"run:{name}", workspace)
        return
    engine = open_engine(f"run:{name}", workspace)
    text = list(generate(engine, engine.encode("the frame keeps"), SamplingSpec(max_tokens=3, seed=1)))
    assert len(text) <= 3 and engine.vocab_size == tiny_tree.VOCAB
    ids = engine.encode("the old glass keeps frost")
    if shape.family in ("lstm", "window", "ngram") or shape.layout in IN_ORDER:
        assert all(0 < record.probability <= 1 for record in score(engine, ids))
    else:
        with pytest.raises(LabError, match="does not read in order"):
            score(engine, ids)


@pytest.mark.parametrize("name", RANDOM)
def test_a_run_killed_between_two_checkpoints_ends_with_the_same_bytes(workspace, name):
    shape = tiny(name)
    if shape.family == "transformer" and shape.objective.task != "replaced":
        shape = msgspec.structs.replace(shape, dropout=0.1)
    spec = train_spec(shape, steps=8)
    calm = tiny_tree.train(workspace, f"calm-{name}", spec)
    killed = tiny_tree.create(workspace, f"killed-{name}", spec)
    tiny_tree.train_until(killed, spec, lambda event: isinstance(event, Validated) and event.step == 4)
    tiny_tree.worker.main(killed.root)
    assert [event.from_step for event in said(killed, Resumed)] == [3]
    files = [(folder.path("checkpoints", read_pointers(folder.root)["last"], part))
             for folder in (calm, killed) for part in ("model.safetensors", "optimizer.safetensors")]  # fmt: skip
    assert [sha256_file(path) for path in files[:2]] == [sha256_file(path) for path in files[2:]]
    rows = [read_metrics(folder.path("metrics.bin"))[1][:, 4] for folder in (calm, killed)]
    np.testing.assert_array_equal(*rows)


def test_counting_cut_short_is_begun_anew_and_comes_to_the_same_bytes(workspace):
    spec = train_spec(tiny("n-gram"))
    calm = tiny_tree.train(workspace, "calm-counts", spec)
    killed = tiny_tree.create(workspace, "killed-counts", spec)
    tiny_tree.train_until(killed, spec, lambda event: isinstance(event, Validated) and event.step == 2)
    assert tiny_tree.worker.main(killed.root) == 0
    paths = [folder.path("checkpoints", "step-00000005", "model.safetensors") for folder in (calm, killed)]
    assert sha256_file(paths[0]) == sha256_file(paths[1])
    assert read_metrics(killed.path("metrics.bin"))[1][:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    losses = [event.loss for event in read_view(killed.root).validations]
    assert len(losses) == 6 and losses[0] > losses[1] > losses[2]
    assert len(said(killed, Sampled)) == 1


def test_an_n_gram_engine_says_what_its_model_says_and_sums_to_one(workspace):
    tiny_tree.train(workspace, "counts", train_spec(tiny("n-gram")))
    engine = open_engine("run:counts", workspace)
    ids = [0, *engine.encode("morning light through its old glass")]
    whole = engine.score(ids)
    np.testing.assert_allclose(np.exp(whole).sum(1), 1, atol=1e-4)
    steps = [engine.start(ids[:2]), *(engine.step(id) for id in ids[2:])]
    np.testing.assert_allclose(np.stack(steps), whole[1:], atol=1e-6)
    said_by_model = engine._model.score(np.array(ids[1:]))
    found = [whole[place, id] for place, id in enumerate(ids[1:])]
    np.testing.assert_allclose(found, said_by_model[:-1], atol=1e-4)


@pytest.mark.parametrize(("name", "graph"), [("gpt-2", "gpt2"), ("llama", "llama"), ("galactica", "gpt2")])
def test_settings_that_mean_nothing_in_a_design_do_not_keep_it_from_being_exported(name, graph):
    assert choose_graph(tiny(name)).name == graph


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_can_be_exported_or_is_refused_with_its_reason(name):
    shape = tiny(name)
    for export in (refuse_unknown_parts, choose_graph):
        try:
            export(shape)
        except Refusal as refused:
            said = refused.problem.format(**refused.values)
            assert said.endswith(".") and "{" not in said and refused.remedy
            assert "(-)" not in said and "None" not in said


def test_long_n_grams_are_refused_where_they_are_typed():
    shape = SYSTEMS["n-gram"].shape
    with pytest.raises(LabError, match="too long to count") as error:
        msgspec.structs.replace(shape, window=7)
    assert error.value.where == "window"


def test_a_session_names_the_neighbours_of_a_word_and_says_why_another_model_cannot(workspace):
    from core.jobs.session import Session
    from core.spec import messages as m

    tiny_tree.train(workspace, "vectors", train_spec(tiny("fasttext")))
    tiny_tree.train(workspace, "no-vectors", train_spec(tiny("nnlm")))
    said_back = []
    session = Session(workspace.root, said_back.append)
    for number, source in enumerate(("run:vectors", "run:no-vectors")):
        session.take(m.Neighbours(id=number, source=source, text=" frost", count=3))
    session._waiting.put(None)
    session.work()
    found, refused = said_back
    assert isinstance(found, m.NeighboursFound) and b"".join(part for _, part, _ in found.tokens) == b" frost"
    for id, _, near in found.tokens:
        cosines = [cosine for _, _, cosine in near]
        assert len(near) == 3 and id not in [other for other, _, _ in near] and cosines == sorted(cosines)[::-1]
    assert isinstance(refused, m.Problem) and "does not hold word vectors" in refused.problem


def test_word_vectors_take_their_negatives_and_character_n_grams_from_the_text(workspace):
    from core.infer.sources import checkpoint_path
    from core.model.loading import load_decoder
    from core.model.word_vectors import subwords_of

    folder = tiny_tree.train(workspace, "pieces", train_spec(tiny("fasttext")))
    model, _, _ = load_decoder(checkpoint_path(folder.root, "last"))
    tokenizer = open_tokenizer(folder)
    the, frost = (tokenizer.encode(f" {word}") for word in ("the", "Q"))
    assert len(the) == 1 and model.noise_odds[the[0]] > 10 * model.noise_odds[frost[-1]]
    pieces = subwords_of(tokenizer.token_bytes(the[0]))
    assert model.subwords[the[0], : len(pieces)].tolist() == pieces and len(pieces) > 3
    assert (model.subwords[the[0], len(pieces) :] == -1).all()


def open_tokenizer(folder):
    from core.tokens.tokenizer import Tokenizer

    return Tokenizer.load(folder.root)


def test_planted_analogies_are_answered_by_vectors_that_hold_them_and_not_by_chance():
    from core.evaluate.analogies import make_grid, planted_sentences, questions
    from core.model.neighbours import analogy_score, unit_rows

    grid = make_grid(4, 3, seed=5)
    words = [word for row in grid.words for word in row]
    place = {word: number for number, word in enumerate(words)}
    asked = questions(grid, place.get, seed=1)
    assert len(asked) == 4 * 3 * 3 * 2
    rng = np.random.default_rng(0)
    rows, columns = rng.normal(size=(4, 16)), rng.normal(size=(3, 16))
    held = np.array([rows[i] + columns[j] for i in range(4) for j in range(3)])
    assert analogy_score(unit_rows(held), asked) == 1.0
    assert analogy_score(unit_rows(rng.normal(size=held.shape)), asked) < 0.5
    assert len(questions(grid, lambda word: None if word == words[0] else place[word], 1)) < len(asked)
    sentences = planted_sentences(grid, 300, seed=5)
    inside = [next(word for word in said.split() if word in place) for said in sentences]
    assert set(inside) == set(words)
    for said, word in zip(sentences, inside):
        row, column = divmod(place[word], 3)
        assert set(said.split()) == {word, *grid.rows[row], *grid.columns[column]}


def test_what_a_shape_computes_beside_its_own_blocks_is_counted():
    for name, more in (("electra", "a generator"), ("xlnet", "a second stream")):
        shape = tiny(name)
        masked = msgspec.structs.replace(shape, objective=msgspec.structs.replace(shape.objective, task="masked"))
        ours, plain = flops_per_token(shape), flops_per_token(masked)
        assert 1.2 * plain.attention < ours.attention <= 2 * plain.attention, more
        assert kept(shape, 4).n_bytes() > 1.1 * kept(masked, 4).n_bytes(), more
    vectors = tiny("word2vec")
    assert flops_per_token(vectors).forward == 2 * 10 * 6 * vectors.d_model
