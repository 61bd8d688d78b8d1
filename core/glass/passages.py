"""Training text in stretches that a model reads at once, and which of them have the most in common with an answer."""

import numpy as np

_AT_ONCE = 1 << 22  # tokens looked through at once


def passages(doc_starts: np.ndarray, tokens: int, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents cut into stretches of at most ``context`` predicted tokens: where each begins and ends, int64.

    The first of a document begins with its boundary, each further one with the last token of the one before.
    """
    edges = np.append(np.asarray(doc_starts, np.int64), tokens)
    pieces = np.maximum(-(-(np.diff(edges) - 1) // context), 1)
    owner = np.repeat(np.arange(len(pieces)), pieces)
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = edges[owner] + within * context
    return starts, np.minimum(starts + context + 1, edges[owner + 1])


def closest(tokens: np.ndarray, starts: np.ndarray, ends: np.ndarray, asked: list[int], most: int) -> np.ndarray:
    """Rows of at most so many passages with something to predict, ascending, int64.

    Where there are more, those with the most of the ``asked`` tokens: each counts once a passage, the rarer the more.
    """
    worth = np.flatnonzero(ends - starts > 1)
    if len(worth) <= most:
        return worth
    wanted = np.unique([id for id in asked if id])
    number = np.full(int(wanted[-1]) + 2, -1)  # of a token among those wanted; the last is any greater id
    number[wanted] = np.arange(len(wanted))
    held, counts = [], np.zeros(len(wanted))
    for at in range(0, len(tokens), _AT_ONCE):
        found = number[np.minimum(tokens[at : at + _AT_ONCE], len(number) - 1)]
        places = np.flatnonzero(found >= 0)
        counts += np.bincount(found[places], minlength=len(wanted))
        passage = np.searchsorted(starts, at + places, side="right") - 1
        held.append(np.unique(passage * len(wanted) + found[places]))
    held = np.unique(np.concatenate(held))
    weight = np.log1p(len(tokens) / np.maximum(counts, 1))
    scores = np.bincount(held // len(wanted), weight[held % len(wanted)], minlength=len(starts))
    return np.sort(worth[np.argsort(-scores[worth], kind="stable")[:most]])
