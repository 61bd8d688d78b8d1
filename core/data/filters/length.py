"""Rules about how long a document is."""

from core.data.filters.verdict import Filter, Reason
from core.spec.corpus import MinimumLength


def minimum_length(rule: MinimumLength) -> Filter:
    """Sets aside documents with fewer characters than asked for, white space at the ends not counted."""

    def judge(text: str) -> str | Reason:
        found = len(text.strip())
        if found < rule.characters:
            return Reason(
                "minimum_length", "It has {characters} characters; at least {limit} are asked for.",
                {"characters": found, "limit": rule.characters})
        return text

    return judge
