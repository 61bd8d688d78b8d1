"""What a context does to an answer: with and without it token by token, and how far each head looks back at it.

Source of the ratio: Chuang et al. 2024, Lookback Lens, arXiv:2407.07071. There "new" is what was generated; here it is
everything after the context, the question with it, so that the first token of a short answer has a ratio too.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from core.errors import LabError
from core.glass.trace import inside_of, need_order, watch
from core.infer.engine import Engine, begin, check_length
from core.infer.sampling import softmax
from core.model.decoder import Decoder

ROWS = 64  # read beside each other


def lookback_ratios(attention: Sequence[Tensor], context: int, prompt: int) -> Tensor:
    """How far each head looks back while an answer is chosen.

    Args:
        attention: one (B, H, T, T) a layer, of a prompt and its answer without the last token; a row of it shares
            out what the next token is chosen from.
        context: tokens of the context, the start token with them; prompt: tokens up to the answer.
    Returns:
        (B, T - prompt + 1, layers, H), 0..1: mean attention on the context over that plus the mean on what follows.
    """
    weights = torch.stack([layer[:, :, prompt - 1 :] for layer in attention], dim=2)  # (B, H, layers, A, T)
    after = torch.arange(prompt, weights.shape[-1] + 1, device=weights.device) - context  # tokens after it, a row
    back = weights[..., :context].sum(-1) / context
    new = weights[..., context:].sum(-1) / after
    return (back / (back + new).clamp_min(1e-12)).permute(0, 3, 2, 1)


def read_contexts(
    engine: Engine, rows: Sequence[tuple[int, list[int], list[int]]], check: Callable[[], None] = lambda: None
) -> tuple[np.ndarray, int]:
    """Mean lookback ratios of many answers.

    Args:
        rows: (tokens of the context, of the prompt that holds it, of the answer); the context comes first.
    Returns:
        float32 (n, layers * heads), one layer after the other; and how many layers there are.
    Raises:
        LabError: the model has no attention to look at.
    """
    model = decoder_of(engine)
    found, layers, groups = [None] * len(rows), 0, defaultdict(list)
    start = len(begin(engine, rows[0][1])) - len(rows[0][1])
    for number, (context, prompt, answer) in enumerate(rows):
        ids = [*begin(engine, prompt), *answer[:-1]]
        check_length(engine, ids, engine.name)
        groups[len(ids), context + start, len(prompt) + start].append((number, ids))
    for (_, context, prompt), group in groups.items():
        for at in range(0, len(group), ROWS):
            check()
            part = group[at : at + ROWS]
            trace = watch(model, torch.tensor([ids for _, ids in part]), attention=True)
            ratios, layers = lookback_ratios(trace.attention, context, prompt).mean(1), len(trace.attention)
            for (number, _), row in zip(part, ratios.flatten(1).numpy(), strict=True):
                found[number] = row
    return np.array(found), layers


def token_log_p(engine: Engine, prompt: list[int], answer: list[int]) -> list[float]:
    """Log-probability of each token of a given answer after a prompt, nats.

    Raises:
        LabError: both together are longer than the model can see.
    """
    ids = [*begin(engine, prompt), *answer]
    check_length(engine, ids[:-1], engine.name)
    chances = softmax(engine.score(ids[:-1])[-len(answer):])
    return np.log(np.maximum(chances[np.arange(len(answer)), answer], 1e-30)).tolist()


def decoder_of(engine: Engine) -> Decoder:
    """The model behind an engine, where it reads in order and shows its attention.

    Raises:
        LabError: it does not; one sentence why.
    """
    model = inside_of(engine)
    need_order(model, engine.name)
    if not hasattr(model.blocks[0], "attn"):
        raise LabError(
            "{name} has no attention, so how far its heads look back cannot be seen.", "",
            "What the context changes token by token is shown for every model.", name=engine.name)  # fmt: skip
    return model
