"""A quality classifier: how likely a text is of the good kind, were good and candidate text equally common."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from core.data.quality.features import BITS, BUCKETS, Vectors, spelled, vector_of
from core.data.quality.logistic import Line, balanced, fit, sigmoid
from core.errors import LabError

WEIGHTS, META = "weights.npy", "classifier.json"
_TOLERANCE = 1e-4  # of the fit: scores are then right to about two digits
_LEAST_TEXTS = 3  # that an n-gram must stand in to be shown


class Classifier:
    """Scores texts from 0 (like the candidates) to 1 (like the good text)."""

    def __init__(self, weights: np.ndarray, intercept: float) -> None:
        self.weights, self.intercept = weights, intercept  # float32, (BUCKETS,)

    @classmethod
    def learn(cls, vectors: Vectors, labels: np.ndarray, strength: float,
              tell: Callable[[], None] = lambda: None) -> "Classifier":  # fmt: skip
        """Fit to texts of both kinds.

        Args:
            labels: +1 good, -1 candidate.
            strength: inverse of the regularisation.
            tell: called once a step; may raise to stop.
        """
        line = fit(vectors, labels, BUCKETS, strength, balanced(labels), _TOLERANCE, tell=tell)
        return cls(line.weights.astype(np.float32), line.intercept)

    def score(self, text: str) -> float | None:
        """0..1; None where the text holds no word and no character to go by."""
        buckets, values = vector_of(text)
        return float(sigmoid(values @ self.weights[buckets] + self.intercept)) if len(buckets) else None

    def scores(self, vectors: Vectors) -> np.ndarray:
        """The scores of many texts, float64."""
        return sigmoid(Line(self.weights, self.intercept).margins(vectors))

    def save(self, folder: Path) -> None:
        """Write the weights and the intercept into a job's folder."""
        np.save(Path(folder) / WEIGHTS, self.weights, allow_pickle=False)
        (Path(folder) / META).write_text(json.dumps({"bits": BITS, "intercept": self.intercept}), "utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Classifier":
        """The classifier in a finished job's folder.

        Raises:
            LabError: there is none, or it is damaged.
        """
        try:
            meta = json.loads((Path(folder) / META).read_text("utf-8"))
            weights = np.load(Path(folder) / WEIGHTS, allow_pickle=False)
            if meta["bits"] != BITS or weights.shape != (BUCKETS,):
                raise ValueError("another number of buckets")
            return cls(weights, meta["intercept"])
        except (OSError, ValueError, KeyError) as error:
            raise LabError("There is no finished classifier here.", str(folder), "Train it to its end.") from error


def telling_features(classifier: Classifier, vectors: Vectors, labels: np.ndarray, texts: Iterable[str],
                     most: int) -> dict:  # fmt: skip
    """The n-grams that do most to part the two sides: by weight times the difference of their mean values.

    Args:
        vectors: of all texts.
        labels: of them, +1 good, -1 candidate.
        texts: some of them, in which the spelling of a bucket is looked up; read once.
        most: how many for each side.
    Returns:
        {"good": [{"text", "weight", "documents"}], "candidates": [...]}, the most telling first. A bucket is
        spelled as the n-gram that falls into it most often.
    """
    texts_with = np.bincount(vectors.buckets, minlength=BUCKETS)
    share = np.where(labels > 0, 1 / max((labels > 0).sum(), 1), -1 / max((labels < 0).sum(), 1))
    lean = np.bincount(vectors.buckets, vectors.values * np.repeat(share, np.diff(vectors.offsets)), BUCKETS)
    pull = np.abs(lean) * np.where(classifier.weights * lean > 0, classifier.weights, 0)
    pull[texts_with < min(_LEAST_TEXTS, len(vectors))] = 0
    order = np.argsort(pull, kind="stable")
    sides = {"good": order[::-1][:most], "candidates": order[:most]}
    sides = {side: [int(b) for b in found if (pull[b] > 0) == (side == "good") and pull[b]]
             for side, found in sides.items()}  # fmt: skip
    wanted = {bucket for found in sides.values() for bucket in found}
    spellings: dict[int, Counter] = defaultdict(Counter)
    for text in texts:
        for bucket, gram in spelled(text):
            if bucket in wanted:
                spellings[bucket][gram] += 1
    return {side: [{"text": spellings[b].most_common(1)[0][0], "weight": round(float(classifier.weights[b]), 4),
                    "documents": int(texts_with[b])} for b in found if spellings[b]]
            for side, found in sides.items()}  # fmt: skip
