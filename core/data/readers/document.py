"""What every reader yields, and what it is told: the limits, and whom to report to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from core.record.events import Noted

EXCERPT_CHARACTERS = 2000  # of a text too long to keep whole


class Raw(NamedTuple):
    """A document as it was found; ``line`` is where it starts in its source, from 1."""

    text: str
    source: str
    line: int


class Refused(NamedTuple):
    """A piece of a file that gives no document: an excerpt, its size in bytes, and the reason."""

    text: str
    source: str
    line: int
    n_bytes: int
    rule: str
    reason: str
    values: dict


@dataclass(frozen=True)
class Reading:
    """What a reader must know of the request.

    Args:
        emit: tells an event.
        advance: counts bytes taken from the source; raises ``StopRequested`` when asked to stop.
        text_field: column or key that holds the text; empty = look for it.
        split_longer_than: longer plain text is cut into documents of at most so many bytes; 0 = never.
        max_bytes: a longer document or line is refused instead of being held in memory.
        split: what a document is in plain text: "file", "blank-line" or "chars:N".
    """

    emit: Callable
    advance: Callable[[int], None]
    text_field: str = ""
    split_longer_than: int = 16 << 10
    max_bytes: int = 16 << 20
    split: str = "file"

    def note(self, text: str, **values) -> None:
        """Tell a plain sentence worth keeping; a template over ``values``."""
        self.emit(Noted(text=text, values=values))


class Origin(NamedTuple):
    """One thing to read: its path, its size in bytes, its name in the corpus, and its reader."""

    path: Path
    n_bytes: int
    source: str
    read: Callable[["Origin", Reading], Iterator[Raw | Refused]]


def too_long(origin: Origin, text: str, line: int, n_bytes: int, limit: int) -> Refused:
    """The refusal of a text beyond the limit; only an excerpt of it is kept."""
    return Refused(
        text[:EXCERPT_CHARACTERS], origin.source, line, n_bytes, "too_long",
        "The text is {bytes} bytes long; at most {limit} are allowed.", {"bytes": n_bytes, "limit": limit})


def no_text(origin: Origin, text: str, line: int, field: str) -> Refused:
    """The refusal of a record in which no text was found."""
    reason = "This record has no text in a field called {field}." if field else "This record holds no text."
    return Refused(
        text[:EXCERPT_CHARACTERS], origin.source, line, utf8_length(text), "no_text", reason,
        {"field": field} if field else {})


def utf8_length(text: str) -> int:
    """Bytes of a text in UTF-8; lone surrogates count as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
