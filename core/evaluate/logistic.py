"""Logistic regression of a few scores: how likely an answer is wrong, given all of them."""

import msgspec
import numpy as np

ROUNDS, CLOSE = 100, 1e-9


class Logistic(msgspec.Struct, frozen=True):
    """A fitted model: scores are first brought to mean 0 and deviation 1."""

    means: list[float]
    deviations: list[float]
    weights: list[float]
    bias: float

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Log-odds of being wrong, float64 (n,), for scores (n, k)."""
        return (scores - np.array(self.means)) / np.array(self.deviations) @ np.array(self.weights) + self.bias


def fit_logistic(scores: np.ndarray, wrong: np.ndarray, penalty: float = 1.0) -> Logistic:
    """Fit by Newton's method.

    Args:
        scores: (n, k).
        wrong: bool (n,).
        penalty: half of it times the squared weights is added to the summed loss; the bias is free.
    Source: Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 4.4.1.
    """
    scores = np.asarray(scores, np.float64)
    means, deviations = scores.mean(0), scores.std(0)
    deviations[deviations == 0] = 1.0
    design = np.column_stack([(scores - means) / deviations, np.ones(len(scores))])
    target = np.asarray(wrong, np.float64)
    pull = np.append(np.full(scores.shape[1], penalty), 1e-9)
    weights = np.zeros(design.shape[1])
    loss = _loss(design, target, weights, pull)
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -500, 500)))
        gradient = design.T @ (p - target) + pull * weights
        step = np.linalg.solve((design.T * (p * (1 - p))) @ design + np.diag(pull), gradient)
        share = 1.0
        while (lower := _loss(design, target, weights - share * step, pull)) > loss and share > 1e-6:
            share /= 2  # never uphill
        weights = weights - share * step
        if loss - lower < CLOSE:
            break
        loss = lower
    return Logistic(means.tolist(), deviations.tolist(), weights[:-1].tolist(), float(weights[-1]))


def _loss(design: np.ndarray, target: np.ndarray, weights: np.ndarray, pull: np.ndarray) -> float:
    odds = design @ weights
    return float((np.logaddexp(0.0, odds) - target * odds).sum() + 0.5 * (pull * weights**2).sum())
