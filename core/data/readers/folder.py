"""What there is to read: files and folders in a fixed order, and the built-in corpora."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.data.readers import python_docs
from core.data.readers.document import Origin
from core.data.readers.html import read_html
from core.data.readers.jsonl import read_jsonl
from core.data.readers.parquet import read_parquet
from core.data.readers.plain import read_plain
from core.data.readers.table import read_table
from core.errors import LabError
from core.spec.base import BUILTIN

BUILTINS = {"python-docs": python_docs.origins}
READERS = {
    ".txt": read_plain, ".md": read_plain, ".jsonl": read_jsonl, ".csv": read_table, ".tsv": read_table,
    ".parquet": read_parquet, ".html": read_html, ".htm": read_html,
}  # fmt: skip
ENDINGS = " ".join(READERS)


@dataclass
class Gathered:
    """What was found: ``origins`` to read, and what was passed over."""

    origins: list[Origin] = field(default_factory=list)
    hidden: int = 0
    unknown: Counter = field(default_factory=Counter)  # files by ending that no reader takes
    closed: dict[str, str] = field(default_factory=dict)  # files and folders that may not be read, and why

    @property
    def n_bytes(self) -> int:
        """Size of everything to read, bytes."""
        return sum(origin.n_bytes for origin in self.origins)


def gather(sources: list[str]) -> Gathered:
    """List everything to read, in the order of ``sources`` and then by path; nothing is opened yet.

    Raises:
        LabError: a source does not exist or may not be read, or there is nothing to read in all of them together.
    """
    found, where = Gathered(), ", ".join(sources)
    for source in sources:
        if not source.strip():
            raise LabError("A source is empty.", "sources", "Give the path of a file or folder.")
        if source.startswith(BUILTIN):
            found.origins += _builtin(source)
            continue
        path = Path(source).expanduser()
        try:
            if not path.exists():
                raise LabError("There is no such file or folder.", source, "Check the path.")
            path = path.resolve()
        except OSError as error:
            raise _closed(source, error.strerror or type(error).__name__) from None
        for file in _files(path, found):
            _take(file, found)
    if not found.origins and found.closed:
        raise _closed(*next(iter(found.closed.items())))
    if not found.origins:
        raise LabError(
            "There is nothing to read here.", where, "Choose a file, or a folder with files, ending in {endings}.",
            endings=ENDINGS)
    return found


def _closed(where: str, why: str) -> LabError:
    return LabError("The file could not be read: {error}.", where, "Check the file and its permissions.", error=why)


def _builtin(source: str) -> list[Origin]:
    name = source.removeprefix(BUILTIN)
    if name not in BUILTINS:
        raise LabError(
            "There is no built-in corpus called {name}.", source, "Choose one of: {names}.",
            name=name, names=", ".join(BUILTIN + known for known in BUILTINS))
    return BUILTINS[name]()


def _files(path: Path, found: Gathered) -> Iterator[Path]:
    """The file itself, or every file below a folder, sorted; links to folders are not followed."""
    if path.is_file():
        yield path
        return

    def note(error: OSError) -> None:
        found.closed[Path(error.filename).as_posix()] = error.strerror or type(error).__name__

    for folder, below, names in os.walk(path, onerror=note):
        found.hidden += sum(name.startswith(".") for name in (*below, *names))
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name


def _take(file: Path, found: Gathered) -> None:
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        found.unknown[file.suffix.lower() or file.name] += 1
        return
    try:
        if file.is_file():  # a dangling link or a device is none
            found.origins.append(Origin(file, file.stat().st_size, file.as_posix(), reader))
    except OSError as error:  # in a folder that may be listed but not entered
        found.closed[file.as_posix()] = error.strerror or type(error).__name__
