"""What the neurons of one layer say, and the places of the training text where each says most.

A neuron is one entry of what stands inside a feed-forward part, behind its activation (and its gate).
Source: Geva et al. 2021, Transformer Feed-Forward Layers Are Key-Value Memories, arXiv:2012.14913.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from core.errors import LabError
from core.glass.trace import watch
from core.model.decoder import Decoder

SHOWN = 24  # neurons, those that say most to some token of the text
SCANNED_TOKENS, WINDOW, BATCH = 16_384, 128, 8
MOST_FLOP = 2e12  # of one scan; fewer windows are read by a larger model
AROUND = (10, 4)  # tokens shown before and after the one that a neuron spoke to


def speaking(model: Decoder, ids: Tensor, layer: int) -> tuple[list[int], Tensor]:
    """The neurons of a layer that say most to some token, and what each says to each: (n, T) float32.

    Args:
        ids: the text, int64 (T,).
    Raises:
        LabError: no such layer, or one of experts.
    """
    said = _of_layer(watch(model, ids[None], neurons=True).neurons, layer)[0]  # (T, F)
    order = said.abs().amax(0).argsort(descending=True)[:SHOWN]
    return order.tolist(), said[:, order].T.float()


def directions(values: Tensor) -> Tensor:
    """Whether each neuron's strongest answer to the text, of (n, T), is above 0 or below: (n,) of 1 and -1."""
    strongest_of = values.gather(1, values.abs().argmax(1, keepdim=True))[:, 0]
    return torch.where(strongest_of < 0, -1.0, 1.0)


def _of_layer(neurons: list[Tensor | None], layer: int) -> Tensor:
    if not 0 <= layer < len(neurons):
        raise LabError("There is no layer {layer}.", "", "Choose one of 0 to {last}.", layer=layer,
                       last=len(neurons) - 1)  # fmt: skip
    if neurons[layer] is None:
        raise LabError(
            "Layer {layer} has experts, of which each token sees only a few, so it has no neurons that all share.", "",
            "Choose another layer.", layer=layer)  # fmt: skip
    return neurons[layer]


def windows_of(tokens: np.ndarray, context: int, parameters: int) -> np.ndarray:
    """Windows over training tokens, evenly spread, int64 (N, T): as many as are read within seconds."""
    length = min(WINDOW, context, max(len(tokens), 1))
    count = min(int(SCANNED_TOKENS), int(MOST_FLOP / (2 * parameters))) // length
    starts = np.linspace(0, len(tokens) - length, max(1, min(count, len(tokens) // length))).astype(np.int64)
    return np.stack([np.asarray(tokens[start : start + length]) for start in starts]).astype(np.int64)


def strongest(
    model: Decoder, windows: np.ndarray, layer: int, neurons: list[int], count: int,
    check: Callable[[], None] = lambda: None, signs: Tensor | None = None,
) -> list[list[tuple[float, int, int]]]:  # fmt: skip
    """For each neuron its strongest places, best first: (what it says, window, token of the window).

    A window counts once a neuron, with its strongest token, so that one document does not take all places.

    Args:
        windows: training tokens, int64 (N, T).
        check: called before each batch; may raise to stop.
        signs: (n,), 1 = the highest values are the strongest, -1 = the lowest; None = the highest of all.
    """
    signs = torch.ones(len(neurons)) if signs is None else signs
    best, where = [], []
    for first in range(0, len(windows), BATCH):
        check()
        ids = torch.from_numpy(windows[first : first + BATCH])
        said = _of_layer(watch(model, ids, neurons=True).neurons, layer)[..., neurons]  # (B, T, n)
        value, place = (said * signs).max(1)
        best.append(value.float())
        where.append(place)
    values, places = torch.cat(best), torch.cat(where)  # (N, n)
    top = values.topk(min(count, len(values)), dim=0).indices  # (count, n)
    values = values * signs
    return [[(float(values[row, n]), int(row), int(places[row, n])) for row in top[:, n]] for n in range(len(neurons))]


def around(window: np.ndarray, at: int) -> tuple[list[int], int]:
    """The tokens about one of a window, and where it stands among them."""
    start = max(0, at - AROUND[0])
    return window[start : at + AROUND[1] + 1].tolist(), at - start
