"""What a model would say if it stopped after each layer: the logit lens, and the tuned lens beside it.

The logit lens puts every layer's vector through the last norm and the output matrix, although only the last layer's
are made for them. Source: nostalgebraist 2020, Interpreting GPT: the logit lens.
The tuned lens first moves each layer's vectors into the last one's frame by an affine map of its own, learnt so that
its guess is close to the model's. Source: Belrose et al. 2023, arXiv:2303.08112.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import LabError
from core.glass.trace import blocks_of, watch
from core.model.decoder import Decoder
from core.model.loading import read_tensors

STEPS, POSITIONS, RATE = 250, 256, 2e-3  # positions of held-out text a step
WINDOWS, WINDOW = 48, 128  # of held-out text; a fifth of them measures and is not learnt from
MEASURED = 0.2
MOST_FLOP, FEWEST_POSITIONS = 3e12, 32  # about a minute on one core; with fewer positions nothing is learnt


class TunedLens(nn.Module):
    """One affine map for what stands before each layer: x + W x + b; as it is drawn, it changes nothing."""

    def __init__(self, layers: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(layers, d_model, d_model))
        self.bias = nn.Parameter(torch.zeros(layers, d_model))

    def forward(self, x: Tensor, layer: int) -> Tensor:
        """x (..., D) as it stands before ``layer`` -> (..., D) as the last layer would leave it."""
        return x + x @ self.weight[layer].T + self.bias[layer]


def layer_logits(model: Decoder, residual: list[Tensor], lens: TunedLens | None = None) -> list[Tensor]:
    """What each layer would say, layers + 1 of (B, T, V) float32; the last is the model's own answer."""
    last = len(residual) - 1
    seen = [x if lens is None or layer == last else lens(x, layer) for layer, x in enumerate(residual)]
    return [model.logits(x if model.final_norm is None else model.final_norm(x)).float() for x in seen]


def divergence(logits: Tensor, last: Tensor) -> Tensor:
    """KL from the last layer's guess to another one's, nats, (...); both (..., V)."""
    said = last.log_softmax(-1)
    return (said.exp() * (said - logits.log_softmax(-1))).sum(-1)


def tune(
    model: Decoder, windows: Tensor, check: Callable[[], None] = lambda: None, steps: int = STEPS, seed: int = 0
) -> tuple[TunedLens, list[tuple[float, float]]]:
    """Learn a tuned lens on text that the model was not trained on.

    Args:
        windows: the text, int64 (N, T).
        check: called at each step; may raise to stop.
    Returns:
        The lens, and for each layer its KL to the model's answer on the windows left out: as it is, and tuned.
    Raises:
        LabError: it would take minutes.
    """
    positions = positions_a_step(model, steps)
    residual, learnt = watch(model, windows).residual, max(1, round(len(windows) * (1 - MEASURED)))
    layers, width = len(residual) - 1, residual[0].shape[-1]
    rows = [x[:learnt].reshape(-1, width) for x in residual]
    lens = TunedLens(layers, width)
    optimizer = torch.optim.Adam(lens.parameters(), RATE)
    generator = torch.Generator().manual_seed(seed)
    head = [(p, p.requires_grad) for p in model.parameters()]
    for parameter, _ in head:
        parameter.requires_grad_(False)
    for step in range(steps):
        check()
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        chosen = torch.randint(len(rows[0]), (positions,), generator=generator)
        *guesses, last = layer_logits(model, [x[chosen][None] for x in rows], lens)
        loss = sum(divergence(guess, last).mean() for guess in guesses)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for parameter, wanted in head:
        parameter.requires_grad_(wanted)
    return lens.requires_grad_(False), compare(model, [x[learnt:] if learnt < len(x) else x for x in residual], lens)


def positions_a_step(model: Decoder, steps: int) -> int:
    """As many as are learnt from within a minute.

    Raises:
        LabError: too few for a model of this size.
    """
    spec = model.spec
    flop = 6 * steps * len(blocks_of(model)) * spec.d_model * (spec.vocab_size + spec.d_model)
    positions = int(min(POSITIONS, MOST_FLOP / flop))
    if positions < FEWEST_POSITIONS:
        raise LabError(
            "This model is too large to learn a tuned lens for it while you wait.", "", "Use the logit lens.")
    return positions


def compare(model: Decoder, residual: list[Tensor], lens: TunedLens) -> list[tuple[float, float]]:
    """Mean KL of each layer's guess to the model's answer: (logit lens, tuned lens), nats."""
    with torch.inference_mode():
        *plain, last = layer_logits(model, residual)
        tuned = layer_logits(model, residual, lens)[:-1]
        return [(float(divergence(a, last).mean()), float(divergence(b, last).mean())) for a, b in zip(plain, tuned)]


def held_out_windows(tokens: np.ndarray, context: int, name: str) -> Tensor:
    """Windows over held-out tokens, evenly spread, int64 (N, T).

    Raises:
        LabError: there is too little held-out text.
    """
    length = min(WINDOW, context)
    count = min(WINDOWS, len(tokens) // length)
    if count < 2:
        raise LabError(
            "{name} keeps too little held-out text to learn a tuned lens from.", "",
            "Use the logit lens, or train on a corpus of which more is held out.", name=name)  # fmt: skip
    starts = np.linspace(0, len(tokens) - length, count).astype(np.int64)
    return torch.from_numpy(np.stack([tokens[start : start + length] for start in starts]).astype(np.int64))


def save(lens: TunedLens, learnt: list[tuple[float, float]], path: Path) -> None:
    """Write a lens under a temporary name, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    measured = torch.tensor(learnt, dtype=torch.float32)
    save_file({"weight": lens.weight.contiguous(), "bias": lens.bias.contiguous(), "kl": measured}, temporary)
    temporary.replace(path)


def load(path: Path) -> tuple[TunedLens, list[tuple[float, float]]]:
    """A lens that ``save`` wrote.

    Raises:
        LabError: the file is damaged.
    """
    tensors, _ = read_tensors(path)
    lens = TunedLens(tensors["weight"].shape[0], tensors["weight"].shape[1])
    measured = tensors.pop("kl").tolist()
    lens.load_state_dict(tensors)
    return lens.requires_grad_(False), [tuple(pair) for pair in measured]


def entropy(logits: Tensor) -> Tensor:
    """Nats, (...), of logits (..., V)."""
    said = logits.log_softmax(-1)
    return -(said.exp() * said).sum(-1)


def follows(logits: Tensor, ids: Tensor) -> Tensor:
    """Probability of the token that really follows, (T,), NaN after the last; logits (T, V), ids (T,)."""
    found = F.softmax(logits[:-1], -1).gather(-1, ids[1:, None]).squeeze(-1)
    return torch.cat([found, found.new_full((1,), float("nan"))])
