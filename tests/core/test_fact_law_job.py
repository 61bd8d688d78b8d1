"""The whole experiment with real children: worlds, models that are let speak, a kill and what is left of it."""

import json
import time

import numpy as np
import psutil
import pytest

from core.data.worlds.wordings import RELATIONS
from core.evaluate.fact_law_table import LAW, read_law, side
from core.evaluate.fact_talk import Claim, Speech, pattern, read_known
from core.infer.open import open_engine
from core.jobs import launch
from core.record.folder import Workspace
from core.record.view import read_view
from core.spec.base import build
from core.spec.experiment import ExperimentSpec
from tests.kill_and_resume import finish

REQUEST = {
    "facts": {"statements": 150, "relations": ["birth_place", "spouse"], "values": 20, "questions": 60,
              "sentences": 60, "bins": 4},
    "tokenizer": {"kind": "bpe", "vocab_size": 300},
    "model": {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 48, "position": "rope", "norm": "rms_norm"},
    "train": {"steps": 60, "batch_size": 8, "learning_rate": 8e-3, "warmup_steps": 5, "precision": "fp32",
              "kernels": "torch"},
    "seeds": 1, "at_once": 1, "arms": [
        {"name": "few", "told": {"once": 0.1}}, {"name": "many", "told": {"once": 0.6}},
        {"name": "few, repeated", "told": {"once": 0.1, "repeat_share": 0.05, "repeat_times": 10}}],
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An experiment whose worker was killed when the first model had spoken, and that was then resumed."""
    workspace = Workspace(tmp_path_factory.mktemp("law"))
    folder = workspace.create("experiment", "law", build(ExperimentSpec, REQUEST))
    worker = launch.launch(folder)
    deadline = time.monotonic() + 300
    while not folder.path(LAW).is_file():
        assert time.monotonic() < deadline and read_view(folder.root).state != "failed", read_view(folder.root)
        time.sleep(0.05)
    psutil.Process(worker.pid).kill()
    worker.wait()
    first = read_law(folder.root)
    spoken = {path: path.stat().st_mtime_ns for path in folder.path("spoken").iterdir()}
    launch.resume(folder)
    launch.await_attempt(folder, 1)
    finish(folder)
    assert first.wanted == 3 and 1 <= len(first.models) < 3 and not first.findings  # it could be watched
    assert all(path.stat().st_mtime_ns == before for path, before in spoken.items())  # nobody was asked twice
    return folder


def test_every_model_speaks_and_the_table_says_what_it_made_up(finished):
    table, result = read_law(finished.root), read_view(finished.root).result
    assert [model.arm for model in table.models] == ["few", "many", "few, repeated"]
    few, many, repeated = table.models
    assert few.monofacts == pytest.approx(0.1, abs=0.03) and many.monofacts == pytest.approx(0.6, abs=0.05)
    assert few.monofacts == repeated.monofacts and few.facts == repeated.facts and repeated.copies == 10
    for model in table.models:
        assert sum(count.asked for count in model.counts) == 60
        for way in ("asked", "free"):
            one = side(model, way)
            assert 0 <= one.miscalibration <= 1 and one.bound == max(0.0, model.monofacts - one.miscalibration)
    assert result["bound_holds"].keys() == {"asked", "free"} and len(result["settings"]) == 3
    assert result["repeating"]["asked"]["mean"] == pytest.approx(
        repeated.asked.hallucination - few.asked.hallucination)
    page = finished.path("table.md").read_text("utf-8")
    assert "| few, repeated |" in page and "arXiv:2311.14648" in page and table.parameters > 0


def test_copies_are_counted_where_they_stand_and_not_in_the_monofact_rate(finished):
    few, _, repeated = read_law(finished.root).models
    assert max(count.stated for count in repeated.counts) >= 10 > max(count.stated for count in few.counts)


def test_what_a_sentence_states_is_read_in_every_wording(finished):
    inside = Workspace(finished.path("workspace"))
    run = inside.folder("runs", "few-seed-0")
    known = read_known(inside.path("corpora", run.request["spec"]["corpus"]))
    engine = open_engine(f"run:{run.name}@last", inside)
    spec = build(ExperimentSpec, REQUEST).facts
    speech = Speech(engine, spec, known, np.full(len(known.value), 1 / len(known.value)), 0, lambda: None)
    for relation, name in enumerate(spec.relations):
        for wording in RELATIONS[name].wordings("english"):
            sentence = wording.statement("Ola Back", "Vale Wick")
            assert speech.claim(sentence) == Claim("Ola Back", relation, "Vale Wick")
    assert speech.claim("Ola Back and nothing.") is None
    # a fact's chance is that of all its wordings together
    claim = speech._claim_of(0)
    chance = speech._chances([claim])[claim]
    start = engine.start_id
    one_by_one = []
    for wording in RELATIONS[spec.relations[claim.relation]].wordings("english"):
        ids = [start, *engine.encode(wording.statement(claim.subject, claim.value))]
        logits = engine.score(ids[:-1]).astype(np.float64)
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        one_by_one.append(log_p[np.arange(len(ids) - 1), ids[1:]].sum())
    assert chance == pytest.approx(np.logaddexp.reduce(one_by_one), abs=1e-3)
    engine.close()


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_no_wording_is_read_as_another_ones(language):
    for name in ("birth_place", "work_place", "employer", "spouse"):
        for wording in RELATIONS[name].wordings(language):
            sentence = wording.statement("甲乙" if language == "chinese" else "Ola Back", "值" if language == "chinese"
                                         else "Vale")  # fmt: skip
            fits = [other for rival in RELATIONS.values() for other in rival.wordings(language)
                    if pattern(other).fullmatch(sentence)]  # fmt: skip
            assert fits == [wording]


def test_what_is_watched_is_whole_json(finished):
    assert json.loads(finished.path(LAW).read_text("utf-8"))["wanted"] == 3
