"""How text is hidden from a model that learns to restore it: which tokens, which spans."""

import numpy as np


def choose_tokens(tokens: np.ndarray, rate: float, unit: str, span: float, word_starts: np.ndarray,
                  rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """True where a token is chosen, bool (T,); about ``rate`` of them, at least one, never a document's end (0).

    Args:
        tokens: int64 (T,).
        unit: "token", "word" (tokens from one word start to the next) or "span".
        span: mean length of a span, tokens; lengths are geometric, cut at 10 (SpanBERT, arXiv:1907.10529).
        word_starts: whether a token begins a word, bool (V,).
    """
    usable = tokens != 0
    wanted = max(1, round(rate * int(usable.sum())))
    chosen = np.zeros(len(tokens), bool)
    if unit == "token":
        places = np.flatnonzero(usable)
        chosen[rng.permutation(places)[:wanted]] = True
        return chosen
    if unit == "word":
        begins = word_starts[tokens] | ~usable
        begins[0] = True
        word = np.cumsum(begins) - 1
        order = rng.permutation(word[-1] + 1)
        sizes = np.bincount(word, usable, minlength=word[-1] + 1)
        taken = order[: int(np.searchsorted(np.cumsum(sizes[order]), wanted)) + 1]
        return np.isin(word, taken) & usable
    for _ in range(4 * len(tokens)):
        if chosen.sum() >= wanted:
            break
        length = min(int(rng.geometric(1 / span)), 10, wanted - int(chosen.sum()))
        start = int(rng.integers(0, len(tokens) - length + 1))
        chosen[start : start + length] |= usable[start : start + length]
    return chosen


def choose_spans(length: int, rate: float, span: float, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Spans (start, end) that hide ``rate`` of a text, none touching another; how many and how much is fixed.

    Source: Raffel et al. 2020, T5, arXiv:1910.10683, appendix: random segmentation into noise and the rest.
    """
    hidden = min(max(1, round(length * rate)), length - 1)
    count = max(1, min(round(hidden / span), hidden, length - hidden))
    noise, kept = _parts(hidden, count, rng), _parts(length - hidden, count, rng)
    spans, place = [], 0
    for shown, gone in zip(kept, noise):
        place += shown
        spans.append((place, place + gone))
        place += gone
    return spans


def _parts(total: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` positive lengths that sum to ``total``, all such splits alike."""
    cuts = np.sort(rng.choice(total - 1, count - 1, replace=False)) + 1 if count > 1 else np.empty(0, int)
    return np.diff(np.concatenate([[0], cuts, [total]])).astype(int)


def corrupt(tokens: np.ndarray, spans: list[tuple[int, int]], sentinels: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """T5's pair: the text with each span as one sentinel, and the sentinels each followed by what it stands for."""
    source, target, place = [], [], 0
    for (start, end), sentinel in zip(spans, sentinels):
        source += [*tokens[place:start], sentinel]
        target += [sentinel, *tokens[start:end]]
        place = end
    source += [*tokens[place:]]
    return np.asarray(source, np.int64), np.asarray([*target, sentinels[len(spans)]], np.int64)


def infill(tokens: np.ndarray, rate: float, span: float, mask: int, rng: np.random.Generator) -> np.ndarray:
    """BART's text infilling: spans of Poisson length, each replaced by a single mask; length 0 adds one.

    Source: Lewis et al. 2019, BART, arXiv:1910.13461, section 2.2.
    """
    out, place, budget = [], 0, max(1, round(rate * len(tokens)))
    begins = rate / max(span, 1.0)  # chance that a span begins at a token
    while place < len(tokens):
        if budget > 0 and rng.random() < begins:
            length = min(int(rng.poisson(span)), budget, len(tokens) - place)
            out.append(mask)
            place += length
            budget -= max(length, 1)
            if length:
                continue
        if place < len(tokens):
            out.append(int(tokens[place]))
            place += 1
    return np.asarray(out, np.int64)
