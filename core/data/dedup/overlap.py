"""Training documents that overlap with what the model will be measured on."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from core.data.dedup.spill import KEYED, Spill, keyed
from core.data.dedup.table import Table, TableWriter
from core.data.filters.verdict import Draft, Reason
from core.data.readers.document import Origin, Raw, Reading
from core.data.readers.folder import gather
from core.kernels import minhash
from core.spec.rules.duplicates import Decontaminate as DecontaminateRule

_COLUMNS = {"keys": "u8", "owner": "u4"}  # a word sequence, and the first document or file that has it
_FILES = "files.json"
_FIRST_FILE = 0xFFFF0000  # owners from here on are evaluation files
_TELL_EVERY = 4096


class HeldOut(NamedTuple):
    """The word sequences of everything held out, and the names of the evaluation files."""

    table: Table
    files: list[str]


class Decontaminate:
    """Sets aside training documents of which too much stands in held-out text.

    Remembered of each held-out document: its hashed word sequences, 8 bytes each; of training documents, nothing.

    Source: Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C.
    Raises:
        LabError: an evaluation file does not exist, or cannot be read; remedy: choose another.
    """

    def __init__(self, rule: DecontaminateRule, _workspace=None) -> None:
        self.rule = rule
        if rule.files:
            gather(rule.files)  # to say now what is missing, not in an hour

    def remember(self, draft: Draft) -> bytes:
        """The word sequences of a held-out document."""
        if not self.rule.held_out or draft.split != "held_out":
            return b""
        return minhash.unique(self._sequences(draft.text)).tobytes()

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Sort all held-out word sequences, those of the evaluation files among them."""
        spill = Spill(folder, "sequences", KEYED)
        files = gather(self.rule.files).origins if self.rule.files else []
        for number, origin in enumerate(files):
            for text in _texts(origin):
                spill.add(keyed(minhash.unique(self._sequences(text)), _FIRST_FILE + number))
                tell(number, len(files))
        for done, (row, note) in enumerate(notes):
            if note:
                spill.add(keyed(np.frombuffer(note, np.uint64), row))
            if done % _TELL_EVERY == 0:
                tell(done, 0)
        with TableWriter(folder, _COLUMNS) as table:
            for part in spill.parts():
                keys, first = np.unique(part["key"], return_index=True)
                table.add(keys=keys, owner=part["row"][first])
        (folder / _FILES).write_bytes(msgspec.json.encode([origin.source for origin in files]))

    def open(self, folder: Path) -> HeldOut:
        """All held-out word sequences."""
        return HeldOut(Table(folder, _COLUMNS), msgspec.json.decode((folder / _FILES).read_bytes(), type=list[str]))

    def judge(self, draft: Draft, decision: HeldOut) -> Reason | None:
        """Set a training document aside when too many of its word sequences are held out."""
        if draft.split == "held_out":
            return None
        keys = minhash.unique(self._sequences(draft.text))
        places = decision.table.find(keys)
        places = places[places >= 0]
        shared = len(places) / max(len(keys), 1)
        draft.measures["decontaminate.shared"] = shared
        if shared <= self.rule.most_shared:
            return None
        owners, counts = np.unique(decision.table.owner[places], return_counts=True)
        return self._reason(shared, int(owners[counts.argmax()]), decision.files)

    def _reason(self, shared: float, owner: int, files: list[str]) -> Reason:
        values = {"shared": round(shared, 4), "limit": self.rule.most_shared, "words": self.rule.words}
        if owner >= _FIRST_FILE:
            text = ("{shared:.1%} of its sequences of {words} words stand in evaluation text, most of them in {file}; "
                    "at most {limit:.1%} are allowed.")
            values["file"] = files[owner - _FIRST_FILE]
        else:
            text = ("{shared:.1%} of its sequences of {words} words stand in held-out text, most of them in document "
                    "{met_row}; at most {limit:.1%} are allowed.")
            values["met_row"] = owner
        return Reason("decontaminate", text, values, "shared", shared, self.rule.most_shared)

    def _sequences(self, text: str) -> np.ndarray:
        return minhash.shingles([text], self.rule.words).hashes


def _texts(origin: Origin) -> Iterator[str]:
    """Every document of an evaluation file."""
    reading = Reading(lambda event: None, lambda n_bytes: None)
    for item in origin.read(origin, reading):
        if isinstance(item, Raw):
            yield item.text
