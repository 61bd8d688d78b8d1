"""What word vectors know: which words are alike, and which stands to a word as another pair stands. No torch."""

from collections.abc import Iterable

import numpy as np


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Every row scaled to length one, so that a product is a cosine; float32 (V, D). Rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def nearest(rows: np.ndarray, to: np.ndarray, count: int, without: Iterable[int] = ()) -> list[tuple[int, float]]:
    """The tokens that point most nearly as ``to`` does, each with its cosine, nearest first.

    Args:
        rows: unit rows, (V, D).
        to: (D,).
        without: tokens that are not wanted.
    """
    cosines = rows @ (to / max(float(np.linalg.norm(to)), 1e-12))
    cosines[[*without]] = -np.inf
    order = np.argsort(-cosines, kind="stable")[:count]
    return [(int(id), float(cosines[id])) for id in order if np.isfinite(cosines[id])]


def analogy(rows: np.ndarray, man: int, king: int, woman: int, count: int = 1) -> list[tuple[int, float]]:
    """What is to ``woman`` as ``king`` is to ``man``: the tokens nearest to king - man + woman, those three left out.

    Source: Mikolov et al. 2013, Linguistic Regularities in Continuous Space Word Representations, NAACL.
    """
    return nearest(rows, rows[king] - rows[man] + rows[woman], count, {man, king, woman})


def analogy_score(rows: np.ndarray, questions: Iterable[tuple[int, int, int, int]]) -> float:
    """Share of questions (man, king, woman, queen) whose last word is the nearest; NaN where none is asked."""
    told = [analogy(rows, man, king, woman)[0][0] == queen for man, king, woman, queen in questions]
    return float(np.mean(told)) if told else float("nan")
