"""Where each sequence of a run begins in its text: a pure function of the seed, without torch."""

import numpy as np

from core.errors import LabError


class Windows:
    """Windows of ``context + 1`` tokens, every token once an epoch, in an order fixed by the seed.

    Each epoch cuts the text at a fresh offset and shuffles the windows.

    Args:
        tokens: of the text.
        context: T, tokens a model sees at once.
    Raises:
        LabError: the text is shorter than one window.
    """

    def __init__(self, tokens: int, context: int, seed: int) -> None:
        if tokens <= context:
            raise LabError(
                "The corpus has {tokens} tokens, fewer than one context of {context}.", "",
                "Add text, or choose a context of at most {largest}.",
                tokens=tokens, context=context, largest=max(8, tokens // 4))
        self.count = max(1, (tokens - 1) // context - 1)  # one less than fit, so that any offset does
        self.tokens, self.context, self.seed = tokens, context, seed
        self._epoch, self._order, self._offset = -1, None, 0

    def start(self, sequence: int) -> int:
        """The place in the text at which a sequence of the run begins."""
        epoch, place = divmod(sequence, self.count)
        self._shuffle(epoch)
        return self._offset + int(self._order[place]) * self.context

    def asking(self, epoch: int, first: int, end: int) -> np.ndarray:
        """Numbers of the sequences of an epoch in which a token of text[first, end) is predicted, ascending, int64."""
        self._shuffle(epoch)
        low, high = ((place - 1 - self._offset) // self.context for place in (first, end - 1))
        places = np.flatnonzero((self._order >= low) & (self._order <= high))
        return epoch * self.count + places

    def _shuffle(self, epoch: int) -> None:
        if epoch != self._epoch:
            random = np.random.default_rng([self.seed, epoch])
            self._epoch, self._order = epoch, random.permutation(self.count)
            slack = self.tokens - 1 - self.count * self.context
            self._offset = int(random.integers(0, min(slack, self.context) + 1))
