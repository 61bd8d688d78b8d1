"""Documents that share most of their word sequences: MinHash, LSH, and an exact comparison of every candidate."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from core.data.dedup.pairs import PAIRS, Pair
from core.data.dedup.spill import KEYED, Spill, keyed
from core.data.dedup.table import Table, TableWriter
from core.data.filters.verdict import Draft, Reason
from core.kernels import minhash
from core.spec.rules.duplicates import NearDuplicates as NearDuplicatesRule

_COLUMNS = {"rows": "u4", "kept": "i8", "similarity": "f4"}  # of the decision; kept is -1 where nothing is dropped
_BATCH = 4096  # documents taken in at once
_BATCH_SHINGLES = 1 << 22  # compared at once
_DONE = 0  # total that is not known


class NearDuplicates:
    """Keeps the first of each cluster of near-duplicates.

    Remembered of each document: the keys of its LSH bands (8 bytes each) and its hashed shingles (4 bytes each).

    Source: Broder 1997, On the resemblance and containment of documents; Lee et al. 2022, arXiv:2107.06499.
    """

    leaves = (PAIRS,)

    def __init__(self, rule: NearDuplicatesRule, _workspace=None) -> None:
        self.rule = rule
        self._minhash = minhash.MinHash(rule.bands, rule.rows)

    def remember(self, draft: Draft) -> bytes:
        """Band keys and shingles; nothing of a document without words, which is like no other."""
        hashes, starts, _ = minhash.shingles([draft.text], self.rule.words)
        if not len(hashes):
            return b""
        shingles = narrow(hashes)
        return self._minhash.keys(shingles, starts).tobytes() + shingles.tobytes()

    def decide(self, notes: Iterable[tuple[int, bytes]], folder: Path, tell: Callable[[int, int], None]) -> None:
        """Find the clusters; writes the decision and pairs.jsonl."""
        with ShingleFile(folder / "shingles.tmp") as shingles:
            keys = Spill(folder, "keys", KEYED)
            self._take_in(notes, shingles, keys, tell)
            pairs = candidates(keys, folder, shingles.count)
            parents = np.arange(shingles.count, dtype=np.uint32)
            best = np.zeros(shingles.count, np.float32)
            _join(pairs, shingles, self.rule.similarity, parents, best, tell)
            _write(folder, shingles, _roots(parents), best, tell)
        (folder / "shingles.tmp").unlink()

    def open(self, folder: Path) -> Table:
        """The documents that have near-duplicates."""
        return Table(folder, _COLUMNS)

    def judge(self, draft: Draft, decision: Table) -> Reason | None:
        """Set it aside unless it is the first of its cluster."""
        place = decision.place(draft.row)
        similarity = round(float(decision.similarity[place]), 4) if place >= 0 else 0.0
        draft.measures["near_duplicates.similarity"] = similarity
        if place < 0 or decision.kept[place] < 0:
            return None
        return Reason(
            "near_duplicates", "It is a near-duplicate of document {kept_row}, which came before: similarity "
            "{similarity:.2f}; from {limit:.2f} on, only the first is kept.",
            {"kept_row": int(decision.kept[place]), "similarity": similarity, "limit": self.rule.similarity},
            "similarity", similarity, self.rule.similarity)

    def _take_in(self, notes: Iterable[tuple[int, bytes]], shingles: "ShingleFile", keys: Spill, tell) -> None:
        key_bytes, rows, found = 8 * self.rule.bands, [], []
        for done, (row, note) in enumerate(notes):
            if note:
                shingles.add(row, memoryview(note)[key_bytes:])
                rows.append(row)
                found.append(note[:key_bytes])
            if len(rows) == _BATCH:
                _spill(keys, rows, found)
                rows, found = [], []
                tell(done, _DONE)
        _spill(keys, rows, found)
        shingles.finish()


def narrow(hashes: np.ndarray) -> np.ndarray:
    """The upper half of 64-bit hashes: uint32, enough to tell a document's shingles from another's."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


