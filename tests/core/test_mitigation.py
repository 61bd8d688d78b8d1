"""Mitigations are tried and compared; what cannot be tried says why; a risk is told as a chance."""

import json
import math

import msgspec
import numpy as np
import pytest

from core.data.shards import write_shards
from core.errors import LabError
from core.glass import consistency
from core.glass.amateur import find_amateur
from core.glass.answers import Answered
from core.glass.calibration import of_answers, short_risk
from core.glass.comparison import abstains, count, read_comparison
from core.glass.examination import Examination
from core.glass.index_job import run as build_index
from core.glass.mitigation import LIMITS
from core.glass.mitigation_job import run as mitigate
from core.glass.questions import Label, Question
from core.infer.batch import Written, read_many
from core.jobs.opened import OpenModel
from core.record.control import Control
from core.record.lineage import write_outputs
from core.spec import doubt
from core.spec import messages as m
from core.spec.export import IndexSpec
from core.spec.mitigation import MitigateSpec
from core.spec.sampling import GREEDY
from core.spec.token_record import TokenRecord
from core.tokens.tokenizer import Tokenizer
from tests.tiny_run import SPEC, TEXTS, add_run, make_workspace

SHORT = msgspec.structs.replace(GREEDY, max_tokens=6)
TIGHT = msgspec.structs.replace(SPEC, context=160)


def answered(number, wrong, risk, answer="London"):
    return Answered(
        question=Question(id=number, prompt="Return the", subject="list", others=[]),
        label=Label(truth="Paris" if wrong else answer, stratum="true_stated", stated=1), answer=answer, wrong=wrong,
        log_p=[-risk], entropy=[0.1], samples=[], sample_log_p=[], others=[], scores={"likelihood": risk})  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("workspace"), "tiny", TIGHT)
    run = workspace.path("runs", "tiny")
    write_shards(run, workspace.path("corpora", "texts"), Tokenizer.load(run))
    folder = workspace.create("index", "tiny", IndexSpec(run="tiny"))
    build_index(IndexSpec(run="tiny"), folder, lambda event: None, Control(folder.root, lambda event: None))
    folder.path("summary.json").write_text("{}")
    return workspace


@pytest.fixture(scope="module")
def opened(workspace):
    model = OpenModel(workspace)
    model.load("run:tiny@last")
    return model


def look(opened, exam, prompt="Return the", answer=" length of the list."):
    ids = opened.engine.encode(answer)
    return Examination(opened).answer(m.Examine(id=1, exam=exam, prompt=prompt, ids=ids))


def mitigation(name):
    return doubt.MitigationExam(name, "Return the length", settings=SHORT)


def test_every_mitigation_answers_and_tells_its_risk_by_the_model_itself(opened):
    for name in ("plain", "limits", "retrieval", "dola", "contrastive"):
        seen = look(opened, mitigation(name), "Return the length")
        assert seen.refusal is None, seen
        assert seen.name == name and seen.tokens == 6 == len(seen.support) and seen.risk > 0
        assert seen.perplexity == pytest.approx(math.exp(seen.risk / 6))
        if name in ("plain", "dola", "contrastive"):
            ids, engine = opened.engine.encode("Return the length"), opened.engine
            assert seen.risk == pytest.approx(-read_many(engine, [(ids, engine.encode(seen.text))])[0], abs=2e-3) or \
                engine.encode(seen.text) != seen.text  # a text may be cut into other tokens than it was written in
    assert look(opened, mitigation("limits")).added == LIMITS
    given = look(opened, mitigation("retrieval"))
    assert set(given.documents) <= {0, 1, 2} and given.added and TEXTS[given.documents[0]] in given.added


def test_the_closest_document_stands_next_to_the_question_behind_a_boundary(opened):
    ways_exam = look(opened, mitigation("retrieval"), "Return the length")
    from core.glass.mitigation import Mitigations

    ways = Mitigations(opened.workspace, opened.engine, "tiny", opened.tracer)
    question = opened.engine.encode("Return the length")
    ready = ways.prepare("retrieval", "Return the length", question, room=6)
    best = opened.engine.encode(TEXTS[ready.documents[0]])
    assert ready.ids[-len(question) :] == question and ready.ids[-len(question) - 1] == opened.engine.start_id
    assert ready.ids[-len(question) - 1 - len(best) : -len(question) - 1] == best
    assert len(ready.ids) + 6 <= opened.engine.context and list(ready.documents) == ways_exam.documents


def test_what_a_model_from_elsewhere_cannot_try_says_so(opened):
    stranger = OpenModel(opened.workspace)
    stranger.load("run:tiny@last")
    stranger.run = ""
    for name, words in (("retrieval", "no training text to look things up"), ("contrastive", "no weaker model")):
        seen = look(stranger, mitigation(name))
        assert words in seen.refusal.problem and seen.text == ""
    assert look(stranger, mitigation("dola")).refusal is None and look(stranger, mitigation("plain")).support == []
    claims = look(stranger, doubt.ClaimsExam())
    assert claims.claims[0].support is None and "was not grown in this workspace" in claims.refusal.problem


def test_an_amateur_is_an_early_checkpoint_or_a_smaller_relative(workspace, tmp_path):
    assert find_amateur(workspace, "tiny", 20) == "run:tiny@step-00000010"
    alone = make_workspace(tmp_path, "alone")
    add_run(alone, "only", msgspec.structs.replace(SPEC, n_layers=3), steps=(20,))
    assert find_amateur(alone, "only", 20) == "run:alone@last"
    with pytest.raises(LabError, match="no weaker model"):
        find_amateur(add_only(tmp_path / "other"), "single", 20)


