"""What the training text of a run says for or against an answer: counted in its own index, never in a table of truth.

What it may look at: the question, its other wordings, the subject named in it, the answer, and the run's own
training tokens through their suffix array. What it must not look at: whether the answer is right, the world's
table, the stratum of a fact. So it cannot know that a statement is false: where the text says so, it says so.
"""

from collections import Counter

import numpy as np

from core.glass.answers import Evidence
from core.glass.attribution import Tracer
from core.glass.questions import Question, plain

MOST_PLACES = 20_000  # of one subject; more are sampled evenly
SHOWN = 8  # documents kept of one answer


class CorpusSupport:
    """A run's training text, opened for asking whether it supports an answer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._texts: dict[int, str] = {}

    def evidence(self, question: Question, answer: str) -> Evidence:
        """Count what the training documents that name the question's subject say of it."""
        answer = plain(answer)
        together, stated, others = [], [], Counter()
        owners = self._owners(question)
        for owner in owners:
            text = self._text(owner)
            if answer and names(text, answer):
                together.append(owner)
            for wording in (question.prompt, *question.others):
                said = _said(text, wording, question.stop)
                if said is None:
                    continue
                if said.casefold() == answer.casefold():
                    stated.append(owner)
                else:
                    others[said] += 1
        shown = [int(self._tracer.doc_rows[owner]) for owner in (stated or together)[:SHOWN]]
        return Evidence(
            about=len(owners), together=len(together), stated=len(stated), others=dict(others), documents=shown,
            rarity=self._rarity(answer))

    def _rarity(self, answer: str) -> float:
        """Minus the mean log10 of how common the answer's tokens are; a baseline that knows no question."""
        ids = self._tracer.tokenizer.encode(f" {answer}")
        return -self._tracer.index.log10_chance(ids) / max(len(ids), 1)

    def _owners(self, question: Question) -> list[int]:
        """The training documents that name the subject: found by its tokens in the index, made sure in their text.

        A name is cut into other tokens at the beginning of a text than after a space, and its last piece may hold
        what follows; so the beginnings of the question's wordings are looked up too.
        """
        encode, found = self._tracer.tokenizer.encode, set()
        starts = [prompt for prompt in (question.prompt, *question.others) if prompt.startswith(question.subject)]
        wanted = {tuple(encode(question.subject)), tuple(encode(f" {question.subject}"))}
        wanted |= {tuple(encode(prompt)) for prompt in starts}
        for ngram in wanted:
            places = self._tracer.index.locate(ngram, limit=MOST_PLACES) if ngram else np.zeros(0, np.int64)
            owners = np.searchsorted(self._tracer.doc_starts, places, side="right") - 1
            found |= set(owners.tolist())
        return sorted(owner for owner in found if names(self._text(owner), question.subject))

    def _text(self, owner: int) -> str:
        """The text of a training document, from the tokens that the model was trained on."""
        if owner not in self._texts:
            starts, tokens = self._tracer.doc_starts, self._tracer.tokens
            end = int(starts[owner + 1]) if owner + 1 < len(starts) else len(tokens)
            self._texts[owner] = self._tracer.tokenizer.decode(tokens[int(starts[owner]) + 1 : end].tolist())
        return self._texts[owner]


def names(text: str, name: str) -> bool:
    """Whether a name stands in a text as whole words."""
    at = text.find(name)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(name) : at + len(name) + 1]
        if not (_joins(name[0], before) or _joins(name[-1], after)):
            return True
        at = text.find(name, at + 1)
    return False


def _joins(edge: str, neighbour: str) -> bool:
    """Whether two characters belong to one word; scripts without spaces have no such edges."""
    return bool(neighbour) and edge.isalnum() and neighbour.isalnum() and max(edge, neighbour) < "\u2e80"


def _said(text: str, wording: str, stop: str) -> str | None:
    """What a text goes on with after a wording, up to the stop; None where the wording does not stand in it."""
    at = text.find(wording)
    if at < 0:
        return None
    return plain(text[at + len(wording) :].split(stop)[0])
