"""Logistic regression on sparse vectors, to its optimum, with limited-memory BFGS; the same result every time.

Minimised over weights w and intercept b, with labels y of -1 and +1 and one weight s a text:

    |w|^2 / 2 + C sum_i s_i log(1 + exp(-y_i (w x_i + b)))

the objective of LIBLINEAR and of scikit-learn's LogisticRegression, the intercept not penalised.

Source: Liu & Nocedal 1989, On the limited memory BFGS method for large scale optimization.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from core.data.quality.features import Vectors

_REMEMBERED = 10  # steps from which the curvature is guessed
_SUFFICIENT = 1e-4  # of the decrease that the slope promises (Armijo)


class Line(NamedTuple):
    """A fitted classifier: score = w x + b; above 0, good is the likelier."""

    weights: np.ndarray  # float64, (buckets,)
    intercept: float

    def margins(self, vectors: Vectors) -> np.ndarray:
        """w x + b of each text, float64."""
        return _products(vectors, self.weights) + self.intercept


def sigmoid(margins: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-margin)), without overflow."""
    small = np.exp(-np.abs(margins))
    return np.where(np.asarray(margins) >= 0, 1.0, small) / (1.0 + small)


def balanced(labels: np.ndarray) -> np.ndarray:
    """One weight a text, so that both sides weigh the same in all, and one on average."""
    good = labels > 0
    share = max(good.mean(), 1e-12), max(1 - good.mean(), 1e-12)
    return np.where(good, 0.5 / share[0], 0.5 / share[1])


def fit(vectors: Vectors, labels: np.ndarray, buckets: int, strength: float, weights: np.ndarray | None = None,
        tolerance: float = 1e-5, most_steps: int = 500, tell: Callable[[], None] = lambda: None) -> Line:  # fmt: skip
    """Fit a classifier.

    Args:
        vectors: of n texts.
        labels: -1 or +1, (n,).
        buckets: how many there are.
        strength: C above; larger trusts the texts more.
        weights: s above, (n,); 1 each without it.
        tolerance: stop when no part of the gradient is larger, as a share of C times the sum of s.
        tell: called once a step; may raise to stop.
    """
    labels = np.asarray(labels, np.float64)
    scale = strength * (np.ones(len(labels)) if weights is None else weights)
    # Buckets that no text has keep the weight 0; only the others are searched over.
    used, places = np.unique(vectors.buckets, return_inverse=True)
    packed = Vectors(places.astype(np.int64), vectors.values.astype(np.float64), vectors.offsets)
    rows = np.repeat(np.arange(len(packed)), np.diff(packed.offsets))

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        margins = labels * (_products(packed, point[:-1]) + point[-1])
        pull = -scale * labels * sigmoid(-margins)
        slope = np.bincount(packed.buckets, packed.values * pull[rows], len(used))
        value = point[:-1] @ point[:-1] / 2 + scale @ np.logaddexp(0, -margins)
        return float(value), np.append(point[:-1] + slope, pull.sum())

    point = minimise(loss, np.zeros(len(used) + 1), tolerance * scale.sum(), most_steps, tell)
    full = np.zeros(buckets)
    full[used] = point[:-1]
    return Line(full, float(point[-1]))


def _products(vectors: Vectors, weights: np.ndarray) -> np.ndarray:
    """w x of each text; sums run within a text, so they are the same in any company."""
    products = np.append(vectors.values * weights[vectors.buckets], 0.0)
    sums = np.add.reduceat(products, vectors.offsets[:-1]) if len(vectors) else products[:0]
    return np.where(np.diff(vectors.offsets) > 0, sums, 0.0)


def minimise(loss: Callable[[np.ndarray], tuple[float, np.ndarray]], point: np.ndarray, tolerance: float,
             most_steps: int, tell: Callable[[], None] = lambda: None) -> np.ndarray:  # fmt: skip
    """The point at which a smooth convex function is least.

    Args:
        loss: the value and the gradient at a point.
    """
    value, slope = loss(point)
    memory: list[tuple[np.ndarray, np.ndarray, float]] = []  # step, change of the slope, 1 / their product
    for _ in range(most_steps):
        tell()
        if np.abs(slope).max() <= tolerance:
            break
        way = -_guess(slope, memory)
        promised, length = float(slope @ way), 1.0 if memory else 1.0 / max(1.0, float(np.abs(slope).max()))
        while True:
            after = point + length * way
            new_value, new_slope = loss(after)
            if new_value <= value + _SUFFICIENT * length * promised:
                break
            length /= 2
            if length < 1e-12:
                return point  # as near as the precision allows
        step, change = after - point, new_slope - slope
        point, value, slope = after, new_value, new_slope
        if (product := float(step @ change)) > 1e-10 * float(change @ change):
            memory = [*memory[-_REMEMBERED + 1 :], (step, change, 1.0 / product)]
    return point


def _guess(slope: np.ndarray, memory: list[tuple[np.ndarray, np.ndarray, float]]) -> np.ndarray:
    """The slope times the inverse curvature, as the last steps let one guess it (the two-loop recursion)."""
    found, shares = slope.copy(), []
    for step, change, inverse in reversed(memory):
        share = inverse * float(step @ found)
        shares.append(share)
        found -= share * change
    if memory:
        step, change, inverse = memory[-1]
        found /= inverse * float(change @ change)
    for (step, change, inverse), share in zip(memory, reversed(shares), strict=True):
        found += (share - inverse * float(change @ found)) * step
    return found
