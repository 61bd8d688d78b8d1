"""Rules about how long a document is."""

from core.data.filters.verdict import Draft, Filter, Reason
from core.spec.rules.text import MinimumLength


def minimum_length(rule: MinimumLength, _workspace=None) -> Filter:
    """Sets aside documents with fewer characters than asked for, white space at the ends not counted."""

    def judge(draft: Draft) -> Reason | None:
        found = len(draft.text.strip())
        draft.measures["minimum_length.characters"] = found
        if found >= rule.characters:
            return None
        return Reason(
            "minimum_length", "It has {characters} characters; at least {limit} are asked for.",
            {"characters": found, "limit": rule.characters}, "characters", found, rule.characters)

    return judge
