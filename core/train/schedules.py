"""The learning rate of each step."""

import math

from core.spec.train import TrainSpec


def learning_rate(spec: TrainSpec, step: int, steps: int) -> float:
    """The rate of a step (counted from 0) of ``steps``, by the schedule of the spec."""
    return warmup_cosine(step, steps, spec.learning_rate, spec.warmup_steps, spec.final_lr_ratio)


def warmup_cosine(step: int, steps: int, peak: float, warmup_steps: int, final_ratio: float) -> float:
    """Linear rise over ``warmup_steps``, then a cosine down to ``final_ratio`` of the peak at the last step.

    Args:
        step: counted from 0.
    Source: Loshchilov & Hutter 2017, SGDR, arXiv:1608.03983; settings of Brown et al. 2020.
    """
    warmup = min(warmup_steps, max(1, steps // 2))
    if step < warmup:
        return peak * (step + 1) / warmup
    part = (step - warmup) / max(1, steps - 1 - warmup)
    return peak * (final_ratio + (1 - final_ratio) * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))
