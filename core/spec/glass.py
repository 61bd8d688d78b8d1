"""What a look inside an answer brings back: spans, the documents that hold them, and how each token stands."""

from typing import Annotated, Literal

import msgspec

from core.spec.base import Spec, about

Support = Literal["verbatim", "parts", "absent", "blank"]
"""How a token of an answer stands to the training text.

verbatim: inside a span that occurs there word for word;
parts: its word occurs there, but not in this wording;
absent: its word never occurs there, cut into these tokens;
blank: only white space or punctuation, nothing to look up.
"""


class AttributionRules(Spec):
    """Which verbatim spans are worth showing."""

    min_words: Annotated[int, about(
        "Fewest words", "A single word in common says nothing about where an answer comes from.",
        low=1, high=100)] = 2
    min_characters: Annotated[int, about(
        "Fewest characters", "Shorter spans, such as 'of a', are everywhere.",
        low=1, high=1000, unit="characters")] = 8
    keep_share: Annotated[float, about(
        "Keep", "Spans kept for each token of a long answer: those least likely to occur by accident.",
        low=0.0, high=1.0, source="Liu et al. 2025, OLMoTrace, arXiv:2504.07096")] = 0.05
    keep_all_tokens: Annotated[int, about(
        "Keep all up to", "Answers of up to so many tokens keep every span that is long enough.",
        low=0, high=1_000_000, unit="tokens")] = 256
    documents: Annotated[int, about(
        "Documents", "At most so many training documents for each span.", low=1, high=1000)] = 10


class SpanDocument(msgspec.Struct, frozen=True):
    """A training document that holds a span, and the place where it stands.

    ``start`` and ``end`` are characters of the kept document's text, which says there what the span says (up
    to white space, where the tokenizer folds it). Both are -1 where the tokenizer does not know a character.
    """

    row: int  # of the corpus' kept documents
    source: str  # file or built-in name it was read from
    line: int  # line of the source where the document begins
    snippet: str  # the span with a little of the text on both sides, on one line
    match: tuple[int, int]  # where the span stands in the snippet, characters
    score: float = 0.0  # BM25 of prompt + answer; higher is closer
    start: int = -1
    end: int = -1
    text_line: int = 1  # line of the document's text where the span begins, from 1
    token: int = 0  # offset of the span in the run's training tokens


class Span(msgspec.Struct, frozen=True):
    """A run of whole words of the answer that occurs verbatim in the training tokens: a match, not a cause."""

    start: int  # first token of the answer, inclusive
    end: int  # exclusive
    count: int  # occurrences in the training tokens
    text: str
    documents: list[SpanDocument]  # best first; the place shown is one of perhaps several in each
    kept: bool = True  # whether it is among the rare, telling spans
    log10_chance: float = 0.0  # log10 of the product of its tokens' unigram probabilities
    group: int = 0  # overlapping spans share a group, so that they can be drawn as one


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer's words stand in the training text of its run."""

    run: str
    training_tokens: int  # how many were searched
    spans: list[Span]  # in the order of the answer
    support: list[Support]  # one a token of the answer
    elapsed_s: float
    closest: list[SpanDocument] = []  # where there is no span: the documents with the most words in common
