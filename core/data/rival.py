"""datatrove's filters beside ours, for measuring and comparing; a requirement of the tests only."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from core.data.filters.rules import MAKERS
from core.data.filters.verdict import Draft, Filter
from core.errors import LabError
from core.spec.rules.base import tag_of
from core.spec.rules.statistics import C4Quality, FinewebQuality, GopherQuality, GopherRepetition

PIECE_CHARACTERS = 3000
# Both with datatrove's thresholds, which are our defaults, and every text taken for English.
FAMILIES = (GopherQuality, GopherRepetition, FinewebQuality, C4Quality)


class Pair(NamedTuple):
    """One family of rules: its name, our filter, and datatrove's (a reason or "" from a text, and what is left)."""

    tag: str
    ours: Filter
    theirs: Callable[[str], tuple[str, str]]


def pairs() -> list[Pair]:
    """The four families.

    Raises:
        LabError: datatrove or what it needs for English words is missing; remedy: how to install them.
    """
    try:
        from datatrove.data import Document
        from datatrove.pipeline import filters
        from datatrove.utils.text import split_into_words

        split_into_words("Ready?")
    except ImportError as problem:
        raise LabError(
            "datatrove, which is measured against, is not installed ({reason}).", "bench",
            "Run: pip install -r requirements-dev.txt", reason=str(problem)) from None
    theirs = (filters.GopherQualityFilter(), filters.GopherRepetitionFilter(), filters.FineWebQualityFilter(),
              filters.C4QualityFilter())
    return [Pair(tag_of(rule), MAKERS[rule](rule(language="en"), None), _verdict(rival, Document))
            for rule, rival in zip(FAMILIES, theirs, strict=True)]  # fmt: skip


def _verdict(rival: Any, document: type) -> Callable[[str], tuple[str, str]]:
    def judge(text: str) -> tuple[str, str]:
        asked = document(text=text, id="")
        answer = rival.filter(asked)
        return ("", asked.text) if answer is True else (answer[1], asked.text)

    return judge


def judge_all(families: Iterable[Pair], text: str) -> list[str]:
    """Our reasons, "" = kept; every family judges the same text, measured once."""
    reasons = []
    draft = Draft(text)
    for family in families:
        reason = family.ours(draft)
        reasons.append(reason.measure if reason else "")
    return reasons


def documents(text: Path | None, count: int) -> list[str]:
    """So many documents: a file in pieces of 3,000 characters; where these are too few, Python's documentation too.

    Args:
        text: a UTF-8 file; None = Python's documentation alone.
    Raises:
        LabError: the file cannot be read.
    """
    found = [] if text is None else pieces(text)
    found = found[:: max(1, -(-len(found) // count))]
    return found + python_docs(count - len(found))


def pieces(path: Path) -> list[str]:
    """A file in pieces of 3,000 characters."""
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except OSError as problem:
        raise LabError("The file cannot be read: {reason}.", str(path), "Check the path given with --text.",
                       reason=problem.strerror or str(problem)) from None
    return [text[at : at + PIECE_CHARACTERS] for at in range(0, len(text), PIECE_CHARACTERS)]


def python_docs(count: int) -> list[str]:
    """At most so many documents of Python's own documentation, from all over it."""
    from core.data.readers import python_docs as reader
    from core.data.readers.document import Reading

    reading, found = Reading(emit=lambda event: None, advance=lambda n_bytes: None), []
    if count <= 0:
        return found
    for origin in reader.origins():
        try:
            found += [raw.text for raw in origin.read(origin, reading)]
        except LabError:
            continue  # a source that cannot be parsed
        if len(found) >= 4 * count:
            break
    return found[:: max(1, len(found) // count)][:count]
