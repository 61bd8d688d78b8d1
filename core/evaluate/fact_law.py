"""How often facts must be stated so that a model does not make them up: the arithmetic of the law. Torch-free.

A world holds many facts, and each text is so many statements of them, drawn at random: some facts are stated often,
some once, some never. The share of statements that are the only one of their fact, the monofact rate, estimates how
much of the world the text never mentions (Good 1953, doi:10.1093/biomet/40.3-4.237). Kalai & Vempala 2024
(arXiv:2311.14648) show that a model that says facts as often as they are said must make up at least about that much:

    hallucination >= monofact rate - miscalibration

up to terms that vanish with many statements and many possible falsehoods, which only lower the bound and are left out
here. Miscalibration is half the L1 distance between what the model says and what the world says once statements are
put together that the model finds equally likely; the bins hold equal shares of what the model says, the paper's
adaptive bins. Miao & Kearns 2025 (arXiv:2502.08666) measured it first, and found that repeating 5 % of the text
lowers the hallucination.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from core.spec.experiment import FactLaw, Told
from core.spec.world import Biographies, WorldSpec

SPREADS = {  # how often facts are told, against each other: {weight: share of the facts}
    "even": {1: 1.0},
    "zipf": {2**octave: 2 ** (-octave / 2) for octave in range(7)},  # a density of weight^-1.5, up to 64
}
TAIL = 1e-7  # of the facts; counts that fewer have are left out
LEFT_OUT = 0.05  # of the chance that the bound fails, in the paper's own terms


class Count(msgspec.Struct, frozen=True):
    """Facts stated so many times: how many were asked, answered rightly when greedy, and made up when drawn."""

    stated: int
    asked: int
    right: int
    made_up: int


class Side(msgspec.Struct, frozen=True):
    """One way to let a model speak: how much of it is false, and what the law says at least.

    Args:
        bound: the monofact rate less the miscalibration, not below 0.
    """

    hallucination: float
    miscalibration: float
    bound: float

    @property
    def holds(self) -> bool:
        """Whether at least so much is false."""
        return self.hallucination >= self.bound


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model.

    Args:
        facts: in its world; statements: in its text, copies not counted.
        monofacts: share of the statements that are the only one of their fact.
        unseen: how much of what the world would say the text never says, which the monofact rate estimates.
        copies: how many times each repeated document stands there; 0 = none is.
        asked: questions as often as the world says them, the answers drawn.
        free: whole sentences, drawn.
        nobody: share of the free sentences about people there are not; nothing: that state nothing.
        counts: facts by how often they are stated.
    """

    arm: str
    seed: int
    spread: str
    facts: int
    statements: int
    monofacts: float
    unseen: float
    copies: int
    asked: Side
    free: Side
    nobody: float
    nothing: float
    counts: list[Count]


def counts_of(told: Told) -> tuple[float, dict[int, float]]:
    """How often facts are stated so that the wanted share is stated once.

    Returns:
        statements a fact of weight 1, and {count: share of the facts}, count 0 with them.
    """
    low, high = 1e-9, 1.0
    while _monofacts(high, told.spread) > told.once:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _monofacts(middle, told.spread) > told.once else (low, middle)
    shares: dict[int, float] = {}
    for weight, share in _classes(told.spread).items():
        mean, count, chance = high * weight, 0, math.exp(-high * weight)
        while count <= mean or share * chance > TAIL:
            shares[count] = shares.get(count, 0.0) + share * chance
            count += 1
            chance *= mean / count
    return high, {count: shares[count] for count in sorted(shares)}


