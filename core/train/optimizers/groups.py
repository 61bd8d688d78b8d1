"""Which parameters decay, and which are matrices that Muon may turn."""

from collections.abc import Iterable

from torch import nn

APART = ("embed", "head")  # modules of these names map to and from the vocabulary


def by_decay(parameters: Iterable[nn.Parameter], weight_decay: float) -> list[dict]:
    """Groups for an optimizer: matrices decay; norms, biases and other vectors do not."""
    parameters = list(parameters)
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def matrices(model: nn.Module) -> list[nn.Parameter]:
    """The matrices inside a model, in its own order: no embedding (of tokens, places or distances), and not the head.

    A row of those belongs to one token or place, so the matrix is a list of vectors rather than a map between spaces.
    """
    apart = set()
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) or name.rpartition(".")[2] in APART:
            apart |= {id(p) for p in module.parameters()}
    return [p for p in model.parameters() if p.ndim == 2 and id(p) not in apart]
