"""A moving average of the weights, which is often better than the weights themselves."""

from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a model's parameters, float32, beside them.

    average <- d * average + (1 - d) * weights after each step, with d = min(decay, (1 + step) / (10 + step)), so that
    the initial weights are forgotten quickly.

    Source: Polyak & Juditsky 1992; the beginning: TensorFlow's ExponentialMovingAverage.

    Args:
        model: whose weights are taken as the first average.
        decay: memory, below 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def add(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in model.named_parameters():
            self.tensors[name].lerp_(parameter, 1 - decay)

    def restore(self, kept: dict[str, Tensor]) -> None:
        """Go on from an average that was saved."""
        for name, tensor in self.tensors.items():
            tensor.copy_(kept[name])

    @contextmanager
    def shown(self, model: nn.Module):
        """The model with the average for its weights, for a while; nothing is copied."""
        self._swap(model)
        try:
            yield model
        finally:
            self._swap(model)

    def _swap(self, model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            parameter.data, self.tensors[name] = self.tensors[name], parameter.data
