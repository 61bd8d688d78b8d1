"""The word-for-word spans of an answer while it is written, found in a small share of the time that writing takes."""

import time
from collections.abc import Callable

from core.glass.attribution import Tracer, maximal_spans
from core.glass.suffix_array import BOUNDARY
from core.glass.words import Cut, words
from core.spec.glass import AttributionRules

SHARE = 0.05  # of the time since writing began that looking up may take
LOOK_BACK = 256  # tokens without a full stop that are looked at again; longer spans are found when all is written


class LiveTrace:
    """Follows one answer.

    A span crosses no line break and no full stop, so only the sentence being written is looked up again. After a
    look-up that took t seconds the next waits t / ``SHARE``: so the decoding is slowed down by that share at most.

    Args:
        prompt: the text that the answer continues.
        clock: seconds, rising.
    """

    def __init__(
        self, tracer: Tracer, prompt: str, rules: AttributionRules = AttributionRules(),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:  # fmt: skip
        self._tracer, self._prompt, self._rules, self._clock = tracer, prompt, rules, clock
        self._ids: list[int] = []
        self._pieces: list[bytes] = []
        self._settled: list[tuple[int, int]] = []  # spans of finished sentences
        self._from = 0  # first token of the sentence that is being written
        self._told: list[tuple[int, int]] = []
        self._not_before = clock()

    def add(self, id: int) -> list[tuple[int, int]] | None:
        """Take one more token; all spans so far as token ranges, or None where they are what was told before."""
        self._ids.append(id)
        self._pieces.append(b"" if id == BOUNDARY else self._tracer.tokenizer.token_bytes(id))
        began = self._clock()
        if began < self._not_before:
            return None
        found = self.spans()
        ended = self._clock()
        self._not_before = ended + (ended - began) / SHARE
        if found == self._told:
            return None
        self._told = found
        return found

    def spans(self) -> list[tuple[int, int]]:
        """The spans of what is written so far, half-open token ranges in order."""
        first = max(self._from, len(self._ids) - LOOK_BACK)
        before = self._prompt + b"".join(self._pieces[max(first - 32, 0) : first]).decode("utf-8", "replace")
        cut = Cut(self._pieces[first:], before)
        ranges = maximal_spans(self._tracer.index, self._ids[first:], cut)
        found = [(first + a, first + b) for a, b in ranges if self._worth_showing(cut.text(a, b))]
        ended = [i for i in range(len(self._ids) - first - 1) if cut.stops[i] or cut.breaks[i]]
        if ended:
            self._from = first + ended[-1] + 1
            self._settled += [span for span in found if span[1] <= self._from]
            found = [span for span in found if span[1] > self._from]
        return self._settled + found

    def _worth_showing(self, text: str) -> bool:
        return len(words(text)) >= self._rules.min_words and len(text.strip()) >= self._rules.min_characters
