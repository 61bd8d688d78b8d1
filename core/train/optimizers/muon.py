"""Muon: the momentum of each matrix, made orthogonal; everything else by AdamW."""

import math

import torch
from torch import Tensor

from core.kernels import ops

# A quintic whose slope at zero is steep: five rounds bring all singular values near 1 (between about 0.7 and 1.2).
QUINTIC = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
SAFE = 1e-7  # keeps the division by a matrix's norm safe
LIKE_ADAM = 0.2  # root mean square of AdamW's usual step, at a rate of 1


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton-Schulz rounds, for matrices; AdamW for the rest, in one object.

    A step is scaled by 0.2 sqrt(max(rows, columns)), which gives it the size of AdamW's: one learning rate and one
    decay serve both.

    Source: Jordan et al. 2024, Muon (kellerjordan.github.io/posts/muon); the scale: Liu et al. 2025, arXiv:2502.16982.

    Args:
        matrices: parameters of two dimensions.
        others: groups for AdamW; they say their own decay.
        lr: learning rate of both.
        momentum: of the matrices, by Nesterov.
        weight_decay: of the matrices.
        betas, eps: AdamW's.

    Attributes:
        path: whose Newton-Schulz rounds, "torch" or "ours" (on a GPU); a run keeps to one.
    """

    def __init__(
        self, matrices: list, others: list[dict], lr: float, momentum: float, weight_decay: float,
        betas: tuple[float, float], eps: float,
    ) -> None:  # fmt: skip
        self.adamw = torch.optim.AdamW(others, lr=lr, betas=betas, eps=eps, fused=True) if others else None
        turned = [{"params": matrices, "weight_decay": weight_decay}] if matrices else []
        super().__init__([*turned, *others], {"lr": lr, "momentum": momentum})
        if self.adamw is not None:  # one state, and the same groups: who sets a rate sets it for both
            self.adamw.state = self.state
            self.param_groups[len(turned) :] = self.adamw.param_groups
        self.turned = self.param_groups[: len(turned)]
        self.path = "torch"

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Change every parameter that has a gradient."""
        if self.adamw is not None:
            self.adamw.step()
        for group in self.turned:
            shapes: dict[tuple, list] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(tuple(parameter.shape), []).append(parameter)
            for shape, alike in shapes.items():
                steps = orthogonal(torch.stack([self._momentum(p, group["momentum"]) for p in alike]), self.path)
                size = group["lr"] * LIKE_ADAM * math.sqrt(max(shape))
                for parameter, step in zip(alike, steps, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=size)

    def _momentum(self, parameter: Tensor, memory: float) -> Tensor:
        """The kept mean gradient, one step ahead."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        state["momentum"].lerp_(parameter.grad, 1 - memory)
        return parameter.grad.lerp(state["momentum"], memory)


def orthogonal(matrices: Tensor, path: str = "torch") -> Tensor:
    """Matrices of one shape, (n, rows, columns), each near the closest one whose singular values are all 1.

    A GPU computes in bfloat16, which the rounds bear; a processor in the type of the matrices.
    """
    x = matrices.bfloat16() if matrices.is_cuda else matrices
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=SAFE)
    x = ops.newton_schulz(x, QUINTIC, ROUNDS, path=path)
    return (x.mT if tall else x).to(matrices.dtype)
