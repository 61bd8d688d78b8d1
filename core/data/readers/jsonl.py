"""JSON lines: one record a line, its text in a field; a bad line costs that line only."""

import json
from collections.abc import Iterator

import msgspec

from core.data.readers.decode import decoded
from core.data.readers.document import EXCERPT_CHARACTERS, Origin, Raw, Reading, Refused, no_text, too_long
from core.data.readers.fields import pick_text
from core.data.readers.lines import Line, bounded_lines


def read_jsonl(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """A document a line: an object's text field, or the line itself when it is a JSON string."""
    for line in bounded_lines(decoded(origin, reading), reading.max_bytes):
        if line.overlong:
            yield too_long(origin, line.text, line.number, line.n_bytes, reading.max_bytes)
        elif line.text.strip():
            yield _record(origin, reading, line)


def _record(origin: Origin, reading: Reading, line: Line) -> Raw | Refused:
    try:
        value = _parse(line.text)
    except (ValueError, RecursionError) as error:
        return Refused(
            line.text[:EXCERPT_CHARACTERS], origin.source, line.number, line.n_bytes, "unreadable",
            "This line is not valid JSON: {error}.", {"error": str(error)})
    text = value if isinstance(value, str) else pick_text(value, reading.text_field)
    if text is None:
        return no_text(origin, line.text, line.number, reading.text_field)
    return Raw(text, origin.source, line.number)


def _parse(text: str):
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return json.loads(text)  # stricter in its message, laxer about lone surrogates and NaN
