"""Plain text and Markdown: one document a file, or several when the file is a book."""

from collections.abc import Iterator

from core.data.readers.decode import decoded
from core.data.readers.document import Origin, Raw, Reading, Refused, too_long


def read_plain(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """One document, or documents of whole paragraphs when the file is longer than ``split_longer_than``."""
    chunks = decoded(origin, reading)
    limit = reading.split_longer_than
    if limit and origin.n_bytes > limit:
        yield from _split(origin, chunks, min(limit, reading.max_bytes))
    elif origin.n_bytes > reading.max_bytes:
        yield too_long(origin, next(chunks, ""), 1, origin.n_bytes, reading.max_bytes)
    else:
        yield Raw("".join(chunks), origin.source, 1)


def _split(origin: Origin, chunks: Iterator[str], limit: int) -> Iterator[Raw]:
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
