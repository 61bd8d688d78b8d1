"""Watches the loss and the gradient of each step."""

import math

from core.errors import LabError


class Guard:
    """Says whether a step may be applied."""

    def __init__(self, run) -> None:
        self.run = run

    def look(self, step: int, loss: float, grad_norm: float) -> None:
        """Judge a step (counted from 1) before it is applied.

        Raises:
            LabError: the loss or its gradient is no number.
        """
        self.require_numbers(step, loss, grad_norm)

    def require_numbers(self, step: int, *values: float) -> None:
        """Refuse to go on with what is no number."""
        if not all(map(math.isfinite, values)):
            raise LabError(
                "The loss or its gradient is no longer a number at step {step}.", self.run.folder.name,
                "Lower the learning rate or lengthen the warm-up, and start a new run; the checkpoints before "
                "this step are intact.", step=step)
