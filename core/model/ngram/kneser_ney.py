"""From counts to probabilities: interpolated, modified Kneser-Ney smoothing.

Source: Chen & Goodman 1998, An Empirical Study of Smoothing Techniques for Language Modeling,
TR-10-98, sections 4.1.5 and 5; adjusted counts as in Heafield et al. 2013, Scalable Modified
Kneser-Ney Language Model Estimation.
"""

import numpy as np

from core.model.ngram.counts import Counts, find
from core.model.ngram.model import NgramModel

# Where a text is too small to estimate them: those KenLM falls back to.
FALLBACK = (0.5, 1.0, 1.5)


def estimate(counts: Counts) -> NgramModel:
    """The language model of counted text.

    With a(h w) the adjusted count of an n-gram (context h, token w), h' the context without its first token:

        p(w | h) = (a(h w) - D(a(h w))) / sum_v a(h v) + gamma(h) p(w | h')
        gamma(h) = sum_v D(a(h v)) / sum_v a(h v)

    The recursion ends in 1 / vocab_size, so every token has some probability after any context.
    """
    size = np.uint64(counts.vocab_size)
    log_p, log_gamma, every_discount = [], [], []
    shorter = None  # probabilities of the level below
    for n, (adjusted, link) in enumerate(_levels(counts), 1):
        discounts = discounts_of(adjusted)
        taken = np.array((0.0, *discounts))[np.minimum(adjusted, 3)]
        if n == 1:
            total = adjusted.sum()
            p = (adjusted - taken + taken.sum() / counts.vocab_size) / total if total else taken + 1 / len(taken)
        else:
            parents = (counts.keys[n - 2] // size).astype(np.int64)
            total = np.bincount(parents, adjusted, len(shorter))
            gamma = np.bincount(parents, taken, len(shorter)) / np.maximum(total, 1)
            gamma[total == 0] = 1.0  # a context that nothing follows: all is left to the shorter one
            log_gamma.append(np.log(gamma).astype(np.float32))
            p = (adjusted - taken) / total[parents] + gamma[parents] * shorter[link]
        log_p.append(np.log(p).astype(np.float32))
        every_discount.append(discounts)
        shorter = p
    return NgramModel(counts.vocab_size, counts.boundary, counts.keys, log_p, log_gamma, every_discount)


def _levels(counts: Counts):
    """Adjusted counts and links of each level, from 1 on.

    The adjusted count of an n-gram is in how many different ways it is preceded; of the longest n-grams, and
    of those that begin a document, which nothing precedes, it is how often they occur.
    """
    size, order = np.uint64(counts.vocab_size), counts.order
    link, first = None, (counts.boundary, counts.boundary + 1)  # nodes that begin with the boundary: a stretch
    for n in range(1, order + 1):
        if n > 1:
            keys = counts.keys[n - 2]
            first = tuple(int(i) for i in np.searchsorted(keys, np.array(first, np.uint64) * size))
        adjusted, longer = counts.counts[n - 1], None
        if n < order:
            longer = _links(counts, n + 1, link)
            preceded = np.bincount(longer, minlength=len(adjusted))
            if n > 1:
                preceded[slice(*first)] = adjusted[slice(*first)]
            adjusted = preceded
        yield adjusted, link
        link = longer


def _links(counts: Counts, n: int, shorter: np.ndarray | None) -> np.ndarray:
    """Of every n-gram the node of its last n - 1 tokens, int64; ``shorter`` has those of level n - 1."""
    size, keys = np.uint64(counts.vocab_size), counts.keys[n - 2]
    if n == 2:
        return (keys % size).astype(np.int64)
    wanted = shorter[(keys // size).astype(np.int64)].astype(np.uint64) * size + keys % size
    return find(counts.keys[n - 3], wanted)


def discounts_of(adjusted: np.ndarray) -> tuple[float, float, float]:
    """What is taken from n-grams with adjusted counts of 1, of 2, and of 3 or more.

    With t_k n-grams of adjusted count k: Y = t_1 / (t_1 + 2 t_2), D_k = k - (k + 1) Y t_{k+1} / t_k.
    Where the text is too small for that, fixed discounts stand in.
    """
    t = np.bincount(np.minimum(adjusted, 5), minlength=6).astype(float)
    if t[1:5].all():
        y = t[1] / (t[1] + 2 * t[2])
        found = tuple(float(k - (k + 1) * y * t[k + 1] / t[k]) for k in (1, 2, 3))
        if all(0 < d < k for k, d in enumerate(found, 1)):
            return found
    return FALLBACK
