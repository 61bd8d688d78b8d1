"""Labelled answers in the shapes in which public benchmarks publish them, and the verb that measures on them."""

import json
import math

import pytest

from core.cli.entry import run
from core.errors import LabError
from core.evaluate.labelled import Labelled, read_labelled
from core.glass.reading import read_answer

HALUEVAL = {"knowledge": "Leeds is in England.", "question": "Where is Leeds?", "right_answer": "England",
            "hallucinated_answer": "Wales"}  # fmt: skip
GENERAL = {"ID": "1", "user_query": "Name a city.", "chatgpt_response": "Leeds.", "hallucination": "no",
           "hallucination_spans": []}  # fmt: skip
TRUTHFUL = {"question": "Is it so?", "mc1_targets": {"Yes.": 1, "No.": 0}, "mc2_targets": {"Yes.": 1, "Indeed.": 1,
                                                                                         "No.": 0}}  # fmt: skip
RAGTRUTH = [
    {"id": "0", "source_id": "9", "model": "gpt-4", "temperature": 0.7, "split": "train", "quality": "good",
     "response": "It snowed.", "labels": [{"start": 0, "end": 9, "text": "It snowed", "meta": "",
                                           "label_type": "Evident Conflict", "implicit_true": False}]},
    {"id": "1", "source_id": "9", "model": "gpt-4", "response": "It rained.", "labels": []},
]  # fmt: skip
FACTSCORE = {"input": "Question: Tell me of Ada.", "output": "Ada sang. Ada flew.", "topic": "Ada", "cat": ["rare"],
             "annotations": [
                 {"text": "Ada sang.", "is-relevant": True, "model-atomic-facts": [],
                  "human-atomic-facts": [{"text": "Ada sang.", "label": "S"}, {"text": "Hm.", "label": "IR"}]},
                 {"text": "Ada flew.", "human-atomic-facts": [{"text": "Ada flew.", "label": "NS"}]},
                 {"text": "", "human-atomic-facts": None}]}  # fmt: skip


def lines(path, *records):
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n", "utf-8")
    return path


def test_each_published_format_is_known_by_its_fields(tmp_path):
    file = tmp_path / "x"
    name, found = read_labelled(lines(file, HALUEVAL))
    assert name == "HaluEval QA" and [(one.answer, one.wrong) for one in found] == [("England", False), ("Wales", True)]
    assert found[0].question.endswith("Where is Leeds?") and found[0].question.startswith("Leeds is in England.")
    assert read_labelled(lines(file, GENERAL)) == (
        "HaluEval general", [Labelled("Name a city.", "Leeds.", False, "general")])
    file.write_text(json.dumps([TRUTHFUL]), "utf-8")  # published as one array
    name, found = read_labelled(file)
    assert name == "TruthfulQA" and [(one.kind, one.answer, one.wrong) for one in found] == [
        ("mc1", "Yes.", False), ("mc1", "No.", True), ("mc2", "Yes.", False), ("mc2", "Indeed.", False),
        ("mc2", "No.", True)]
    name, found = read_labelled(lines(file, *RAGTRUTH))
    assert name == "RAGTruth" and [(one.answer, one.wrong, one.kind) for one in found] == [
        ("It snowed.", True, "Evident Conflict"), ("It rained.", False, "gpt-4")]
    name, found = read_labelled(lines(file, FACTSCORE))
    assert name == "FActScore" and [(one.answer, one.wrong) for one in found] == [
        ("Ada sang.", False), ("Ada flew.", True)]


@pytest.mark.parametrize(("text", "said"), [
    ("", "holds no answers"), ("{", "Line 1 is not JSON"), ('{"a": 1}', "none of the formats"), ("[1]", "none of the"),
    ('{"answer": "x", "wrong": true}\n{"answer": "y"}', "Line 2 is not as own has it"),
    ('{"answer": "x", "wrong": "perhaps"}', "neither yes nor no"),
    ('{"answer": "x", "wrong": 0, "scores": [1]}', "Line 1 is not as own"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_told_in_one_sentence(tmp_path, text, said):
    (tmp_path / "x").write_text(text, "utf-8")
    with pytest.raises(LabError, match=said):
        read_labelled(tmp_path / "x")


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(LabError, match="no such file"):
        read_labelled(tmp_path / "nowhere")
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(LabError, match="not UTF-8"):
        read_labelled(tmp_path / "x")


def test_the_verb_measures_any_detector_on_any_labelled_file(tmp_path, capsys):
    records = [{"question": "q", "answer": "x" * (1 + i % 7), "wrong": i % 3 == 0, "kind": "ab"[i % 2],
                "scores": {"mine": (i % 3 == 0) + 0.1 * (i % 5), "useless": i % 2}} for i in range(90)]  # fmt: skip
    file = lines(tmp_path / "mine.jsonl", *records)
    assert run(["judge", str(file), "--json"], None) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answers"] == 90 and told["wrong"] == 30
    assert told["detectors"]["mine"]["auroc"] == 1.0 and abs(told["detectors"]["useless"]["auroc"] - 0.5) < 0.1
    assert "answer_length" in told["detectors"]
    assert run(["judge", str(file)], None) == 0
    assert "| mine | 1.000 |" in capsys.readouterr().out
    del records[4]["scores"]["mine"]
    assert run(["judge", str(lines(file, *records))], None) == 2
    assert "Not every line has a score of mine" in capsys.readouterr().err


class Alphabet:
    """An engine for which every letter is one of four equally likely ones."""

    name, context, start_id = "alphabet", 6, 0

    def encode(self, text):
        return [1 + ord(letter) % 3 for letter in text]

    def token_bytes(self, id):
        return b"x"

    def score(self, ids):
        import numpy as np

        assert len(ids) <= self.context
        return np.zeros((len(ids), 4), np.float32)


def test_a_given_answer_is_read_after_the_end_of_its_question():
    found = read_answer(Alphabet(), "a very long question", "yes")  # with the space before it, four tokens
    assert found["likelihood"] == pytest.approx(4 * math.log(4)) and found["perplexity"] == pytest.approx(math.log(4))
    assert found["mean_entropy"] == pytest.approx(math.log(4))
    assert read_answer(Alphabet(), "", "")["likelihood"] == 0.0
    with pytest.raises(LabError, match="more than the 6"):
        read_answer(Alphabet(), "q", "much too long")
