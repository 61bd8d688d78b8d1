"""Lines of a text stream, none of which can fill the memory."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from core.data.readers.document import EXCERPT_CHARACTERS, utf8_length


class Line(NamedTuple):
    """One line without its end; only an excerpt of it when it is ``overlong``."""

    number: int
    text: str
    n_bytes: int
    overlong: bool


def bounded_lines(chunks: Iterable[str], limit: int) -> Iterator[Line]:
    """Cut text chunks into lines, holding at most ``limit`` bytes of a line and one chunk."""
    number, held, n_bytes = 1, "", 0
    for chunk in chunks:
        pieces = chunk.split("\n")
        rest = pieces.pop()
        for piece in pieces:
            if n_bytes:
                held, n_bytes = _longer(held, n_bytes, piece, limit)
                yield Line(number, held, n_bytes, n_bytes > limit)
                held, n_bytes = "", 0
            else:  # nearly always: the whole line stands in this chunk
                size = len(piece) if piece.isascii() else utf8_length(piece)
                yield Line(number, piece if size <= limit else piece[:EXCERPT_CHARACTERS], size, size > limit)
            number += 1
        if rest:
            held, n_bytes = _longer(held, n_bytes, rest, limit)
    if n_bytes:
        yield Line(number, held, n_bytes, n_bytes > limit)


def _longer(held: str, n_bytes: int, piece: str, limit: int) -> tuple[str, int]:
    """A line with one more piece, and its size; beyond the limit only an excerpt of it."""
    n_bytes += utf8_length(piece)
    if n_bytes <= limit:
        return held + piece, n_bytes
    return (held + piece[:EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS], n_bytes
