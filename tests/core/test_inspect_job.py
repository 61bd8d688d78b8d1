"""The whole way with real children: a small world, a model that learns it, its index, its questions and the table.

The world's table is asked here, by the tests alone: what the corpus is found to say must be what it was made to say.
"""

import json

import msgspec
import pytest

from core.data.worlds.facts import FactTable
from core.errors import LabError
from core.glass.answers import COMBINED, DETECTORS, Evidence, belief, verdict
from core.glass.attribution import Tracer
from core.glass.corpus_support import CorpusSupport
from core.glass.inspection import ANSWERS, ceiling, inspect_answers, read_answers, read_inspection
from core.glass.questions import Question, draw_questions
from core.infer.generate import generate
from core.infer.open import open_engine
from core.jobs import launch
from core.record.control import Control, StopRequested, request
from core.record.folder import Workspace
from core.record.view import read_view
from core.spec.base import build
from core.spec.inspect import InspectSpec, QuestionSpec
from core.spec.sampling import GREEDY, SamplingSpec
from tests.kill_and_resume import finish

REQUEST = {
    "world": {"size": 40, "held_out": 0.05, "seed": 5, "world": {
        "kind": "biographies", "relations": ["birth_place", "work_place"], "counts": [1, 4, 16], "values": 20,
        "shared_values": 0.5}},
    "tokenizer": {"kind": "bpe", "vocab_size": 400},
    "model": {"d_model": 48, "n_layers": 2, "n_heads": 2, "context": 48, "position": "rope", "norm": "rms_norm"},
    "train": {"steps": 260, "batch_size": 16, "learning_rate": 8e-3, "warmup_steps": 20, "precision": "fp32",
              "kernels": "torch", "validate_every": 260, "validation_tokens": 512, "checkpoint_every": 260},
    "asking": {"questions": 60, "samples": 4, "wordings": 4}, "seeds": 1, "at_once": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("inspect"))
    folder = launch.start(workspace, "inspect", "know", build(InspectSpec, REQUEST))
    finish(folder)
    view = read_view(folder.root)
    assert view.state == "completed", view.error
    return folder


@pytest.fixture(scope="module")
def inside(finished):
    return finished.workspace


@pytest.fixture(scope="module")
def answers(inside):
    return read_answers(inside.path("evaluations", "know-0") / ANSWERS)


@pytest.fixture(scope="module")
def table(inside):
    with FactTable(inside.path("corpora", "know-0")) as table:
        yield table


@pytest.fixture(scope="module")
def support(inside):
    return CorpusSupport(Tracer.open(inside, "know-0"))


def whole(fact, prompt=0):
    """A question about a fact that names all wordings."""
    first, *rest = fact.questions[prompt:] + fact.questions[:prompt]
    return Question(id=fact.id, prompt=first, subject=fact.subject, others=rest)


def test_what_is_stated_is_found_as_often_as_it_was_written(table, support):
    seen = set()
    for fact in table.facts():
        said = {stated.value: stated.count for stated in fact.stated}
        for value in (*said, fact.value, "Nowhere"):
            found = support.evidence(whole(fact, fact.id % 5), value)
            others = {other: count for other, count in said.items() if other != value}
            assert (found.about, found.stated, found.others) == (fact.subject_documents, said.get(value, 0), others)
        seen.add(fact.stratum)
    assert len(seen) == 5


def test_a_meeting_is_seen_and_is_no_statement(table, support):
    met = [(fact, one) for fact in table.facts("accidental") for one in fact.met]
    assert met
    for fact, one in met:
        found = support.evidence(whole(fact), one.value)
        assert (found.together, found.stated) == (one.count, 0)
        assert verdict(found) == "names_both" and belief(found, "by_value", 0.9) == 0.0


def test_the_documents_shown_say_it(table, support, inside):
    from core.data.documents import Documents

    with Documents(inside.path("corpora", "know-0")) as documents:
        for fact in list(table.facts("true_stated"))[:10]:
            found = support.evidence(whole(fact), fact.value)
            assert 1 <= len(found.documents) == min(found.stated, 8)
            assert all(fact.value in documents[row].text and fact.subject in documents[row].text
                       for row in found.documents)  # fmt: skip


def test_support_is_asked_of_the_training_text_alone(table, support):
    """Held-out documents state truths too; they are in the corpus, not in what the model was trained on."""
    held = [fact for fact in table.facts("true_stated") if fact.held_out]
    assert held
    for fact in held:
        assert support.evidence(whole(fact), fact.value).stated == fact.stated[0].count


