"""Every place of any run of tokens in the training text, found by binary search.

A suffix array lists all positions of a text in the order of what follows them, so that all
occurrences of an n-gram stand side by side: a count costs two binary searches.
Source: Manber & Myers 1993, doi:10.1137/0222058; built by divsufsort (Yuta Mori).
"""

import bisect
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.record.atomic import TEMPORARY, commit_file, disk_error, write_json

POSITIONS, COUNTS, META = "sa.bin", "unigrams.bin", "index.json"
BOUNDARY = 0  # the token that separates documents; no n-gram may hold it
INT32_BYTES = np.iinfo(np.int32).max


class IndexMeta(msgspec.Struct, frozen=True):
    """What an index was made of; an index that no longer fits its run is refused."""

    run: str
    tokens: int
    dtype: str
    positions: str


def sort_suffixes(tokens: np.ndarray) -> np.ndarray:
    """Positions of all suffixes in lexicographic order.

    divsufsort sorts bytes. Big-endian bytes compare as the numbers do, so the suffixes of the bytes
    that start at a token's first byte are the suffixes of the tokens, in their right order.

    Args:
        tokens: uint16 or uint32, (N,).

    Returns:
        uint32 positions, (N,); uint64 above 4 G tokens.
    """
    from pydivsufsort import divsufsort

    width = tokens.dtype.itemsize
    dtype = np.uint32 if len(tokens) <= np.iinfo(np.uint32).max else np.uint64
    if not len(tokens):
        return np.zeros(0, dtype)
    as_bytes = tokens.astype(tokens.dtype.newbyteorder(">")).view(np.uint8)
    order = divsufsort(as_bytes, force64=len(as_bytes) > INT32_BYTES)
    return (order[order % width == 0] // width).astype(dtype)


def build(tokens: np.ndarray, folder: Path, run: str) -> int:
    """Write the index of ``tokens`` into ``folder``; returns its size in bytes.

    Each file is written under a temporary name and renamed, ``index.json`` last: an index is
    finished exactly when that file exists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = sort_suffixes(tokens)
    counts = np.bincount(tokens, minlength=1).astype("<u8")
    for name, values in ((POSITIONS, order), (COUNTS, counts)):
        _write_array(folder / name, values)
    meta = IndexMeta(run, len(tokens), tokens.dtype.newbyteorder("<").str, order.dtype.newbyteorder("<").str)
    write_json(folder / META, msgspec.to_builtins(meta))
    return sum((folder / name).stat().st_size for name in (POSITIONS, COUNTS, META))


class SuffixArray:
    """An index opened for searching; memory-mapped, so opening costs nothing and reads only what is asked.

    Raises:
        LabError: the index is unfinished, or the run's training tokens have changed since.
    """

    def __init__(self, tokens: np.ndarray, folder: Path) -> None:
        meta = _read_meta(folder)
        if meta.tokens != len(tokens) or meta.dtype != tokens.dtype.newbyteorder("<").str:
            raise LabError(
                "This index was made of other training tokens than the run has now.", str(folder),
                "Build the index again.",
            )  # fmt: skip
        self.tokens = tokens
        self.order = _open_array(folder / POSITIONS, meta.positions)
        self.unigrams = _open_array(folder / COUNTS, "<u8")
        # memory views answer single elements and short slices several times faster than numpy does
        self._tokens, self._positions = memoryview(self.tokens), memoryview(self.order)

    def __len__(self) -> int:
        return len(self.tokens)

    def range(self, ngram: Sequence[int]) -> tuple[int, int]:
        """Rows of the array whose suffixes begin with ``ngram``: [low, high); empty when it never occurs."""
        if BOUNDARY in ngram:
            return 0, 0
        key, rows, wanted = self._beginning(len(ngram)), range(len(self)), list(ngram)
        low = bisect.bisect_left(rows, wanted, key=key)
        return low, bisect.bisect_right(rows, wanted, lo=low, key=key)

    def count(self, ngram: Sequence[int]) -> int:
        """Occurrences of ``ngram`` in the training tokens; an n-gram that holds a boundary has none."""
        low, high = self.range(ngram)
        return high - low

    def locate(self, ngram: Sequence[int], limit: int | None = None) -> np.ndarray:
        """Offsets where ``ngram`` stands, ascending, int64; with ``limit``, evenly chosen rows of them."""
        low, high = self.range(ngram)
        if limit is not None and high - low > limit:
            rows = np.linspace(low, high - 1, limit).astype(np.int64)
        else:
            rows = slice(low, high)
        return np.sort(self.order[rows].astype(np.int64))

    def longest_match(self, ids: Sequence[int]) -> int:
        """Length of the longest beginning of ``ids`` that occurs in the training tokens.

        Of all suffixes, the two between which ``ids`` would be sorted share the most with it.
        """
        wanted = list(ids)
        if BOUNDARY in wanted:
            wanted = wanted[: wanted.index(BOUNDARY)]
        beginning = self._beginning(len(wanted))
        row = bisect.bisect_left(range(len(self)), wanted, key=beginning)
        near = [beginning(r) for r in (row - 1, row) if 0 <= r < len(self)]
        return max((_shared(wanted, tokens) for tokens in near), default=0)

    def _beginning(self, length: int):
        """A function: row of the array -> the first ``length`` tokens of its suffix."""
        tokens, positions = self._tokens, self._positions

        def beginning(row: int) -> list[int]:
            place = positions[row]
            return tokens[place : place + length].tolist()

        return beginning

    def log10_chance(self, ngram: Sequence[int]) -> float:
        """log10 of the product of the tokens' unigram probabilities: how likely by accident."""
        ids = np.asarray(ngram, np.int64)
        seen = np.where(ids < len(self.unigrams), self.unigrams[np.minimum(ids, len(self.unigrams) - 1)], 0)
        return float(np.log10(np.maximum(seen, 0.5) / max(len(self), 1)).sum())


def _shared(first: list[int], second: list[int]) -> int:
    """Length of the common beginning of two lists."""
    for place, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return place
    return min(len(first), len(second))


def _write_array(path: Path, values: np.ndarray) -> None:
    """Little-endian, without a second copy in memory, whole or absent."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        values.astype(values.dtype.newbyteorder("<"), copy=False).tofile(temporary)
        commit_file(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, path) from error


def _open_array(path: Path, dtype: str) -> np.ndarray:
    if not path.stat().st_size:
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="r")


def _read_meta(folder: Path) -> IndexMeta:
    try:
        return msgspec.json.decode((folder / META).read_bytes(), type=IndexMeta)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise LabError("This index is not finished.", str(folder), "Build the index again.") from None
