"""How surprising a document is to a reference model of trusted text."""

from functools import lru_cache
from pathlib import Path

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.quality.reference import Reference, terciles
from core.data.quality.trained import REPORT, find_filter
from core.record.folder import Workspace
from core.spec.rules.metric import ReferencePerplexity


def reference_perplexity(rule: ReferencePerplexity, workspace: Workspace | None = None) -> Filter:
    """Sets aside documents whose perplexity under the reference is too high, or too low.

    Raises:
        LabError: the rule names no reference, or one that is not there or not finished.
    Source: Wenzek et al. 2020 (CCNet), arXiv:1911.00359.
    """
    folder = find_filter(workspace, rule.filter, "reference", "reference_perplexity")
    thirds = terciles(folder)  # of a finished one only
    reference = _opened(folder, (folder / REPORT).stat().st_mtime_ns)
    limit = rule.most
    if rule.keep != "number":
        limit = thirds["middle" if rule.keep == "head_and_middle" else "head"]

    def judge(draft: Draft) -> Reason | None:
        found = reference.perplexity(draft.text)
        if found is None:
            draft.passed_over["reference_perplexity"] = "It holds no text."
            return None
        draft.measures["reference_perplexity.perplexity"] = found
        if found > limit:
            return Reason(
                "reference_perplexity",
                "Its perplexity under the trusted text is {perplexity:.4g}; at most {limit:.4g} is asked for.",
                {"perplexity": round(found, 3), "limit": limit}, "perplexity", found, limit)
        if found < rule.least:
            return Reason(
                "reference_perplexity",
                "Its perplexity under the trusted text is {perplexity:.4g}; at least {limit:.4g} is asked for.",
                {"perplexity": round(found, 3), "limit": rule.least}, "perplexity", found, rule.least)
        return None

    return judge


@lru_cache(maxsize=2)
def _opened(folder: Path, written_ns: int) -> Reference:
    """The reference of a folder; kept, because a preview makes its rules anew after every change."""
    return Reference.open(folder)
