"""What to import and how to clean it."""

from typing import Annotated, Union

import msgspec

from core.spec.base import Spec, about
from core.spec.rules.duplicates import ExactDuplicates
from core.spec.rules.text import FixText, MinimumLength

# Every rule there is, one a line; core.data.filters.rules.MAKERS says what carries each of them out.
AnyRule = Union[
    FixText,
    MinimumLength,
    ExactDuplicates,
]


def gentle() -> list[AnyRule]:
    """The first cleaning rules, in their usual order."""
    return [FixText(), MinimumLength(), ExactDuplicates()]


class CorpusSpec(Spec):
    """Where text comes from, what is set aside, and what is held out."""

    sources: Annotated[list[str], about(
        "Sources", "Files and folders of .txt .md .jsonl .csv .tsv .parquet .html, or the built-in corpus "
        "'builtin:python-docs'.")]
    text_field: Annotated[str, about(
        "Text field", "Which column or key holds the text in .jsonl, .csv, .tsv and .parquet. Empty = the usual "
        "names (text, content, body, ...), then the longest string.", expert=True)] = ""
    rules: Annotated[list[AnyRule], about("Cleaning rules", "Applied in order.")] = msgspec.field(
        default_factory=gentle)
    held_out: Annotated[float, about(
        "Held out", "Share of documents kept away from training, to measure on.", low=0.0, high=0.5)] = 0.05
    max_documents: Annotated[int, about(
        "At most", "Stop after reading so many documents; 0 = all.", low=0, high=1_000_000_000, unit="documents",
        expert=True)] = 0
    max_document_bytes: Annotated[int, about(
        "Largest document", "A longer document, or a longer line of a .jsonl file, is set aside instead of being "
        "read into memory.", low=1024, high=1 << 30, unit="bytes", expert=True)] = 16 << 20
    split_longer_than: Annotated[int, about(
        "Cut books at", "A longer .txt or .md file becomes several documents of at most this size, cut at blank "
        "lines; 0 = one document a file.", low=0, high=1 << 30, unit="bytes", expert=True)] = 16 << 10
    seed: Annotated[int, about("Seed", "Fixes which documents are held out.", low=0, high=2**31, expert=True)] = 0
