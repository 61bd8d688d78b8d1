"""The reference and the classifier: what their jobs leave behind, and what the rules that use them do."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data.filters.rules import Rules
from core.data.filters.verdict import Draft
from core.data.quality.classifier import Classifier
from core.data.quality.reference import Reference, choose_units, fold, terciles
from core.data.quality.reference_job import part_of
from core.data.quality.trained import EXAMPLES, REPORT
from core.errors import LabError
from core.jobs.registry import kind
from core.record.control import Control, StopRequested, request
from core.spec.filters import ClassifierSpec, ReferenceSpec
from core.spec.rules.classifier import QualityClassifier
from core.spec.rules.metric import ReferencePerplexity
from tests.tiny_filters import (
    add_corpus,
    advertising,
    chinese,
    make_texts,
    make_workspace,
    prose,
    run_job,
    shuffled,
)

REFERENCE = ReferenceSpec(corpus="novels", against="web", vocab_size=400, order=3)
CLASSIFIER = ClassifierSpec(good="novels", candidates="web", folds=3)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Corpora, a reference "style" and a classifier "judge"."""
    made = make_workspace(tmp_path_factory.mktemp("filters"))
    run_job(made, "reference", "style", REFERENCE)
    run_job(made, "classifier", "judge", CLASSIFIER)
    return made


def report(workspace, name: str) -> dict:
    return json.loads(workspace.folder("filters", name).path(REPORT).read_text("utf-8"))


def examples(workspace, name: str) -> list[dict]:
    lines = workspace.folder("filters", name).path(EXAMPLES).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


# The reference.


def test_trusted_text_surprises_a_reference_least_then_its_words_in_no_order_then_other_words(workspace):
    reference = Reference.open(workspace.folder("filters", "style").root)
    like, mixed, other = (
        np.mean([reference.perplexity(text) for text in make_texts(maker, 10, 77)])
        for maker in (prose, shuffled, advertising))
    assert like * 3 < mixed < other


def test_the_report_holds_what_was_measured(workspace):
    found = report(workspace, "style")
    assert found["trusted"]["documents"] == 24 and found["candidates"]["documents"] == 90
    assert found["documents_learnt"] == 96 and found["measured_on"] == "candidates"
    for which in ("trusted", "candidates"):
        values = found[which]["quantiles"]
        assert len(values) == 201 and values == sorted(values)
        assert sum(found[which]["counts"]) == found[which]["documents"]
        assert len(found[which]["edges"]) == len(found[which]["counts"]) + 1
    assert found["terciles"]["head"] < found["terciles"]["middle"]
    assert found["trusted"]["quantiles"][100] < found["candidates"]["quantiles"][100]


def test_the_terciles_part_the_measured_text_into_thirds(workspace):
    found = terciles(workspace.folder("filters", "style").root)
    reference = Reference.open(workspace.folder("filters", "style").root)
    texts = make_texts(prose, 30, 1) + make_texts(shuffled, 30, 2) + make_texts(advertising, 30, 3)
    parts = [part_of(reference.perplexity(text), found) for text in texts]
    assert [parts.count(part) for part in ("head", "middle", "tail")] == [30, 30, 30]
    assert set(parts[:30]) == {"head"} and set(parts[60:]) == {"tail"}  # as they were made


def test_a_person_can_look_at_documents_of_every_third(workspace):
    found = examples(workspace, "style")
    assert {line["part"] for line in found} == {"head", "middle", "tail"}
    assert all(line["text"] and line["source"] == "somewhere.txt" and line["line"] > 0 for line in found)


def test_chinese_is_cut_into_characters_and_english_into_pieces(workspace):
    assert choose_units(make_texts(chinese, 3)) == "characters" and choose_units(make_texts(prose, 3)) == "pieces"
    _, result, told = run_job(workspace, "reference", "old", ReferenceSpec(corpus="sayings", vocab_size=400, order=3))
    assert result["units"] == "characters" and result["measured_on"] == "trusted"
    assert any("characters" in getattr(event, "text", "") for event in told)
    reference = Reference.open(workspace.folder("filters", "old").root)
    assert reference.perplexity("温故而知新，可以为师矣。") * 5 < reference.perplexity("矣师为以可，新知而故温。")
    assert np.isfinite(reference.perplexity("🦊 never seen ﷽"))


def test_folding_makes_dress_invisible():
    assert fold("The  YEAR\n1998") == fold("the year 2024") == "the year 0000"


