"""Filters that are trained before they judge: a reference model of text one trusts, and a quality classifier."""

from typing import Annotated, Literal

from core.errors import LabError
from core.spec.base import Spec, about

Units = Literal["auto", "pieces", "characters"]

KNESER_NEY = "Chen & Goodman 1998, TR-10-98"
CCNET = "Wenzek et al. 2020 (CCNet), arXiv:1911.00359"


class ReferenceSpec(Spec):
    """A small n-gram model of text you trust; what surprises it is unlike that text."""

    corpus: Annotated[str, about(
        "Text you trust", "The corpus that good text should resemble. The model learns from its training part and is "
        "measured on its held-out part.", picks="corpora")]
    against: Annotated[str, about(
        "Text to be cleaned", "A corpus to measure with it, so that the best, middle and last third of that corpus are "
        "known. Empty = only the trusted text is measured.", picks="corpora")] = ""
    order: Annotated[int, about(
        "Order", "How many tokens the model looks at together; 5 is usual.", low=2, high=6, unit="tokens",
        source=KNESER_NEY)] = 5
    units: Annotated[Units, about(
        "Tokens", "Pieces of words for scripts with spaces, characters for Chinese and its like; auto decides by the "
        "text.")] = "auto"
    vocab_size: Annotated[int, about(
        "Vocabulary", "How many different tokens there are at most.", low=257, high=1 << 20, unit="tokens",
        expert=True)] = 8192
    fold: Annotated[bool, about(
        "Fold case, digits and layout", "Compare words, not their dress: lower case, every digit as 0, any white space "
        "as one space.", source=CCNET, expert=True)] = True
    most_bytes: Annotated[int, about(
        "Learn from", "At most so much of the trusted text is read, every n-th document of it; memory grows with it.",
        low=1 << 10, high=1 << 34, unit="bytes", expert=True)] = 32 << 20
    measured_documents: Annotated[int, about(
        "Documents measured", "At most so many documents of each corpus are measured.", low=10, high=10_000_000,
        unit="documents", expert=True)] = 5000


class ClassifierSpec(Spec):
    """A linear classifier that learns to tell good text from candidates."""

    good: Annotated[str, about(
        "Good text", "The corpus whose like should be kept.", picks="corpora")] = ""
    candidates: Annotated[str, about(
        "Candidates", "The corpus that is to be sorted, good and bad together.", picks="corpora")] = ""
    good_files: Annotated[list[str], about(
        "Files of good text", "Files and folders, beside the corpus or instead of it.", path=True, expert=True)] = []
    candidate_files: Annotated[list[str], about(
        "Files of candidates", "Files and folders, beside the corpus or instead of it.", path=True, expert=True)] = []
    folds: Annotated[int, about(
        "Folds", "Its quality is measured by learning so many times, each time judging the documents left out.",
        low=2, high=20, expert=True)] = 5
    most_documents: Annotated[int, about(
        "Learn from", "At most so many documents of each side, spread over the whole.", low=10, high=10_000_000,
        unit="documents", expert=True)] = 10_000
    strength: Annotated[float, about(
        "Trust in the examples", "The inverse of the regularisation: larger fits the examples more closely.",
        low=1e-4, high=1e4, expert=True, source="Fan et al. 2008, LIBLINEAR, JMLR 9")] = 10.0
    seed: Annotated[int, about(
        "Seed", "Fixes which documents fall into which fold.", low=0, high=2**31, expert=True)] = 0

    def __post_init__(self) -> None:
        if not self.good and not self.good_files:
            raise LabError("No good text is named.", "", "Choose a corpus, or give files.", field="good")
        if not self.candidates and not self.candidate_files:
            raise LabError("No candidates are named.", "", "Choose a corpus, or give files.", field="candidates")
        if self.good and self.good == self.candidates:
            raise LabError(
                "Good text and candidates are the same corpus, {corpus}.", "", "Choose another one for one of them.",
                corpus=self.good, field="candidates")
