"""How much each head is missed: the loss of a text with one head's part taken out, head by head.

Source: Michel et al. 2019, Are Sixteen Heads Really Better than One?, arXiv:1905.10650.
"""

from collections.abc import Callable
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import LabError
from core.glass.trace import blocks_of
from core.model.decoder import Decoder

MOST_FLOP = 3e12  # about a minute on one core; a request of more is refused
MOST_LOGITS = 5e7  # numbers of one batch


def ablate_heads(
    model: Decoder, ids: Tensor, place: int = -1, how: str = "zero", check: Callable[[], None] = lambda: None
) -> tuple[Tensor, float]:
    """The loss without each head, less the loss with all: nats a token, (layers, heads); and the latter.

    Args:
        ids: the text, int64 (T,).
        place: the token whose loss counts; -1 = the mean over all that follow another.
        how: "zero", or "mean": what the head says on average in this text.
        check: called before each layer; may raise to stop.
    Raises:
        LabError: it would take minutes.
    """
    heads, layers = model.spec.n_heads, len(blocks_of(model))
    check_size(model, len(ids))
    with torch.inference_mode():
        whole = float(_loss(model, ids[None], place)[0])
        rows, parts = [], torch.arange(heads).split(_at_once(model, ids))
        for layer in range(layers):
            check()
            rows.append(torch.cat([_without(model, ids, layer, part, place, how) for part in parts]) - whole)
    return torch.stack(rows), whole


def check_size(model: Decoder, length: int) -> None:
    """Refuse what would take minutes.

    Raises:
        LabError: the remedy says how short the text would have to be.
    """
    parameters = sum(p.numel() for p in model.parameters())
    passes = model.spec.n_heads * len(blocks_of(model))
    most = int(MOST_FLOP / (2 * parameters * passes))
    if length > most:
        raise LabError(
            "Taking out each of {heads} heads of this model on {tokens} tokens would take minutes.", "",
            "Look into a text of at most {most} tokens, or at a smaller model.", heads=passes, tokens=length,
            most=most)  # fmt: skip


def _at_once(model: Decoder, ids: Tensor) -> int:
    return max(1, int(MOST_LOGITS / (len(ids) * model.spec.vocab_size)))


def _without(model: Decoder, ids: Tensor, layer: int, heads: Tensor, place: int, how: str) -> Tensor:
    """The loss of each copy of the text, one a head taken out, (len(heads),)."""
    with _muted(model, layer, heads, how):
        return _loss(model, ids.expand(len(heads), -1), place)


@contextmanager
def _muted(model: Decoder, layer: int, heads: Tensor, how: str):
    """In the n-th sequence of a batch, what the n-th of ``heads`` says in ``layer`` is taken out."""
    attn = blocks_of(model)[layer].attn
    turn = sum(block.attn is attn for block in blocks_of(model)[:layer])  # a shared block is gone through often
    count = 0

    def mute(_, args: tuple) -> tuple | None:
        nonlocal count
        count += 1
        if count - 1 != turn:
            return None
        said = args[0].unflatten(-1, (attn.heads, attn.head)).clone()  # (B, T, H, d)
        rows = torch.arange(len(heads))
        said[rows, :, heads] = said[rows, :, heads].mean(1, keepdim=True) if how == "mean" else 0.0
        return (said.flatten(-2),)

    handle = attn.o.register_forward_pre_hook(mute)
    try:
        yield
    finally:
        handle.remove()


def _loss(model: Decoder, ids: Tensor, place: int) -> Tensor:
    """Nats: the mean over a sequence's tokens, or of the one at ``place``; ids (B, T) -> (B,)."""
    losses = F.cross_entropy(model(ids)[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")  # (B, T - 1)
    return losses.mean(1) if place < 0 else losses[:, place - 1]
