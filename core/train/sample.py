"""A few words from a model that is still growing."""

from contextlib import contextmanager

import torch
from torch import nn

from core.model.neighbours import nearest, unit_rows
from core.model.word_vectors import WordVectors
from core.model.writing import make_writer
from core.tokens.tokenizer import Tokenizer

WORDS, NEIGHBOURS = 8, 5  # of which neighbours are named, and how many


@contextmanager
def evaluating(model: nn.Module):
    """Without dropout for a while; an error inside must not leave the run to train without it."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def sample(
    model: nn.Module, tokenizer: Tokenizer, prompt: str, tokens: int, temperature: float, seed: int, writer=None
) -> str:
    """Continue ``prompt`` by at most ``tokens`` tokens; ends at a document's end or a full context.

    The random generator is its own: drawing a sample leaves the run's random state as it was. Word vectors do
    not write: they name the nearest neighbours of the prompt's words, or of the commonest ones.

    Args:
        writer: draws from the model; None = the one for models of its kind.
    """
    if isinstance(model, WordVectors):
        return neighbourhood(model, tokenizer, prompt)
    generator = torch.Generator().manual_seed(seed)
    ids = [tokenizer.end_id, *tokenizer.encode(prompt)][-(model.spec.context // 2) :]
    written: list[int] = []
    with torch.no_grad(), evaluating(model):
        writer = writer or make_writer(model, tokenizer.vocab_size)
        logits = writer.start(ids)
        while len(written) < tokens:
            written.append(_draw(logits[: tokenizer.vocab_size].cpu(), temperature, generator))
            if written[-1] == tokenizer.end_id or writer.length >= model.spec.context - 1:
                break
            logits = writer.step(written[-1])
    return tokenizer.decode([i for i in written if i != tokenizer.end_id])


def neighbourhood(model: WordVectors, tokenizer: Tokenizer, prompt: str) -> str:
    """One line a word: the word, then the tokens whose vectors point most nearly the same way."""
    common = model.noise_odds[: tokenizer.vocab_size].argsort(descending=True).tolist()
    asked = tokenizer.encode(prompt) or [id for id in common if tokenizer.token_bytes(id).strip().isalpha()]
    rows = unit_rows(model.table()[: tokenizer.vocab_size])
    lines = []
    for id in asked[:WORDS]:
        near = [tokenizer.decode([other]).strip() for other, _ in nearest(rows, rows[id], NEIGHBOURS, {id})]
        lines.append(f"{tokenizer.decode([id]).strip()}: {', '.join(near)}")
    return "\n".join(lines)


def _draw(logits: torch.Tensor, temperature: float, generator: torch.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator))
