"""The optimizer of a run, and its state under names that survive on disk."""

import torch
from torch import Tensor, nn

from core.spec.train import TrainSpec


def make_optimizer(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """The optimizer that the spec names."""
    return adamw(model, spec)


def adamw(model: nn.Module, spec: TrainSpec) -> torch.optim.AdamW:
    """Fused AdamW; weight decay on matrices only. Source: Loshchilov & Hutter 2019, arXiv:1711.05101."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": spec.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [g for g in groups if g["params"]], lr=spec.learning_rate, betas=(spec.beta1, spec.beta2), eps=spec.eps,
        fused=True)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as named tensors: "PARAMETER/exp_avg" and so on."""
    return {
        f"{name}/{key}": value.detach().cpu()
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put named state tensors back, on each parameter's device."""
    for name, parameter in model.named_parameters():
        keys = {key.rpartition("/")[2]: value for key, value in tensors.items() if key.rpartition("/")[0] == name}
        if keys:
            optimizer.state[parameter] = {key: value.to(parameter.device) for key, value in keys.items()}
