"""How sure a model was of its own words, from the probabilities it gave while it wrote them.

Torch-free, so that the window may use it. Higher risk is worse.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import msgspec

from core.errors import join_sentences
from core.glass.words import Cut
from core.spec.glass import Support

UNSURE_PROBABILITY = 0.10
"""Below this the model gave nine parts in ten to other words: what it wrote is a guess."""
UNSURE_ENTROPY_NATS = 3.0
"""Above this it wavered between as many words as e^3, about 20 equally likely ones."""
OUTSTANDING_PROBABILITY = 0.25
"""From here on a token stood out from twenty equals, however wide the rest was spread."""
SMALLEST_PROBABILITY = 1e-12
"""Keeps the logarithm finite where a probability was rounded to zero."""


class Produced(Protocol):
    """What is needed to know of a produced token; ``core.spec.messages.TokenRecord`` has it."""

    bytes: bytes
    probability: float
    rank: int
    entropy: float


class AnswerRisk(msgspec.Struct, frozen=True, kw_only=True):
    """The risk of one answer as numbers; natural logarithms, before any sampler."""

    tokens: int
    risk: float  # -sum log p: grows with length, so compare answers of about equal length
    perplexity: float  # exp(mean -log p): as if choosing among so many equally likely tokens
    mean_entropy: float  # nats: how spread out the alternatives were
    surest: float  # highest and lowest probability of a token
    least_sure: float


class Summary(msgspec.Struct, frozen=True):
    """What is doubtful in an answer and why: sentences as templates over ``values``, to be translated first."""

    templates: list[str]
    values: dict

    def sentence(self, translate=lambda text: text) -> str:
        """The whole summary in one line of the user's language."""
        return join_sentences(*(translate(template).format(**self.values) for template in self.templates))


def answer_risk(records: Sequence[Produced]) -> AnswerRisk:
    """Sequence likelihood, perplexity and mean entropy of an answer; all zero for an empty one.

    Source: Malinin & Gales 2021, arXiv:2002.07650 (sequence likelihood and token entropy as risk).
    """
    if not records:
        return AnswerRisk(tokens=0, risk=0.0, perplexity=0.0, mean_entropy=0.0, surest=0.0, least_sure=0.0)
    risk = sum(-math.log(max(r.probability, SMALLEST_PROBABILITY)) for r in records)
    probabilities = [r.probability for r in records]
    return AnswerRisk(
        tokens=len(records), risk=risk, perplexity=math.exp(risk / len(records)),
        mean_entropy=sum(r.entropy for r in records) / len(records),
        surest=max(probabilities), least_sure=min(probabilities),
    )  # fmt: skip


def is_unsure(record: Produced) -> bool:
    """Whether a token was a guess: itself unlikely, or the likeliest of very many."""
    if record.probability < UNSURE_PROBABILITY:
        return True
    return record.entropy > UNSURE_ENTROPY_NATS and record.probability < OUTSTANDING_PROBABILITY


def unsupported_and_unsure(records: Sequence[Produced], support: Sequence[Support]) -> list[bool]:
    """Tokens that were guesses and stand in no wording of the training text: where to doubt first."""
    return [is_unsure(r) and s in ("parts", "absent") for r, s in zip(records, support, strict=True)]


def summarise(records: Sequence[Produced], support: Sequence[Support] | None = None) -> Summary:
    """What is doubtful in an answer and why, in plain words.

    Args:
        records: the produced tokens.
        support: how each stands to the training text; None when that is not known.
    """
    if not records:
        return Summary(["Nothing was written."], {})
    unsure = [is_unsure(r) for r in records]
    values = {"tokens": len(records), "unsure": sum(unsure), "percent": round(UNSURE_PROBABILITY * 100)}
    templates = [_unsure_template(values["unsure"])]
    if support is None:
        if values["unsure"]:
            worst = min((i for i, mark in enumerate(unsure) if mark), key=lambda i: records[i].probability)
            values["token"] = _word_at(records, worst)
            templates.append("Doubt “{token}” first.")
        return Summary(templates, values)
    doubtful = [i for i, mark in enumerate(unsupported_and_unsure(records, support)) if mark]
    if doubtful:
        worst = min(doubtful, key=lambda i: records[i].probability)
        values |= {"doubtful": len(doubtful), "token": _word_at(records, worst)}
        templates.append(_doubtful_template(len(doubtful), values["unsure"]))
    elif values["unsure"]:
        templates.append("Every guess is part of a wording that the training text has.")
    values["verbatim"] = sum(s == "verbatim" for s in support)
    if values["verbatim"]:
        values["share"] = round(100 * values["verbatim"] / len(records))
        templates.append("{share} % of the answer stands word for word in the training text.")
    else:
        templates.append("No longer wording of it stands word for word in the training text.")
    return Summary(templates, values)


def whole_words(records: Sequence[Produced]) -> list[tuple[int, int, str]]:
    """The words of an answer as (first token, one past the last, text), white space left out of the text.

    A word is readable even where one of its tokens is half a character.
    """
    cut = Cut([record.bytes for record in records])
    return [(first, last, cut.text(first, last).strip() or "␣") for first, last in cut.segments()]


def _word_at(records: Sequence[Produced], token: int) -> str:
    return next(text for first, last, text in whole_words(records) if first <= token < last)


def _unsure_template(unsure: int) -> str:
    if unsure == 0:
        return "None of the {tokens} tokens was a guess."
    if unsure == 1:
        return "1 of {tokens} tokens was a guess: less than {percent} % likely, or one of very many choices."
    return "{unsure} of {tokens} tokens were guesses: less than {percent} % likely, or one of very many choices."


def _doubtful_template(doubtful: int, unsure: int) -> str:
    if unsure == 1:
        return "It stands in no wording of the training text: “{token}”."
    if doubtful == 1:
        return "One of them stands in no wording of the training text: “{token}”."
    return "{doubtful} of them stand in no wording of the training text, first of all “{token}”."
