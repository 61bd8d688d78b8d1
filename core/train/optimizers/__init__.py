"""The optimizer of a run, and its state under names that survive on disk.

All work on float32 weights: where forward and backward run in fewer bits, the weights here are the master copy.
"""

import torch
from torch import Tensor, nn

from core.spec.train import TrainSpec
from core.train.optimizers.adafactor import Adafactor
from core.train.optimizers.adamw import AdamW
from core.train.optimizers.groups import by_decay, matrices
from core.train.optimizers.lion import Lion
from core.train.optimizers.muon import Muon

# Tensors as large as the weights that each optimizer keeps between steps; Muon's are the matrices' (the rest has 2).
KEPT = {"adamw": 2.0, "muon": 1.0, "lion": 1.0, "sgd": 1.0, "adafactor": 0.1}


def make_optimizer(model: nn.Module, spec: TrainSpec) -> torch.optim.Optimizer:
    """The optimizer that the spec names."""
    return {"adamw": adamw, "adafactor": adafactor, "muon": muon, "lion": lion, "sgd": sgd}[spec.optimizer](model, spec)


def adamw(model: nn.Module, spec: TrainSpec) -> AdamW:
    """AdamW; weight decay on matrices only. Source: Loshchilov & Hutter 2019, arXiv:1711.05101."""
    return AdamW(
        by_decay(model.parameters(), spec.weight_decay), lr=spec.learning_rate, betas=(spec.beta1, spec.beta2),
        eps=spec.eps)


def adafactor(model: nn.Module, spec: TrainSpec) -> Adafactor:
    """Adafactor with the paper's memory and clipping; the schedule alone says the step size."""
    return Adafactor(by_decay(model.parameters(), spec.weight_decay), lr=spec.learning_rate)


def muon(model: nn.Module, spec: TrainSpec) -> Muon:
    """Muon for the matrices inside the model, AdamW for embeddings, the head, and vectors."""
    inner = matrices(model)
    chosen = {id(p) for p in inner}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return Muon(
        inner, by_decay(rest, spec.weight_decay), lr=spec.learning_rate, momentum=spec.momentum,
        weight_decay=spec.weight_decay, betas=(spec.beta1, spec.beta2), eps=spec.eps)


def lion(model: nn.Module, spec: TrainSpec) -> Lion:
    """Lion; weight decay on matrices only."""
    return Lion(
        by_decay(model.parameters(), spec.weight_decay), lr=spec.learning_rate, betas=(spec.beta1, spec.beta2))


def sgd(model: nn.Module, spec: TrainSpec) -> torch.optim.SGD:
    """Gradient descent with momentum; the decay of matrices goes through the gradient, as it always did with SGD."""
    return torch.optim.SGD(
        by_decay(model.parameters(), spec.weight_decay), lr=spec.learning_rate, momentum=spec.momentum, fused=True)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state as named tensors: "PARAMETER/exp_avg" and so on."""
    return {
        f"{name}/{key}": value.detach().cpu()
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if value is not None  # SGD without momentum
    }


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put named state tensors back, on each parameter's device; what is not named is forgotten."""
    found: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        name, _, part = key.rpartition("/")
        found.setdefault(name, {})[part] = value
    optimizer.state.clear()
    for name, parameter in model.named_parameters():
        if name in found:
            optimizer.state[parameter] = {part: value.to(parameter.device) for part, value in found[name].items()}
