"""Claims that a person, or a table of facts, has judged: kept in a journal, and written as RAGTruth has its labels.

The journal is the truth: one line an act, on the disk before it counts, so that a kill loses nothing and every act can
be undone, after a restart too. ``response.jsonl`` and ``source_info.jsonl`` are written from it after each act, for
everything that reads RAGTruth (Niu et al. 2024, arXiv:2401.00396). Torch-free.
"""

import hashlib
import os
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import LabError
from core.record.atomic import disk_error, write_bytes
from core.spec.doubt import Verdict

JOURNAL, RESPONSES, SOURCES = "journal.jsonl", "response.jsonl", "source_info.jsonl"
LABEL_TYPES: dict[Verdict, str] = {"wrong": "Evident Conflict", "unverifiable": "Evident Baseless Info"}
"""Of RAGTruth's four; what was found right is no span of hallucination and is kept beside the labels."""
By = Literal["hand", "facts"]


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose claims are judged.

    Args:
        model: the source that it came from.
        prompt: exactly what the model was given.
        origin: the corpus that it speaks from, where it is known.
    """

    model: str
    prompt: str
    response: str
    temperature: float = 0.0
    origin: str = ""

    @property
    def id(self) -> str:
        """The same answer to the same prompt by the same model has the same id."""
        return _id(self.model, self.prompt, self.response)

    @property
    def source_id(self) -> str:
        """Answers to one prompt share it."""
        return _id(self.prompt)


class Mark(msgspec.Struct, frozen=True):
    """The judgement of one claim: characters of the answer."""

    start: int
    end: int
    verdict: Verdict
    by: By = "hand"


class _Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the journal: an answer taken in, marks set or (None) cleared, or the act before undone."""

    answer: str = ""
    taken: Reviewed | None = None
    marks: list[tuple[int, int, Verdict | None, By]] = []
    undo: bool = False


class ReviewBook:
    """All judgements of a folder; the folder is made with the first of them.

    Raises:
        LabError: the journal cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._answers: dict[str, Reviewed] = {}
        self._acts: list[_Act] = []  # that stand: undone ones are gone
        self._read()

    def marks(self, answer: Reviewed) -> dict[tuple[int, int], Mark]:
        """The judgements of an answer that stand, by their characters."""
        return self._standing(answer.id)

    def set(self, answer: Reviewed, marks: list[tuple[int, int, Verdict | None, By]]) -> None:
        """Judge claims, or take judgements back (None), in one act.

        Raises:
            LabError: it cannot be written.
        """
        if answer.id not in self._answers:
            self._write(_Act(taken=answer))
            self._answers[answer.id] = answer
        act = _Act(answer=answer.id, marks=list(marks))
        self._write(act)
        self._acts.append(act)
        self._export()

    def undo(self) -> str:
        """Take the last act back; the id of the answer that it was about, "" where there is none."""
        if not self._acts:
            return ""
        self._write(_Act(undo=True))
        act = self._acts.pop()
        self._export()
        return act.answer

    @property
    def can_undo(self) -> bool:
        """Whether there is an act to take back."""
        return bool(self._acts)

    @property
    def path(self) -> Path:
        """The file with the responses and their labels."""
        return self.folder / RESPONSES

    def _standing(self, id: str) -> dict[tuple[int, int], Mark]:
        found: dict[tuple[int, int], Mark] = {}
        for act in self._acts:
            for start, end, verdict, by in act.marks if act.answer == id else ():
                if verdict is None:
                    found.pop((start, end), None)
                else:
                    found[start, end] = Mark(start, end, verdict, by)
        return dict(sorted(found.items()))

    def _read(self) -> None:
        path = self.folder / JOURNAL
        if not path.is_file():
            return
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]  # a line that a kill has torn was never told as done
        if len(whole) < len(data):
            os.truncate(path, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                act = msgspec.json.decode(line, type=_Act)
            except msgspec.MsgspecError as error:
                raise LabError(
                    "Line {line} of these reviews cannot be read: {error}.", str(path), "Mend that line, or move the "
                    "folder away to begin anew.", line=number, error=str(error)) from None  # fmt: skip
            if act.taken is not None:
                self._answers[act.taken.id] = act.taken
            elif act.undo:
                del self._acts[-1:]
            else:
                self._acts.append(act)
        self._export()

    def _write(self, act: _Act) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.folder / JOURNAL, "ab") as file:
                file.write(msgspec.json.encode(act) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(error, self.folder) from error

    def _export(self) -> None:
        """Write both files of RAGTruth anew; answers without a judgement are left out."""
        judged = [(answer, marks) for id, answer in self._answers.items() if (marks := self._standing(id))]
        prompts = {answer.source_id: answer for answer, _ in judged}
        try:
            write_bytes(self.folder / RESPONSES, _lines(_response(answer, marks.values()) for answer, marks in judged))
            write_bytes(self.folder / SOURCES, _lines(map(_source, prompts.values())))
        except OSError as error:
            raise disk_error(error, self.folder) from error


def _response(answer: Reviewed, marks) -> dict:
    """A line of response.jsonl; ``reviewed`` is ours and holds what was found right as well."""
    def span(mark: Mark) -> dict:
        return {"start": mark.start, "end": mark.end, "text": answer.response[mark.start : mark.end]}

    return {
        "id": answer.id, "source_id": answer.source_id, "model": answer.model, "temperature": answer.temperature,
        "labels": [span(mark) | {"meta": "", "label_type": LABEL_TYPES[mark.verdict], "implicit_true": False,
                                 "due_to_null": False} for mark in marks if mark.verdict in LABEL_TYPES],
        "split": "test", "quality": "good", "response": answer.response,
        "reviewed": [span(mark) | {"verdict": mark.verdict, "by": mark.by} for mark in marks],
    }  # fmt: skip


def _source(answer: Reviewed) -> dict:
    return {"source_id": answer.source_id, "task_type": "QA", "source": answer.origin,
            "source_info": {"question": answer.prompt, "passages": ""}, "prompt": answer.prompt}  # fmt: skip


def _lines(records) -> bytes:
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


def _id(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
