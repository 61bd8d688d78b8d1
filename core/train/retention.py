"""Which checkpoints are written and which of them stay.

The newest always stay, for a resume; the best, because they are what one wants in the end; those at fixed distances
and at powers of two, so that a run's growth can be watched afterwards.
"""

from core.spec.retention import RetentionSpec


def is_spaced(step: int) -> bool:
    """Whether a step is a power of two."""
    return step > 0 and step & (step - 1) == 0


def best_of(losses: dict[int, float | None], count: int) -> set[int]:
    """Steps of the ``count`` least losses; of equal ones the earlier."""
    measured = sorted((step for step in losses if losses[step] is not None), key=lambda step: (losses[step], step))
    return set(measured[:count])


def kept(losses: dict[int, float | None], newest: int, rules: RetentionSpec) -> set[int]:
    """Steps of the checkpoints that stay.

    Args:
        losses: validation loss of each checkpoint by its step, nats a token; None = it was not measured there.
        newest: how many of the latest stay.
    """
    steps = sorted(losses)
    found = {*steps[-newest:], *best_of(losses, rules.best)}
    if rules.every:
        found |= {step for step in steps if step % rules.every == 0}
    if rules.spaced:
        found |= {step for step in steps if is_spaced(step)}
    return found
