"""What to import and how to clean it."""

from typing import Annotated, Union

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about
from core.spec.rules.classifier import QualityClassifier
from core.spec.rules.duplicates import Decontaminate, ExactDuplicates, NearDuplicates, RepeatedLines
from core.spec.rules.keywords import Boilerplate, HtmlRemains, Links, WordList
from core.spec.rules.language import LanguageIs
from core.spec.rules.metric import ReferencePerplexity
from core.spec.rules.privacy import PersonalData
from core.spec.rules.statistics import C4Quality, FinewebQuality, GopherQuality, GopherRepetition
from core.spec.rules.text import FixText, MinimumLength

# Every rule there is, one a line; core.data.filters.rules.MAKERS says what carries each of them out.
AnyRule = Union[
    FixText,
    MinimumLength,
    ExactDuplicates,
    HtmlRemains,
    Links,
    Boilerplate,
    WordList,
    LanguageIs,
    PersonalData,
    RepeatedLines,
    NearDuplicates,
    Decontaminate,
    ReferencePerplexity,
    QualityClassifier,
    GopherQuality,
    GopherRepetition,
    C4Quality,
    FinewebQuality,
]

MOST_SPLIT_CHARACTERS = 10_000_000


def gentle() -> list[AnyRule]:
    """The first cleaning rules, in their usual order."""
    return [FixText(), MinimumLength(), ExactDuplicates()]


class CorpusSpec(Spec):
    """Where text comes from, what is set aside, and what is held out."""

    sources: Annotated[list[str], about(
        "Sources", "Files and folders of .txt .md .jsonl .csv .tsv .parquet .html, or the built-in corpus "
        "'builtin:python-docs'.", path=True)]
    text_field: Annotated[str, about(
        "Text field", "Which column or key holds the text in .jsonl, .csv, .tsv and .parquet. Empty = the usual "
        "names (text, content, body, ...), then the longest string.", expert=True)] = ""
    rules: Annotated[list[AnyRule], about("Cleaning rules", "Applied in order.")] = msgspec.field(
        default_factory=gentle)
    held_out: Annotated[float, about(
        "Held out", "Share of documents kept away from training, to measure on.", low=0.0, high=0.5)] = 0.05
    split: Annotated[str, about(
        "A document is", "What a document is in .txt and .md: 'file' (books are cut, see below), 'blank-line' (every "
        "block between blank lines), or 'chars:3000' (pieces of so many characters).")] = "file"
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
    workers: Annotated[int, about(
        "Worker processes", "How many clean at the same time; 0 = one a processor core, as far as memory allows. The "
        "result is the same for any number.", low=0, high=256, expert=True)] = 0

    def __post_init__(self) -> None:
        split_characters(self.split)


def split_characters(split: str) -> int:
    """Characters of a piece for ``chars:N``, 0 for the other ways to split.

    Raises:
        LabError: it is none of them.
    """
    if split in ("file", "blank-line"):
        return 0
    number = split.removeprefix("chars:")
    if number != split and number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_SPLIT_CHARACTERS:
        return int(number)
    raise LabError(
        "{split} does not say what a document is.", "split",
        "Use file, blank-line, or chars:N with N from 1 to {most}, such as chars:3000.",
        split=split or "''", most=MOST_SPLIT_CHARACTERS)
