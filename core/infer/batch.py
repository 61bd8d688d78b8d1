"""Many short answers at once, greedy or drawn, with the log-probabilities of the decode itself.

Prompts of one length are read together and written on together, so that no padding is ever seen. An answer ends
before the stop text or the end token; the token that ends it is measured with the others, because to end here
is a choice too, and so an empty answer has a probability as well.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from core.infer.engine import Engine, begin, check_length
from core.infer.sampling import softmax

ROWS = 768  # answers written beside each other


class Ask(NamedTuple):
    """A prompt to go on from; with a seed an answer is drawn (temperature 1, no filter), without one it is greedy."""

    prompt: tuple[int, ...]
    seed: int | None = None


class Written(msgspec.Struct, frozen=True):
    """One answer.

    Args:
        text: up to the stop text.
        ids: every token written, the one that ended it included.
        log_p: of each of these tokens, nats.
        entropy: of the distribution each was taken from, nats.
        ended: whether it ended by itself; otherwise the tokens ran out.
    """

    text: str
    ids: list[int]
    log_p: list[float]
    entropy: list[float]
    ended: bool


def write_many(
    engine: Engine, asks: Sequence[Ask], most_tokens: int, stop: str, tell: Callable[[int], None] = lambda done: None
) -> list[Written]:
    """Answer every prompt; the same prompts, seeds and model give the same answers.

    Args:
        engine: a torch decoder writes in batches, any other engine one answer after the other.
        stop: text that no answer goes beyond.
        tell: called with the answers done so far; may raise to stop.
    Raises:
        LabError: a prompt is empty or leaves no room in the model's context.
    """
    rows = [_Row(engine, ask, most_tokens, stop.encode()) for ask in asks]
    model = getattr(engine, "plain_decoder", None)
    groups: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        groups[len(row.prompt) if model is not None else len(groups)].append(row)
    done = 0
    for group in groups.values():
        group.sort(key=lambda row: row.prompt)  # copies of one prompt side by side
        for at in range(0, len(group), ROWS):
            part = group[at : at + ROWS]
            if model is None:
                _write_one(engine, part[0])
            else:
                _write_together(model, engine.vocab_size, part)
            done += len(part)
            tell(done)
    return [row.written() for row in rows]


def read_many(
    engine: Engine, pairs: Sequence[tuple[Sequence[int], Sequence[int]]], check: Callable[[], None] = lambda: None
) -> list[float]:
    """Log-probability of each given answer after its prompt, nats; pairs of (prompt, answer) tokens.

    Args:
        check: called now and then; may raise to stop.
    Raises:
        LabError: a pair is longer than the model's context.
    """
    model = getattr(engine, "plain_decoder", None)
    found, groups = [0.0] * len(pairs), defaultdict(list)
    for number, (prompt, answer) in enumerate(pairs):
        ids = [*begin(engine, list(prompt)), *answer]
        check_length(engine, ids[:-1])
        groups[len(ids) if model is not None else number].append((number, ids, len(answer)))
    for group in groups.values():
        for at in range(0, len(group), ROWS):
            check()
            part = group[at : at + ROWS]
            logits = _read_together(model, [ids for _, ids, _ in part]) if model is not None else engine.score(
                part[0][1][:-1])[None]
            for (number, ids, length), row in zip(part, logits, strict=True):
                places = np.arange(len(ids) - 1 - length, len(ids) - 1)
                probabilities = softmax(row[places, : engine.vocab_size])
                found[number] = float(np.log(probabilities[np.arange(length), ids[-length:]]).sum()) if length else 0.0
    return found


def _read_together(model, rows: list[list[int]]) -> np.ndarray:
    """Logits after every token but the last of sequences of one length, float32 (rows, T - 1, V)."""
    import torch

    with torch.inference_mode():
        return model(torch.tensor(rows, device=next(model.parameters()).device)[:, :-1]).cpu().numpy()


class _Row:
    """One answer while it is written."""

    def __init__(self, engine: Engine, ask: Ask, most_tokens: int, stop: bytes) -> None:
        self.engine, self.stop = engine, stop
        self.prompt = tuple(begin(engine, list(ask.prompt)))
        check_length(engine, list(self.prompt))
        self.room = min(most_tokens, engine.context - len(self.prompt) + 1)
        self.random = None if ask.seed is None else np.random.default_rng(ask.seed)
        self.ids: list[int] = []
        self.log_p: list[float] = []
        self.entropy: list[float] = []
        self.bytes, self.ended = b"", False

    @property
    def open(self) -> bool:
        return not self.ended and len(self.ids) < self.room

    def take(self, probabilities: np.ndarray, edges: np.ndarray, entropy: float) -> int:
        """Choose the next token, as ``core.infer.sampling.Sampler`` would."""
        if self.random is None:
            chosen = int(probabilities.argmax())
        else:
            chosen = int(np.searchsorted(edges, self.random.random() * edges[-1], side="right"))
        self.ids.append(chosen)
        self.log_p.append(float(np.log(probabilities[chosen])))
        self.entropy.append(entropy)
        self.bytes += self.engine.token_bytes(chosen)
        self.ended = chosen in self.engine.end_ids or bool(self.stop) and self.stop in self.bytes
        return chosen

    def written(self) -> Written:
        text = self.bytes.split(self.stop)[0] if self.stop else self.bytes
        return Written(text.decode("utf-8", "replace"), self.ids, self.log_p, self.entropy, self.ended)


def _choose(rows: list[_Row], logits: np.ndarray) -> list[int]:
    """The next token of each row; logits (rows, V) float32. Rows that are closed repeat their last."""
    probabilities = softmax(logits)
    edges = np.cumsum(probabilities, axis=-1)
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    entropies = -(probabilities * logs).sum(-1)
    return [row.take(p, e, float(h)) if row.open else row.ids[-1]
            for row, p, e, h in zip(rows, probabilities, edges, entropies, strict=True)]  # fmt: skip


def _write_one(engine: Engine, row: _Row) -> None:
    logits = engine.start(list(row.prompt))
    while True:
        (chosen,) = _choose([row], logits[None])
        if not row.open:
            return
        logits = engine.step(chosen)


def _write_together(model, vocab_size: int, rows: list[_Row]) -> None:
    """Prompts of one length, equal ones side by side: each is read once, whatever the number of its answers."""
    import torch

    from core.model.attention import KVCache

    prompts = list(dict.fromkeys(row.prompt for row in rows))
    place = {prompt: number for number, prompt in enumerate(prompts)}
    device, length = next(model.parameters()).device, len(prompts[0])
    room = length + max(row.room for row in rows)
    with torch.inference_mode():
        cache = KVCache(model.spec, len(prompts), min(room, model.spec.context), device=device)
        hidden = model.hidden(torch.tensor(prompts, device=device), cache)[:, -1]
        copies = torch.tensor([place[row.prompt] for row in rows], device=device)
        _keep(cache, copies)
        logits = model.logits(hidden)[copies, :vocab_size].float().cpu().numpy()
        while True:
            chosen = _choose(rows, logits)
            still = [number for number, row in enumerate(rows) if row.open]
            if not still:
                return
            if len(still) < len(rows) // 2:  # those that are done make room
                rows, chosen = [rows[n] for n in still], [chosen[n] for n in still]
                _keep(cache, torch.tensor(still, device=device))
            hidden = model.hidden(torch.tensor(chosen, device=device)[:, None], cache)[:, -1]
            logits = model.logits(hidden)[:, :vocab_size].float().cpu().numpy()


def _keep(cache, rows) -> None:
    """Leave these rows of the batch in the cache, in this order."""
    cache.keys, cache.values = cache.keys[:, rows], cache.values[:, rows]
