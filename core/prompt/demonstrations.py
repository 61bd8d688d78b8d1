"""Worked examples from a file: read, checked, and chosen in a stated order."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import LabError
from core.spec.prompt import Demonstration

# The first name is ours; the others are what files from elsewhere call the same thing.
COLUMNS = {
    "input": ("input", "question", "prompt", "text", "source"),
    "output": ("output", "answer", "completion", "label", "target"),
    "reasoning": ("reasoning", "rationale", "chain_of_thought", "explanation", "steps"),
}
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def load_demonstrations(path: Path) -> list[Demonstration]:
    """Every demonstration of a .jsonl, .csv or .tsv file, in its order.

    The columns are ``input``, ``output`` and, where there is any, ``reasoning`` (see ``COLUMNS``
    for the other names that are understood).

    Raises:
        LabError: no such file, another kind of file, not UTF-8, or a line that lacks a part.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".jsonl", *_DELIMITERS):
        raise LabError(
            "Demonstrations cannot be read from a {suffix} file.", str(path), "Use .jsonl, .csv or .tsv.",
            suffix=suffix or path.name,
        )  # fmt: skip
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise LabError("This file is not UTF-8 text.", str(path), "Save it as UTF-8.") from None
    except OSError as error:
        raise LabError(
            "This file cannot be read: {error}.", str(path), "Check the path.", error=error.strerror or str(error)
        ) from None
    rows = _json_rows(text, path) if suffix == ".jsonl" else _table_rows(text, _DELIMITERS[suffix], path)
    found = [_demonstration(row, f"{path}, line {line}") for line, row in rows]
    if not found:
        raise LabError("There are no demonstrations in this file.", str(path), "Add one example a line.")
    return found


def choose(
    demonstrations: Sequence[Demonstration], k: int, order: Literal["first", "shuffled"] = "first", seed: int = 1
) -> list[Demonstration]:
    """``k`` of the demonstrations: the first ones, or ones drawn by seed in an order set by seed.

    The draws of one seed are nested: the choice for k - 1 is the beginning of the choice for k.

    Raises:
        LabError: there are fewer than ``k``.
    """
    if k > len(demonstrations):
        raise LabError(
            "{k} demonstrations were asked for, but there are only {count}.", "demonstrations",
            "Ask for fewer, or add more.", k=k, count=len(demonstrations),
        )  # fmt: skip
    chosen = list(demonstrations)
    if order == "shuffled":
        random.Random(seed).shuffle(chosen)
    return chosen[:k]


def _json_rows(text: str, path: Path) -> list[tuple[int, dict]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append((number, msgspec.json.decode(line, type=dict)))
        except msgspec.DecodeError:
            raise LabError(
                "This line is not a JSON object.", f"{path}, line {number}", "Write one JSON object a line."
            ) from None
    return rows


def _table_rows(text: str, delimiter: str, path: Path) -> list[tuple[int, dict]]:
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        return [(reader.line_num, row) for row in reader if any(row.values())]
    except csv.Error as error:
        raise LabError(
            "The table is broken here: {error}.", f"{path}, line {reader.line_num}", "Mend that line.",
            error=str(error),
        ) from None  # fmt: skip


def _demonstration(row: dict, where: str) -> Demonstration:
    known = {str(key).strip().lower(): value for key, value in row.items() if key is not None}
    parts = {}
    for part, names in COLUMNS.items():
        value = next((known[name] for name in names if known.get(name) not in (None, "")), "")
        parts[part] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    for part in ("input", "output"):
        if not parts[part].strip():
            raise LabError(
                "This example has no {part}.", where, "Fill in {part} (also understood: {names}).",
                part=part, names=", ".join(COLUMNS[part][1:]),
            )  # fmt: skip
    return Demonstration(**parts)
