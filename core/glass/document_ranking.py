"""The training documents that are closest to a text by their words, whether or not they share a wording with it.

Okapi BM25 (Robertson & Zaragoza 2009, doi:10.1561/1500000019) with Lucene's non-negative IDF, its scores worked out
beforehand and mapped from the disk by bm25s (Lù 2024, arXiv:2407.03618).
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from core.glass.ranking import K1, B
from core.glass.words import words
from core.record.atomic import TEMPORARY, commit_dir

FOLDER, ROWS = "words", "rows.npy"
BYTES_A_BYTE = 16  # of memory for each byte of text while the scores are worked out
SCORED_CHARACTERS = 50_000  # of a document; BM25 of a whole book would not rank it better
_CHECKED_EVERY = 1000  # documents


def fits(text_bytes: int, memory_bytes: int) -> bool:
    """Whether so much text can be ranked within so much memory."""
    return text_bytes * BYTES_A_BYTE <= memory_bytes


def build(texts: Iterable[tuple[int, str]], folder: Path, check: Callable[[], None] = lambda: None) -> int:
    """Write the scores of (row, text) pairs into ``folder/words``; returns their bytes.

    Args:
        check: called now and then; may raise to stop.
    """
    from bm25s import BM25
    from bm25s.tokenization import Tokenized

    numbers: dict[str, int] = {}
    rows, ids = [], []
    for row, text in texts:
        rows.append(row)
        ids.append(np.array([numbers.setdefault(word, len(numbers)) for word in words(text[:SCORED_CHARACTERS])], "i4"))
        if len(rows) % _CHECKED_EVERY == 0:
            check()
    if not numbers:
        return 0
    ranking = BM25(k1=K1, b=B, method="lucene")
    ranking.index(Tokenized(ids=[one.tolist() for one in ids], vocab=numbers), show_progress=False)
    temporary = folder / f"{TEMPORARY}{FOLDER}"
    shutil.rmtree(temporary, ignore_errors=True)
    ranking.save(temporary, show_progress=False)
    np.save(temporary / ROWS, np.array(rows, np.int64))
    commit_dir(temporary, folder / FOLDER)
    return sum(file.stat().st_size for file in (folder / FOLDER).iterdir())


class DocumentRanking:
    """The scores of an index, mapped; ``open`` gives None where it has none."""

    def __init__(self, folder: Path) -> None:
        from bm25s import BM25

        self._ranking = BM25.load(folder / FOLDER, mmap=True, show_progress=False)
        self._rows = np.load(folder / FOLDER / ROWS)

    @classmethod
    def open(cls, folder: Path) -> "DocumentRanking | None":
        """The ranking of an index, if one was built with it."""
        return cls(folder) if (folder / FOLDER / ROWS).is_file() else None

    def closest(self, text: str, limit: int) -> list[tuple[int, float]]:
        """(row of the kept documents, score) of those that share words with ``text``, closest first."""
        asked = [word for word in dict.fromkeys(words(text)) if word in self._ranking.vocab_dict]
        if not asked:
            return []
        scores = self._ranking.get_scores(asked)
        best = np.argsort(-scores, kind="stable")[:limit]
        return [(int(self._rows[place]), float(scores[place])) for place in best if scores[place] > 0]