def test_a_text_without_words_has_no_perplexity(workspace):
    reference = Reference.open(workspace.folder("filters", "style").root)
    assert reference.perplexity(" \n ") is None
    assert np.isfinite(reference.perplexity("\ud800 lone"))


def test_equal_requests_give_equal_filters(workspace):
    for job_kind, spec, first in (("reference", REFERENCE, "style"), ("classifier", CLASSIFIER, "judge")):
        again, _, _ = run_job(workspace, job_kind, f"{first}-again", spec)
        before = workspace.folder("filters", first)
        assert again.path("outputs.json").read_text() == before.path("outputs.json").read_text()


def test_a_corpus_that_holds_nothing_out_is_measured_on_documents_it_did_not_learn_from(workspace):
    add_corpus(workspace, "flat", make_texts(prose, 40, 5), held_out_every=0)
    spec = ReferenceSpec(corpus="flat", vocab_size=400, order=2)
    _, result, _ = run_job(workspace, "reference", "flat", spec)
    assert result["documents_learnt"] == 36 and report(workspace, "flat")["trusted"]["documents"] == 4


def test_too_little_trusted_text_is_said(workspace):
    add_corpus(workspace, "single", ["Only one document."], held_out_every=0)
    with pytest.raises(LabError, match="too little text"):
        run_job(workspace, "reference", "single", ReferenceSpec(corpus="single"))


# The classifier.


def test_the_classifier_parts_what_it_learnt_to_part(workspace):
    found = report(workspace, "judge")
    # A third of the candidates is good text: no classifier can tell those, and none should.
    assert 0.75 < found["auroc"]["value"] < 0.92
    assert found["auroc"]["low"] < found["auroc"]["value"] < found["auroc"]["high"]
    classifier = Classifier.open(workspace.folder("filters", "judge").root)
    good, bad = ([classifier.score(text) for text in make_texts(maker, 20, 50)] for maker in (prose, advertising))
    assert min(good) > max(bad) and max(bad) < 0.1


def test_quality_is_measured_on_texts_left_out(workspace):
    """Labels that say nothing: a classifier that is judged by what it has learnt would look perfect."""
    add_corpus(workspace, "these", make_texts(prose, 60, 8))
    add_corpus(workspace, "those", make_texts(prose, 60, 9))
    _, result, _ = run_job(workspace, "classifier", "coin", ClassifierSpec(good="these", candidates="those"))
    assert result["auroc"]["low"] < 0.5 < result["auroc"]["high"] + 0.05


def test_copies_of_a_text_are_never_on_both_sides_of_a_fold(workspace):
    """Each text three times: learnt from a copy of itself, any text would be told by heart."""
    add_corpus(workspace, "these-3", make_texts(prose, 41, 10) * 3)
    add_corpus(workspace, "those-3", make_texts(prose, 41, 11) * 3)
    _, result, _ = run_job(workspace, "classifier", "copies", ClassifierSpec(good="these-3", candidates="those-3"))
    assert result["auroc"]["value"] < 0.68


def test_texts_on_both_sides_are_left_out_of_the_candidates(workspace):
    add_corpus(workspace, "overlap", make_texts(prose, 120)[:15] + make_texts(advertising, 20, 12))
    _, result, told = run_job(workspace, "classifier", "both", ClassifierSpec(good="novels", candidates="overlap"))
    assert result["documents_candidates"] == 20
    assert any(getattr(event, "values", {}).get("count") == 15 for event in told)


def test_the_most_telling_features_can_be_read(workspace):
    features = report(workspace, "judge")["features"]
    assert all(line["weight"] > 0 for line in features["good"])
    assert all(line["weight"] < 0 for line in features["candidates"])
    against = [line["text"] for line in features["candidates"]]
    assert {"click here", "best price", "cookies"} & set(against[:20])
    assert any(" " in line["text"] for line in features["good"])


def test_examples_stand_at_every_height_of_the_score(workspace):
    found = examples(workspace, "judge")
    scores = [line["score"] for line in found]
    assert scores == sorted(scores) and scores[0] < 0.2 and scores[-1] > 0.6
    assert {line["side"] for line in found} == {"good", "candidates"}


def test_good_text_and_candidates_can_be_files(workspace, tmp_path):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    for path, maker in ((good, prose), (bad, advertising)):
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in make_texts(maker, 30, 20)))
    spec = ClassifierSpec(good_files=[str(good)], candidate_files=[str(bad)], folds=2)
    _, result, _ = run_job(workspace, "classifier", "files", spec)
    assert result["documents_good"] == 30 and result["auroc"]["value"] == 1


