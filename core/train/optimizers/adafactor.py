"""Adafactor: the second moment of a matrix as the product of its row and column sums."""

import torch
from torch import Tensor

TINY = 1e-30  # the paper's epsilon 1, added to squared gradients
DECAY = -0.8  # beta2 of step k is 1 - k ** DECAY


class Adafactor(torch.optim.Optimizer):
    """Adaptive steps that keep rows + columns numbers for a matrix instead of rows x columns.

    The memory of the second moment grows with the step k: beta2 = 1 - k^-0.8. An update whose root mean square is
    above ``clip`` is scaled down to it. The paper's relative step size is left out: the learning rate is what the
    schedule says. Decay is apart from the gradient, as in AdamW.

    Source: Shazeer & Stern 2018, arXiv:1804.04235, algorithms 4 and 5.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        clip: the largest root mean square of an update, at a rate of 1.
        weight_decay: of groups that do not say their own.
    """

    def __init__(self, params, lr: float, clip: float = 1.0, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "clip": clip, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._change(parameter, group)

    def _change(self, parameter: Tensor, group: dict) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.int64)
            self._begin(parameter, state)
        state["step"] += 1
        fresh = float(state["step"]) ** DECAY  # 1 - beta2
        squared = parameter.grad.square().add_(TINY)
        if parameter.ndim >= 2:
            state["rows"].lerp_(squared.mean(-1), fresh)
            state["columns"].lerp_(squared.mean(-2), fresh)
            rows = state["rows"] / state["rows"].mean(-1, keepdim=True)
            update = parameter.grad * rows.rsqrt()[..., None] * state["columns"].rsqrt()[..., None, :]
        else:
            state["squares"].lerp_(squared, fresh)
            update = parameter.grad * state["squares"].rsqrt()
        update /= (update.square().mean().sqrt() / group["clip"]).clamp_(min=1.0)
        parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=group["lr"])

    def _begin(self, parameter: Tensor, state: dict) -> None:
        """Sums of rows and columns of the last two dimensions; a vector keeps all its squares."""
        if parameter.ndim >= 2:
            state["rows"] = parameter.new_zeros(parameter.shape[:-1])
            state["columns"] = parameter.new_zeros(*parameter.shape[:-2], parameter.shape[-1])
        else:
            state["squares"] = torch.zeros_like(parameter)
