"""In how many bits forward and backward run. The weights that a run keeps are float32 all the while."""

import copy
import warnings
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from core.model.experts import MixtureOfExperts

DTYPES = {"bf16": torch.bfloat16, "bf16_weights": torch.bfloat16, "fp16": torch.float16}  # fp32: torch's own
FIRST_SCALE = 2.0**16
LEAST_SCALE = 2.0**-14  # float16's smallest normal number: when gradients overflow even here, they are no numbers
GROWS_AFTER = 2000  # steps without an overflow


def autocast(precision: str, device: str):
    """The context in which a forward pass of this precision runs."""
    return torch.autocast(device, DTYPES[precision]) if precision in DTYPES else nullcontext()


def allow_tf32(allowed: bool) -> None:
    """Let a GPU round the factors of float32 matrix products to TF32's 10 bits, or forbid it; no other effect."""
    torch.set_float32_matmul_precision("high" if allowed else "highest")


class Arithmetic:
    """Forward and backward of a model in one precision; gradients arrive at the model's own float32 weights.

    With "bf16_weights" a twin computes whose matrices are bfloat16 (vectors are shared, they are few): it is rounded
    anew from the model's weights before each update. So the model is the master copy, and the optimizer,
    checkpoints, measurements and samples know of nothing else.

    Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.1; Kalamkar et al. 2019, arXiv:1905.12322.

    Args:
        model: float32, its kernels chosen already.
        precision: "fp32", "bf16", "bf16_weights" or "fp16".
        device: "cpu" or "cuda".
    """

    def __init__(self, model: nn.Module, precision: str, device: str) -> None:
        self.model, self.precision, self.device = model, precision, device
        self.working = rounded_twin(model) if precision == "bf16_weights" else model
        pairs = zip(model.parameters(), self.working.parameters(), strict=True)
        self.pairs = [(own, rounded) for own, rounded in pairs if rounded is not own]
        self.current = False  # whether the twin is where the weights are already

    @torch.no_grad()
    def refresh(self) -> None:
        """Bring the twin, if there is one, to where the weights are."""
        if not self.current:
            for own, rounded in self.pairs:
                rounded.copy_(own)
        self.current = False

    def loss(self, **batch: Tensor) -> Tensor:
        """The model's loss of a batch (arguments of its ``loss``), nats, float32 scalar."""
        with autocast(self.precision, self.device):
            return self.working.loss(**batch)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss to those of the model's weights, in float32."""
        loss.backward()
        for own, rounded in self.pairs:
            if rounded.grad is not None:
                own.grad = rounded.grad.float() if own.grad is None else own.grad.add_(rounded.grad)
                rounded.grad = None

    def forget(self) -> None:
        """Drop what an interrupted backward pass left in the twin."""
        for _, rounded in self.pairs:
            rounded.grad = None


def rounded_twin(model: nn.Module) -> nn.Module:
    """A copy whose matrices are bfloat16; its vectors are the model's own, not copies of them."""
    for block in model.modules():
        if isinstance(block, MixtureOfExperts):  # what the last pass left behind cannot be copied
            block.balance, block.z = block.balance.detach(), block.z.detach()
    warnings.filterwarnings("ignore", "Mismatch dtype between input and weight")  # norms: meant to be so
    shared = {id(p): p for p in model.parameters() if p.ndim < 2}
    twin = copy.deepcopy(model, shared)
    for parameter in twin.parameters():
        if parameter.ndim >= 2:
            parameter.data, parameter.grad = parameter.data.bfloat16(), None
    return twin


class LossScale:
    """Scales the loss so that small gradients do not vanish in float16; its state lies in the run's.

    The scale doubles after 2,000 steps without an overflow, and halves at one; that step changes nothing.

    Source: Micikevicius et al. 2018, arXiv:1710.03740, section 3.2; NVIDIA's dynamic loss scaling.
    """

    def __init__(self, precision: str) -> None:
        self.used = precision == "fp16"

    def of(self, state) -> float:
        """What the loss is multiplied by."""
        return state.loss_scale if self.used else 1.0

    def undo(self, model: nn.Module, state) -> None:
        """Divide the gradients by the scale: a power of two, so nothing is rounded."""
        if self.used:
            for parameter in model.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(1.0 / state.loss_scale)

    def overflowed(self, loss: float, grad_norm: float, state) -> bool:
        """Whether the gradient is no number because the scale is too large, and not because the run has failed."""
        return (self.used and loss - loss == 0.0 and grad_norm - grad_norm != 0.0
                and state.loss_scale > LEAST_SCALE)  # fmt: skip

    def learn(self, overflowed: bool, state) -> None:
        """Change the scale by how the step went."""
        if not self.used:
            return
        if overflowed:
            state.loss_scale, state.scaled_well, state.overflows = state.loss_scale / 2, 0, state.overflows + 1
            return
        state.scaled_well += 1
        if state.scaled_well == GROWS_AFTER:
            state.loss_scale, state.scaled_well = state.loss_scale * 2, 0