def add_only(root):
    workspace = make_workspace(root, "single")
    path = workspace.path("runs", "single", ) / "checkpoints" / "step-00000010"
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    return workspace


def test_drawn_answers_are_compared_up_to_their_first_sentence():
    drawn = [Written(text, [1], [-1.0], [0.1], True) for text in (
        " In Leeds. And so on", " in leeds.", " In York", " In Leeds! It")]  # fmt: skip
    seen = consistency.compare(" In Leeds. He was a poet.", -0.5, drawn)
    assert seen.compared == "In Leeds." and seen.clusters[0] == doubt.Cluster("In Leeds.", 3, True)
    assert seen.scores["sample_disagreement"] == 0.25 and seen.scores["monte_carlo_entropy"] == 1.0
    assert seen.scores["lexical_entropy"] == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    first, second = seen.surprise
    assert second > first and seen.scores["self_check"] == second


def test_the_surprise_of_a_word_is_that_of_one_added_unigram_counts():
    (found,) = consistency.self_check(["a b"], ["a a", "a c"])
    assert found == pytest.approx(-math.log((1 + 1) / (6 + 3 + consistency.VOCABULARY)))  # b: once among six words


def test_samples_are_the_same_for_the_same_seed_and_stay_within_their_length(opened):
    first, again = (look(opened, doubt.SamplesExam(samples=4, most_tokens=5)) for _ in range(2))
    assert first == again and len(first.answers) == 4 and sum(one.count for one in first.clusters) == 4
    other = look(opened, doubt.SamplesExam(samples=4, most_tokens=5, seed=7))
    assert other.answers != first.answers


def test_p_true_is_the_chance_of_the_word_after_the_models_own_answer(opened):
    seen, engine = look(opened, doubt.TruthExam(), "Q", " A"), opened.engine
    asked = engine.encode("Question: Q\n Possible answer:A\n Is the possible answer:\n (A) True\n (B) False\n"
                          " The possible answer is:")  # fmt: skip
    chance = math.exp(read_many(engine, [(asked, engine.encode(" True"))])[0])
    assert seen.true == pytest.approx(chance) and 0 < seen.false < 1
    with pytest.raises(LabError, match="more than the"):
        look(opened, doubt.TruthExam(), "Q " * 200)


def test_a_risk_is_told_as_a_chance_by_answers_that_were_marked():
    marked = [answered(n, wrong=n >= 60 and n % 4 > 0, risk=n / 10) for n in range(100)]
    known = of_answers("q", marked)
    assert known.chance_right(0.0) == 1.0 and known.chance_right(8.0) == pytest.approx(0.25, abs=0.05)
    coverage, accuracy = known.curve()
    assert coverage[-1] == 1.0 and accuracy[-1] == pytest.approx(0.7) and accuracy[59] == 1.0
    assert known.abstaining(0.1) == (pytest.approx(0.6, abs=0.02), pytest.approx(1.0, abs=0.02))
    assert known.abstaining(1.0) == (1.0, pytest.approx(0.7))
    assert of_answers("q", [answered(n, False, 1.0) for n in range(5)]) is None


def test_the_risk_of_an_answer_is_that_of_its_first_sentence():
    records = [TokenRecord(1, data, p, p, 1, 0.1, []) for data, p in (
        (b" London", 0.5), (b".", 0.25), (b" It", 0.001))]  # fmt: skip
    assert short_risk(records) == pytest.approx(math.log(8)) and short_risk([]) == 0.0


def test_answers_are_right_or_made_up_or_not_given():
    asked = [answered(0, False, 0.1), answered(1, True, 0.1), answered(2, True, 0.1), answered(3, True, 0.1)]
    found = count("limits", asked, ["London", "Rome", "I do not know.", ""])
    assert (found.right.value, found.made_up.value, found.given.value) == (0.25, 0.25, 0.5)
    assert abstains("I don’t know that.") and not abstains("I know: London")


def test_the_job_asks_again_and_keeps_what_is_done(workspace):
    random = np.random.default_rng(0)
    answers = [answered(n, n % 2 > 0, float(random.random()) + (n % 2)) for n in range(40)]
    folder = workspace.path("evaluations", "asked")
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text('kind = "question"\n[spec]\nrun = "tiny"\n')
    (folder / "answers.jsonl").write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in answers))
    write_outputs(folder)
    spec = MitigateSpec(questioning="asked", questions=10)
    job = workspace.create("mitigate", "compared", spec)
    told = []
    result = mitigate(spec, job, told.append, Control(job.root, told.append))
    found = read_comparison(job.path())
    assert [one.name for one in found.outcomes] == ["plain", "limits", "retrieval", "dola", "contrastive", "abstain"]
    assert all(one.asked == 10 and not one.refusal for one in found.outcomes)
    plain, *_, abstain = found.outcomes
    assert plain.given.value == 1.0 and abstain.given.value < 1.0 and abstain.made_up.value < plain.made_up.value
    assert set(result["mitigations"]) == {one.name for one in found.outcomes}
    kept = json.loads(job.path("dola.json").read_text())
    job.path("dola.json").write_text(json.dumps(kept | {"elapsed_s": 77.0}))
    mitigate(spec, job, told.append, Control(job.root, told.append))
    assert next(one for one in read_comparison(job.path()).outcomes if one.name == "dola").elapsed_s == 77.0
    assert "| abstain |" in job.path("table.md").read_text()
    with pytest.raises(LabError, match="no mitigation called prayer"):
        MitigateSpec(questioning="asked", mitigations=["prayer"])
