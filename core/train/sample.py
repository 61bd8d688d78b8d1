"""A few words from a model that is still growing."""

from contextlib import contextmanager

import torch

from core.model.attention import KVCache
from core.model.decoder import Decoder
from core.tokens.tokenizer import Tokenizer


@contextmanager
def evaluating(model: Decoder):
    """Without dropout for a while; an error inside must not leave the run to train without it."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def sample(
    model: Decoder, tokenizer: Tokenizer, prompt: str, tokens: int, temperature: float, seed: int, device: str = "cpu"
) -> str:
    """Continue ``prompt`` by at most ``tokens`` tokens; ends at a document's end or a full context.

    The random generator is its own: drawing a sample leaves the run's random state as it was.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = [tokenizer.end_id, *tokenizer.encode(prompt)][-(model.spec.context // 2) :]
    written: list[int] = []
    with torch.no_grad(), evaluating(model):
        cache = KVCache(model.spec, device=device)
        logits = model(torch.tensor([ids], device=device), cache)[0, -1]
        while len(written) < tokens:
            written.append(_draw(logits.float().cpu(), temperature, generator))
            if written[-1] == tokenizer.end_id or cache.length >= model.spec.context:
                break
            logits = model(torch.tensor([written[-1:]], device=device), cache)[0, -1]
    return tokenizer.decode([i for i in written if i != tokenizer.end_id])


def _draw(logits: torch.Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator))
