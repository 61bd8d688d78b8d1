"""A world's table of facts turned round: from a sentence to the fact that it states. Torch-free."""

import re
from typing import NamedTuple

from core.data.worlds.facts import Fact, FactTable
from core.glass.questions import plain
from core.spec.doubt import Claim, FactCheck, Part


class _Form(NamedTuple):
    """One way to state a relation."""

    pattern: re.Pattern
    relation: str


class FactBook:
    """Reads claims by the wordings of a world.

    Args:
        table: a world of biographies; other worlds state no such facts, and nothing is recognised.
    """

    def __init__(self, table: FactTable) -> None:
        self._truth: dict[tuple[str, str], str] = {}
        self._subjects: set[str] = set()
        forms: dict[tuple[str, str], _Form] = {}
        for fact in table.facts():
            self._truth[fact.subject, fact.relation] = fact.value
            self._subjects.add(fact.subject)
            for question in fact.questions:
                wording = question.replace(fact.subject, "{s}")
                if (fact.relation, wording) not in forms:
                    forms[fact.relation, wording] = _Form(_pattern(wording, fact), fact.relation)
        self._forms = list(forms.values())

    def read(self, claim: Claim) -> Claim:
        """The claim with subject and value for parts, and what the table says; as it was where no fact is stated."""
        for form in self._forms:
            match = form.pattern.search(claim.text)
            if match is None:
                continue
            subject, value = match["subject"], plain(match["value"])
            if not value:
                continue
            first = claim.end - len(claim.text)  # a claim ends in the answer, and may begin in the prompt
            parts = [Part(first + match.start(name), first + match.start(name) + len(text), text, kind)
                     for name, text, kind in (("subject", subject, "subject"), ("value", value, "value"))]  # fmt: skip
            return Claim(start=claim.start, end=claim.end, text=claim.text,
                         parts=sorted(parts, key=lambda part: part.start),
                         fact=self._check(subject, form.relation, value))  # fmt: skip
        return claim

    def _check(self, subject: str, relation: str, value: str) -> FactCheck:
        truth = self._truth.get((subject, relation), "")
        verdict = "unverifiable" if not truth else "right" if value.casefold() == plain(truth).casefold() else "wrong"
        return FactCheck(subject, relation, value, truth, verdict)


def _pattern(wording: str, fact: Fact) -> re.Pattern:
    """A statement in this wording, from the beginning of a sentence to its end."""
    lead = re.escape(wording).replace(re.escape("{s}"), "(?P<subject>.{1,80}?)")
    return re.compile(rf"^{lead}{re.escape(fact.before)}(?P<value>.*?)[.。」]*$", re.DOTALL)
