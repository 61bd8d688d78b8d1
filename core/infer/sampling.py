"""From logits to the next token, with numpy alone.

The samplers run in llama.cpp's default order (its ``--samplers`` default is penalties, dry,
top_n_sigma, top_k, typ_p, top_p, min_p, xtc, temperature; those not offered here are off by
default there): repetition penalty, top-k, top-p, min-p, temperature. Each filter sees the
probabilities renormalised over what the filters before it left.
"""

from collections.abc import Sequence

import numpy as np

from core.spec.sampling import SamplingSpec


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities of ``logits`` along the last axis, float64, same shape."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def penalize_repetition(logits: np.ndarray, recent: Sequence[int], penalty: float) -> np.ndarray:
    """Divide positive and multiply negative logits of the ``recent`` ids by ``penalty``, once each.

    Args:
        logits: float, (V,); not changed.
    Source: Keskar et al. 2019, CTRL, arXiv:1909.05858; the sign rule is llama.cpp's and Hugging Face's.
    """
    logits = np.array(logits, dtype=np.float64)
    if penalty == 1.0 or not len(recent):
        return logits
    ids = np.unique(np.asarray(recent, dtype=np.int64))
    seen = logits[ids]
    logits[ids] = np.where(seen > 0, seen / penalty, seen * penalty)
    return logits


def keep_top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Mask, bool (V,), of the ``k`` largest logits; all when k is 0; the lower id wins a tie."""
    kept = np.ones(logits.shape, dtype=bool)
    if 0 < k < logits.size:
        kept[_descending(logits)[k:]] = False
    return kept


def keep_top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Mask, bool (V,), of the smallest set of likeliest tokens whose probabilities reach ``p``.

    At least one token is kept.
    Source: Holtzman et al. 2020, arXiv:1904.09751.
    """
    if p >= 1.0:
        return np.ones(logits.shape, dtype=bool)
    order = _descending(logits)
    reached = np.cumsum(softmax(logits)[order]) >= p
    count = int(np.argmax(reached)) + 1 if reached.any() else logits.size
    kept = np.zeros(logits.shape, dtype=bool)
    kept[order[:count]] = True
    return kept


def keep_min_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Mask, bool (V,), of the tokens at least ``p`` times as likely as the likeliest.

    Source: Nguyen et al. 2024, arXiv:2407.01082.
    """
    if p <= 0.0:
        return np.ones(logits.shape, dtype=bool)
    return logits >= logits.max() + np.log(p)


def distribution(logits: np.ndarray, recent: Sequence[int], settings: SamplingSpec) -> np.ndarray:
    """Probabilities after all samplers, float64, (V,), summing to 1; ``recent`` is oldest first.

    Temperature 0 puts everything on the likeliest token (after the penalty).
    """
    window = settings.repetition_window
    lately = recent[-window:] if window else ()
    logits = penalize_repetition(logits, lately, settings.repetition_penalty)
    alive = _candidates(logits, settings)
    result = np.zeros(logits.size)
    if settings.temperature == 0.0:
        result[alive[np.argmax(logits[alive])]] = 1.0
    else:
        # subtract before dividing, so that a tiny temperature cannot overflow
        scaled = (logits[alive] - logits[alive].max()) / settings.temperature
        result[alive] = softmax(scaled)
    return result


def _candidates(logits: np.ndarray, settings: SamplingSpec) -> np.ndarray:
    """Ids that pass every filter, ascending; each filter looks only at what is left."""
    alive = np.arange(logits.size)
    alive = alive[keep_top_k(logits, settings.top_k)]
    alive = alive[keep_top_p(logits[alive], settings.top_p)]
    return alive[keep_min_p(logits[alive], settings.min_p)]


def _descending(logits: np.ndarray) -> np.ndarray:
    return np.argsort(-logits, kind="stable")


class Sampler:
    """Chooses tokens one after another; the same settings and logits give the same choices."""

    def __init__(self, settings: SamplingSpec, prompt_ids: Sequence[int] = ()) -> None:
        self.settings = settings
        self._recent = list(prompt_ids)
        self._random = np.random.default_rng(settings.seed)

    def choose(self, logits: np.ndarray) -> tuple[int, np.ndarray]:
        """The next token and the distribution, float64 (V,), that it was drawn from."""
        probabilities = distribution(logits, self._recent, self.settings)
        edges = np.cumsum(probabilities)
        # one draw a token, greedy or not, so that a change of temperature keeps the stream aligned
        point = self._random.random() * edges[-1]
        chosen = int(np.searchsorted(edges, point, side="right"))
        self._recent.append(chosen)
        return chosen, probabilities
