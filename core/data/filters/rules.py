"""From the rules of a spec to the functions that carry them out, in the order asked for."""

from core.data.filters.duplicates import exact_duplicates
from core.data.filters.length import minimum_length
from core.data.filters.repair import fix_text
from core.data.filters.verdict import Filter, Reason
from core.spec.corpus import AnyRule, ExactDuplicates, FixText, MinimumLength

# One line a rule: its spec, and the function that makes a filter of it. A family of rules is one module.
MAKERS = {FixText: fix_text, MinimumLength: minimum_length, ExactDuplicates: exact_duplicates}


class Rules:
    """The rules of one run, ready to judge documents one after the other."""

    def __init__(self, rules: list[AnyRule]) -> None:
        self._filters: list[Filter] = [MAKERS[type(rule)](rule) for rule in rules if rule.on]

    def judge(self, text: str) -> tuple[str, Reason | None]:
        """The text as the rules leave it, and the reason of the first rule that sets it aside."""
        for judge in self._filters:
            verdict = judge(text)
            if isinstance(verdict, Reason):
                return text, verdict
            text = verdict
        return text, None
