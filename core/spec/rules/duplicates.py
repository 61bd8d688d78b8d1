"""Rules about text that comes more than once: within the corpus, or in what the model is measured on."""

from typing import Annotated, ClassVar, Literal

from core.spec.base import about
from core.spec.rules.base import Rule


class ExactDuplicates(Rule, tag="exact_duplicates"):
    """Keep the first of documents that are equal once white space and case are folded."""

    title: ClassVar[str] = "Exact duplicates"
    family: ClassVar[str] = "duplicates"
    source: ClassVar[str] = "Raffel et al. 2020 (C4), arXiv:1910.10683"
    whole_corpus: ClassVar[bool] = True


class RepeatedLines(Rule, tag="repeated_lines"):
    """Cut lines or sentences that many documents share from all of them but the first."""

    title: ClassVar[str] = "Repeated lines"
    family: ClassVar[str] = "duplicates"
    source: ClassVar[str] = "Wenzek et al. 2020 (CCNet), arXiv:1911.00359; Lee et al. 2022, arXiv:2107.06499"
    whole_corpus: ClassVar[bool] = True

    unit: Annotated[Literal["line", "sentence"], about(
        "Compare", "Whole lines, or sentences: these end at . ! ? and at their Chinese counterparts.")] = "line"
    most_documents: Annotated[int, about(
        "Most documents", "A line in more documents than this is cut from all but the first. Case, spaces and "
        "punctuation make no difference; digits do.",
        low=1, high=1_000_000, unit="documents", measure="documents", keeps="below")] = 5
    least_words: Annotated[int, about(
        "Shortest line", "Lines with fewer words (in Chinese: characters) are left alone: short ones repeat in "
        "any text.", low=1, high=1000, unit="words")] = 5


class NearDuplicates(Rule, tag="near_duplicates"):
    """Keep the first of documents that share most of their word sequences."""

    title: ClassVar[str] = "Near-duplicates"
    family: ClassVar[str] = "duplicates"
    source: ClassVar[str] = ("Broder 1997, On the resemblance and containment of documents; "
                             "Lee et al. 2022, arXiv:2107.06499; Penedo et al. 2024 (FineWeb), arXiv:2406.17557")
    whole_corpus: ClassVar[bool] = True

    similarity: Annotated[float, about(
        "Similar from", "Documents whose sets of word sequences have at least this Jaccard similarity (shared ones, "
        "as a share of all) are near-duplicates; every candidate pair is compared exactly. Near-duplicates of "
        "near-duplicates count as well; the first in reading order stays.",
        low=0.3, high=1.0, measure="similarity", keeps="below")] = 0.8
    words: Annotated[int, about(
        "Words in a sequence", "Documents are compared by all their sequences of so many neighbouring words; in "
        "Chinese, of characters.", low=1, high=64, unit="words", expert=True)] = 5
    bands: Annotated[int, about(
        "Bands", "Two documents become candidates when all rows of one band of their MinHash signatures agree. With "
        "14 bands of 8 rows, a pair of similarity s is found with probability 1 - (1 - s^8)^14: .924 at .8, .999 at "
        ".9, .56 at .7.", low=1, high=128, expert=True)] = 14
    rows: Annotated[int, about(
        "Rows of a band", "More rows: fewer candidates, and more similar ones. See bands.",
        low=1, high=35, expert=True)] = 8


class Decontaminate(Rule, tag="decontaminate"):
    """Set aside training documents that overlap with what the model will be measured on."""

    title: ClassVar[str] = "Decontamination"
    family: ClassVar[str] = "duplicates"
    source: ClassVar[str] = "Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C; Lee et al. 2022, arXiv:2107.06499"
    whole_corpus: ClassVar[bool] = True

    most_shared: Annotated[float, about(
        "Most shared", "A training document of which a larger share of word sequences stands in held-out text is "
        "set aside; 0 = a single one is enough, as for GPT-3.",
        low=0.0, high=1.0, measure="shared", keeps="below")] = 0.1
    words: Annotated[int, about(
        "Words in a sequence", "How many neighbouring words must agree; in Chinese, characters. A shorter document "
        "counts as one sequence.", low=1, high=64, unit="words")] = 13
    held_out: Annotated[bool, about(
        "Held-out documents", "Compare with the documents that this corpus holds out.")] = True
    files: Annotated[list[str], about(
        "Evaluation files", "Files or folders of .txt .md .jsonl .csv .tsv .parquet .html that the model will be "
        "measured on.", path=True)] = []
