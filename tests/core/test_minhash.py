"""Shingles, MinHash and LSH: the C++ kernels say what plain Python says, and both estimate Jaccard similarity."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kernels import minhash, plain
from core.kernels import minhash_reference as reference

ROOT = Path(__file__).resolve().parents[2]
needs_library = pytest.mark.skipif(minhash._library() is None, reason="the C++ kernels are not built")
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("ab1 .\n的云“。ﬁÉİ🌱ー々\u3000\ud800")), max_size=80)


@needs_library
@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.integers(0, 9))
def test_shingles_are_those_of_the_reference(texts, words):
    found = minhash.shingles(texts, words)
    for i, text in enumerate(texts):
        assert found.hashes[found.starts[i] : found.starts[i + 1]].tolist() == reference.shingle_hashes(text, words)
        assert found.n_words[i] == len(reference.words_of(text))


@pytest.mark.parametrize("text, words", [
    ("Don't  STOP—now, 3.5 km!", ["don", "t", "stop", "now", "3", "5", "km"]),
    ("昨夜雨疏风骤，浓睡", ["昨", "夜", "雨", "疏", "风", "骤", "浓", "睡"]),
    ("用Python写，v2。", ["用", "python", "写", "v2"]),
    ("カタカナ と 한국어 말", ["カ", "タ", "カ", "ナ", "と", "한국어", "말"]),
    ("Élan ÀÇ naïve", ["élan", "àç", "naïve"]),
    ("… — 。！", []),
])
def test_words_are_lower_case_without_punctuation_and_han_characters_stand_alone(text, words):
    assert reference.words_of(text) == words
    assert minhash.shingles([text], 1).n_words.tolist() == [len(words)]


def test_equal_words_make_equal_shingles_whatever_stands_between_them():
    found = minhash.shingles(["One two, three. Four five six", "one TWO three\nfour -- five six!"], 5)
    assert found.starts.tolist() == [0, 2, 4]
    assert found.hashes[:2].tolist() == found.hashes[2:].tolist()


def test_a_text_shorter_than_a_shingle_is_one_and_a_text_without_words_has_none():
    found = minhash.shingles(["two words", "...", "", "one two three four five six"], 5)
    assert np.diff(found.starts).tolist() == [1, 0, 0, 2]


@needs_library
@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=40), max_size=4), st.integers(1, 20), st.integers(1, 12))
def test_signatures_and_band_keys_are_those_of_the_reference(documents, bands, rows):
    made = minhash.MinHash(bands, rows)
    flat = np.array([x for shingles in documents for x in shingles], np.uint32)
    starts = np.cumsum([0, *map(len, documents)])
    signatures, keys = made.signatures(flat, starts), made.keys(flat, starts)
    used = bands * rows
    for d, shingles in enumerate(documents):
        expected = reference.minima(np.array(shingles, np.uint32), made.multipliers[:used], made.offsets[:used])
        assert signatures[d].tolist() == expected.tolist()
        assert keys[d].tolist() == reference.band_keys(expected, bands, rows)


@needs_library
@pytest.mark.parametrize("level", ["generic", "avx2", "avx512", "amx"])
def test_every_instruction_set_gives_the_same_keys(level):
    program = f"""
