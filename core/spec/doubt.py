"""Examinations of one answer: what can be asked for, and what is brought back.

Every examination is made by the engine's process on one prompt and one answer; the window only shows what comes back.
"""

from typing import Literal

import msgspec

from core.spec.glass import Support
from core.spec.sampling import GREEDY, SamplingSpec

ClaimSupport = Literal["verbatim", "together", "parts", "absent"]
"""How a claim stands to the training text.

verbatim: it stands there word for word;
together: all it names stands in one document, in other words;
parts: all it names occurs, but nowhere together;
absent: something it names never occurs.
"""

Verdict = Literal["right", "wrong", "unverifiable"]
PartKind = Literal["subject", "value", "name", "number", "date"]
MitigationName = Literal["plain", "limits", "retrieval", "dola", "contrastive"]


class Exam(msgspec.Struct, frozen=True, tag=True, tag_field="exam"):
    """Base of what can be asked for."""


class ClaimsExam(Exam, frozen=True):
    """The answer as single claims, and how each stands to the training text."""


class SamplesExam(Exam, frozen=True):
    """The same prompt answered several times more, drawn with no filter at temperature 1."""

    samples: int = 10
    most_tokens: int = 48
    seed: int = 0


class TruthExam(Exam, frozen=True):
    """The model is asked whether its own answer is true."""


class MitigationExam(Exam, frozen=True):
    """The same prompt answered with one mitigation.

    Args:
        text: what was asked, as it was typed; the prompt itself may be wrapped in a chat template.
        chat: whether it was asked through the model's chat template.
    """

    name: MitigationName
    text: str
    chat: bool = False
    settings: SamplingSpec = GREEDY


AnyExam = ClaimsExam | SamplesExam | TruthExam | MitigationExam


class Part(msgspec.Struct, frozen=True):
    """Something that a claim names; characters of the answer, or below 0 in the prompt before it."""

    start: int
    end: int
    text: str
    kind: PartKind


class FactCheck(msgspec.Struct, frozen=True):
    """A claim beside the table of what is true in the world that the run was trained on."""

    subject: str
    relation: str
    value: str
    truth: str
    verdict: Verdict


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of an answer.

    Args:
        start, end: characters of the answer.
        text: the claim as a whole; its beginning may stand in the prompt.
        support: None where the training text is not known.
        missing: what it names that never occurs in the training text.
        documents: rows of a few training documents that hold it, or all that it names.
        fact: what the world's table says, where there is one and it knows the subject.
    """

    start: int
    end: int
    text: str
    parts: list[Part] = []
    support: ClaimSupport | None = None
    missing: list[str] = []
    documents: list[int] = []
    fact: FactCheck | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why something is not to be had: a template over ``values``, to be translated first."""

    problem: str
    remedy: str = ""
    values: dict = {}


class ClaimsSeen(msgspec.Struct, frozen=True, tag=True):
    """The claims of the answer, in order; ``refusal`` says why they have no support."""

    claims: list[Claim]
    refusal: Refusal | None = None


class Cluster(msgspec.Struct, frozen=True):
    """Drawn answers with the same words."""

    text: str
    count: int
    same: bool  # whether the answer under the glass has these words, too


class SamplesSeen(msgspec.Struct, frozen=True, tag=True):
    """The drawn answers and every score of them; higher is worse.

    Args:
        compared: the answer's own beginning, of the length of a drawn one.
        scores: by the names of ``core.glass.answers.DETECTORS``, and "self_check" of the whole answer.
        surprise: of each claim of the answer: the greatest surprise of a word under the drawn answers, nats.
    """

    answers: list[str]
    clusters: list[Cluster]
    compared: str
    scores: dict[str, float]
    surprise: list[float]


class TruthSeen(msgspec.Struct, frozen=True, tag=True):
    """How likely the model says "True" of its own answer, and "False"; the rest goes to other words."""

    true: float
    false: float
    asked: str


class MitigationSeen(msgspec.Struct, frozen=True, tag=True):
    """One mitigation tried.

    Args:
        risk: minus the log-probability of the answer, nats, by the model as it was asked.
        support: one a token; empty where the training text is not known.
        documents: rows of the training documents that were given to it.
        added: what was put before the question.
        refusal: why it cannot be tried; then all else is empty.
    """

    name: MitigationName
    text: str = ""
    tokens: int = 0
    risk: float = 0.0
    perplexity: float = 0.0
    support: list[Support] = []
    documents: list[int] = []
    added: str = ""
    refusal: Refusal | None = None


AnyExamined = ClaimsSeen | SamplesSeen | TruthSeen | MitigationSeen
