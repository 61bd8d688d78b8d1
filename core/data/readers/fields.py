"""Which field of a record holds its text."""

from collections.abc import Iterable
from functools import lru_cache

USUAL_NAMES = ("text", "content", "body", "document", "article", "story", "passage", "raw_content", "page_content")


def usual_field(names: Iterable[str]) -> str | None:
    """The first of the usual names of a text field that is there, whatever its case."""
    return _usual_field(tuple(names))


@lru_cache(maxsize=256)  # records of one file have the same names
def _usual_field(names: tuple[str, ...]) -> str | None:
    by_name = {str(name).strip().lower(): name for name in reversed(names)}
    return next((by_name[name] for name in USUAL_NAMES if name in by_name), None)


def pick_text(record: object, text_field: str) -> str | None:
    """The text of a record: the field asked for, else a usual name, else its longest string.

    A field asked for is never replaced by another.
    """
    if not isinstance(record, dict):
        return None
    if text_field:
        value = record.get(text_field)
        return value if isinstance(value, str) else None
    name = usual_field(record)
    if name is not None and isinstance(record[name], str):
        return record[name]
    strings = [value for value in record.values() if isinstance(value, str) and value]
    return max(strings, key=len, default=None)
