"""Every place of any run of tokens in the training text, found by binary search.

A suffix array lists all positions of a text in the order of what follows them, so that all
occurrences of an n-gram stand side by side: a count costs two binary searches.
Source: Manber & Myers 1993, doi:10.1137/0222058.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.kernels import suffix
from core.kernels.suffix import BOUNDARY
from core.record.atomic import TEMPORARY, commit_file, disk_error, write_json

POSITIONS, COUNTS, META = "sa.bin", "unigrams.bin", "index.json"
_COUNTED = 1 << 22  # tokens counted at once


class IndexMeta(msgspec.Struct, frozen=True):
    """What an index was made of; an index that no longer fits its run is refused."""

    run: str
    tokens: int
    dtype: str
    positions: str
    tokenizer: str = ""  # sha256 of the run's tokenizer file; empty in indexes made before it was told


def build(
    tokens: np.ndarray, folder: Path, run: str, memory_bytes: int = 1 << 32, tokenizer: str = "",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:  # fmt: skip
    """Write the index of ``tokens`` into ``folder``; returns its size in bytes.

    Each file is written under a temporary name and renamed, ``index.json`` last: an index is
    finished exactly when that file exists.

    Args:
        memory_bytes: what sorting may take. A longer text is sorted in parts of whole documents, which are then
            merged on disk; one document longer than that is still sorted whole.
        progress: called with tokens sorted and in all; may raise to stop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        places = _write_order(tokens, folder, memory_bytes, progress)
        _write(folder / COUNTS, count_tokens(tokens).astype("<u8").tofile)
    except OSError as error:
        raise disk_error(error, folder) from error
    write_json(folder / META, msgspec.to_builtins(IndexMeta(
        run, len(tokens), tokens.dtype.newbyteorder("<").str, places.str, tokenizer)))  # fmt: skip
    return sum((folder / name).stat().st_size for name in (POSITIONS, COUNTS, META))


def count_tokens(tokens: np.ndarray) -> np.ndarray:
    """How often each token id occurs, int64, up to the greatest id there is."""
    counts = np.zeros(1, np.int64)
    for at in range(0, len(tokens), _COUNTED):
        found = np.bincount(tokens[at : at + _COUNTED])
        counts, found = sorted((counts, found), key=len)
        found[: len(counts)] += counts
        counts = found
    return counts


def parts(tokens: np.ndarray, most: int) -> list[tuple[int, int]]:
    """Stretches [begin, end) of whole documents, of at most ``most`` tokens where no document is longer."""
    cuts, begin = [], 0
    while len(tokens) - begin > most:
        starts = np.flatnonzero(tokens[begin + 1 : begin + 1 + most] == BOUNDARY)
        end = begin + 1 + int(starts[-1]) if len(starts) else _next_boundary(tokens, begin + 1 + most)
        cuts.append((begin, end))
        begin = end
    return cuts + [(begin, len(tokens))] if begin < len(tokens) or not cuts else cuts


def _next_boundary(tokens: np.ndarray, place: int) -> int:
    for at in range(place, len(tokens), _COUNTED):
        starts = np.flatnonzero(tokens[at : at + _COUNTED] == BOUNDARY)
        if len(starts):
            return at + int(starts[0])
    return len(tokens)


