"""How evenly the experts of a model are used while it trains."""

import torch
from torch import nn

from core.model.experts import MixtureOfExperts
from core.record.events import ExpertsUsed


class ExpertUse:
    """Adds up what the routers of a model did, pass by pass; does nothing for a model without experts."""

    def __init__(self, model: nn.Module) -> None:
        self._blocks = [module for module in model.modules() if isinstance(module, MixtureOfExperts)]
        self._clear()

    def _clear(self) -> None:
        self._use = [torch.zeros(block.settings.count, dtype=torch.int64) for block in self._blocks]
        self._dropped = [0] * len(self._blocks)

    def add(self) -> None:
        """Count the pass just made."""
        for place, block in enumerate(self._blocks):
            self._use[place] += block.use.long()
            self._dropped[place] += block.dropped

    def take(self, step: int) -> ExpertsUsed | None:
        """What was counted since the last time, or None where there is nothing to say."""
        if not self._blocks or not sum(int(use.sum()) for use in self._use):
            return None
        found = ExpertsUsed(step=step, use=[use.tolist() for use in self._use], dropped=self._dropped)
        self._clear()
        return found
