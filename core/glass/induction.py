"""Which heads look back to the token before, and which to what followed the same token earlier.

A text of random tokens is said twice. A head that, at a token's second saying, looks at the token that followed its
first saying copies what comes next: an induction head. It needs a head in an earlier layer that looks at the token
before, so that a model of one layer has none; in training both appear together, within few steps.
Source: Olsson et al. 2022, In-context Learning and Induction Heads, arXiv:2209.11895.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from core.errors import LabError
from core.glass.trace import need_order, watch
from core.model.decoder import Decoder
from core.model.loading import load_decoder

PERIOD, SEQUENCES = 50, 4
LEAST_PERIOD = 4
IS_INDUCTION = 0.4  # a score above this is an induction head


def repeated_tokens(vocab: int, context: int, start_id: int, period: int = PERIOD, seed: int = 0) -> Tensor:
    """A start token and then the same random tokens twice, int64 (SEQUENCES, 1 + 2 period).

    Raises:
        LabError: the model sees too few tokens at once for a text said twice.
    """
    period = min(period, (context - 1) // 2)
    if period < LEAST_PERIOD:
        raise LabError(
            "This model sees only {context} tokens at once, too few for a text that is said twice.", "",
            "Open a run with a longer context.", context=context)
    generator = torch.Generator().manual_seed(seed)
    said = torch.randint(1, vocab, (SEQUENCES, period), generator=generator)
    return torch.cat([torch.full((SEQUENCES, 1), start_id), said, said], dim=1)


def head_scores(attention: list[Tensor], period: int) -> tuple[Tensor, Tensor]:
    """Induction and previous-token scores, both (layers, heads) float32 of 0..1.

    Args:
        attention: one (B, H, T, T) a layer, of a text as ``repeated_tokens`` makes it.
        period: tokens of the text before it repeats.
    """
    weights = torch.stack(attention)  # (L, B, H, T, T)
    length = weights.shape[-1]
    second = torch.arange(length - period, length, device=weights.device)  # the second saying
    later = torch.arange(1, length, device=weights.device)
    induction = weights[..., second, second - period + 1].mean((1, 3))
    previous = weights[..., later, later - 1].mean((1, 3))
    return induction, previous


def induction_map(model: Decoder, vocab: int, start_id: int, name: str = "") -> tuple[Tensor, Tensor]:
    """Induction and previous-token scores of every head, both (layers, heads).

    Raises:
        LabError: the model does not read in order, or sees too little at once.
    """
    need_order(model, name)
    ids = repeated_tokens(vocab, model.spec.context, start_id).to(model.embed.weight.device)
    trace = watch(model, ids, attention=True)
    induction, previous = head_scores(trace.attention, (ids.shape[1] - 1) // 2)
    return induction.cpu(), previous.cpu()


def history(
    run: Path, vocab: int, start_id: int, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(step, induction, previous-token scores) of every checkpoint that a run has kept, in order.

    ``check`` is called before each and may raise to stop.
    """
    for checkpoint in sorted(path.parent for path in Path(run).glob("checkpoints/step-*/model.safetensors")):
        check()
        model, _, step = load_decoder(checkpoint)
        yield step, *induction_map(model, vocab, start_id, Path(run).name)
