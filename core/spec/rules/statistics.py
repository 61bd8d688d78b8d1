"""Rules that count: words, lines, symbols, and what is said twice."""

from typing import Annotated, ClassVar, Literal

from core.spec.base import about
from core.spec.rules.base import Rule

_RAE, _RAFFEL = "Rae et al. 2021 (Gopher), arXiv:2112.11446", "Raffel et al. 2020 (C4), arXiv:1910.10683"
_PENEDO = "Penedo et al. 2024 (FineWeb), arXiv:2406.17557"
_DATATROVE = "datatrove 0.10.1"
_TOP = "Characters of the commonest run of so many words, each time it comes, as a share of the document's."
_AGAIN = "Characters of runs of so many words that came before, as a share of the document's."
_LANGUAGE = about(
    "Language", "'auto': Chinese is known by its characters, cut into words by a dictionary (rjieba; without it each "
    "character counts as a word), and what only makes sense for English is left out for it. 'en': every document is "
    "taken for English, as datatrove does.", expert=True)
Language = Annotated[Literal["auto", "en"], _LANGUAGE]


class GopherQuality(Rule, tag="gopher_quality"):
    """Set aside documents that are too short or too long, or that do not look like prose."""

    title: ClassVar[str] = "Gopher quality"
    family: ClassVar[str] = "statistics"
    source: ClassVar[str] = _RAE

    # In the order in which they are judged.
    least_words: Annotated[int, about(
        "Fewest words", "Words that are punctuation only are not counted.", low=0, high=1_000_000, unit="words",
        measure="words", keeps="above", source=_RAE)] = 50
    most_words: Annotated[int, about(
        "Most words", "Longer documents are set aside.", low=0, high=1_000_000_000, unit="words",
        measure="words", keeps="below", source=_RAE)] = 100_000
    shortest_word: Annotated[float, about(
        "Least mean word length", "Left out for Chinese, whose words have one to three characters.",
        low=0.0, high=100.0, unit="characters", measure="word_length", keeps="above", source=_RAE)] = 3.0
    longest_word: Annotated[float, about(
        "Greatest mean word length", "Left out for Chinese.", low=0.0, high=1e6, unit="characters",
        measure="word_length", keeps="below", source=_RAE)] = 10.0
    hashes: Annotated[float, about(
        "Most # per word", "Many of them are a sign of lists of tags.", low=0.0, high=10.0,
        measure="hashes", keeps="below", source=_RAE)] = 0.1
    ellipses: Annotated[float, about(
        "Most ellipses per word", "'...' and '…': signs of cut-off text.", low=0.0, high=10.0,
        measure="ellipses", keeps="below", source=_RAE)] = 0.1
    bullets: Annotated[float, about(
        "Most lines with a bullet", "Share of lines that begin with '•' or '-'.", low=0.0, high=1.0,
        measure="bullets", keeps="below", source=_RAE)] = 0.9
    ellipsis_lines: Annotated[float, about(
        "Most lines with an ellipsis", "Share of lines that end in '...' or '…'.", low=0.0, high=1.0,
        measure="ellipsis_lines", keeps="below", source=_RAE)] = 0.3
    letter_words: Annotated[float, about(
        "Least words with a letter", "Share of words with at least one letter. Marks count as words here, but not in "
        "Chinese, where they are many.", low=0.0, high=1.0, measure="letter_words", keeps="above", source=_RAE)] = 0.8
    stop_words: Annotated[int, about(
        "Fewest stop words", "How many of 'the', 'be', 'to', 'of', 'and', 'that', 'have', 'with' appear. Left out for "
        "other languages than English.", low=0, high=8, measure="stop_words", keeps="above", source=_RAE)] = 2
    language: Language = "auto"


class GopherRepetition(Rule, tag="gopher_repetition"):
    """Set aside documents that say the same again and again."""

    title: ClassVar[str] = "Gopher repetition"
    family: ClassVar[str] = "statistics"
    source: ClassVar[str] = f"{_RAE}, table A1"

    # In the order in which they are judged.
    paragraphs: Annotated[float, about(
        "Most repeated paragraphs", "Share of paragraphs that came before.", low=0.0, high=1.0,
        measure="paragraphs", keeps="below", source=_RAE)] = 0.3
    paragraph_characters: Annotated[float, about(
        "Most characters in repeated paragraphs", "As a share of the document's characters.", low=0.0, high=1.0,
        measure="paragraph_characters", keeps="below", source=_RAE)] = 0.2
    lines: Annotated[float, about(
        "Most repeated lines", "Share of lines that came before.", low=0.0, high=1.0,
        measure="lines", keeps="below", source=_RAE)] = 0.3
    line_characters: Annotated[float, about(
        "Most characters in repeated lines", "As a share of the document's characters.", low=0.0, high=1.0,
        measure="line_characters", keeps="below", source=_RAE)] = 0.2
    top_2: Annotated[float, about(
        "Most of one run of 2 words", _TOP, low=0.0, high=10.0, measure="top_2", keeps="below", source=_RAE)] = 0.2
    top_3: Annotated[float, about(
        "Most of one run of 3 words", _TOP, low=0.0, high=10.0, measure="top_3", keeps="below", source=_RAE)] = 0.18
    top_4: Annotated[float, about(
        "Most of one run of 4 words", _TOP, low=0.0, high=10.0, measure="top_4", keeps="below", source=_RAE)] = 0.16
    repeated_5: Annotated[float, about(
        "Most repeated runs of 5 words", _AGAIN, low=0.0, high=1.0, measure="repeated_5", keeps="below",
        source=_RAE)] = 0.15
    repeated_6: Annotated[float, about(
        "Most repeated runs of 6 words", _AGAIN, low=0.0, high=1.0, measure="repeated_6", keeps="below",
        source=_RAE)] = 0.14
    repeated_7: Annotated[float, about(
        "Most repeated runs of 7 words", _AGAIN, low=0.0, high=1.0, measure="repeated_7", keeps="below",
        source=_RAE)] = 0.13
    repeated_8: Annotated[float, about(
        "Most repeated runs of 8 words", _AGAIN, low=0.0, high=1.0, measure="repeated_8", keeps="below",
        source=_RAE)] = 0.12
    repeated_9: Annotated[float, about(
        "Most repeated runs of 9 words", _AGAIN, low=0.0, high=1.0, measure="repeated_9", keeps="below",
        source=_RAE)] = 0.11
    repeated_10: Annotated[float, about(
        "Most repeated runs of 10 words", _AGAIN, low=0.0, high=1.0, measure="repeated_10", keeps="below",
        source=_RAE)] = 0.10
    language: Language = "auto"