class ShingleFile:
    """Shingles of documents on disk, read back a few documents at a time.

    Plain reads instead of a memory map: what was looked at does not stay in memory.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w+b", buffering=1 << 20)
        self._starts, self._end = array("Q", [0]), 0
        self.starts = np.zeros(1, np.int64)

    @property
    def count(self) -> int:
        """One more than the highest row that has shingles."""
        return len(self._starts) - 1

    def add(self, row: int, shingles: memoryview) -> None:
        """Append the uint32 shingles of one document; rows ascend."""
        if row >= 1 << 32:
            raise OverflowError(f"document {row}: rows are 32 bits wide")
        while len(self._starts) <= row:  # rows that have none
            self._starts.append(self._end)
        self._file.write(shingles)
        self._end += len(shingles) // 4
        self._starts.append(self._end)

    def finish(self) -> None:
        """To be called after the last document, before the first is read."""
        self._file.flush()
        self.starts = np.frombuffer(self._starts, np.uint64).astype(np.int64)

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shingles, uint32 (S,), and starts, int64 (len(rows) + 1,), of some documents."""
        first, last = self.starts[rows], self.starts[rows + 1]
        starts = np.concatenate([[0], np.cumsum(last - first)])
        shingles = np.empty(starts[-1], np.uint32)
        for begin, end, at in zip(first.tolist(), last.tolist(), starts.tolist()):
            self._file.seek(4 * begin)
            self._file.readinto(memoryview(shingles[at : at + end - begin]).cast("B"))
        return shingles, starts

    def __enter__(self) -> "ShingleFile":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()


def candidates(keys: Spill, folder: Path, count: int) -> Iterator[np.ndarray]:
    """Pairs of rows that share a band, as sorted uint64 ``low << 32 | high``, each once, in ascending blocks."""
    shift = np.uint64(32 - max(count - 1, 1).bit_length())  # brings the low row to the top, which parts the files
    pairs = Spill(folder, "pairs", np.dtype("<u8"))
    for part in keys.parts():
        pairs.add(minhash.band_pairs(part["key"], part["row"]) << shift)
    for part in pairs.parts():
        yield minhash.unique(part) >> shift


def _spill(keys: Spill, rows: list[int], found: list[bytes]) -> None:
    if rows:
        flat = np.frombuffer(b"".join(found), np.uint64)
        keys.add(keyed(flat, np.repeat(np.array(rows, np.uint32), len(flat) // len(rows))))


def _join(pairs, shingles: ShingleFile, threshold: float, parents, best, tell) -> None:
    """Compare all candidates; join those similar enough and note the highest similarity met by each document."""
    done = 0
    for part in pairs:
        for low, high in _batches(part, shingles):
            rows, places = np.unique(np.concatenate([low, high]), return_inverse=True)
            left, right = places[: len(low)], places[len(low) :]
            similarity = minhash.merge(
                *shingles.read(rows), left, right, threshold, parents, rows.astype(np.uint32))
            np.maximum.at(best, low, similarity)
            np.maximum.at(best, high, similarity)
            done += len(low)
            tell(done, _DONE)


def _batches(pairs: np.ndarray, shingles: ShingleFile) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(low rows, high rows), int64, so many at once that their shingles fit comfortably into memory."""
    low, high = (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64)
    sizes = np.diff(shingles.starts)
    cuts = (np.cumsum(sizes[low] + sizes[high]) // _BATCH_SHINGLES).astype(np.int64)
    bounds = [0, *(np.flatnonzero(np.diff(cuts)) + 1).tolist(), len(pairs)]
    for start, end in zip(bounds, bounds[1:]):
        if end > start:
            yield low[start:end], high[start:end]


def _roots(parents: np.ndarray) -> np.ndarray:
    """The first row of the cluster of each row."""
    while True:
        above = parents[parents]
        if np.array_equal(above, parents):
            return parents
        parents = above


def _write(folder: Path, shingles: ShingleFile, first: np.ndarray, best: np.ndarray, tell) -> None:
    """The decision, and a line a pair for people to see."""
    dropped = np.flatnonzero(first != np.arange(len(first)))
    encoder = msgspec.json.Encoder()
    with open(folder / PAIRS, "wb") as file:
        for low, high in _batches(first[dropped].astype(np.uint64) << np.uint64(32) | dropped.astype(np.uint64),
                                  shingles):  # fmt: skip
            rows, places = np.unique(np.concatenate([low, high]), return_inverse=True)
            similarity = minhash.merge(*shingles.read(rows), places[: len(low)], places[len(low) :])
            np.maximum.at(best, high, similarity)
            file.writelines(
                encoder.encode(Pair(row=row, kept_row=kept, similarity=round(value, 4))) + b"\n"
                for row, kept, value in zip(high.tolist(), low.tolist(), similarity.tolist()))
            tell(len(low), _DONE)
    best[first[dropped]] = 0  # to whoever sees the measures, the first of a cluster is like nothing before it
    met = np.flatnonzero(best > 0)
    with TableWriter(folder, _COLUMNS) as table:
        table.add(rows=met, kept=np.where(first[met] != met, first[met].astype(np.int64), -1), similarity=best[met])
