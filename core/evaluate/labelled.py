"""Answers that others labelled as right or wrong, read from the files of four public benchmarks, or from one's own.

Every reader takes the file as it was published; which one it is, is told by its fields.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.errors import LabError

OWN = "own"  # lines with "wrong" and "scores" of any detectors


class Labelled(msgspec.Struct, frozen=True):
    """One answer with its label.

    Args:
        question: what it answers; empty where the file does not say.
        kind: the task, topic or part of the file that it belongs to.
        scores: of detectors that the file brings along; higher = more doubt.
    """

    question: str
    answer: str
    wrong: bool
    kind: str = ""
    scores: dict[str, float] = {}


def read_labelled(path: Path) -> tuple[str, list[Labelled]]:
    """The name of the format, and its labelled answers.

    Raises:
        LabError: no such file, not JSON, a line that does not fit, or a format that is not known.
    """
    path = Path(path)
    records = list(_records(path))
    if not records:
        raise LabError("This file holds no answers.", str(path), "Choose another file.")
    for name, (marks, read) in FORMATS.items():
        if isinstance(records[0][1], dict) and marks <= records[0][1].keys():
            return name, list(_each(path, records, name, read))
    raise LabError(
        "This is none of the formats that are known here: {names}.", str(path),
        "Give a file as it was published, or lines of JSON with \"answer\", \"wrong\" and \"scores\".",
        names=", ".join(FORMATS))


def _each(path: Path, records: list, name: str, read) -> Iterator[Labelled]:
    for line, record in records:
        try:
            yield from read(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LabError(
                "Line {line} is not as {format} has it: {error}.", str(path), "Mend that line, or leave it out.",
                line=line, format=name, error=f"{type(error).__name__} {error}") from None


def _records(path: Path) -> Iterator[tuple[int, dict]]:
    """(line, record) of a JSON array, or of one record a line."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise LabError("There is no such file.", str(path), "Check the path.") from None
    except UnicodeDecodeError:
        raise LabError("This file is not UTF-8 text.", str(path), "Save it as UTF-8 first.") from None
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except json.JSONDecodeError as error:
            raise _not_json(path, error.lineno, error.msg) from None
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise _not_json(path, number, error.msg) from None


def _not_json(path: Path, line: int, error: str) -> LabError:
    return LabError("Line {line} is not JSON: {error}.", str(path), "Mend that line, or leave it out.", line=line,
                    error=error)  # fmt: skip


def _own(record: dict) -> Iterator[Labelled]:
    scores = {str(name): float(value) for name, value in record.get("scores", {}).items()}
    yield Labelled(str(record.get("question", "")), str(record["answer"]), _yes(record["wrong"]),
                   str(record.get("kind", "")), scores)  # fmt: skip


def _halueval_pairs(record: dict) -> Iterator[Labelled]:
    """Source: Li et al. 2023, HaluEval, arXiv:2305.11747: qa_data.json; the knowledge is part of the question."""
    question = f"{record['knowledge']}\n{record['question']}"
    yield Labelled(question, record["right_answer"], False, "qa")
    yield Labelled(question, record["hallucinated_answer"], True, "qa")


def _halueval_general(record: dict) -> Iterator[Labelled]:
    """Source: the same, general_data.json: answers of ChatGPT, labelled by people."""
    yield Labelled(record["user_query"], record["chatgpt_response"], _yes(record["hallucination"]), "general")


def _truthfulqa(record: dict) -> Iterator[Labelled]:
    """Source: Lin et al. 2022, TruthfulQA, arXiv:2109.07958: mc_task.json; MC1 has one right choice, MC2 several."""
    for kind in ("mc1", "mc2"):
        for answer, right in record.get(f"{kind}_targets", {}).items():
            yield Labelled(record["question"], answer, not _yes(right), kind)


def _ragtruth(record: dict) -> Iterator[Labelled]:
    """Source: Niu et al. 2024, RAGTruth, arXiv:2401.00396: response.jsonl; wrong = a person marked a span of it."""
    spans = record["labels"]
    kinds = sorted({span["label_type"] for span in spans})
    yield Labelled("", record["response"], bool(spans), kinds[0] if kinds else str(record.get("model", "")))


def _factscore(record: dict) -> Iterator[Labelled]:
    """Source: Min et al. 2023, FActScore, arXiv:2305.14251: the labelled JSONL; every atomic fact is an answer."""
    for sentence in record["annotations"] or []:
        for fact in sentence.get("human-atomic-facts") or []:
            if fact["label"] not in ("S", "NS", "IR"):
                raise ValueError(f"the label {fact['label']}")
            if fact["label"] != "IR":  # irrelevant ones are neither
                yield Labelled(record["input"], fact["text"], fact["label"] == "NS", str(record.get("cat", "") or ""))


def _yes(value) -> bool:
    """A label however it is written: true, 1, yes."""
    if isinstance(value, str) and value.strip().lower() in ("yes", "true", "1", "no", "false", "0"):
        return value.strip().lower() in ("yes", "true", "1")
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    raise ValueError(f"{value!r} is neither yes nor no")


FORMATS = {
    OWN: ({"answer", "wrong"}, _own),
    "HaluEval QA": ({"knowledge", "question", "right_answer", "hallucinated_answer"}, _halueval_pairs),
    "HaluEval general": ({"user_query", "chatgpt_response", "hallucination"}, _halueval_general),
    "TruthfulQA": ({"question", "mc1_targets"}, _truthfulqa),
    "RAGTruth": ({"response", "labels", "source_id"}, _ragtruth),
    "FActScore": ({"input", "output", "annotations"}, _factscore),
}