def world_of(law: FactLaw, told: Told, held_out: float, seed: int) -> WorldSpec:
    """The world of one arm: so many people that of ``law.statements`` the wanted share stands alone."""
    rate, shares = counts_of(told)
    a_fact = rate * sum(weight * share for weight, share in _classes(told.spread).items())
    never = shares[0] / sum(shares.values())
    stated = {count: share for count, share in shares.items() if count}
    world = Biographies(
        relations=law.relations, style="statements", law="counts", counts=list(stated),
        count_shares=list(stated.values()), values=law.values, shared_values=law.shared_values, never_stated=never,
        false_stated=0.0, conflicting=0.0, accidental=0.0)  # fmt: skip
    people = max(2, round(law.statements / a_fact / len(law.relations)))
    repeated = {"repeat_share": told.repeat_share, "repeat_times": told.repeat_times} if told.repeat_share else {}
    return WorldSpec(world=world, size=people, language=law.language, held_out=held_out, seed=seed, **repeated)


def weights_of(told: Told, counts: np.ndarray, seed: int) -> np.ndarray:
    """How likely the world is to say each fact, (n,), adding up to 1, given how often the text happens to say it.

    With an even spread all facts are alike. Otherwise the weight of each is drawn from those that give such a count.
    """
    classes = _classes(told.spread)
    weights = np.array(list(classes), np.float64)
    if len(weights) == 1:
        return np.full(len(counts), 1 / len(counts))
    means = counts_of(told)[0] * weights
    logs = np.log(list(classes.values())) - means + counts[:, None] * np.log(means)
    chances = np.exp(logs - logs.max(1, keepdims=True))
    edges = np.cumsum(chances, 1)
    random = np.random.default_rng(seed)
    drawn = weights[(random.random((len(counts), 1)) * edges[:, -1:] > edges).sum(1)]
    return drawn / drawn.sum()


def monofact_rate(counts: np.ndarray) -> float:
    """Share of the statements that are the only one of their fact.

    Args:
        counts: how often each fact is stated, (n,).
    """
    return float((counts == 1).sum() / counts.sum())


def miscalibration(said: np.ndarray, true: np.ndarray, bins: int) -> float:
    """Half the L1 distance of what a model says and what the world says, over bins of what is equally likely to it.

    Args:
        said: the model's log-probability of statements that it drew, (n,).
        true: its log-probability of statements drawn from the world, (m,).
        bins: hold equal shares of ``said``, as far as equal values let them.
    Source: Kalai & Vempala 2024, arXiv:2311.14648, section 3 (adaptive bins); arXiv:2502.08666, section 2.1.
    """
    edges = np.unique(np.quantile(said, np.arange(1, bins) / bins))
    ours, theirs = (np.bincount(np.searchsorted(edges, side, side="right"), minlength=len(edges) + 1) / len(side)
                    for side in (said, true))  # fmt: skip
    return float(np.abs(ours - theirs).sum() / 2)


def side_of(wrong: np.ndarray, said: np.ndarray, true: np.ndarray, monofacts: float, bins: int) -> Side:
    """What one way of speaking came to.

    Args:
        wrong: whether each drawn statement is false, bool (n,); the others as in ``miscalibration``.
    """
    off = miscalibration(said, true, bins)
    return Side(float(np.mean(wrong)), off, max(0.0, monofacts - off))


def chance_term(statements: int) -> float:
    """What the paper takes off the bound besides, for the chance of the draw, at 95 %: sqrt(6 ln(6 / 0.05) / n)."""
    return math.sqrt(6 * math.log(6 / LEFT_OUT) / statements)


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Rank correlation, ties by their mean rank. Source: Spearman 1904, doi:10.2307/1412159."""
    a, b = (_ranks(np.asarray(side, np.float64)) for side in (x, y))
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float((a * a).sum() * (b * b).sum()))
    return float((a * b).sum() / size) if size else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[group]


def _classes(spread: str) -> dict[int, float]:
    whole = sum(SPREADS[spread].values())
    return {weight: share / whole for weight, share in SPREADS[spread].items()}


def _monofacts(rate: float, spread: str) -> float:
    """The monofact rate to be expected where a fact of weight 1 is stated ``rate`` times on average."""
    classes = _classes(spread)
    once = sum(share * weight * math.exp(-rate * weight) for weight, share in classes.items())
    return once / sum(share * weight for weight, share in classes.items())
