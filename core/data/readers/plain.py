"""Plain text and Markdown: a document a file, several when the file is a book, or whatever ``split`` asks for."""

from collections.abc import Iterator

from core.data.readers.decode import decoded
from core.data.readers.document import EXCERPT_CHARACTERS, Origin, Raw, Reading, Refused, too_long
from core.data.readers.lines import bounded_lines
from core.spec.corpus import split_characters


def read_plain(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """One document, documents of whole paragraphs when the file is longer than ``split_longer_than``, or as asked."""
    chunks = decoded(origin, reading)
    limit = reading.split_longer_than
    if reading.split == "blank-line":
        yield from _blocks(origin, chunks, reading.max_bytes)
    elif reading.split != "file":
        yield from _pieces(origin, chunks, split_characters(reading.split))
    elif limit and origin.n_bytes > limit:
        yield from _book(origin, chunks, min(limit, reading.max_bytes))
    elif origin.n_bytes > reading.max_bytes:
        yield too_long(origin, next(chunks, ""), 1, origin.n_bytes, reading.max_bytes)
    else:
        yield Raw("".join(chunks), origin.source, 1)


def _pieces(origin: Origin, chunks: Iterator[str], size: int) -> Iterator[Raw]:
    """Consecutive pieces of exactly ``size`` characters, the last one of what is left."""
    rest, line = "", 1
    for chunk in chunks:
        rest += chunk
        for start in range(0, len(rest) - size + 1, size):
            piece = rest[start : start + size]
            yield Raw(piece, origin.source, line)
            line += piece.count("\n")
        rest = rest[len(rest) // size * size :]
    if rest:
        yield Raw(rest, origin.source, line)


def _blocks(origin: Origin, chunks: Iterator[str], limit: int) -> Iterator[Raw | Refused]:
    """Every block of lines between lines with nothing visible on them; one too long is refused."""
    lines, first, n_bytes = [], 1, 0
    for line in bounded_lines(chunks, limit):
        if line.text and not line.text.isspace():
            if not n_bytes:
                first = line.number
            n_bytes += line.n_bytes + 1
            if n_bytes <= limit + 1:
                lines.append(line.text)
            elif len(lines) != 1 or len(lines[0]) < EXCERPT_CHARACTERS or line.overlong:
                lines = ["\n".join([*lines, line.text])[:EXCERPT_CHARACTERS]]
        elif n_bytes:
            yield _block(origin, lines, first, n_bytes - 1, limit)
            lines, n_bytes = [], 0
    if n_bytes:
        yield _block(origin, lines, first, n_bytes - 1, limit)


def _block(origin: Origin, lines: list[str], first: int, n_bytes: int, limit: int) -> Raw | Refused:
    text = "\n".join(lines)
    return too_long(origin, text, first, n_bytes, limit) if n_bytes > limit else Raw(text, origin.source, first)


def _book(origin: Origin, chunks: Iterator[str], limit: int) -> Iterator[Raw]:
    rest, line = "", 1
    for chunk in chunks:
        rest += chunk
        start = 0
        while len(rest) - start > limit:  # characters are never more than bytes: a whole piece is at hand
            end = _cut(rest, start, limit)
            yield from _piece(origin, rest[start:end], line)
            line += rest.count("\n", start, end)
            start = end
        rest = rest[start:]
    while rest:
        end = _cut(rest, 0, limit)
        yield from _piece(origin, rest[:end], line)
        line += rest.count("\n", 0, end)
        rest = rest[end:]


def _piece(origin: Origin, text: str, line: int) -> Iterator[Raw]:
    body = text.lstrip("\n")
    if body.strip():
        yield Raw(body.rstrip("\n"), origin.source, line + len(text) - len(body))


def _cut(text: str, start: int, limit: int) -> int:
    """Where a piece of at most ``limit`` bytes ends best: after a blank line, a line, a word, or anywhere."""
    window = text[start : start + limit].encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore")
    if start + len(window) >= len(text):
        return len(text)
    for mark in ("\n\n", "\n", " "):
        found = window.rfind(mark, len(window) // 4)
        if found >= 0:
            return start + found + len(mark)
    return start + max(len(window), 1)
