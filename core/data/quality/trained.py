"""What the two kinds of trained filter share: where they stand, and which texts they learn from."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.data.documents import Documents, Split
from core.data.readers.document import Raw, Reading
from core.data.readers.folder import gather
from core.errors import LabError
from core.record.control import Control
from core.record.events import FileSkipped
from core.record.folder import Workspace

REPORT = "report.json"
EXAMPLES = "examples.jsonl"
EXCERPT_CHARACTERS = 2000  # of an example
WHAT = {"reference": "a reference", "classifier": "a classifier"}


class Sample(NamedTuple):
    """A text and where it stands, from line 1."""

    text: str
    source: str
    line: int

    def example(self, **found) -> dict:
        """What is shown of it to a person, beside what was found."""
        return found | {"text": self.text[:EXCERPT_CHARACTERS], "source": self.source, "line": self.line}


def find_filter(workspace: Workspace | None, name: str, kind: str, rule: str) -> Path:
    """The folder of the trained filter that a rule names.

    Raises:
        LabError: the rule names none, there is none of that name, or it is of the other kind.
    """
    if workspace is None or not name:
        raise LabError(
            "The rule {rule} needs a trained filter, and none is chosen.", "",
            "Choose one, or train it first.", rule=rule)
    folder = workspace.folder("filters", name)
    if folder.kind != kind:
        raise LabError(
            "{name} cannot be used by the rule {rule}: it is of the kind {found}, not {kind}.", str(folder.root),
            "Choose another filter.", name=name, rule=rule, found=folder.kind, kind=kind)
    return folder.root


def open_report(folder: Path, kind: str) -> dict:
    """What a finished filter measured of itself.

    Raises:
        LabError: it is not finished.
    """
    try:
        report = json.loads((Path(folder) / REPORT).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise LabError("This filter is not finished.", str(folder), "Let it finish, or train it again.") from error
    assert report["kind"] == kind
    return report


def spread(documents: Documents, split: Split | None, most: int, most_bytes: int = 1 << 62) -> list[Sample]:
    """Documents of a corpus, evenly spread over it, at most so many and about so many bytes of them."""
    step = max(1, -(-len(documents) // most), -(-documents.n_bytes // most_bytes))
    found = [document for document in documents.iter(split, step)]
    if not found:  # few of this split, and none on the rows that were looked at
        found = [document for document, _ in zip(documents.iter(split), range(most))]
    return [Sample(document.text, document.source, document.line) for document in found]


def read_files(paths: list[str], most: int, emit, control: Control) -> Iterator[Sample]:
    """Documents of files and folders, at most so many; what cannot be read is told and passed over."""
    reading, taken = Reading(emit, lambda _: control.check()), 0
    for origin in gather(paths).origins:
        try:
            for item in origin.read(origin, reading):
                if isinstance(item, Raw):
                    yield Sample(item.text, item.source, item.line)
                    taken += 1
                    if taken >= most:
                        return
        except (LabError, OSError) as error:
            told = error if isinstance(error, LabError) else LabError("{reason}", reason=error.strerror or str(error))
            emit(FileSkipped(path=str(origin.path), problem=told.problem, remedy=told.remedy, values=told.values))
