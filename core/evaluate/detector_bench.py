"""Detectors on labelled answers: how well each tells wrong ones from right ones, and how sure that is.

Any detector, any labelled set: a column of scores (higher = more doubt), whether each answer was wrong, and what
kind of question it was. Several sets (seeds, models, files) are measured each by itself and averaged, because the
scores of two models need not have one scale. Resamples are drawn within each set, the same for all detectors, so
that differences are paired.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from core.errors import LabError
from core.evaluate.detection import (
    Interval,
    average_precision,
    calibration_error,
    isotonic,
    precision_recall,
    rejection_ratio,
    reliability,
    roc_curve,
)
from core.evaluate.detector_table import Bin, Difference, Row, Stratum, Table
from core.evaluate.logistic import fit_logistic

RESAMPLES = 1000
GRID = np.linspace(0.0, 1.0, 51)  # places at which the curves of several sets are averaged
HALVINGS = 10  # ways of cutting a set in two; one alone would make the combination a matter of luck
LEAST = 5  # wrong answers of a kind below which no figure is given for it


class Answers(msgspec.Struct, frozen=True):
    """One labelled set.

    Args:
        scores: of each detector, (n,) float.
        wrong: (n,) bool.
        kinds: the stratum of each, (n,) str.
    """

    scores: dict[str, np.ndarray]
    wrong: np.ndarray
    kinds: np.ndarray


class Held(msgspec.Struct, frozen=True):
    """What was learnt on one half and told of the other, both ways, averaged over several halvings: (n,) each."""

    combination: np.ndarray  # log-odds of being wrong
    p_wrong: dict[str, np.ndarray]  # calibrated, by detector


def held_out(answers: Answers, seed: int, combined: str = "", learnt_from: Sequence[str] = ()) -> Held:
    """Combine and calibrate by halves: whatever is told of an answer was learnt from the half it is not in.

    Args:
        combined: what to call the combination; empty = there is none.
        learnt_from: detectors that the combination is of; empty = all.
    """
    n, random = len(answers.wrong), np.random.default_rng(seed)
    names = [*answers.scores, *([combined] if combined else [])]
    combination, p_wrong = np.zeros(n), {name: np.zeros(n) for name in names}
    design = np.column_stack([answers.scores[name] for name in learnt_from or answers.scores])
    halves = [random.permutation(n) < n // 2 for _ in range(HALVINGS)]
    for told in (side for half in halves for side in (half, ~half)):
        columns = dict(answers.scores)
        if combined:
            columns[combined] = fit_logistic(design[~told], answers.wrong[~told])(design)
            combination[told] += columns[combined][told] / HALVINGS
        for name, column in columns.items():
            p_wrong[name][told] += isotonic(column[~told], answers.wrong[~told])(column[told]) / HALVINGS
    return Held(combination, {name: np.clip(p, 0.0, 1.0) for name, p in p_wrong.items()})


def bench(
    sets: Sequence[Answers], p_wrong: Sequence[dict[str, np.ndarray]], strata: Mapping[str, Sequence[str]],
    pairs: Sequence[tuple[str, str]] = (), seed: int = 0,
) -> Table:  # fmt: skip
    """Measure every detector over all sets.

    Args:
        p_wrong: for each set the calibrated chances, by detector.
        strata: the kinds of question that make up each stratum, in the order to be shown.
        pairs: (detector, detector) whose difference in AUROC is wanted.
    Raises:
        LabError: in a set all answers are right, or all are wrong.
    """
    draws = Draws(sets, seed)
    names = list(sets[0].scores)
    found = {name: draws.areas(name) for name in names}
    rows = [
        Row(
            name=name, auroc=_interval(*found[name]),
            by_stratum={stratum: _interval(*area) for stratum, kinds in strata.items()
                        if (area := draws.areas(name, kinds)) is not None},
            average_precision=_mean(average_precision(s.scores[name], s.wrong) for s in sets),
            rejection=_mean(rejection_ratio(s.scores[name], s.wrong) for s in sets),
            ece=calibration_error(_all(p_wrong, name), _wrong(sets)),
            roc=_curve(roc_curve, sets, name), precision=_curve(precision_recall, sets, name),
            reliability=[Bin(told, real, count) for told, real, count in
                         reliability(_all(p_wrong, name), _wrong(sets))],
            each=[float(area) for area in draws.each(name)])
        for name in names
    ]  # fmt: skip
    differences = [
        Difference(first, second, _interval(found[first][0] - found[second][0], found[first][1] - found[second][1]))
        for first, second in pairs
    ]
    counted = [Stratum(stratum, sum(int(_among(s, kinds).sum()) for s in sets),
                       sum(int((s.wrong & _among(s, kinds)).sum()) for s in sets))
               for stratum, kinds in strata.items()]  # fmt: skip
    return Table(answers=len(_wrong(sets)), wrong=int(_wrong(sets).sum()), sets=len(sets), rows=rows,
                 strata=counted, differences=differences)  # fmt: skip


class Draws:
    """Resamples of several sets, as how often each answer was drawn: the same for every detector."""

    def __init__(self, sets: Sequence[Answers], seed: int, resamples: int = RESAMPLES) -> None:
        for answers in sets:
            if answers.wrong.all() or not answers.wrong.any():
                raise LabError(
                    "There is nothing to tell apart: of {count} answers {wrong} are wrong.", "",
                    "Ask questions of which some are answered rightly and some wrongly.", count=len(answers.wrong),
                    wrong=int(answers.wrong.sum()))
        random = np.random.default_rng(seed)
        self.sets = sets
        self._times = []
        for answers in sets:
            n = len(answers.wrong)
            drawn = random.multinomial(n, np.full(n, 1 / n), resamples)
            self._times.append(np.vstack([np.ones(n, np.int64), drawn]))  # the first is the set itself

    def areas(self, name: str, kinds: Sequence[str] = ()) -> tuple[float, np.ndarray] | None:
        """AUROC averaged over the sets: of all answers, and of each resample (resamples,).

        With ``kinds``: of the wrong answers of these kinds against all right ones, so that the AUROC of all is the
        mean of those of its parts, weighted by their wrong answers. None where a set has too few of them.
        """
        found = []
        for answers, times in zip(self.sets, self._times, strict=True):
            among = answers.wrong & _among(answers, kinds) if kinds else answers.wrong
            if among.sum() < (LEAST if kinds else 1):
                return None
            found.append(weighted_areas(answers.scores[name], times * among, times * ~answers.wrong))
        areas = np.mean(found, axis=0)
        return float(areas[0]), areas[1:][np.isfinite(areas[1:])] if kinds else areas[1:]

    def each(self, name: str) -> list[float]:
        """AUROC of all answers of each set."""
        return [weighted_areas(s.scores[name], s.wrong[None].astype(int), ~s.wrong[None])[0] for s in self.sets]


def weighted_areas(scores: np.ndarray, wrong: np.ndarray, right: np.ndarray) -> np.ndarray:
    """AUROC of answers that count several times, ties half, (resamples,); NaN where a side is empty.

    Args:
        scores: (n,).
        wrong, right: how often each answer counts as a wrong or as a right one, (resamples, n).
    """
    _, group = np.unique(np.asarray(scores, np.float64), return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    above, below = (np.add.reduceat(side[:, order].astype(np.float64), starts, axis=1) for side in (wrong, right))
    lower = np.cumsum(below, axis=1) - below / 2  # right answers that score less, ties half
    with np.errstate(invalid="ignore", divide="ignore"):
        return (above * lower).sum(1) / (above.sum(1) * below.sum(1))


def _among(answers: Answers, kinds: Sequence[str]) -> np.ndarray:
    return np.isin(answers.kinds, list(kinds))


def _interval(value: float, drawn: np.ndarray) -> Interval:
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(float(value), float(low), float(high))


def _curve(measure, sets: Sequence[Answers], name: str) -> list[float]:
    """A curve at the places of ``GRID``, averaged over the sets."""
    found = []
    for answers in sets:
        x, y = measure(answers.scores[name], answers.wrong)
        found.append(np.interp(GRID, x, y))
    return [round(float(value), 4) for value in np.mean(found, axis=0)]


def _mean(values) -> float:
    return float(np.mean(list(values)))


def _all(parts: Sequence[dict[str, np.ndarray]], name: str) -> np.ndarray:
    return np.concatenate([part[name] for part in parts])


def _wrong(sets: Sequence[Answers]) -> np.ndarray:
    return np.concatenate([answers.wrong for answers in sets])