def _write_order(tokens: np.ndarray, folder: Path, memory_bytes: int, progress: Callable[[int, int], None]) -> np.dtype:
    """Sort, in parts if need be, and write the suffix array; returns the type of its places."""
    stretches = parts(tokens, min(max(memory_bytes // suffix.sort_bytes(), 1), suffix.MOST))
    if len(stretches) == 1:
        _write(folder / POSITIONS, suffix.sort(tokens).astype("<u4", copy=False).tofile)
        progress(len(tokens), len(tokens))
        return np.dtype("<u4")
    dtype = np.dtype("<u4" if len(tokens) <= np.iinfo(np.uint32).max else "<u8")
    files = [folder / f"{TEMPORARY}part-{i}" for i in range(len(stretches))]
    try:
        for file, (begin, end) in zip(files, stretches, strict=True):
            suffix.sort(tokens[begin:end]).tofile(file)
            progress(end, 2 * len(tokens))  # merging takes about as long again
        _write(folder / POSITIONS, lambda path: _merge(tokens, stretches, files, path, dtype))
        progress(2 * len(tokens), 2 * len(tokens))
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return dtype


def _merge(
    tokens: np.ndarray, stretches: list[tuple[int, int]], files: list[Path], path: Path, dtype: np.dtype
) -> None:
    out = np.memmap(path, dtype, "w+", shape=len(tokens))
    sorted_parts = [(begin, np.memmap(file, np.uint32, "r")) for (begin, _), file in zip(stretches, files, strict=True)]
    suffix.merge(tokens, sorted_parts, out)
    out.flush()


def _write(path: Path, write: Callable[[Path], None]) -> None:
    """Whole or absent."""
    temporary = path.with_name(f"{TEMPORARY}{path.name}")
    try:
        write(temporary)
        commit_file(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


class SuffixArray:
    """An index opened for searching; memory-mapped, so opening costs nothing and reads only what is asked.

    Args:
        tokenizer: sha256 of the run's tokenizer file, where it is to be checked.

    Raises:
        LabError: the index is unfinished, or the run's training tokens or its tokenizer have changed since.
    """

    def __init__(self, tokens: np.ndarray, folder: Path, tokenizer: str = "") -> None:
        meta = _read_meta(folder)
        if tokenizer and meta.tokenizer and tokenizer != meta.tokenizer:
            raise LabError(
                "This index was made with another tokenizer than the run has now, so its tokens are other words.",
                str(folder), "Build the index again.",
            )  # fmt: skip
        if meta.tokens != len(tokens) or meta.dtype != tokens.dtype.newbyteorder("<").str:
            raise LabError(
                "This index was made of other training tokens than the run has now.", str(folder),
                "Build the index again.",
            )  # fmt: skip
        self.tokens = tokens
        self.order = _open_array(folder / POSITIONS, meta.positions)
        self.unigrams = _open_array(folder / COUNTS, "<u8")
        first = np.concatenate([[0], np.cumsum(self.unigrams, dtype=np.int64)])
        self._search = suffix.search(self.tokens, self.order, first)

    def __len__(self) -> int:
        return len(self.tokens)

    def rows(self, ngrams: Sequence[Sequence[int]]) -> np.ndarray:
        """Rows [low, high) of the array for each n-gram, none of them empty, int64, (n, 2)."""
        return self._search.rows(ngrams)

    def range(self, ngram: Sequence[int]) -> tuple[int, int]:
        """Rows of the array whose suffixes begin with ``ngram``: [low, high); empty when it never occurs."""
        return self._search.range(ngram) if len(ngram) else (0, len(self))

    def count(self, ngram: Sequence[int]) -> int:
        """Occurrences of ``ngram`` in the training tokens; an n-gram that holds a boundary has none."""
        low, high = self.range(ngram)
        return high - low

    def locate(self, ngram: Sequence[int], limit: int | None = None) -> np.ndarray:
        """Offsets where ``ngram`` stands, ascending, int64; with ``limit``, evenly chosen rows of them."""
        return self.places(*self.range(ngram), limit)

    def places(self, low: int, high: int, limit: int | None = None) -> np.ndarray:
        """Offsets in the rows [low, high), ascending, int64; with ``limit``, evenly chosen rows of them."""
        if limit is not None and high - low > limit:
            rows = np.linspace(low, high - 1, limit).astype(np.int64)
        else:
            rows = slice(low, high)
        return np.sort(self.order[rows].astype(np.int64))

    def longest_match(self, ids: Sequence[int]) -> int:
        """Length of the longest beginning of ``ids`` that occurs in the training tokens."""
        return int(self.reach(ids, [0], [len(ids)])[0])

    def reach(self, ids: Sequence[int], begins: Sequence[int], ends: Sequence[int]) -> np.ndarray:
        """Length of the longest beginning of each ``ids[begin:end]`` that occurs in the training tokens, int64."""
        return self._search.reach(ids, begins, ends)

    def next_tokens(self, context: Sequence[int], limit: int = 100_000) -> dict[int, float]:
        """How often each token follows ``context`` in the training tokens: {token: times}; 0 is a document's end.

        Of more than ``limit`` occurrences, evenly chosen ones are asked and the counts are estimates.
        """
        low, high = self.range(context)
        places = self.places(low, high, limit) + len(context)
        followers = np.where(places < len(self), self.tokens[np.minimum(places, len(self) - 1)], BOUNDARY)
        found, times = np.unique(followers, return_counts=True)
        return dict(zip(found.tolist(), (times * ((high - low) / max(len(places), 1))).tolist(), strict=True))

    def chance(self, context: Sequence[int], token: int) -> tuple[float, int]:
        """p(token | context) under the infinite n-gram model, and how many tokens of the context it could use.

        The longest end of the context that occurs at all decides: count(end + token) / count(end).
        Source: Liu et al. 2024, Infini-gram, arXiv:2401.17377.
        """
        context = list(context)
        counts = np.diff(self.rows([context[i:] for i in range(len(context))]))[:, 0] if context else []
        used = next((len(context) - i for i, count in enumerate(counts) if count), 0)
        end = context[len(context) - used :]
        return self.count([*end, token]) / max(self.count(end), 1), used

    def log10_chance(self, ngram: Sequence[int]) -> float:
        """log10 of the product of the tokens' unigram probabilities: how likely by accident."""
        return float(self.log10_chances(ngram).sum())

    def log10_chances(self, ids: Sequence[int]) -> np.ndarray:
        """log10 of the unigram probability of each token, half a sighting where it was never seen, float64."""
        ids = np.asarray(ids, np.int64)
        seen = np.where(ids < len(self.unigrams), self.unigrams[np.minimum(ids, len(self.unigrams) - 1)], 0)
        return np.log10(np.maximum(seen, 0.5) / max(len(self), 1))


def _open_array(path: Path, dtype: str) -> np.ndarray:
    if not path.stat().st_size:
        return np.zeros(0, dtype)
    return np.memmap(path, dtype, mode="r")


def _read_meta(folder: Path) -> IndexMeta:
    try:
        return msgspec.json.decode((folder / META).read_bytes(), type=IndexMeta)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise LabError("This index is not finished.", str(folder), "Build the index again.") from None
