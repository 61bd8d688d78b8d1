"""Ways to make a model say less that is not so, to be tried on one question or compared over many.

plain: as it was asked. limits: it is told to answer briefly and to say when it does not know. retrieval: the training
documents closest to the question stand before it. dola, contrastive: other ways to choose each token.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from core.errors import LabError
from core.glass.amateur import find_amateur
from core.glass.attribution import Tracer
from core.glass.detectors import SMALLEST
from core.infer.batch import read_many
from core.infer.contrast import ContrastiveEngine, DolaEngine
from core.infer.engine import Engine
from core.infer.generate import generate
from core.record.folder import Workspace
from core.spec.doubt import MitigationExam, MitigationName, MitigationSeen, Refusal
from core.spec.messages import ChatMessage
from core.spec.token_record import TokenRecord

LIMITS = "Answer in one short sentence. If you do not know, say: I do not know."
GIVEN_DOCUMENTS = 3


class Prepared(NamedTuple):
    """A mitigation made ready: what is read, who writes, and what was put in front."""

    ids: list[int]
    engine: Engine
    added: str = ""
    documents: tuple[int, ...] = ()


class Mitigations:
    """Prepares mitigations for one opened model; an amateur stays open between questions.

    Args:
        run: that grew the model; "" for one from elsewhere.
        tracer: opens its indexed training text; may raise a LabError.
    """

    def __init__(self, workspace: Workspace, engine: Engine, run: str, tracer: Callable[[], Tracer]) -> None:
        self.workspace, self.engine, self.run, self._tracer = workspace, engine, run, tracer
        self._amateur: Engine | None = None
        self._dola: DolaEngine | None = None

    def close(self) -> None:
        """Let go of the amateur."""
        if self._amateur is not None:
            self._amateur.close()
        self._amateur = self._dola = None

    def prepare(
        self, name: MitigationName, text: str, ids: Sequence[int], chat: bool = False, room: int = 0
    ) -> Prepared:
        """What to do for one question.

        Args:
            text: the question as it was typed.
            ids: what the model is given without a mitigation.
            room: tokens to leave free for the answer.
        Raises:
            LabError: this model, or this run, does not allow it.
        """
        if name == "limits":
            return Prepared(self._instructed(LIMITS, text, chat), self.engine, LIMITS)
        if name == "retrieval":
            return self._with_documents(text, list(ids), chat, room)
        if name == "dola":
            self._dola = self._dola or DolaEngine(self.engine)
            return Prepared(list(ids), self._dola)
        if name == "contrastive":
            return Prepared(list(ids), ContrastiveEngine(self.engine, self._weaker()))
        return Prepared(list(ids), self.engine)

    def try_one(self, exam: MitigationExam, ids: Sequence[int], cancelled: Callable[[], bool]) -> MitigationSeen:
        """One question answered with one mitigation; a refusal is an answer, too."""
        try:
            ready = self.prepare(exam.name, exam.text, ids, exam.chat, exam.settings.max_tokens)
            records = list(generate(ready.engine, ready.ids, exam.settings, cancelled))
            written = [record.id for record in records]
            risk = self._own_risk(ready, records)
        except LabError as error:
            return MitigationSeen(exam.name, refusal=Refusal(error.problem, error.remedy, error.values))
        answer = b"".join(record.bytes for record in records).decode("utf-8", "replace")
        return MitigationSeen(
            exam.name, answer, len(written), risk, math.exp(risk / max(len(written), 1)), self._support(written, exam),
            list(ready.documents), ready.added)  # fmt: skip

    def _own_risk(self, ready: Prepared, records: list[TokenRecord]) -> float:
        """By the model itself: a contrast's numbers are no probabilities of the model, so its text is read again."""
        if ready.engine is self.engine or not records:
            return -math.fsum(math.log(max(record.probability, SMALLEST)) for record in records)
        return -read_many(self.engine, [(ready.ids, [record.id for record in records])])[0]

    def _support(self, ids: list[int], exam: MitigationExam) -> list:
        try:
            return self._tracer().attribute(ids, exam.text).support if self.run else []
        except LabError:
            return []

    def _instructed(self, sentence: str, text: str, chat: bool) -> list[int]:
        if not (chat and self.engine.chat_template):
            return self.engine.encode(f"{sentence}\n\n{text}")
        from core.prompt.chat import render_with_template

        turns = [ChatMessage("system", sentence), ChatMessage("user", text)]
        prompt = render_with_template(self.engine.chat_template, turns, getattr(self.engine, "end_text", ""))
        return self.engine.encode(prompt, special=True)

    def _with_documents(self, text: str, ids: list[int], chat: bool, room: int) -> Prepared:
        """The closest documents, each with the boundary that the model knows from its training, then the prompt."""
        if not self.run:
            raise LabError(
                "{name} was not grown in this workspace, so there is no training text to look things up in.", "",
                "Choose one of your own runs.", name=self.engine.name)  # fmt: skip
        tracer = self._tracer()
        if tracer.ranking is None:
            raise LabError(
                "The documents of {run} were not ranked by their words when its text was indexed.", "",
                "Build the index again.", run=self.run)  # fmt: skip
        free = self.engine.context - len(ids) - max(room, 1)
        given, rows, shown = [], [], []
        for row, _ in tracer.ranking.closest(text, GIVEN_DOCUMENTS):
            document = self.engine.encode(tracer.documents[row].text)
            if len(given) + len(document) + 1 > free:
                continue
            given = [*document, self.engine.start_id, *given]  # the closest stands next to the question
            rows.append(row)
            shown.insert(0, tracer.documents[row].text)
        if not given:
            raise LabError(
                "No training document shares a word with the question and fits before it into {context} tokens.", "",
                "Ask for a shorter answer, or in other words.", context=self.engine.context)  # fmt: skip
        ids = ids[1:] if ids[:1] == [self.engine.start_id] else ids
        return Prepared([*given, *ids], self.engine, "\n".join(shown), tuple(rows))

    def _weaker(self) -> Engine:
        if not self.run:
            raise LabError(
                "{name} was not grown in this workspace, so no weaker model of its tokens is here.", "",
                "Choose one of your own runs.", name=self.engine.name)  # fmt: skip
        if self._amateur is None:
            from core.infer.open import open_engine

            source = find_amateur(self.workspace, self.run, getattr(self.engine, "step_trained", None))
            self._amateur = open_engine(source, self.workspace)
        return self._amateur
