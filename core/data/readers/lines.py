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
    number, held, n_bytes = 1, [], 0
    for chunk in chunks:
        for position, piece in enumerate(chunk.split("\n")):
            if position:
                yield Line(number, "".join(held), n_bytes, n_bytes > limit)
                number, held, n_bytes = number + 1, [], 0
            n_bytes += utf8_length(piece)
            if n_bytes <= limit:
                held.append(piece)
            else:
                held = [("".join(held) + piece[:EXCERPT_CHARACTERS])[:EXCERPT_CHARACTERS]]
    if n_bytes:
        yield Line(number, "".join(held), n_bytes, n_bytes > limit)
