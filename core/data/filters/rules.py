"""From the rules of a spec to the functions that carry them out, in the order asked for."""

from core.data.filters.duplicates import exact_duplicates
from core.data.filters.length import minimum_length
from core.data.filters.repair import fix_text
from core.data.filters.verdict import Draft, Filter, Reason
from core.record.folder import Workspace
from core.spec.corpus import AnyRule
from core.spec.rules.duplicates import ExactDuplicates
from core.spec.rules.text import FixText, MinimumLength

# One line a rule: its spec, and what makes a Filter or a Barrier of it, given the spec and the workspace
# (in which trained filters stand; None where there is none). A family of rules is one module.
MAKERS = {
    FixText: fix_text,
    MinimumLength: minimum_length,
    ExactDuplicates: exact_duplicates,
}


class Rules:
    """The rules of one run, ready to judge documents one after the other."""

    def __init__(self, rules: list[AnyRule], workspace: Workspace | None = None) -> None:
        self._filters: list[Filter] = [MAKERS[type(rule)](rule, workspace) for rule in rules if rule.on]

    def judge(self, draft: Draft) -> Reason | None:
        """Change the draft as the rules ask; the reason of the first rule that sets it aside."""
        for judge in self._filters:
            if (reason := judge(draft)) is not None:
                return reason
        return None
