"""The n-gram model holds to the formulas of Chen & Goodman 1998, written here a second time with dictionaries."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.kernels import ngram as kernel
from core.model.ngram.counts import count
from core.model.ngram.kneser_ney import FALLBACK, discounts_of, estimate
from core.model.ngram.model import NgramModel

EDGE = 0


def random_text(seed: int, vocab_size: int, documents: int = 60, length: int = 40) -> list[np.ndarray]:
    """Documents with skewed, dependent tokens, so that counts of all sizes occur; the last ids never do."""
    rng, made = np.random.default_rng(seed), []
    for _ in range(documents):
        tokens = [int(rng.integers(1, vocab_size - 2))]
        while len(tokens) < rng.integers(1, length):
            step = int(rng.geometric(0.4))
            tokens.append((tokens[-1] * 3 + step) % (vocab_size - 3) + 1)
        made.append(np.array(tokens))
    return made


class Naive:
    """Interpolated modified Kneser-Ney, straight from the formulas; slow, and shares no line with ours."""

    def __init__(self, documents: list[np.ndarray], order: int, vocab_size: int) -> None:
        self.order, self.vocab_size = order, vocab_size
        texts = [(EDGE, *map(int, document), EDGE) for document in documents]
        raw = {n: Counter(t[i : i + n] for t in texts for i in range(len(t) - n + 1)) for n in range(1, order + 1)}
        if order == 1:
            raw[1][(EDGE,)] -= len(texts)
        self.adjusted = {order: raw[order]}
        for n in range(order - 1, 0, -1):
            before = defaultdict(set)
            for gram in raw[n + 1]:
                before[gram[1:]].add(gram[0])
            self.adjusted[n] = {
                gram: times if n > 1 and gram[0] == EDGE else len(before[gram]) for gram, times in raw[n].items()}
        self.discounts = {n: self._discounts(self.adjusted[n]) for n in range(1, order + 1)}
        self.after = {n: defaultdict(dict) for n in range(1, order + 1)}
        for n, grams in self.adjusted.items():
            for gram, times in grams.items():
                if times:
                    self.after[n][gram[:-1]][gram[-1]] = times

    @staticmethod
    def _discounts(grams: dict) -> tuple[float, float, float]:
        t = Counter(grams.values())
        if min(t[1], t[2], t[3], t[4]) == 0:
            return FALLBACK
        y = t[1] / (t[1] + 2 * t[2])
        found = (1 - 2 * y * t[2] / t[1], 2 - 3 * y * t[3] / t[2], 3 - 4 * y * t[4] / t[3])
        return found if all(0 < d < k for k, d in enumerate(found, 1)) else FALLBACK

    def p(self, token: int, context: tuple) -> float:
        n = len(context) + 1
        lower = self.p(token, context[1:]) if context else 1 / self.vocab_size
        followers = self.after[n].get(context)
        if not followers:
            return lower
        total = sum(followers.values())
        taken = {other: self.discounts[n][min(times, 3) - 1] for other, times in followers.items()}
        here = followers.get(token, 0) - taken.get(token, 0.0)
        return here / total + sum(taken.values()) / total * lower

    def score(self, document: np.ndarray) -> list[float]:
        text = (EDGE, *map(int, document), EDGE)
        return [np.log(self.p(text[i], text[max(0, i - self.order + 1) : i])) for i in range(1, len(text))]


def test_probabilities_of_a_tiny_text_are_those_computed_by_hand():
    """"a b a" as bigrams, with the fixed discounts 0.5, 1, 1.5: too little text to estimate any."""
    model = estimate(count([np.array([1, 2, 1])], order=2, vocab_size=4))
    # a is preceded by the edge and by b, b by a, the edge by a: 2, 1, 1; taken 1, .5, .5, so gamma = 2/4
    assert model.distribution([]) == pytest.approx([0.25, 0.375, 0.25, 0.125])
    # after a: b and the edge, once each; taken .5 of each, so gamma = 1/2
    assert model.distribution([1]) == pytest.approx([0.375, 0.1875, 0.375, 0.0625])
    assert model.distribution([EDGE]) == pytest.approx([0.125, 0.6875, 0.125, 0.0625])
    assert np.exp(model.score(np.array([1, 3]))) == pytest.approx([0.6875, 0.0625, 0.25])


def test_a_table_worked_out_in_fractions_with_discounts_of_its_own():
    """The formulas of Chen & Goodman 1998 for four documents: b b a b a a, a b, b a and c b a; | is their edge.

    Pairs occur so often: ba 4; a| 3; |b 2, ab 2; |a, |c, aa, bb, b|, cb 1. So t = 6, 2, 1, 1 and Y = 6 / (6 + 4) = 3/5:
    D = 1 - 2 (3/5) 2/6, 2 - 3 (3/5) 1/2, 3 - 4 (3/5) 1/1 = 3/5, 11/10, 3/5. Different tokens stand before b 4, before
    a 3, before the edge 2, before c 1. So t = 1, 1, 1, 1 and Y = 1/3: D = 1/3, 1, 5/3, which take 14/3 from these 10.
    """
    model = estimate(count([np.array(text) for text in ([2, 2, 1, 2, 1, 1], [1, 2], [2, 1], [3, 2, 1])], 2, 8))
    assert model.discounts[1] == pytest.approx((3 / 5, 11 / 10, 3 / 5))
    assert model.discounts[0] == pytest.approx((1 / 3, 1, 5 / 3))
    never = [7 / 120] * 4  # the share of each of 8 tokens in 14/3 / 10
    alone = [19 / 120, 23 / 120, 35 / 120, 15 / 120, *never]  # the edge, a, b, c: (2 - 1) / 10 + 7/120 and so on
    assert model.distribution([]) == pytest.approx(alone)
    # After b: 4, 1, 1 of 6, of which 3 times 3/5 is taken: gamma = 3/10. p(a) = (4 - 3/5) / 6 + 3/10 23/120.
    assert model.distribution([2]) == pytest.approx(
        [137 / 1200, 749 / 1200, 37 / 240, 3 / 80, *[7 / 400] * 4])
    # After a: 3, 2, 1 of 6, of which 3/5 + 11/10 + 3/5 is taken: gamma = 23/60. p(b) = (2 - 11/10) / 6 + 23/60 35/120.
    assert model.distribution([1])[:3] == pytest.approx([3317 / 7200, 1009 / 7200, 377 / 1440])
    # After the edge: 2, 1, 1 of 4: gamma = 23/40. After c nothing but b: gamma = 3/5.
    assert model.distribution([EDGE])[1:4] == pytest.approx([1009 / 4800, 377 / 960, 11 / 64])
    assert model.distribution([3])[2] == pytest.approx(23 / 40)
    assert np.exp(model.score(np.array([2, 1]))) == pytest.approx([377 / 960, 749 / 1200, 3317 / 7200])


def test_discounts_follow_the_counts_of_counts():
    adjusted = np.array([1] * 8 + [2] * 4 + [3] * 2 + [4] + [9])
    y = 8 / 16
    assert discounts_of(adjusted) == pytest.approx((1 - 2 * y * 4 / 8, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2))
    assert discounts_of(np.array([1, 1, 2, 3])) == FALLBACK  # no fours


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_every_score_agrees_with_an_independent_implementation(order):
    vocab_size = 23
    text, unseen = random_text(1, vocab_size), random_text(2, vocab_size, documents=6)
    unseen.append(np.array([vocab_size - 1, 3, vocab_size - 1, vocab_size - 2]))  # never seen, alone and in a row
    unseen.append(np.array([], int))
    model, naive = estimate(count(text, order, vocab_size)), Naive(text, order, vocab_size)
    assert order == 1 or any(tuple(found) != FALLBACK for found in model.discounts)  # so that both are compared
    for n, found in enumerate(model.discounts, 1):
        assert tuple(found) == pytest.approx(naive.discounts[n])
    for document in [*text[:10], *unseen]:
        assert model.score(document) == pytest.approx(naive.score(document), rel=2e-5, abs=2e-6)


@given(st.integers(0, 10_000), st.integers(1, 6), st.lists(st.integers(0, 11), max_size=8))
@settings(max_examples=60, deadline=None)
def test_what_follows_any_context_sums_to_one_and_leaves_nothing_at_zero(seed, order, context):
    model = estimate(count(random_text(seed, 12, documents=8, length=12), order, 12))
    p = model.distribution(context)
    assert p.sum() == pytest.approx(1, abs=1e-5) and p.min() > 0


def test_the_distribution_is_what_the_scores_say():
    text = random_text(3, 15)
    model = estimate(count(text, 4, 15))
    for document in text[:5]:
        seen = [EDGE, *map(int, document), EDGE]
        each = [np.log(model.distribution(seen[:i])[seen[i]]) for i in range(1, len(seen))]
        assert model.score(document) == pytest.approx(each, abs=1e-5)


def test_a_context_never_seen_falls_back_to_its_longest_known_end():
    model = estimate(count(random_text(4, 20), 5, 20))
    known, never = [5, 6], [19, 18]
    assert np.array_equal(model.distribution([*never, *known]), model.distribution(known))
    assert np.array_equal(model.distribution(never), model.distribution([]))


@pytest.mark.parametrize("shard_tokens", [1, 50, 333])
def test_counting_in_shards_gives_the_counts_of_the_whole(shard_tokens):
    text = random_text(5, 30)
    whole, parts = count(text, 4, 30), count(text, 4, 30, shard_tokens=shard_tokens)
    for one, other in zip([*whole.keys, *whole.counts], [*parts.keys, *parts.counts], strict=True):
        assert np.array_equal(one, other)


def test_counts_are_those_of_the_text_and_never_reach_across_documents():
    counts = count([np.array([1, 2]), np.array([1, 2, 3])], 3, 5)
    pairs = {(int(key) // 5, int(key) % 5): int(times) for key, times in zip(counts.keys[0], counts.counts[1])}
    assert pairs == {(0, 1): 2, (1, 2): 2, (2, 0): 1, (2, 3): 1, (3, 0): 1}
    assert counts.counts[0].tolist() == [2, 2, 2, 1, 0] and counts.tokens == 7
    assert counts.counts[2].sum() == 2 + 3  # 0 1 2, 1 2 0; 0 1 2, 1 2 3, 2 3 0


def test_training_text_is_less_surprising_than_noise_and_longer_contexts_know_it_better():
    text, rng = random_text(6, 40), np.random.default_rng(0)
    models = [estimate(count(text, order, 40)) for order in (1, 2, 3)]
    surprise = [np.mean([model.perplexity(document) for document in text]) for model in models]
    assert surprise[0] > surprise[1] > surprise[2]
    assert models[2].perplexity(rng.integers(1, 40, 200)) > 2 * surprise[2]


def test_samples_are_of_the_vocabulary_repeatable_and_like_the_text():
    text = random_text(7, 25, documents=300)
    model = estimate(count(text, 3, 25))
    drawn = [model.sample(np.random.default_rng(seed), 30) for seed in range(40)]
    assert drawn == [model.sample(np.random.default_rng(seed), 30) for seed in range(40)]
    assert all(EDGE not in ids and len(ids) <= 30 for ids in drawn)
    noise = np.random.default_rng(0).integers(1, 25, 200)
    assert model.perplexity(np.concatenate(drawn)) < model.perplexity(noise) / 2


def test_a_saved_model_answers_alike_and_damage_is_said(tmp_path):
    text = random_text(8, 20)
    model = estimate(count(text, 3, 20))
    model.save(tmp_path)
    again = NgramModel.load(tmp_path)
    assert again.order == 3 and again.ngrams == model.ngrams
    assert np.array_equal(again.score(text[0]), model.score(text[0]))
    (tmp_path / "keys-3.npy").write_bytes(b"nonsense")
    with pytest.raises(LabError):
        NgramModel.load(tmp_path)
    with pytest.raises(LabError):
        NgramModel.load(tmp_path / "nowhere")


def test_ids_beyond_the_vocabulary_are_refused():
    model = estimate(count([np.array([1, 2])], 2, 4))
    for ids in ([4], [-1]):
        with pytest.raises(LabError):
            model.score(np.array(ids))


def test_an_empty_text_gives_the_uniform_distribution():
    model = estimate(count([], 3, 8))
    assert model.distribution([1, 2]) == pytest.approx([1 / 8] * 8)


def test_the_model_needs_no_engine_library():
    program = "import core.model.ngram.kneser_ney, sys; print({'torch', 'scipy'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("order", [1, 2, 3, 6])
def test_the_kernel_and_the_readable_form_give_the_same_bits(order):
    if not kernel.built():
        pytest.skip("the C++ kernels were not built")
    vocab_size = 31
    model = estimate(count(random_text(9, vocab_size, documents=150), order, vocab_size))
    rng = np.random.default_rng(0)
    strange = [rng.integers(0, vocab_size, length) for length in (0, 1, 2, 50)]  # the boundary inside, too
    for document in [*random_text(10, vocab_size, documents=20), *strange]:
        stream = np.concatenate([[EDGE], document, [EDGE]]).astype(np.int64)
        assert np.array_equal(model.score(document), model.score_plainly(stream))


def test_without_the_kernel_scores_are_the_same():
    program = """
import numpy as np
from core.kernels import ngram
from core.kernels import ngram as kernel
from core.model.ngram.counts import count
from core.model.ngram.kneser_ney import estimate
model = estimate(count([np.array([1, 2, 1, 3]), np.array([2, 2])], 3, 6))
print(ngram.built(), model.score(np.array([1, 2, 5, 2])).tolist())
"""
    root, said = Path(__file__).resolve().parents[2], []
    for isa in ("", "none"):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60,
                              env={**os.environ, "COLDFRAME_ISA": isa})  # fmt: skip
        said.append(done.stdout.split(" ", 1))
    assert said[1][0] == "False" and said[0][1] == said[1][1] != ""
