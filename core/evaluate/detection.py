"""How well a score tells wrong answers from right ones: ranking, rejection, calibration.

``scores`` are higher where more doubt is due, float (n,); ``wrong`` says which answers were wrong, bool (n,).
"""

import msgspec
import numpy as np

from core.errors import LabError

RESAMPLES = 1000
BINS = 10


class Interval(msgspec.Struct, frozen=True):
    """A value with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def auroc(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Chance that a wrong answer scores higher than a right one, ties counted half.

    Raises:
        LabError: all answers are right, or all are wrong.
    Source: Hanley & McNeil 1982, Radiology 143; Mann & Whitney 1947.
    """
    wrong = np.asarray(wrong, bool)
    n_wrong, n_right = int(wrong.sum()), int((~wrong).sum())
    if not n_wrong or not n_right:
        raise LabError(
            "There is nothing to tell apart: of {count} answers {wrong} are wrong.", "",
            "Ask questions of which some are answered rightly and some wrongly.", count=len(wrong), wrong=n_wrong)
    ranks = _ranks(np.asarray(scores, np.float64))
    return float((ranks[wrong].sum() - n_wrong * (n_wrong + 1) / 2) / (n_wrong * n_right))


def bootstrap(measure, *columns: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """A measure with its 95 % interval over resampled answers.

    Args:
        measure: takes the columns, gives a number; resamples in which it is not defined are drawn again.
        columns: one value an answer each, (n,).
    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, percentile interval.
    """
    random, columns = np.random.default_rng(seed), [np.asarray(column) for column in columns]
    value, found, tries = measure(*columns), [], 0
    while len(found) < resamples and tries < 2 * resamples:
        tries += 1
        rows = random.integers(0, len(columns[0]), len(columns[0]))
        try:
            found.append(measure(*(column[rows] for column in columns)))
        except LabError:
            pass
    low, high = np.quantile(found, [0.025, 0.975]) if found else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


def roc_curve(scores: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of right answers and share of wrong ones above each threshold, falling; both (k,), from 0 to 1."""
    hits, misses = _above(scores, wrong)
    return misses / misses[-1], hits / hits[-1]


def precision_recall(scores: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision of wrong answers at each threshold, falling; both (k,)."""
    hits, misses = _above(scores, wrong)
    return hits[1:] / hits[-1], hits[1:] / (hits[1:] + misses[1:])


def average_precision(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Area under the steps of precision over recall. Source: Zhu 2004, Recall, Precision and Average Precision."""
    recall, precision = precision_recall(scores, wrong)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def rejection_ratio(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Prediction rejection ratio: 1 = answers are refused in the best possible order, 0 = in any order.

    Areas are those under the mean rightness of what is left, over the share that was refused.
    Source: Malinin & Gales 2021, arXiv:2002.07650, section 5.
    """
    right = 1.0 - np.asarray(wrong, np.float64)
    own = _rejection_area(right[np.argsort(np.asarray(scores), kind="stable")])
    best = _rejection_area(np.sort(right)[::-1])
    chance = right.mean()
    return float((own - chance) / (best - chance)) if best > chance else 0.0


def _rejection_area(right: np.ndarray) -> float:
    """Mean rightness of the first 1, 2, ... n answers, averaged; ``right`` in order of growing doubt."""
    return float((np.cumsum(right) / np.arange(1, len(right) + 1)).mean())


class Isotonic(msgspec.Struct, frozen=True):
    """A rising step function from scores to probabilities, straight lines between its steps."""

    scores: list[float]
    values: list[float]

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probability for each score, constant outside what was seen."""
        return np.interp(scores, self.scores, self.values)


def isotonic(scores: np.ndarray, wrong: np.ndarray) -> Isotonic:
    """Probability that an answer is wrong as a rising function of its score, by least squares.

    Source: Zadrozny & Elkan 2002; pool adjacent violators, Ayer et al. 1955.
    """
    order = np.argsort(scores, kind="stable")
    places, inverse = np.unique(np.asarray(scores, np.float64)[order], return_inverse=True)
    weights = np.bincount(inverse).astype(np.float64)
    means = np.bincount(inverse, np.asarray(wrong, np.float64)[order]) / weights
    blocks: list[list[float]] = []  # mean, weight, places
    for mean, weight in zip(means, weights, strict=True):
        blocks.append([mean, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            second, first = blocks.pop(), blocks.pop()
            weight = first[1] + second[1]
            blocks.append([(first[0] * first[1] + second[0] * second[1]) / weight, weight, first[2] + second[2]])
    fitted = np.repeat([b[0] for b in blocks], [int(b[2]) for b in blocks])
    return Isotonic(places.tolist(), fitted.tolist())


def reliability(probability: np.ndarray, wrong: np.ndarray, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Mean told probability, share really wrong, and number of answers, in bins of equal width that hold any."""
    place = np.minimum((np.asarray(probability) * bins).astype(int), bins - 1)
    return [(float(np.mean(np.asarray(probability)[place == b])), float(np.mean(np.asarray(wrong)[place == b])),
             int((place == b).sum())) for b in range(bins) if (place == b).any()]  # fmt: skip


def calibration_error(probability: np.ndarray, wrong: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: mean gap between told and real shares, weighted by answers.

    Source: Naeini et al. 2015; Guo et al. 2017, arXiv:1706.04599.
    """
    found = reliability(probability, wrong, bins)
    return sum(abs(told - real) * count for told, real, count in found) / len(np.asarray(wrong))


def _above(scores: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wrong and right answers at or above each distinct score, highest first, led by 0; both (k + 1,)."""
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    ranked, wrong = np.asarray(scores)[order], np.asarray(wrong, bool)[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(wrong)[ends]
    return np.append(0, hits), np.append(0, ends + 1 - hits)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
