"""A job's request records every other job it builds on, those its cleaning rules name among them."""

import pytest

from core.errors import LabError
from core.record.folder import Workspace, inputs_of
from core.record.lineage import write_outputs
from core.spec.corpus import CorpusSpec
from core.spec.filters import ClassifierSpec, ReferenceSpec
from core.spec.rules.classifier import QualityClassifier
from core.spec.rules.metric import ReferencePerplexity
from core.spec.rules.text import FixText

RULES = [FixText(), ReferencePerplexity(filter="novels"), QualityClassifier(filter="judge")]


def finish(workspace: Workspace, kind: str, name: str, spec) -> None:
    """A job as if it had run: with one output."""
    folder = workspace.create(kind, name, spec)
    folder.path("report.json").write_text("{}")
    write_outputs(folder.root)


def test_filters_named_by_rules_are_inputs():
    spec = CorpusSpec(sources=["x"], rules=RULES)
    assert inputs_of("corpus", spec) == {
        "rules.1.filter": ("filters", "novels"), "rules.2.filter": ("filters", "judge")}


def test_a_rule_that_is_off_or_names_nothing_asks_for_nothing():
    rules = [ReferencePerplexity(filter="novels", on=False), QualityClassifier()]
    assert inputs_of("corpus", CorpusSpec(sources=["x"], rules=rules)) == {}


def test_optional_corpora_left_empty_ask_for_nothing():
    assert inputs_of("reference", ReferenceSpec(corpus="novels")) == {"corpus": ("corpora", "novels")}
    assert inputs_of("classifier", ClassifierSpec(good="novels", candidate_files=["web.txt"])) == {
        "good": ("corpora", "novels")}


def test_a_classifier_without_one_of_its_sides_is_refused():
    for sides in ({"good": "a"}, {"candidates": "a"}, {"good": "a", "candidates": "a"}):
        with pytest.raises(LabError):
            ClassifierSpec(**sides)


def test_the_identity_of_a_filter_is_recorded_with_the_corpus_it_cleans(tmp_path):
    workspace = Workspace(tmp_path)
    finish(workspace, "corpus", "trusted", CorpusSpec(sources=["x"]))
    finish(workspace, "reference", "novels", ReferenceSpec(corpus="trusted"))
    spec = CorpusSpec(sources=["y"], rules=[FixText(), ReferencePerplexity(filter="novels")])
    request = workspace.create("corpus", "web", spec).request
    assert request["inputs"]["rules.1.filter"]["folder"] == "filters/novels"
    assert len(request["inputs"]["rules.1.filter"]["sha256"]) == 64


def test_a_rule_with_a_filter_that_is_not_there_or_not_finished_is_refused_at_once(tmp_path):
    workspace = Workspace(tmp_path)
    spec = CorpusSpec(sources=["y"], rules=[ReferencePerplexity(filter="novels")])
    with pytest.raises(LabError, match="novels"):
        workspace.create("corpus", "web", spec)
    finish(workspace, "corpus", "trusted", CorpusSpec(sources=["x"]))
    workspace.create("reference", "novels", ReferenceSpec(corpus="trusted"))
    with pytest.raises(LabError, match="not been finished"):
        workspace.create("corpus", "web", spec)
