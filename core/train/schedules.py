"""The learning rate of each step: a pure function of the step and of how many there will be.

With a time budget the number of steps may change on the way. Then the rate goes on along the curve of the new number,
so that whatever happens it ends where the schedule ends.
"""

import math

from core.spec.train import TrainSpec


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """The rate of a step (counted from 0) of ``steps``, by the schedule of the spec."""
    peak, warmup, final = spec.learning_rate, spec.warmup_steps, spec.final_lr_ratio
    if spec.schedule == "cosine":
        return warmup_cosine(step, steps, peak, warmup, final)
    warmup = _warmup(warmup, steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    if spec.schedule == "constant":
        return peak
    if spec.schedule == "inverse_sqrt":
        return peak * math.sqrt(max(1, warmup) / (step + 1))
    share = 1.0 if spec.schedule == "linear" else spec.decay_share
    return straight_down(step, steps, peak, warmup, share, final)


def _warmup(asked: int, steps: int) -> int:
    """A short run warms up over no more than half of its steps."""
    return min(asked, max(1, steps // 2))


def warmup_cosine(step: int, steps: int, peak: float, warmup_steps: int, final_ratio: float) -> float:
    """Linear rise over ``warmup_steps``, then a cosine down to ``final_ratio`` of the peak at the last step.

    Args:
        step: counted from 0.
    Source: Loshchilov & Hutter 2017, SGDR, arXiv:1608.03983; settings of Brown et al. 2020.
    """
    warmup = _warmup(warmup_steps, steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    part = (step - warmup) / max(1, steps - 1 - warmup)
    return peak * (final_ratio + (1 - final_ratio) * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


def straight_down(step: int, steps: int, peak: float, warmup: int, share: float, final_ratio: float) -> float:
    """The peak, and over the last ``share`` of all steps a straight line to ``final_ratio`` of it at the last step.

    Args:
        step: counted from 0, after the warm-up.
        warmup: steps of the warm-up: the line begins no earlier.
    Source: Hu et al. 2024, MiniCPM, arXiv:2404.06395; the line: Hagele et al. 2024, arXiv:2405.18392.
    """
    begin = max(warmup, steps - round(share * steps))
    part = (step - begin) / max(1, steps - 1 - begin)
    return peak * (1 - (1 - final_ratio) * min(1.0, max(0.0, part)))
