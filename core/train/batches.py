"""Which tokens each step sees: a pure function of the seed and of where the step stands, so resuming needs no state."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.train.windows import Windows


class Batches:
    """The windows of a run with their tokens: see :class:`core.train.windows.Windows`.

    Args:
        tokens: token ids, any unsigned type, (n,).
        context: T, tokens a model sees at once.
    Raises:
        LabError: the text is shorter than one window.
    """

    def __init__(self, tokens: np.ndarray, context: int, seed: int) -> None:
        self.tokens, self.context, self.order = tokens, context, Windows(len(tokens), context, seed)

    @property
    def windows(self) -> int:
        """Windows of an epoch."""
        return self.order.count

    def rows(self, first: int, count: int) -> np.ndarray:
        """``count`` windows from the ``first`` of the run on, int64 (count, T + 1)."""
        return np.stack([self.tokens[start : start + self.context + 1].astype(np.int64)
                         for start in self.starts(first, count).tolist()])

    def __call__(self, first: int, count: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets for the next-token objective, each int64 (count, T)."""
        batch = torch.from_numpy(self.rows(first, count))
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous()

    def epoch(self, sequences: int) -> float:
        """How often the text has been seen after so many sequences."""
        return sequences / self.windows

    def starts(self, first: int, count: int) -> np.ndarray:
        """The place in the text at which each of these windows begins, int64 (count,)."""
        return np.array([self.order.start(first + i) for i in range(count)], np.int64)


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
