"""The mixture of denoisers does to a text what its paper's table says; told from the examples alone."""

from collections import Counter

import numpy as np
import pytest

from core.spec.base import build
from core.spec.model import ModelSpec
from core.spec.objective import SENTINELS
from core.train.objectives import Asking

VOCAB, CONTEXT, TEXTS = 90, 257, 1400
R, X, S = (VOCAB + SENTINELS + mode for mode in range(3))
# Tay et al. 2022, arXiv:2205.05131, table 1: (mean span, rate) of each denoiser; S hides the last quarter of a text.
TABLE = {R: [(3, 0.15), (8, 0.15)], X: [(3, 0.5), (8, 0.5), (64, 0.15), (64, 0.5)]}


def examples(layout: str) -> list[tuple[list, list, list]]:
    """(text, source, target) of each example, without padding."""
    spec = build(ModelSpec, {
        "layout": layout, "d_model": 16, "n_heads": 2, "n_layers": 1, "context": CONTEXT,
        "objective": {"task": "denoisers"}, "vocab_size": VOCAB + SENTINELS + 3})  # fmt: skip
    windows, found = np.random.default_rng(1).integers(1, VOCAB, (TEXTS, CONTEXT + 1)), []
    asking = Asking(spec, VOCAB, np.ones(VOCAB, bool), seed=2)
    for number, window in enumerate(windows):
        batch = {name: part[0].tolist() for name, part in asking(window[None], number).items()}
        if layout == "prefix":
            end = batch["prefix"]
            source, target = batch["ids"][:end], [t for t in batch["targets"] if t >= 0]
            assert batch["ids"][end:] == target[:-1] and all(t < 0 for t in batch["targets"][: end - 1])
        else:
            source, target = batch["source"], batch["targets"]
            assert batch["ids"] == [0, *target[:-1]]
        found.append((window[: CONTEXT - 1].tolist(), source, target))
    return found


def spans_of(target: list[int]) -> list[list[int]]:
    """What each sentinel stands for; the last one only ends the target."""
    assert target[0] == VOCAB and VOCAB <= target[-1] < VOCAB + SENTINELS
    spans: list[list[int]] = []
    for token in target[:-1]:
        if token >= VOCAB:
            assert token == VOCAB + len(spans)  # sentinels come in their order
            spans.append([])
        else:
            spans[-1].append(token)
    assert target[-1] == VOCAB + len(spans)
    return spans


def restored(source: list[int], spans: list[list[int]]) -> list[int]:
    return [t for token in source for t in (spans[token - VOCAB] if token >= VOCAB else [token])]


@pytest.mark.parametrize("layout", ["encoder_decoder", "prefix"])
def test_each_denoiser_hides_what_the_table_says_and_its_token_tells_which(layout):
    told, hidden_ends = Counter(), []
    for text, source, target in examples(layout):
        mode, source = source[0], source[1:]
        if mode == S:
            assert source + target == text
            hidden_ends.append(len(target) / len(text))
            told[S] += 1
            continue
        text = text if layout == "encoder_decoder" else text[: len(text) // 2]  # room for both parts behind each other
        spans = spans_of(target)
        assert restored(source, spans) == text and all(spans)
        assert all(a < VOCAB or b < VOCAB for a, b in zip(source, source[1:]))  # no two spans touch
        hidden = sum(map(len, spans))
        kinds = [(span, rate) for span, rate in TABLE[mode]
                 if (hidden, len(spans)) == (round(len(text) * rate), max(1, round(round(len(text) * rate) / span)))]
        assert kinds, (mode, hidden, len(spans))
        told[mode, kinds[0]] += 1
    assert len(told) == 7  # all alike: a seventh of the texts each, give or take four standard deviations
    assert all(abs(n - TEXTS / 7) < 4 * (TEXTS * 6 / 49) ** 0.5 for n in told.values()), told
    assert np.mean(hidden_ends) == pytest.approx(0.25, abs=0.04) and np.std(hidden_ends) > 0.1
