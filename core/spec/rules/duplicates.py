"""Rules about text that comes more than once."""

from typing import ClassVar

from core.spec.rules.base import Rule


class ExactDuplicates(Rule, tag="exact_duplicates"):
    """Keep the first of documents that are equal once white space and case are folded."""

    title: ClassVar[str] = "Exact duplicates"
    family: ClassVar[str] = "duplicates"
    source: ClassVar[str] = "Raffel et al. 2020 (C4), arXiv:1910.10683"
    whole_corpus: ClassVar[bool] = True