def test_belief_is_shared_between_what_is_said():
    alone, twice = Evidence(about=9, together=1, stated=1), Evidence(about=9, together=9, stated=9)
    assert belief(alone, "by_value", 0.9) == pytest.approx(0.9)
    assert 0.9 < belief(twice, "by_value", 0.9) < 1.0
    torn = Evidence(about=9, together=9, stated=9, others={"Leeds": 1})
    assert belief(torn, "by_value", 0.9) == pytest.approx(belief(twice, "by_value", 0.9) / 2)
    assert belief(torn, "by_count", 0.9) == pytest.approx(belief(twice, "by_count", 0.9) * 0.9)
    assert verdict(torn) == "says_both" and verdict(twice) == "says_so"
    assert verdict(Evidence(about=1, together=0, stated=0, others={"Leeds": 1})) == "says_otherwise"
    assert verdict(Evidence(about=1, together=0, stated=0)) == "silent"


def test_questions_and_labels_are_those_of_the_table(table, answers):
    assert len(answers) == 60 and len({one.question.id for one in answers}) == 60
    for one in answers:
        fact = table[one.question.id]
        assert one.question.prompt in fact.questions and fact.subject in one.question.prompt
        assert sorted([one.question.prompt, *one.question.others]) == sorted(fact.questions)
        assert (one.label.truth, one.label.stratum) == (fact.value, fact.stratum)
        assert one.wrong == (one.answer != fact.value)
        assert one.label.stated == sum(s.count for s in fact.stated if s.value == fact.value)
    again = draw_questions(table, 60, 4, 0)
    assert [question for question, _ in again] == [one.question for one in answers]


def test_a_detector_is_not_told_what_is_right():
    assert {"truth", "wrong", "stratum", "value", "stated"}.isdisjoint(Question.__struct_fields__)


def test_answers_and_their_numbers_are_what_the_playground_would_give(inside, answers):
    engine = open_engine("run:know-0@last", inside)
    drawn = SamplingSpec(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=16, stop=["."])
    for one in answers[::12]:
        prompt = engine.encode(one.question.prompt)
        greedy = list(generate(engine, prompt, msgspec.structs.replace(GREEDY, max_tokens=16, stop=["."])))
        assert b"".join(record.bytes for record in greedy).decode().strip() == one.answer
        assert [record.probability for record in greedy] == pytest.approx(
            [2.718281828459045**log for log in one.log_p[: len(greedy)]], abs=1e-4)
        assert [record.entropy for record in greedy] == pytest.approx(one.entropy[: len(greedy)], abs=1e-3)
        seed = one.question.id * 4  # the first sample of the first asking
        sampled = list(generate(engine, prompt, msgspec.structs.replace(drawn, seed=seed)))
        assert b"".join(record.bytes for record in sampled).decode().strip() == one.samples[0]


def test_every_answer_has_every_score_and_a_chance(answers):
    assert all(set(one.scores) == {*DETECTORS, COMBINED} and 0 <= one.p_wrong <= 1 for one in answers)
    assert all(len(one.samples) == 4 and len(one.others) == 4 for one in answers)
    assert 5 < sum(one.wrong for one in answers) < 55  # it has learnt some of it


def test_the_table_is_told_alike_in_every_place(finished, inside, answers):
    result, found = read_view(finished.root).result, read_inspection(finished.root)
    assert result["detectors"] == {
        row.name: {"auroc": round(row.auroc.value, 4), "low": round(row.auroc.low, 4), "high": round(row.auroc.high, 4)}
        for row in found.table.rows}
    assert set(result["detectors"]) == {*DETECTORS, COMBINED}
    assert found.table.answers == 60 and found.table.wrong == sum(one.wrong for one in answers)
    assert found.seconds and found.seconds[0] > 0 and found.parameters > 1000
    alone = read_inspection(inside.path("evaluations", "know-0"))
    assert alone.table == found.table
    page = finished.path("table.md").read_text("utf-8")
    for row in found.table.rows:
        assert f"| {row.auroc.value:.3f} | {row.auroc.low:.3f} to {row.auroc.high:.3f} |" in page
    assert {int(key) for key in result["accuracy_by_count"]} <= {0, 1, 4, 16}
    assert "the corpus says so" in page


