"""AdamW's step and the gradient's norm in the plainest torch there is: the truth in the tests of :mod:`.adamw`."""

import math

import torch
from torch import Tensor


@torch.no_grad()
def adamw_step(segments: list, scale: float) -> None:
    """One step of every segment; see :func:`core.kernels.adamw.adamw_step`."""
    for s in segments:
        beta1, beta2 = s.betas
        gradient = s.gradient * scale
        s.first.lerp_(gradient, 1 - beta1)
        s.second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        size = (s.second / (1 - beta2**s.step)).sqrt() + s.eps
        s.weight.mul_(1 - s.rate * s.decay).addcdiv_(s.first, size, value=-s.rate / (1 - beta1**s.step))
        if s.rounded is not None:
            s.rounded.copy_(s.weight)


def norm(gradients: list[Tensor]) -> float:
    """Euclidean length of all gradients as one vector; see :func:`core.kernels.adamw.norm`."""
    squares = [gradient.double().square().sum() for gradient in gradients]
    return math.sqrt(sum(map(float, squares)))
