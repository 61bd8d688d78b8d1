"""Whether answers follow their context: the lookback ratio, the gate of copying, the table, and the job with a kill."""

import json
import time

import numpy as np
import psutil
import pytest
import torch

from core.errors import LabError
from core.glass import grounding as g
from core.glass.lookback import decoder_of, lookback_ratios, read_contexts, token_log_p
from core.glass.trace import watch
from core.infer.batch import read_many
from core.infer.engine import begin
from core.infer.open import open_engine
from core.jobs import launch
from core.record.folder import Workspace
from core.record.view import read_view
from core.spec.base import build
from core.spec.inspect import InspectSpec
from tests.kill_and_resume import finish

REQUEST = {
    "world": {"size": 300, "held_out": 0.2, "world": {
        "kind": "contexts", "known": 20, "strangers": 30, "values": 20, "shortest": 2, "longest": 2}},
    "tokenizer": {"kind": "bpe", "vocab_size": 300},
    "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 96, "position": "rope", "norm": "rms_norm"},
    "train": {"steps": 40, "batch_size": 8, "learning_rate": 8e-3, "warmup_steps": 5, "precision": "fp32",
              "kernels": "torch", "validate_every": 40, "validation_tokens": 512, "checkpoint_every": 40},
    "asking": {"questions": 40, "most_tokens": 12}, "seeds": 2, "at_once": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An inspection whose worker was killed when the first model had been asked, and that was then resumed."""
    workspace = Workspace(tmp_path_factory.mktemp("notes"))
    folder = workspace.create("inspect", "notes", build(InspectSpec, REQUEST))
    worker = launch.launch(folder)
    while not folder.path("read", "notes-0.jsonl").is_file():
        assert read_view(folder.root).state not in ("failed", "completed"), read_view(folder.root).error
        time.sleep(0.05)
    psutil.Process(worker.pid).kill()
    worker.wait()
    before = folder.path("read", "notes-0.jsonl").read_bytes()
    launch.resume(folder)
    launch.await_attempt(folder, 1)
    finish(folder)
    assert read_view(folder.root).state == "completed", read_view(folder.root).error
    assert before.splitlines()[0] in folder.path("read", "notes-0.jsonl").read_bytes()
    return folder


def test_the_ratio_is_the_mean_on_the_context_against_the_mean_on_what_follows():
    weights = torch.tensor([  # two tokens of context, one of question, the first of two of the answer
        [1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.3, 0.5, 0.2, 0], [0.1, 0.1, 0.2, 0.6]])
    ratios = lookback_ratios([weights[None, None]], context=2, prompt=3)
    assert ratios.shape == (1, 2, 1, 1)  # one a token of the answer
    assert ratios[0, 0, 0, 0].item() == pytest.approx(0.4 / (0.4 + 0.2))
    assert ratios[0, 1, 0, 0].item() == pytest.approx(0.1 / (0.1 + 0.4))


def test_ratios_and_probabilities_are_those_of_one_plain_pass(finished):
    engine = open_engine("run:notes-0@last", finished.workspace)
    read = g.read_reads(finished.path("read", "notes-0.jsonl"))[0]
    prompt = engine.encode(read.context + read.question)
    context = len(engine.encode(read.context))
    answer = engine.encode(f" {read.answer}.")
    ids = [*begin(engine, prompt), *answer]
    attention = watch(decoder_of(engine), torch.tensor([ids[:-1]]), attention=True).attention
    found, layers = read_contexts(engine, [(context, prompt, answer), (context, prompt, answer[:1])])
    assert layers == 2 and found.shape == (2, 4)
    expected = lookback_ratios(attention, context + 1, len(prompt) + 1).mean(1).flatten()
    assert found[0] == pytest.approx(expected.numpy(), abs=1e-5)
    each = token_log_p(engine, prompt, answer)
    assert sum(each) == pytest.approx(read_many(engine, [(prompt, answer)])[0], abs=1e-4)
    engine.close()


def test_every_answer_is_kept_with_its_notes_and_what_is_said_elsewhere(finished):
    for seed in (0, 1):
        reads = g.read_reads(finished.path("read", f"notes-{seed}.jsonl"))
        assert {read.kind for read in reads} == {"stranger", "contradicted"} and len(reads) == 40
        for read in reads:
            assert read.given in read.context and read.bare in read.context and read.question.endswith(read.bare)
            assert bool(read.known) == (read.kind == "contradicted") == (read.stated > 0)
            assert read.known != read.given and read.follows == (read.answer == read.given)
            assert len(read.log_p) == len(read.entropy) == len(read.log_p_bare) == len(read.tokens)
            assert len(read.ratios) == 4 and 0 <= min(read.ratios) <= max(read.ratios) <= 1


def test_a_model_that_cannot_copy_gets_no_scores_and_a_sentence_why(finished):
    found, result = g.read_grounding(finished.root), read_view(finished.root).result
    assert min(found.copying) < g.LEAST_COPYING and found.table is None and not result["copies"]
    assert result["detectors"] == {} and "cannot copy" in result["findings"][-1]
    assert result["copy_accuracy"] == [round(share, 4) for share in found.copying]
    assert "cannot copy" in finished.path("table.md").read_text("utf-8")


def made(number, follows, kind="contradicted", doubt=0.0, ratio=0.5):
    return g.Read(
        id=number, kind=kind, context="Notes: A lives in B.", question=" Asked: A lives in", bare="A lives in",
        given="B", known="C" if kind == "contradicted" else "", stated=4 if kind == "contradicted" else 0,
        answer="B" if follows else "C", follows=follows, log_p=[-doubt, 0.0], entropy=[doubt, 0.0],
        log_p_bare=[-1.0, -1.0], ratios=[ratio, 0.5, 0.5, 1 - ratio], rarity=2.0, tokens=[" B", "."])


def reads(copying=1.0):
    random = np.random.default_rng(0)
    found = [made(i, i < 100 * copying, "stranger") for i in range(100)]
    for number in range(100, 500):
        follows = random.random() < 0.7
        found.append(made(number, follows, doubt=abs(random.normal(0.2 if follows else 1.0, 0.4)),
                          ratio=float(np.clip(random.normal(0.6 if follows else 0.4, 0.1), 0, 1))))
    return found


def test_what_tells_an_answer_apart_is_measured_on_contradicting_notes_alone():
    found, told = g.measure([reads(), reads()], layers=2, seed=0)
    areas = {row.name: row.auroc.value for row in found.table.rows}
    assert found.table.answers == 800 and found.contradicted == 800 and found.strangers == 200
    assert areas["mean_entropy"] > 0.85 and areas[g.LOOKBACK] > 0.85 and areas[g.COMBINED] > areas["mean_entropy"]
    assert areas["answer_length"] == areas["answer_rarity"] == 0.5 and found.best in ("mean_entropy", "lookback",
                                                                                    "likelihood", "combination")
    assert np.array(found.heads).shape == (2, 2) and found.heads[0][0] > 0.85 > 0.2 > found.heads[1][1]
    assert found.heads[0][1] == pytest.approx(0.5)
    clashes = [one for one in told[0] if one.kind == "contradicted"]
    assert all(0 <= one.p_astray <= 1 and one.scores.keys() == areas.keys() for one in clashes)
    assert all(one.p_astray is None for one in told[0] if one.kind == "stranger")
    assert found.by_stated == {4: [800, sum(one.follows for one in reads() if one.kind == "contradicted") * 2,
                                   sum(not one.follows for one in reads() if one.kind == "contradicted") * 2]}
    assert json.dumps(g.result_of(found)) and "| 4 | 800 |" in g.page(found, "notes")


def test_a_model_that_cannot_copy_is_left_out_of_every_figure():
    alone, _ = g.measure([reads(0.9)], 2, 0)
    beside, told = g.measure([reads(0.79), reads(0.9)], 2, 0)
    assert alone.table is not None and beside.table == alone.table and beside.by_stated == alone.by_stated
    assert beside.copies == 1 and "1 of 2 models copy less" in beside.findings[1].text.format(
        **beside.findings[1].values)
    assert all(one.p_astray is None for one in told[0]) and any(one.p_astray is not None for one in told[1])
    assert g.measure([reads(0.79)], 2, 0)[0].table is None


def test_the_gain_is_an_explanation_and_in_no_combination():
    assert g.DETECTORS["context_gain"].group == "explanation" and "context_gain" not in g.COMBINED_OF
    assert g.DETECTORS["context_gain"].score(made(0, True)) == pytest.approx(-1.0)


def test_a_model_without_attention_is_refused_in_a_sentence(tmp_path):
    class Lookalike:
        kind, name, model = "torch", "an LSTM", torch.nn.LSTM(2, 2)

    with pytest.raises(LabError, match="no attention"):
        decoder_of(Lookalike())
