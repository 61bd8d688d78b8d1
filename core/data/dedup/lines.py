"""Lines and sentences that many documents share: cut from all of them but the first."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from core.data.dedup.rows import CorpusRows
from core.data.dedup.spill import KEYED, Spill, keyed
from core.data.dedup.table import Table, TableWriter
from core.data.filters.verdict import Draft, Reason
from core.kernels import minhash
from core.spec.rules.duplicates import RepeatedLines as RepeatedLinesRule

SAMPLE = "repeated_lines.jsonl"
_SAMPLE_LINES = 200
_COLUMNS = {"keys": "u8", "first": "u4", "documents": "u4"}  # of lines in two documents or more
_TELL_EVERY = 4096
_ENDS = {
    "line": re.compile(r"\n"),
    # A sentence ends at . ! ? (and closing quotes) before white space, at their Chinese counterparts, or with its line.
    "sentence": re.compile(
        r"(?:(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s)|[。！？…]++[\"”’」』）]*+)[^\S\n]*+\n?|\n"),
}
_GAP = re.compile(r"\n\s*\n\s*\n+")


class Units(NamedTuple):
    """The lines or sentences of a text: where each ends, what stands for it, and its words.

    Attributes:
        ends: characters; the first starts at 0, the last ends with the text.
        keys: uint64, (N,); equal for units that differ in case, spaces and punctuation alone; 0 without words.
        n_words: int64, (N,).
    """

    ends: list[int]
    keys: np.ndarray
    n_words: np.ndarray


def units_of(text: str, unit: str) -> Units:
    """Cut a text into its lines or sentences.

    Args:
        unit: "line" or "sentence".
    """
    ends = [found.end() for found in _ENDS[unit].finditer(text)]
    if text and (not ends or ends[-1] < len(text)):
        ends.append(len(text))
    pieces = [text[start:end] for start, end in zip([0, *ends], ends)]
    hashes, starts, n_words = minhash.shingles(pieces, 0)
    keys = np.zeros(len(pieces), np.uint64)
    keys[np.diff(starts) > 0] = hashes
    return Units(ends, keys, n_words)


class RepeatedLines:
    """Cuts what many documents share.

    Remembered of each document: 8 bytes for each of its different lines that are long enough. The
    decision: of each line in two documents or more, in how many, and in which first.
    """

    leaves = (SAMPLE,)

    def __init__(self, rule: RepeatedLinesRule, _workspace=None) -> None:
        self.rule = rule

    def remember(self, draft: Draft) -> bytes:
        """The keys of its lines."""
        units = draft.fact(self._units)
        return minhash.unique(units.keys[units.n_words >= self.rule.least_words]).tobytes()

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Count the documents of every line; writes the decision and a sample of the most repeated."""
        spill = Spill(folder, "lines", KEYED)
        for done, (row, note) in enumerate(notes):
            spill.add(keyed(np.frombuffer(note, np.uint64), row))
            if done % _TELL_EVERY == 0:
                tell(done, 0)
        sample: list[tuple[int, int, int]] = []
        with TableWriter(folder, _COLUMNS) as table:
            for part in spill.parts():
                keys, first, documents = _count(part)
                table.add(keys=keys, first=first, documents=documents)
                often = documents > self.rule.most_documents
                sample += zip((-documents[often]).tolist(), first[often].tolist(), keys[often].tolist())
                sample = sorted(sample)[:_SAMPLE_LINES]
        lines = [Repeated(row=row, documents=-count, key=f"{key:016x}", unit=self.rule.unit)
                 for count, row, key in sample]  # fmt: skip
        (folder / SAMPLE).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))

    def open(self, folder: Path) -> Table:
        """Lines by key."""
        return Table(folder, _COLUMNS)

    def judge(self, draft: Draft, decision: Table) -> Reason | None:
        """Cut its repeated lines; set it aside when nothing is left."""
        units, text = draft.fact(self._units), draft.text
        long = units.n_words >= self.rule.least_words
        places = np.where(long, decision.find(units.keys), -1)
        found = places >= 0
        documents, first = np.ones(len(places), np.int64), np.full(len(places), -1)
        documents[found], first[found] = decision.documents[places[found]], decision.first[places[found]]
        cut = found & (documents > self.rule.most_documents) & (first != draft.row)
        most = int(documents[long].max(initial=0))
        draft.measures["repeated_lines.documents"] = most
        draft.measures["repeated_lines.cut"] = 0.0
        if not cut.any():
            return None
        left = "".join(text[start:end] for start, end, gone in zip([0, *units.ends], units.ends, cut) if not gone)
        draft.measures["repeated_lines.cut"] = 1 - len(left) / len(text)
        draft.text = _GAP.sub("\n\n", left).strip("\n")
        if draft.text.strip():
            return None
        draft.text = text  # a person should see what it was
        return Reason(
            "repeated_lines", "All its lines stand in documents before it, one of them in {documents} documents; "
            "lines in more than {limit} are cut.", {"documents": most, "limit": self.rule.most_documents},
            "documents", most, self.rule.most_documents)

    def _units(self, text: str) -> Units:
        return units_of(text, self.rule.unit)


def _count(part: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keys seen more than once, ascending; the row each was seen in first; and how often. Rows come ascending."""
    part = part[np.argsort(part["key"], kind="stable")]
    starts = np.flatnonzero(np.diff(part["key"], prepend=~part["key"][:1]) != 0)
    documents = np.diff(starts, append=len(part))
    often = documents > 1
    return part["key"][starts[often]], part["row"][starts[often]], documents[often]


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """One line of repeated_lines.jsonl: a repeated line, by the first document that has it (and keeps it)."""

    row: int
    documents: int
    key: str
    unit: str


def repeated_lines(corpus: Path, most: int = _SAMPLE_LINES) -> list[tuple[str, int]]:
    """(line, documents) of the lines that most documents shared, the commonest first; [] where none was cut.

    Raises:
        LabError: the folder holds no finished corpus.
    """
    path = Path(corpus) / SAMPLE
    if not path.is_file():
        return []
    return list(islice(_with_text(path, CorpusRows(corpus)), most))


def _with_text(path: Path, rows: CorpusRows) -> Iterator[tuple[str, int]]:
    decoder = msgspec.json.Decoder(Repeated)
    for line in path.read_bytes().splitlines():
        repeated = decoder.decode(line)
        document = rows.find(repeated.row)
        if document is None:
            continue
        units = units_of(document.text, repeated.unit)
        places = np.flatnonzero(units.keys == np.uint64(int(repeated.key, 16)))
        if len(places):  # a later rule may have mended it away
            start = units.ends[places[0] - 1] if places[0] else 0
            yield document.text[start : units.ends[places[0]]].strip(), repeated.documents
