"""AdamW as torch has it, whose step and clipping can go through our kernel; the state is the same either way."""

import time
from statistics import median

import torch
from torch import Tensor, nn

from core.kernels import adamw as kernel

TRIAL_NUMBERS = 1 << 22  # at most so many numbers are timed, with their gradients and moments 64 MB
TRIAL_ROUNDS = 5
SAFE = 1e-6  # torch's own, in clip_grad_norm_


class AdamW(torch.optim.AdamW):
    """torch's fused AdamW, or one pass of our own over weights, gradients and moments.

    Checkpoints of either are read by the other. The two round differently, so that a run keeps to one.

    Attributes:
        path: "torch" or "ours", which wants float32 weights on the processor.
        rounded: by parameter, the bfloat16 copy that a step of ours writes as well.
    """

    def __init__(self, params, **settings) -> None:
        super().__init__(params, fused=True, **settings)
        self.path = "torch"
        self.rounded: dict[nn.Parameter, Tensor] = {}
        self._scale = 1.0  # of the gradients of the step at hand

    def clip(self, limit: float) -> float:
        """Note by how much the next step of ours has to shrink its gradients, which stay as they are.

        Args:
            limit: the largest norm; 0 = no limit.
        Returns:
            The norm of all gradients.
        """
        norm = kernel.norm(parameter.grad.contiguous() for _, parameter in self._moving())
        shrunk = limit / (norm + SAFE) if limit else 1.0
        self._scale = shrunk if shrunk < 1.0 or shrunk != shrunk else 1.0  # no number stays none, as with torch
        return norm

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Change every parameter that has a gradient."""
        if self.path != "ours":
            return super().step(closure)
        moving = list(self._moving())
        states = [self._state_of(parameter) for _, parameter in moving]
        if moving:
            counts = [state["step"] for state in states]
            torch._foreach_add_(counts, 1)  # one call for all, and one to read them
            steps = torch.stack(counts).tolist()
            kernel.adamw_step([self._segment(*which) for which in zip(moving, states, steps, strict=True)], self._scale)
        self._scale = 1.0

    def _moving(self):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    yield group, parameter

    def _state_of(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(parameter) for _ in range(2))
        return state

    def _segment(self, moving: tuple[dict, nn.Parameter], state: dict, step: float) -> kernel.Segment:
        group, parameter = moving
        return kernel.Segment(
            parameter, parameter.grad.contiguous(), state["exp_avg"], state["exp_avg_sq"], int(step),
            float(group["lr"]), group["weight_decay"], group["betas"], group["eps"], self.rounded.get(parameter))


def time_paths(parameters: list[nn.Parameter], clip: float) -> dict[str, float]:
    """Median seconds of clipping and a step by {"torch", "ours"}, in turn, on stand-ins for the parameters.

    A large model is represented by its first few million numbers.
    """
    shapes, left = [], TRIAL_NUMBERS
    for parameter in parameters:
        if parameter.numel() <= left:
            shapes.append(parameter.shape)
            left -= parameter.numel()
    shapes = shapes or [(TRIAL_NUMBERS,)]
    stands = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    for stand in stands:
        stand.grad = torch.full_like(stand, 1e-3)
    optimizer = AdamW(stands, lr=1e-3)
    times: dict[str, list[float]] = {"torch": [], "ours": []}
    for _ in range(TRIAL_ROUNDS + 1):
        for path, taken in times.items():
            optimizer.path = path
            start = time.perf_counter()
            clip_gradients(optimizer, stands, clip)
            optimizer.step()
            taken.append(time.perf_counter() - start)
    return {path: median(taken[1:]) for path, taken in times.items()}


def clip_gradients(optimizer: torch.optim.Optimizer, parameters, limit: float) -> float:
    """Clip the gradients to a norm, now or within the step, and return the norm they had; limit 0 = none."""
    if shrinks_in_step(optimizer):
        return optimizer.clip(limit)
    return float(torch.nn.utils.clip_grad_norm_(parameters, limit or float("inf")))


def shrinks_in_step(optimizer: torch.optim.Optimizer) -> bool:
    """Whether clipping leaves the gradients as they are, because the step shrinks them on the way."""
    return isinstance(optimizer, AdamW) and optimizer.path == "ours"