import numpy as np
from core.kernels import minhash, plain
library = plain.load()
print(library.coldframe_use_isa({level.encode()!r}), end=" ")
shingles = (np.arange(999, dtype=np.uint64) * 2654435761 % (1 << 32)).astype(np.uint32)
print(minhash.MinHash().keys(shingles, np.array([0, 1, 300, 300, 999])).sum())
"""
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert said.returncode == 0, said.stderr
    there, total = said.stdout.split()
    if there != "1":
        pytest.skip(f"this machine has no {level}")
    shingles = (np.arange(999, dtype=np.uint64) * 2654435761 % (1 << 32)).astype(np.uint32)
    assert int(total) == int(minhash.MinHash().keys(shingles, np.array([0, 1, 300, 300, 999])).sum())


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.8, 0.95])
def test_the_share_of_equal_minima_estimates_jaccard_similarity(similarity):
    rng = np.random.default_rng(7)
    made, shared = minhash.MinHash(64, 16), round(2000 * similarity)
    draw = rng.permutation(1 << 20)[: 4000 - shared].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    shingles = (draw >> np.uint64(32)).astype(np.uint32)
    first, second = shingles[:2000], np.concatenate([shingles[:shared], shingles[2000:]])
    exact = shared / (4000 - shared)
    signatures = made.signatures(np.concatenate([first, second]), np.array([0, 2000, 4000]))
    estimate = (signatures[0] == signatures[1]).mean()
    assert abs(estimate - exact) < 4 * np.sqrt(exact * (1 - exact) / 1024)  # four standard deviations
    assert minhash.merge(np.concatenate([first, second]), [0, 2000, 4000], [0], [1])[0] == pytest.approx(exact)


def test_pairs_of_similarity_eight_tenths_are_found_as_often_as_promised():
    rng, n, shared = np.random.default_rng(3), 2000, 80
    pool = rng.integers(0, 1 << 32, (n, 120 - 20 + shared // 4), dtype=np.uint32)
    both = np.concatenate([pool[:, :90], pool[:, 10:100]], axis=1)  # 80 shared of 100: .8
    starts = np.arange(0, 90 * 2 * n + 1, 90)
    keys = minhash.MinHash().keys(both.reshape(-1), starts).reshape(n, 2, 14)
    found = (keys[:, 0] == keys[:, 1]).any(axis=1).mean()
    assert abs(found - 0.924) < 4 * np.sqrt(0.924 * 0.076 / n)


@needs_library
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60)), max_size=120))
def test_candidate_pairs_are_those_of_the_reference(entries):
    keys = np.array([reference.stir(key + 1) for key, _ in entries], np.uint64)
    rows = np.array([row for _, row in entries], np.uint32)
    order = np.argsort(rows, kind="stable")
    keys, rows = keys[order], rows[order]
    found = [(pair >> 32, pair & 0xFFFFFFFF) for pair in minhash.band_pairs(keys, rows).tolist()]
    assert found == sorted(reference.band_pairs(keys, rows))


def test_a_bucket_of_many_copies_costs_two_pairs_a_copy():
    rows = np.arange(5000, dtype=np.uint32)
    assert len(minhash.band_pairs(np.full(5000, 9, np.uint64), rows)) == 2 * 5000 - 3


@needs_library
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 15), max_size=12), min_size=2, max_size=8), st.floats(0.1, 1.0))
def test_clusters_and_similarities_are_those_of_the_reference(documents, threshold):
    flat = np.array([x for shingles in documents for x in shingles], np.uint32)
    starts = np.cumsum([0, *map(len, documents)])
    left, right = np.triu_indices(len(documents), 1)
    with pytest.MonkeyPatch.context() as patch:
        results = [_merged(flat, starts, left, right, threshold)]
        patch.setattr(minhash, "_library", lambda: None)
        results.append(_merged(flat, starts, left, right, threshold))
    (parents, similarity), (expected, exact) = results
    assert parents == expected
    assert similarity == pytest.approx(exact)


def _merged(flat, starts, left, right, threshold):
    parents = np.arange(len(starts) - 1, dtype=np.uint32)
    similarity = minhash.merge(flat, starts, left, right, threshold, parents)
    return [reference.root(parents, d) for d in range(len(parents))], similarity.tolist()


def test_the_loader_needs_no_torch():
    program = "import sys; from core.kernels import minhash; minhash.shingles(['a'], 2); print('torch' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert said.stdout.strip() == "False", said.stderr


def test_the_environment_can_ask_for_plain_python(monkeypatch):
    monkeypatch.setenv("COLDFRAME_ISA", "none")
    plain.load.cache_clear()
    try:
        assert plain.load() is None
    finally:
        plain.load.cache_clear()
