"""Watches the loss and the gradient of each step, and says which may not be applied.

A step is compared with the latest ones by a robust z-score: its distance above their median in robust standard
deviations (1.4826 x the median distance from the median), so that one odd value among them moves nothing. Only
upwards: a loss that falls is no accident. Two things count as a spike: one step far outside, judged before it is
applied, for a poisoned batch does its harm in one step; and a jump that stays, several steps in a row half as far
outside, as the spikes of PaLM did, which came some steps after the batches that caused them.

The judgement follows from the steps in metrics.bin and nothing else, so a resumed run comes to the same.
Source: Chowdhery et al. 2022, PaLM, arXiv:2204.02311, section 5.1; Iglewicz & Hoaglin 1993 for the score.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from core.errors import LabError
from core.spec.guard import GuardSpec

LASTING = 5  # steps in a row that make a jump that stays
HALF = 0.5  # of the threshold, which those have to pass
LEAST_LOSS_SPREAD = 0.01  # nats, and as a share of the loss: a flat curve does not make every ripple a spike
LEAST_NORM_SPREAD = 0.5  # of its logarithm: lengths double and halve without harm, and grow tenfold early in a run
NORMAL = 1.4826  # median distance of a normal distribution x this = its standard deviation


class Spike(msgspec.Struct, frozen=True):
    """A step that may not be applied.

    Attributes:
        step: where it began, counted from 1.
        until: the step that was judged; later than ``step`` if the jump had lasted.
        value: what was measured; None = no number.
        usual: median of the steps before; None = there were none.
        score: robust deviations above it; None = no number.
    """

    step: int
    until: int
    what: str  # "loss" or "grad_norm"
    value: float | None
    usual: float | None
    score: float | None


class Guard:
    """Knows the latest steps and judges the next.

    Args:
        rows: loss and gradient norm of the steps done, oldest first, float64 (n, 2); no number = it overflowed.
        known: steps at which the gradient jumped before, and other data was taken. If it jumps again near there, it
            is the model that changes quickly and not the data; as long as the loss stays low, that is let pass.
    """

    def __init__(self, spec: GuardSpec, rows: np.ndarray, known: Sequence[int] = ()) -> None:
        self.spec, self.known = spec, tuple(known)
        self._losses, self._norms = ([float(x) for x in column[-self._kept :]] for column in (rows[:, 0], rows[:, 1]))

    @property
    def _kept(self) -> int:
        return self.spec.window + LASTING - 1

    def add(self, loss: float, grad_norm: float) -> None:
        """A step is done; one whose gradient overflowed (no number) takes its place among the latest, too."""
        for values, value in ((self._losses, loss), (self._norms, grad_norm)):
            values.append(value)
            del values[: -self._kept]

    def look(self, step: int, loss: float, grad_norm: float) -> Spike | None:
        """Judge a step (counted from 1) before it is applied; None = it may be.

        Raises:
            LabError: the loss or its gradient is no number, and nothing is watched.
        """
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            what, values = ("grad_norm", self._norms) if math.isfinite(loss) else ("loss", self._losses)
            return self._no_number(step, what, values)
        if not self.spec.enabled:
            return None
        return (self._far_out(step, "loss", loss, self._losses) or self._far_out(step, "grad_norm", grad_norm,
                self._norms) or self._lasting(step, loss))  # fmt: skip

    def check_measured(self, step: int, loss: float) -> Spike | None:
        """Judge the validation loss after a step: whether the weights still give a number.

        Raises:
            LabError: they do not, and nothing is watched.
        """
        return None if math.isfinite(loss) else self._no_number(step, "loss", self._losses)

    def _no_number(self, step: int, what: str, values: list[float]) -> Spike:
        if not self.spec.enabled or step == 0:
            raise LabError(
                "The loss or its gradient is no longer a number at step {step}.", "",
                "Lower the learning rate or lengthen the warm-up, and start a new run; the checkpoints before "
                "this step are intact.", step=step)
        values = _numbers(values[-self.spec.window :])
        return Spike(step, step, what, None, float(np.median(values)) if values else None, None)

    def _far_out(self, step: int, what: str, value: float, values: list[float]) -> Spike | None:
        if what == "grad_norm" and any(abs(step - other) <= self.spec.window for other in self.known):
            return None
        usual, score = self._score(what, value, values[-self.spec.window :])
        return Spike(step, step, what, value, usual, score) if score > self.spec.threshold else None

    def _lasting(self, step: int, loss: float) -> Spike | None:
        """A jump that has lasted: all of the latest steps lie well above those before them."""
        latest = [*self._losses[1 - LASTING :], loss]
        before = self._losses[: 1 - LASTING]
        if not before:
            return None
        usual, score = self._score("loss", min(latest), before[-self.spec.window :])
        if score <= HALF * self.spec.threshold:
            return None
        return Spike(step - LASTING + 1, step, "loss", min(latest), usual, score)

    def _score(self, what: str, value: float, values: list[float]) -> tuple[float, float]:
        """Median of ``values``, and how many robust deviations ``value`` lies above it.

        Both are 0 until the window is full: the first steps of a run change quickly, and nothing is usual yet.
        """
        if len(values) < self.spec.window or not (values := _numbers(values)):
            return 0.0, 0.0
        usual = float(np.median(values))
        if what == "grad_norm":  # a length: positive and skewed, so it is compared by ratios
            score = robust_score(math.log(max(value, 1e-30)), np.log(np.maximum(values, 1e-30)), LEAST_NORM_SPREAD)
        else:
            score = robust_score(value, np.array(values), LEAST_LOSS_SPREAD * max(1.0, abs(usual)))
        return usual, score


def _numbers(values: list[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def robust_score(value: float, values: np.ndarray, least_spread: float) -> float:
    """How many robust standard deviations a value lies above the median of others, (n,)."""
    median = np.median(values)
    spread = NORMAL * np.median(np.abs(values - median))
    return float((value - median) / max(spread, least_spread))
