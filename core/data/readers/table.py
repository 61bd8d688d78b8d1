"""Comma- and tab-separated tables; the first line names the columns."""

import csv
from collections.abc import Iterator

from core.data.readers.decode import decoded
from core.data.readers.document import EXCERPT_CHARACTERS, Origin, Raw, Reading, Refused, no_text, too_long
from core.data.readers.fields import pick_text
from core.data.readers.lines import bounded_lines
from core.errors import LabError

_DELIMITERS = ",;\t|"
_MOST_CHARACTERS = 64 << 20  # of one field; a longer one is a quote that never ends


def read_table(origin: Origin, reading: Reading) -> Iterator[Raw | Refused]:
    """A document a row, from the column that holds the text; a row too long costs that row only.

    Raises:
        LabError: the column asked for is not there, or a quoted field never ends.
    """
    csv.field_size_limit(max(reading.max_bytes, _MOST_CHARACTERS))
    refused: list[Refused] = []
    lines = _csv_lines(origin, reading, refused)
    head = next(lines, "")
    rows = csv.reader(_first_then(head, lines), delimiter=_delimiter(origin, head))
    names = next(rows, [])
    if reading.text_field and reading.text_field not in names:
        raise LabError(
            "There is no column called {field}; the columns are {names}.", str(origin.path),
            "Choose one of these columns.", field=reading.text_field, names=", ".join(names))
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            raise LabError(
                "The table cannot be read from line {line} on: {error}.", str(origin.path),
                "Look for a quotation mark that is never closed.", line=line, error=str(error)) from None
        yield from refused
        refused.clear()
        if row:
            yield _row(origin, reading, names, row, line)
    yield from refused


def _row(origin: Origin, reading: Reading, names: list[str], row: list[str], line: int) -> Raw | Refused:
    text = pick_text(dict(zip(names, row, strict=False)), reading.text_field)
    if text is None:
        return no_text(origin, ", ".join(row)[:EXCERPT_CHARACTERS], line, reading.text_field)
    return Raw(text, origin.source, line)


def _csv_lines(origin: Origin, reading: Reading, refused: list[Refused]) -> Iterator[str]:
    """Lines for the csv module; an overlong one becomes an empty line and a refusal."""
    for line in bounded_lines(decoded(origin, reading), reading.max_bytes):
        if line.overlong:
            refused.append(too_long(origin, line.text, line.number, line.n_bytes, reading.max_bytes))
        yield "\n" if line.overlong else line.text + "\n"


def _delimiter(origin: Origin, head: str) -> str:
    if origin.path.suffix.lower() == ".tsv":
        return "\t"
    return max(_DELIMITERS, key=head.count)  # the first of equals: a single column is a comma table


def _first_then(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
