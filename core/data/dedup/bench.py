"""Near-duplicates found by our kernels and by rensa, in turn, on one core: ``python main.py bench clean``.

Both do the same work with the same settings: 5-grams of words, 112 permutations, 14 bands of 8 rows, and say of
every document whether it has a near-duplicate. Ours compares every candidate exactly besides; rensa
0.5.0 answers from the bands alone, which is the fastest way it publishes (``query_duplicate_flags_matrix_one_shot``).
"""

import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from core.data.dedup.near import narrow
from core.data.dedup.synthetic import Made, exact_clusters, near_duplicates
from core.errors import LabError
from core.kernels import minhash

DOCUMENTS = 100_000
WORDS, BANDS, ROWS, THRESHOLD = 5, 14, 8, 0.8
_SEED = 1
_FEWEST_ROUNDS = 3

Flags = Callable[[], np.ndarray]  # bool, (D,): which documents have a near-duplicate


def rows_of_near_duplicates(seconds: float = 60.0, documents: int = DOCUMENTS) -> list[dict]:
    """Time both on invented documents with known edits, and measure what each finds.

    Args:
        seconds: about how long the timing may take; the making of documents and truth comes on top.
    Returns:
        rows {name, unit, ours, rival, rival_name, ratio, spread}: speeds are medians, with the quartiles of
        the rounds' ratios; recall and precision are of the documents said to have a near-duplicate, against exact
        Jaccard of sets of words computed without any hash; these do not vary between rounds.
    Raises:
        LabError: rensa is not installed; remedy: install what the tests need.
    """
    os.environ["RAYON_NUM_THREADS"] = "1"  # read once, when rensa starts its threads
    try:
        import rensa
    except ImportError:
        raise LabError("rensa, which is measured against, is not installed.", "bench clean",
                       "Run: pip install -r requirements-dev.txt") from None
    made = near_duplicates(documents)
    true = _in_clusters(exact_clusters(made, THRESHOLD))
    ready = _Ready(made)
    duels = [
        ("near-duplicates, from texts", "rensa R-MinHash", lambda: ours(ready.texts),
         lambda: _rensa(rensa, rensa.RMinHash.digest_matrix_from_token_sets(
             _python_shingles(ready.texts), num_perm=BANDS * ROWS, seed=_SEED))),
        ("near-duplicates, from hashed shingles", "rensa R-MinHash", ready.ours,
         lambda: _rensa(rensa, rensa.RMinHash.digest_matrix_from_flat_token_hashes(
             ready.hashes, ready.ends, num_perm=BANDS * ROWS, seed=_SEED))),
        ("near-duplicates, from hashed shingles", "rensa R-MinHash rho (samples the words)", ready.ours,
         lambda: _rensa(rensa, rensa.RMinHash.digest_matrix_from_flat_token_hashes_rho(
             ready.hashes, ready.ends, num_perm=BANDS * ROWS, seed=_SEED))),
    ]  # fmt: skip
    rows = []
    for name, rival, us, them in duels:
        timed, flags, their_flags = _duel(us, them, documents, seconds / len(duels))
        rows.append({"name": name, "rival_name": rival, **timed})
        rows += _found(rival, name, flags, their_flags, true)
    return rows


def ours(texts: list[str]) -> np.ndarray:
    """Which texts have a near-duplicate: bool, (D,)."""
    hashes, starts, _ = minhash.shingles(texts, WORDS)
    return _in_clusters(clusters(narrow(hashes), starts))


def clusters(shingles: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The first document of the cluster of each: the barrier's work on what fits into memory, (D,)."""
    count = len(starts) - 1
    keys = minhash.MinHash(BANDS, ROWS).keys(shingles, starts)
    pairs = minhash.band_pairs(keys.reshape(-1), np.repeat(np.arange(count, dtype=np.uint32), BANDS))
    parents = np.arange(count, dtype=np.uint32)
    minhash.merge(shingles, starts, pairs >> np.uint64(32), pairs & np.uint64(0xFFFFFFFF), THRESHOLD, parents)
    while not np.array_equal(above := parents[parents], parents):
        parents = above
    return parents


class _Ready:
    """The documents as each side likes them best, prepared before the clock starts."""

    def __init__(self, made: Made) -> None:
        self.texts = made.texts
        self.hashes, self.starts, _ = minhash.shingles(made.texts, WORDS)
        self.ends, self.shingles = self.starts.astype(np.uint64), narrow(self.hashes)

    def ours(self) -> np.ndarray:
        return _in_clusters(clusters(self.shingles, self.starts))


def _python_shingles(texts: list[str]) -> list[list[str]]:
    """As rensa's own benchmark makes them, stops taken away as ours are."""
    found = []
    for text in texts:
        words = text.lower().replace(".", " ").split()
        found.append(list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:]))))
    return found


def _rensa(rensa, matrix) -> np.ndarray:
    lsh = rensa.RMinHashLSH(threshold=THRESHOLD, num_perm=BANDS * ROWS, num_bands=BANDS)
    return np.array(lsh.query_duplicate_flags_matrix_one_shot(matrix), bool)


def _in_clusters(first: np.ndarray) -> np.ndarray:
    """Which documents share their cluster with another."""
    return np.bincount(first, minlength=len(first))[first] > 1


def _duel(us: Flags, them: Flags, documents: int, seconds: float) -> tuple[dict, np.ndarray, np.ndarray]:
    """Run the two in turn for about ``seconds``, at least three rounds each."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < _FEWEST_ROUNDS or time.perf_counter() < end:
        (our_s, flags), (their_s, their_flags) = _time(us), _time(them)
        times.append((our_s, their_s))
    our_s, their_s = (statistics.median(column) for column in zip(*times, strict=True))
    low, _, high = statistics.quantiles([b / a for a, b in times], n=4)
    row = {"unit": "documents/s", "ours": round(documents / our_s), "rival": round(documents / their_s),
           "ratio": round(their_s / our_s, 3), "spread": [round(low, 3), round(high, 3)]}
    return row, flags, their_flags


def _time(run: Flags) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    flags = run()
    return time.perf_counter() - start, flags


def _found(rival: str, name: str, flags: np.ndarray, their_flags: np.ndarray, true: np.ndarray) -> list[dict]:
    """Recall and precision of both."""
    rows = []
    for what in ("recall", "precision"):
        mine, theirs = (float((found & true).sum() / max((true if what == "recall" else found).sum(), 1))
                        for found in (flags, their_flags))
        ratio = round(mine / theirs, 3) if theirs else 0.0
        rows.append({"name": f"{what} of {name}", "unit": "share", "ours": round(mine, 4), "rival": round(theirs, 4),
                     "rival_name": rival, "ratio": ratio, "spread": [ratio, ratio]})
    return rows
