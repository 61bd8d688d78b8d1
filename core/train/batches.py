"""Which tokens each step sees: a pure function of the seed and of where the step stands, so resuming needs no state."""

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
    Raises:
        LabError: the text is shorter than one window.
    """

    def __init__(self, tokens: np.ndarray, context: int, seed: int) -> None:
        self.windows = (len(tokens) - 1) // context - 1  # one less than fit, so that any offset does
        if len(tokens) <= context:
            raise LabError(
                "The corpus has {tokens} tokens, fewer than one context of {context}.", "",
                "Add text, or choose a context of at most {largest}.",
                tokens=len(tokens), context=context, largest=max(8, len(tokens) // 4))
        self.windows = max(1, self.windows)
        self.tokens, self.context, self.seed = tokens, context, seed
        self._epoch, self._order, self._offset = -1, None, 0

    def rows(self, first: int, count: int) -> np.ndarray:
        """``count`` windows from the ``first`` of the run on, int64 (count, T + 1)."""
        return np.stack([self._window(first + i) for i in range(count)])

    def __call__(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets for the next-token objective, each int64 (count, T)."""
        batch = torch.from_numpy(self.rows(first, count))
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous()

    def epoch(self, sequences: int) -> float:
        """How often the text has been seen after so many sequences."""
        return sequences / self.windows

    def starts(self, first: int, count: int) -> np.ndarray:
        """The place in the text at which each of these windows begins, int64 (count,)."""
        return np.array([self._start(first + i) for i in range(count)], np.int64)

    def _window(self, index: int) -> np.ndarray:
        start = self._start(index)
        return self.tokens[start : start + self.context + 1].astype(np.int64)

    def _start(self, index: int) -> int:
        epoch, place = divmod(index, self.windows)
        if epoch != self._epoch:
            random = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, random.permutation(self.windows)
            slack = len(self.tokens) - 1 - self.windows * self.context
            self._offset = int(random.integers(0, min(slack, self.context) + 1))
        return self._offset + int(self._order[place]) * self.context


class Examples:
    """What the model is shown and asked: windows of text through the run's objective."""

    def __init__(self, batches: Batches, asking: Callable[[np.ndarray, int], dict[str, Tensor]]) -> None:
        self.batches, self.asking = batches, asking

    def __call__(self, first: int, count: int) -> dict[str, Tensor]:
        """``count`` sequences from the ``first`` on: "targets", and what the model's ``loss`` takes beside them."""
        return self.asking(self.batches.rows(first, count), first)

    def epoch(self, sequences: int) -> float:
        """How often the text has been seen after so many sequences."""
        return self.batches.epoch(sequences)
