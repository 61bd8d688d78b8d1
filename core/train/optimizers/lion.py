"""Lion: steps of one size, in the direction of a sign."""

import torch


class Lion(torch.optim.Optimizer):
    """The sign of a mix of momentum and gradient, with decoupled decay.

    Every weight moves by the learning rate, so it wants a rate three to ten times smaller than AdamW's, and a decay
    as many times larger.

    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        betas: memory in the direction of the step, and of the momentum that is kept.
        weight_decay: of groups that do not say their own.
    """

    def __init__(self, params, lr: float, betas: tuple[float, float], weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                direction = state["momentum"].lerp(parameter.grad, 1 - beta1).sign_()
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=group["lr"])
                state["momentum"].lerp_(parameter.grad, 1 - beta2)