def test_the_ceiling_is_what_the_text_says_and_no_more(answers):
    def one(answer, wrong, stated, **told):
        label = msgspec.structs.replace(answers[0].label, truth="Right", stated=stated, told=told)
        return msgspec.structs.replace(answers[0], answer=answer, wrong=wrong, label=label)

    known, guessed = one("Right", False, 4), one("Other", True, 4)
    assert ceiling([known, guessed]) == 1.0
    assert ceiling([known, one("Taught", True, 0, Taught=4)]) == 0.5  # the text says both, each of its fact
    assert ceiling([known, one("Taught", True, 0, Taught=1)]) == 1.0  # less often
    contradicted = one("right", False, 2, Taught=2), one("Taught", True, 2, Taught=2)
    assert ceiling(contradicted) == 0.5 and ceiling([known, contradicted[1]]) == 1.0


def test_two_sets_together_are_their_mean(answers):
    found, told = inspect_answers([answers, answers[::-1]], seed=0)
    alone, _ = inspect_answers([answers], seed=0)
    assert found.table.answers == 120 and len(told) == 2
    assert found.table.row("likelihood").auroc.value == pytest.approx(alone.table.row("likelihood").auroc.value)


def test_what_was_asked_before_a_stop_is_not_asked_again(inside, answers, monkeypatch):
    from core.glass import question_job

    monkeypatch.setattr(question_job, "AT_ONCE", 20)
    spec = build(QuestionSpec, {"run": "know-0", "asking": REQUEST["asking"]})
    folder = inside.create("question", "again", spec)
    control = Control(folder.root, lambda event: None)
    asked, really = [], question_job.answer

    def stopped_after_two(engine, drawn, *rest):
        asked.append(len(drawn))
        if len(asked) == 2:
            request(folder.root, "stop")
        return really(engine, drawn, *rest)

    monkeypatch.setattr(question_job, "answer", stopped_after_two)
    with pytest.raises(StopRequested):
        question_job.run(spec, folder, lambda event: None, control)
    standing = sorted(path.name for path in folder.path("asked").iterdir())
    assert standing and len(standing) < 3
    question_job.run(spec, folder, lambda event: None, Control(folder.root, lambda event: None))
    for mine, theirs in zip(read_answers(folder.path(ANSWERS)), answers, strict=True):
        assert (mine.question, mine.answer, mine.samples, mine.evidence) == (
            theirs.question, theirs.answer, theirs.samples, theirs.evidence)
        assert mine.log_p == pytest.approx(theirs.log_p, abs=1e-4)  # batches of another size round otherwise
    assert asked.count(20) == len(asked) == (4 if len(standing) == 1 else 3)


def test_wrong_requests_are_one_sentence_each(inside, tmp_path):
    with pytest.raises(LabError, match="Only worlds of biographies"):
        build(InspectSpec, {"world": {"world": {"kind": "arithmetic"}}})
    with pytest.raises(LabError, match="not answered yet"):
        read_answers(tmp_path / ANSWERS)
    (tmp_path / ANSWERS).write_text('{"half":')
    with pytest.raises(LabError, match="cannot be read"):
        read_answers(tmp_path / ANSWERS)
    assert read_inspection(tmp_path) is None
    bare = Workspace(tmp_path / "bare")
    spec = build(QuestionSpec, {"run": "know-0"})
    with pytest.raises(LabError, match="no know-0 among the runs"):
        bare.create("question", "lost", spec)


def test_the_command_prints_the_table_for_machines(finished):
    """What the verb prints with --json is what the job came to, under the names that others rely on."""
    result = read_view(finished.root).result
    printed = json.loads(json.dumps(result, allow_nan=False))
    assert {"detectors", "ece", "accuracy_by_count", "elapsed_s"} <= set(printed)
    assert all(set(one) == {"auroc", "low", "high"} for one in printed["detectors"].values())


def test_seeds_are_other_worlds_and_other_questions(finished):
    from core.jobs.inspect import Pipeline

    spec = build(InspectSpec, REQUEST | {"seeds": 2})
    pipeline = Pipeline(spec, finished, lambda event: None, None)
    first, second = (pipeline.request("world", seed) for seed in (0, 1))
    assert (first["seed"], second["seed"]) == (5, 6)
    assert [pipeline.request("train", seed)["seed"] for seed in (0, 1)] == [0, 1]
    assert pipeline.request("question", 1)["asking"]["seed"] == 1
    assert pipeline.names == ["know-0", "know-1"]


def test_a_job_of_the_same_name_but_another_request_is_not_taken_for_its_own(finished):
    from core.jobs.inspect import Pipeline

    other = build(InspectSpec, REQUEST | {"world": REQUEST["world"] | {"size": 41}})
    with pytest.raises(LabError, match="Another job is called know-0 already"):
        Pipeline(other, finished, lambda event: None, Control(finished.root, lambda event: None)).run()
