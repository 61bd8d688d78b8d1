"""Questions about the facts of a world, and apart from them what is right.

A detector is given a ``Question`` and the model's answer, never a ``Label``.
"""

import msgspec
import numpy as np

from core.data.worlds.facts import Fact, FactTable, Item
from core.errors import LabError


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked.

    Args:
        id: row of the world's table.
        prompt: text that the model goes on from.
        subject: whom or what it asks about; stands in the prompt word for word.
        others: the same question in other words.
        stop: the text that ends an answer.
    """

    id: int
    prompt: str
    subject: str
    others: list[str]
    stop: str = "."


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is right, and what is known of the fact: for marking answers, never for a detector.

    Args:
        truth: the right answer.
        stratum: what the text does with the fact (see ``core.data.worlds.facts.Stratum``).
        stated: how many training documents state the truth.
        told: the other values that training documents state of it, each with how many do.
    """

    truth: str
    stratum: str
    stated: int
    told: dict[str, int] = {}

    def is_wrong(self, answer: str) -> bool:
        """Whether an answer is another one than the truth, case and white space aside."""
        return plain(answer).casefold() != plain(self.truth).casefold()


def plain(answer: str) -> str:
    """An answer without the white space and the closing quote around it."""
    return " ".join(answer.split()).removesuffix("」")


def draw_questions(table: FactTable, count: int, others: int, seed: int) -> list[tuple[Question, Label]]:
    """Draw facts at random, each to be asked in one of its wordings, drawn too.

    Args:
        count: how many; all facts where there are fewer.
        others: in how many other wordings each is asked besides.
    Raises:
        LabError: the table holds no facts.
    """
    if not len(table) or isinstance(table[0], Item):
        raise LabError(
            "This world has no facts to ask about.", str(table.folder), "Choose a run that was trained on a world of "
            "biographies.")
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(table))[:count])
    return [_question(table[int(row)], others, random) for row in rows]


def _question(fact: Fact, others: int, random: np.random.Generator) -> tuple[Question, Label]:
    first, *rest = (fact.questions[place] for place in random.permutation(len(fact.questions)))
    said = {stated.value: stated.count for stated in fact.stated}
    question = Question(
        id=fact.id, prompt=first, subject=fact.subject, others=rest[:others],
        stop="." if fact.before else "。")
    return question, Label(truth=fact.value, stratum=fact.stratum, stated=said.pop(fact.value, 0), told=said)

