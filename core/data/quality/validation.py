"""How good a classifier is, from scores of texts that it did not learn from.

Good and candidate texts weigh the same in all figures, however many there are of each. Intervals hold 95 %
of 400 resamples of the texts (the percentile bootstrap), drawn by a fixed seed.

Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
"""

import numpy as np

BINS = 1000  # of the score; every figure but the AUROC is computed on them
SHOWN_BINS = 50  # of the histogram
THRESHOLDS = np.round(np.append(np.linspace(0, 0.95, 20), 0.99), 2)
RELIABILITY_BINS = 10
_RESAMPLES = 400


def auroc(good: np.ndarray, candidates: np.ndarray) -> float:
    """The chance that a good text scores higher than a candidate; ties count half."""
    both = np.concatenate([good, candidates])
    _, places, counts = np.unique(both, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores
    ranks = middle[places[: len(good)]]
    return float((ranks.sum() - len(good) * (len(good) + 1) / 2) / (len(good) * len(candidates)))


def measure(good: np.ndarray, candidates: np.ndarray) -> dict:
    """Everything that is reported of the scores (0..1) of good and candidate texts.

    Returns:
        auroc, accuracy (at 0.5): {value, low, high}; thresholds: at each the shares kept of both sides and
        precision and accuracy, each with its interval; roc: points (share of candidates kept, share of good
        kept); reliability: scores against what was found; calibration_error; histogram: edges and both counts.
    """
    sides = [_binned(good), _binned(candidates)]
    rng = np.random.default_rng(0)
    drawn = [rng.multinomial(len(scores), counts / counts.sum(), _RESAMPLES)
             for scores, counts in zip((good, candidates), sides)]  # fmt: skip
    kept = [_kept_from(counts[None])[0] for counts in sides]
    drawn_kept = [_kept_from(counts) for counts in drawn]
    area = np.sort(_areas(*drawn_kept))
    rows = [_at(threshold, kept, drawn_kept) for threshold in THRESHOLDS]
    middle = next(row for row in rows if row["threshold"] == 0.5)
    return {
        "auroc": {"value": round(auroc(good, candidates), 5)} | _interval(area), "accuracy": middle["accuracy"],
        "thresholds": rows, "roc": _roc(*kept), "histogram": _histogram(*sides)} | _reliability(good, candidates)


def _binned(scores: np.ndarray) -> np.ndarray:
    return np.bincount(np.minimum((scores * BINS).astype(int), BINS - 1), minlength=BINS)


def _kept_from(counts: np.ndarray) -> np.ndarray:
    """The share of texts in each bin or a higher one: (draws, BINS + 1)."""
    shares = np.cumsum(counts[:, ::-1], axis=1)[:, ::-1] / counts.sum(axis=1, keepdims=True)
    return np.concatenate([shares, np.zeros((len(counts), 1))], axis=1)


def _areas(good: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The area under each curve of (candidates kept, good kept)."""
    return np.sum((candidates[:, :-1] - candidates[:, 1:]) * (good[:, :-1] + good[:, 1:]) / 2, axis=1)


def _at(threshold: float, kept: list[np.ndarray], drawn: list[np.ndarray]) -> dict:
    """What a threshold would do."""
    bin = round(threshold * BINS)

    def figures(good, candidates) -> dict:
        precision = good / np.maximum(good + candidates, 1e-12)
        return {"good_kept": good, "candidates_kept": candidates, "precision": precision,
                "accuracy": (good + 1 - candidates) / 2}  # fmt: skip

    values = figures(*(side[bin] for side in kept))
    spread = figures(*(side[:, bin] for side in drawn))
    return {"threshold": float(threshold)} | {
        name: {"value": round(float(value), 5)} | _interval(np.sort(spread[name])) for name, value in values.items()}


def _interval(drawn: np.ndarray) -> dict:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"low": round(float(low), 5), "high": round(float(high), 5)}


def _roc(good: np.ndarray, candidates: np.ndarray) -> list[list[float]]:
    points = np.stack([candidates, good], 1)[::-1]
    new = np.concatenate([[True], np.any(np.diff(points, axis=0) != 0, axis=1)])
    points = points[new]
    at = np.unique(np.linspace(0, len(points) - 1, 200).round().astype(int))
    return points[at].round(5).tolist()


def _histogram(good: np.ndarray, candidates: np.ndarray) -> dict:
    shape = (SHOWN_BINS, BINS // SHOWN_BINS)
    return {"edges": np.linspace(0, 1, SHOWN_BINS + 1).round(4).tolist(),
            "good": good.reshape(shape).sum(1).tolist(), "candidates": candidates.reshape(shape).sum(1).tolist()}


def _reliability(good: np.ndarray, candidates: np.ndarray) -> dict:
    """Whether a score of 0.8 means that eight of ten such texts are good."""
    scores = np.concatenate([good, candidates])
    truth = np.concatenate([np.ones(len(good)), np.zeros(len(candidates))])
    weight = np.where(truth > 0, 0.5 / len(good), 0.5 / len(candidates))
    bins = np.minimum((scores * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    rows, error = [], 0.0
    for bin in range(RELIABILITY_BINS):
        inside = bins == bin
        if not inside.any():
            continue
        share = weight[inside].sum()
        score, found = (float(values[inside] @ weight[inside] / share) for values in (scores, truth))
        error += share * abs(score - found)
        rows.append({"score": round(score, 4), "good": round(found, 4), "documents": int(inside.sum())})
    return {"reliability": rows, "calibration_error": round(float(error), 5)}
