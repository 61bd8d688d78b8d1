"""How far training on a document lowers the loss of an answer: gradients compared at saved checkpoints.

TracIn (Pruthi et al. 2020, arXiv:2002.08484): a step on document z changes the loss of answer a by about
-rate * <gradient of z, gradient of a>; summed over checkpoints that is the influence of z on a. Adam divides each
entry of a gradient by its usual size, so its step changes it by -rate * <gradient of z, that of a so divided> (as Xia
et al. 2024, arXiv:2402.04333, have it); what every document pushes at then counts little. The product with one fixed
gradient is a directional derivative, so it is computed forward, for all parameters and many documents at once, and no
document's gradient is ever stored.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

TOKENS_AT_ONCE = 2048
ADAM_EPS = 1e-8
Gradient = dict[str, Tensor]


def answer_gradient(model: nn.Module, prompt: Sequence[int], answer: Sequence[int]) -> Gradient:
    """Gradient of -log p(answer | prompt), nats, by every parameter.

    Args:
        model: reads ids (B, T) int64 and gives logits (B, T, V); in eval mode.
        prompt: token ids, at least one: the boundary that documents begin with.
    """
    parameters = dict(model.named_parameters())
    ids = torch.tensor([[*prompt, *answer]])
    losses = token_losses(model, parameters, ids)[:, len(prompt) - 1 :]
    found = torch.autograd.grad(losses.sum(), list(parameters.values()), allow_unused=True)
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(parameters.items(), found)}


def as_adam_steps(gradient: Gradient, state: Gradient, beta2: float) -> Gradient:
    """A gradient whose entries are divided as the optimizer divided them; unchanged where it was none of Adam's kind.

    Args:
        state: the optimizer's tensors in a checkpoint: "PARAMETER/exp_avg_sq" and "PARAMETER/step".
        beta2: how much of the mean square was kept from step to step.
    Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """
    if not all({f"{name}/exp_avg_sq", f"{name}/step"} <= state.keys() for name in gradient):
        return gradient
    scaled = {}
    for name, value in gradient.items():
        mean_square = state[f"{name}/exp_avg_sq"].float() / (1 - beta2 ** float(state[f"{name}/step"]))
        scaled[name] = value / (mean_square.reshape(value.shape).sqrt() + ADAM_EPS)
    return scaled


def token_losses(model: nn.Module, parameters: Gradient, ids: Tensor) -> Tensor:
    """-log p of each token of ids (B, T) after the first, float32, (B, T - 1); padding (-1) costs nothing."""
    logits = functional_call(model, parameters, (ids[:, :-1].clamp(min=0),))
    return F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none", ignore_index=-1)


def agreements(
    model: nn.Module, gradient: Gradient, documents: Sequence[np.ndarray],
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:  # fmt: skip
    """<gradient of each document's summed loss, ``gradient``>, float64, (documents,).

    Args:
        documents: token ids, each led by its boundary and no longer than the context + 1.
        progress: called with documents done; may raise to stop.
    """
    compare = _forward if _goes_forward(model, gradient, documents) else _backward
    found, done = np.zeros(len(documents)), 0
    for rows in _batches(documents):
        found[rows] = compare(model, gradient, _padded([documents[row] for row in rows])).double().numpy()
        done += len(rows)
        progress(done)
    return found


def _forward(model: nn.Module, gradient: Gradient, ids: Tensor) -> Tensor:
    """The directional derivative of each row's loss, (B,)."""
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels know no forward derivative
        _, change = jvp(lambda p: token_losses(model, p, ids).sum(1), (parameters,), (gradient,))
    return change


def _backward(model: nn.Module, gradient: Gradient, ids: Tensor) -> Tensor:
    """The same, a document's own gradient at a time: for designs of which torch has no forward derivative."""
    parameters, found = dict(model.named_parameters()), []
    for row in ids:
        loss = token_losses(model, parameters, row[row >= 0][None]).sum()
        own = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        found.append(sum((gradient[name] * g).sum() for name, g in zip(parameters, own) if g is not None))
    return torch.stack(found)


def _goes_forward(model: nn.Module, gradient: Gradient, documents: Sequence[np.ndarray]) -> bool:
    try:
        _forward(model, gradient, _padded(documents[:1]))
    except (NotImplementedError, RuntimeError):
        return False
    return True


def _batches(documents: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Rows in groups of about equal lengths, so that little is padded."""
    rows: list[int] = []
    for row in sorted(range(len(documents)), key=lambda row: len(documents[row])):
        if rows and (len(rows) + 1) * len(documents[row]) > TOKENS_AT_ONCE:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _padded(documents: Sequence[np.ndarray]) -> Tensor:
    """Ids (B, T) int64, -1 behind the end of the shorter ones."""
    ids = np.full((len(documents), max(map(len, documents))), -1, np.int64)
    for row, document in enumerate(documents):
        ids[row, : len(document)] = document
    return torch.from_numpy(ids)
