"""Training documents that overlap with what the model will be measured on."""

import struct
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
_SURE = 10.0  # of so many documents expected to be held out, hardly ever (e^-10) none is
_HELD = -1.0  # stands for the number of a document that is held out


class HeldOut(NamedTuple):
    """The word sequences of everything held out, and the names of the evaluation files.

    Where by chance nothing is held out, the writer of the corpus will hold out what has the lowest number (see
    core.data.split): ``lowest`` is that number, else -1.
    """

    table: Table
    files: list[str]
    lowest: float = _HELD


class _Found(msgspec.Struct):
    files: list[str]
    lowest: float


class Decontaminate:
    """Sets aside training documents of which too much stands in held-out text.

    Remembered of each held-out document: its hashed word sequences, 8 bytes each; of training documents, nothing,
    but of the first ones the same, led by their number: in a small corpus one of them may yet be held out.

    Source: Brown et al. 2020 (GPT-3), arXiv:2005.14165, appendix C.
    Raises:
        LabError: an evaluation file does not exist, or cannot be read; remedy: choose another.
    """

    def __init__(self, rule: DecontaminateRule, _workspace=None) -> None:
        self.rule = rule
        if rule.files:
            gather(rule.files)  # to say now what is missing, not in an hour

    def remember(self, draft: Draft) -> bytes:
        """The word sequences of a document that is held out, or may yet be."""
        held = draft.split == "held_out"
        share = draft.splitter.share if draft.splitter is not None else 0.0
        if not self.rule.held_out or not (held or draft.row * share < _SURE * (share > 0)):
            return b""
        number = struct.pack("<d", _HELD if held else draft.number)
        return number + minhash.unique(self._sequences(draft.text)).tobytes()

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Sort all held-out word sequences, those of the evaluation files among them."""
        spill = Spill(folder, "sequences", KEYED)
        files = gather(self.rule.files).origins if self.rule.files else []
        for number, origin in enumerate(files):
            for text in _texts(origin):
                spill.add(keyed(minhash.unique(self._sequences(text)), _FIRST_FILE + number))
                tell(number, len(files))
        lowest = _add_held_out(spill, notes, tell)
        with TableWriter(folder, _COLUMNS) as table:
            for part in spill.parts():
                keys, first = np.unique(part["key"], return_index=True)
                table.add(keys=keys, owner=part["row"][first])
        (folder / _FILES).write_bytes(msgspec.json.encode(_Found([origin.source for origin in files], lowest)))

    def open(self, folder: Path) -> HeldOut:
        """All held-out word sequences."""
        found = msgspec.json.decode((folder / _FILES).read_bytes(), type=_Found)
        return HeldOut(Table(folder, _COLUMNS), found.files, found.lowest)

    def judge(self, draft: Draft, decision: HeldOut) -> Reason | None:
        """Set a training document aside when too many of its word sequences are held out."""
        if draft.split == "held_out" or (decision.lowest != _HELD and draft.number <= decision.lowest):
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


def _add_held_out(spill: Spill, notes: Iterable[tuple[int, bytes]], tell: Callable[[int, int], None]) -> float:
    """Add the sequences of held-out documents; where there are none, of those with the lowest number, which is told."""
    lowest, nearest, any_held = 1.0, [], False
    for done, (row, note) in enumerate(notes):
        if done % _TELL_EVERY == 0:
            tell(done, 0)
        if not note:
            continue
        (number,), keys = struct.unpack_from("<d", note), np.frombuffer(note, np.uint64, offset=8)
        if number == _HELD:
            any_held = True
            spill.add(keyed(keys, row))
        elif number < lowest:
            lowest, nearest = number, [(row, keys)]
        elif number == lowest:
            nearest.append((row, keys))
    if any_held or not nearest:
        return _HELD
    for row, keys in nearest:
        spill.add(keyed(keys, row))
    return lowest


def _texts(origin: Origin) -> Iterator[str]:
    """Every document of an evaluation file."""
    reading = Reading(lambda event: None, lambda n_bytes: None)
    for item in origin.read(origin, reading):
        if isinstance(item, Raw):
            yield item.text
