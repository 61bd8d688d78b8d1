"""Which tokens each step sees: a pure function of the seed and the step, so resuming needs no state."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.errors import LabError


class Batches:
    """Windows of ``context + 1`` tokens, every token once an epoch, in an order fixed by the seed.

    Each epoch cuts the text at a fresh offset and shuffles the windows.

    Args:
        tokens: token ids, any unsigned type, (n,).
        context: T, tokens a model sees at once.
        batch_size: B, windows a step.
    Raises:
        LabError: the text is shorter than one window.
    """

    def __init__(self, tokens: np.ndarray, context: int, batch_size: int, seed: int) -> None:
        self.windows = (len(tokens) - 1) // context - 1  # one less than fit, so that any offset does
        if len(tokens) <= context:
            raise LabError(
                "The corpus has {tokens} tokens, fewer than one context of {context}.", "",
                "Add text, or choose a context of at most {largest}.",
                tokens=len(tokens), context=context, largest=max(8, len(tokens) // 4))
        self.windows = max(1, self.windows)
        self.tokens, self.context, self.batch_size, self.seed = tokens, context, batch_size, seed
        self._epoch, self._order, self._offset = -1, None, 0

    def rows(self, step: int) -> np.ndarray:
        """The windows of a step (counted from 0), int64 (B, T + 1)."""
        first = step * self.batch_size
        return np.stack([self._window(first + i) for i in range(self.batch_size)])

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a step for the next-token objective, each int64 (B, T)."""
        batch = torch.from_numpy(self.rows(step))
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous()

    def epoch(self, step: int) -> float:
        """How often the text has been seen when a step begins."""
        return step * self.batch_size / self.windows

    def _window(self, index: int) -> np.ndarray:
        epoch, place = divmod(index, self.windows)
        if epoch != self._epoch:
            random = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, random.permutation(self.windows)
            slack = len(self.tokens) - 1 - self.windows * self.context
            self._offset = int(random.integers(0, min(slack, self.context) + 1))
        start = self._offset + int(self._order[place]) * self.context
        return self.tokens[start : start + self.context + 1].astype(np.int64)


class Examples:
    """What the model is shown and asked at each step: windows of text through the run's objective."""

    def __init__(self, batches: Batches, asking: Callable[[np.ndarray, int], dict[str, Tensor]]) -> None:
        self.batches, self.asking = batches, asking

    def __call__(self, step: int) -> dict[str, Tensor]:
        """The batch of a step (counted from 0): "targets", and what the model's ``loss`` takes beside them."""
        return self.asking(self.batches.rows(step), step * self.batches.batch_size)

    def epoch(self, step: int) -> float:
        """How often the text has been seen when a step begins."""
        return self.batches.epoch(step)