def test_too_few_documents_are_said(workspace):
    add_corpus(workspace, "few", make_texts(advertising, 4, 13))
    with pytest.raises(LabError, match="4 of 10"):
        run_job(workspace, "classifier", "few", ClassifierSpec(good="novels", candidates="few"))


@pytest.mark.parametrize(("job_kind", "spec"), [("reference", REFERENCE), ("classifier", CLASSIFIER)])
def test_a_job_that_is_asked_to_stop_stops_and_leaves_no_report(workspace, job_kind, spec):
    folder = workspace.create(job_kind, f"stopped-{job_kind}", spec)
    request(folder.root, "stop")
    with pytest.raises(StopRequested):
        kind(job_kind).run_function()(spec, folder, lambda event: None, Control(folder.root, lambda event: None))
    assert not folder.path(REPORT).exists()


# The rules.


def judge(rule, workspace, texts):
    rules, drafts = Rules([rule], workspace), [Draft(text) for text in texts]
    return [rules.judge(draft) for draft in drafts], drafts


def test_the_perplexity_rule_keeps_thirds_or_what_is_under_a_number(workspace):
    texts = make_texts(prose, 5, 31) + make_texts(advertising, 5, 32)
    for rule in (ReferencePerplexity(filter="style"), ReferencePerplexity(filter="style", keep="head"),
                 ReferencePerplexity(filter="style", keep="number", most=50)):  # fmt: skip
        reasons, drafts = judge(rule, workspace, texts)
        assert [reason is None for reason in reasons] == [True] * 5 + [False] * 5
        reason, measured = reasons[-1], drafts[-1].measures["reference_perplexity.perplexity"]
        assert reason.value == measured > reason.limit and reason.measure == "perplexity"
        assert drafts[0].measures["reference_perplexity.perplexity"] < reason.limit
        assert "at most" in reason.text.format(**reason.values)
    reasons, _ = judge(ReferencePerplexity(filter="style", least=1000), workspace, texts[:1])
    assert "at least" in reasons[0].text.format(**reasons[0].values)


def test_the_classifier_rule_keeps_what_scores_high_enough(workspace):
    texts = make_texts(prose, 5, 41) + make_texts(advertising, 5, 42)
    reasons, drafts = judge(QualityClassifier(filter="judge", least=0.5), workspace, texts)
    assert [reason is None for reason in reasons] == [True] * 5 + [False] * 5
    assert reasons[-1].value == drafts[-1].measures["quality_classifier.score"] < reasons[-1].limit == 0.5
    assert judge(QualityClassifier(filter="judge", least=0.0), workspace, texts)[0] == [None] * 10
    reasons[-1].text.format(**reasons[-1].values)


def test_a_document_without_words_is_passed_over_not_judged(workspace):
    for rule, tag in ((ReferencePerplexity(filter="style"), "reference_perplexity"),
                      (QualityClassifier(filter="judge"), "quality_classifier")):  # fmt: skip
        reasons, drafts = judge(rule, workspace, ["  \n"])
        assert reasons == [None] and tag in drafts[0].passed_over and not drafts[0].measures


def test_a_rule_with_a_wrong_filter_or_none_says_so(workspace):
    for rule in (ReferencePerplexity(), QualityClassifier(), ReferencePerplexity(filter="judge"),
                 QualityClassifier(filter="style"), QualityClassifier(filter="nobody")):  # fmt: skip
        with pytest.raises(LabError):
            Rules([rule], workspace)
    with pytest.raises(LabError):
        Rules([ReferencePerplexity(filter="style")], None)


def test_a_damaged_filter_is_said(workspace, tmp_path):
    for name, opener in (("style", Reference.open), ("judge", Classifier.open)):
        with pytest.raises(LabError):
            opener(tmp_path / name)
    (tmp_path / "classifier.json").write_text('{"bits": 18, "intercept": 0}')
    np.save(tmp_path / "weights.npy", np.zeros(5, np.float32))
    with pytest.raises(LabError):
        Classifier.open(tmp_path)


def test_cleaning_with_filters_imports_no_torch():
    program = """
import sys
import core.data.quality.classifier_job, core.data.quality.reference_job, core.data.filters.rules
print({"torch", "scipy", "sklearn"} & set(sys.modules))
"""
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=120)
    assert done.stdout.strip() == "set()", done.stderr