class C4Quality(Rule, tag="c4_quality"):
    """Drop lines that are no sentences, and set aside documents of which too little is left.

    The defaults are datatrove's; the paper has least_words 5 and sentences 3.
    """

    title: ClassVar[str] = "C4 quality"
    family: ClassVar[str] = "statistics"
    source: ClassVar[str] = f"{_RAFFEL}; defaults of {_DATATROVE}"

    longest_word: Annotated[int, about(
        "Longest word", "A line with a longer word is dropped; 0 = none is. Left out for Chinese.",
        low=0, high=1_000_000, unit="characters", source=f"C4's own code, {_DATATROVE}")] = 1000
    citations: Annotated[bool, about(
        "Remove citations", "Takes marks such as [12], [edit] and [citation needed] out of lines.",
        source=_RAFFEL)] = True
    terminal: Annotated[bool, about(
        "Only whole sentences",
        "Drops lines that do not end in . ? ! or a quote; in Chinese 。？！； and its quotes too.",
        source=_RAFFEL)] = True
    least_words: Annotated[int, about(
        "Fewest words in a line", "A shorter line is dropped. The paper says 5, datatrove 3.", low=0, high=1000,
        unit="words", source=f"{_DATATROVE}; the paper: 5")] = 3
    lorem_ipsum: Annotated[bool, about(
        "No 'lorem ipsum'", "Documents that hold this filler text are set aside.", source=_RAFFEL)] = True
    javascript: Annotated[bool, about(
        "No 'javascript'", "Drops lines that mention it: most ask to switch it on.", source=_RAFFEL)] = True
    curly_bracket: Annotated[bool, about(
        "No curly bracket", "Documents with '{' are set aside: most are programs.", source=_RAFFEL)] = True
    policy: Annotated[bool, about(
        "No policies", "Drops lines that mention terms of use, privacy or cookie policies.", source=_RAFFEL)] = True
    sentences: Annotated[int, about(
        "Fewest sentences", "Counted in the lines that stay. The paper says 3, datatrove 5.", low=0, high=10_000,
        unit="sentences", measure="sentences", keeps="above", source=f"{_DATATROVE}; the paper: 3")] = 5
    language: Language = "auto"


class FinewebQuality(Rule, tag="fineweb_quality"):
    """Set aside documents that are lists, menus or repeated lines rather than paragraphs.

    The defaults are datatrove's; the paper allows 0.1 of the characters in repeated lines.
    """

    title: ClassVar[str] = "FineWeb quality"
    family: ClassVar[str] = "statistics"
    source: ClassVar[str] = f"{_PENEDO}; defaults of {_DATATROVE}"

    # In the order in which they are judged.
    ended_lines: Annotated[float, about(
        "Least lines that end a sentence", "Share of lines that end in a full stop, question mark or the like of any "
        "script.", low=0.0, high=1.0, measure="ended_lines", keeps="above", source=_PENEDO)] = 0.12
    short_lines: Annotated[float, about(
        "Most short lines", "Share of lines of few characters, see below. Left out for Chinese, in which a sentence "
        "takes few.", low=0.0, high=1.0, measure="short_lines", keeps="below", source=_PENEDO)] = 0.67
    short_line: Annotated[int, about(
        "A short line has", "At most so many characters.", low=0, high=254, unit="characters", source=_PENEDO)] = 30
    repeated_characters: Annotated[float, about(
        "Most characters in repeated lines", "As a share of the document's characters. The paper says 0.1, datatrove "
        "0.01.", low=0.0, high=1.0, measure="repeated_characters", keeps="below",
        source=f"{_DATATROVE}; the paper: 0.1")] = 0.01
    newlines: Annotated[float, about(
        "Most line ends per word", "Many of them are a sign of lists.", low=0.0, high=10.0,
        measure="newlines", keeps="below", source=_PENEDO)] = 0.3
    language: Language = "auto"
