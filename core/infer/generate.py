"""One generation, token by token, with how sure the model was of each; and the same for a given text."""

import codecs
import math
from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from core.infer.engine import Engine, begin, check_length
from core.infer.sampling import Sampler, softmax
from core.spec.messages import FinishReason
from core.spec.sampling import SamplingSpec
from core.spec.token_record import TokenRecord

TOP = 10


class Generation:
    """An iterator of ``TokenRecord``; once it is exhausted, ``reason`` says why it ended.

    The bytes of the records, joined, are the answer: a stop string is cut off even when it
    begins or ends in the middle of a token, and an end token is not part of the answer.

    Args:
        prompt_ids: what the model reads first; its start token is added where it is missing.
        cancelled: asked before every token.
    Raises:
        LabError: the prompt is empty or longer than the model's context.
    """

    def __init__(
        self,
        engine: Engine,
        prompt_ids: list[int],
        settings: SamplingSpec,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.prompt_ids = begin(engine, prompt_ids)
        check_length(engine, self.prompt_ids)
        self.reason: FinishReason | None = None
        self._engine, self._settings, self._cancelled = engine, settings, cancelled
        self._records = self._release()

    def __iter__(self) -> "Generation":
        return self

    def __next__(self) -> TokenRecord:
        return next(self._records)

    def _release(self) -> Iterator[TokenRecord]:
        """Hold tokens back while they may be the beginning of a stop string, and let go of the rest."""
        stops = [text.encode() for text in self._settings.stop if text]
        held: list[TokenRecord] = []
        for record in self._produce():
            held.append(record)
            tail = b"".join(r.bytes for r in held)
            found = [at for at in (tail.find(stop) for stop in stops) if at >= 0]
            if found:
                self.reason = "stop"
                yield from _cut(held, min(found))
                return
            safe = len(tail) - _possible_start(tail, stops)
            while held and (len(held[0].bytes) <= safe):
                safe -= len(held[0].bytes)
                yield held.pop(0)
        yield from held

    def _produce(self) -> Iterator[TokenRecord]:
        engine, settings = self._engine, self._settings
        sampler = Sampler(settings, self.prompt_ids)
        if self._cancelled():
            self.reason = "cancelled"
            return
        logits = engine.start(self.prompt_ids)
        room = engine.context - len(self.prompt_ids)  # tokens that can still be read
        for count in range(1, settings.max_tokens + 1):
            chosen, probabilities = sampler.choose(logits)
            if chosen in engine.end_ids:
                self.reason = "end"
                return
            yield measure(engine, chosen, logits, probabilities)
            if self._cancelled():
                self.reason = "cancelled"
                return
            if count == settings.max_tokens:
                self.reason = "length"
            elif count > room:
                self.reason = "context"
            if self.reason:
                return
            logits = engine.step(chosen)


def generate(
    engine: Engine,
    prompt_ids: list[int],
    settings: SamplingSpec,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generation:
    """Continue ``prompt_ids``; see ``Generation``."""
    return Generation(engine, prompt_ids, settings, cancelled)


def measure(engine: Engine, id: int, logits: np.ndarray, sampled: np.ndarray | None = None) -> TokenRecord:
    """How sure the model was of token ``id`` where it had to choose.

    Args:
        logits: what the model gave just before the token, (V,).
        sampled: the distribution that it was drawn from, (V,); None where nothing was drawn.
    """
    raw = softmax(logits)
    drawn = {} if sampled is None else {
        "sampled_rank": 1 + int(np.count_nonzero(sampled > sampled[id])), "sampled_entropy": _entropy(sampled),
        "sampled_top": _likeliest(engine, sampled)}  # fmt: skip
    return TokenRecord(
        id=id,
        bytes=engine.token_bytes(id),
        probability=float(raw[id]),
        sampled_probability=float(raw[id] if sampled is None else sampled[id]),
        rank=1 + int(np.count_nonzero(logits > logits[id])),
        entropy=_entropy(raw),
        top=_likeliest(engine, raw),
        **drawn,
    )


def _entropy(probabilities: np.ndarray) -> float:
    positive = probabilities[probabilities > 0]
    return float(-np.sum(positive * np.log(positive))) + 0.0  # + 0.0 turns -0.0 into 0.0


def _likeliest(engine: Engine, probabilities: np.ndarray) -> list[tuple[int, bytes, float]]:
    """Up to ten tokens that are possible at all, likeliest first."""
    alive = np.flatnonzero(probabilities)
    if alive.size > TOP:
        alive = alive[np.argpartition(-probabilities[alive], TOP - 1)[:TOP]]
    alive = alive[np.lexsort((alive, -probabilities[alive]))]
    return [(int(i), engine.token_bytes(int(i)), float(probabilities[i])) for i in alive]


def score(engine: Engine, ids: list[int]) -> list[TokenRecord]:
    """One record a token of ``ids``, as if the model had been asked for exactly this text.

    Where the model wants no start token, nothing comes before the first one: its numbers are
    NaN and its rank is 0.

    Raises:
        LabError: no tokens, or more than the model can see.
    """
    context_ids = begin(engine, ids)
    check_length(engine, context_ids)
    logits = engine.score(context_ids)
    records = [measure(engine, id, logits[at]) for at, id in enumerate(context_ids[1:])]
    if engine.start_id is None:
        first = context_ids[0]
        unknown = TokenRecord(first, engine.token_bytes(first), math.nan, math.nan, 0, math.nan, [])
        records.insert(0, unknown)
    return records


class Utf8Stream:
    """Turns the bytes of tokens into text as they come; a character cut in two waits for its rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> str:
        """The text that ``data`` completes; bytes that can never be UTF-8 become U+FFFD."""
        return self._decoder.decode(data)

    def finish(self) -> str:
        """What is left: U+FFFD for a character that never got its rest."""
        return self._decoder.decode(b"", final=True)


def _cut(held: list[TokenRecord], length: int) -> Iterator[TokenRecord]:
    """The records that make up the first ``length`` bytes; the last one loses what lies beyond."""
    for record in held:
        if length <= 0:
            return
        if len(record.bytes) > length:
            record = msgspec.structs.replace(record, bytes=record.bytes[:length])
        length -= len(record.bytes)
        yield record


def _possible_start(tail: bytes, stops: list[bytes]) -> int:
    """Bytes at the end of ``tail`` that may turn out to be the beginning of a stop string."""
    for size in range(min(len(tail), max(map(len, stops), default=0) - 1), 0, -1):
        if any(stop.startswith(tail[-size:]) for stop in stops if len(stop) > size):
            return size
    return 0
