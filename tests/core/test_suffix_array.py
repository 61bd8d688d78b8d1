"""The suffix array finds what a plain search finds, and never looks across documents."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.glass.suffix_array import SuffixArray, build, parts
from core.kernels import suffix

CORPORA = st.lists(st.lists(st.integers(1, 4), max_size=12), min_size=1, max_size=8)
NGRAMS = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def tokens_of(documents, dtype=np.uint16):
    return np.array([id for document in documents for id in [0, *document]], dtype)


def places_by_hand(tokens, ngram):
    n = len(ngram)
    return [i for i in range(len(tokens) - n + 1) if tokens[i : i + n].tolist() == list(ngram)]


@settings(deadline=None, max_examples=40)
@given(documents=CORPORA, memory=st.integers(1, 2000))
def test_an_index_sorted_in_parts_is_the_same_to_the_byte(tmp_path_factory, documents, memory):
    tokens = tokens_of(documents)
    whole, parted = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("parted")
    build(tokens, whole, "run")
    told = []
    build(tokens, parted, "run", memory, progress=lambda done, total: told.append((done, total)))
    assert {path.name: path.read_bytes() for path in parted.iterdir()} == {
        path.name: path.read_bytes() for path in whole.iterdir()}
    assert told[-1][0] == told[-1][1]


def test_a_small_memory_limit_cuts_the_text_at_documents_and_keeps_within_it():
    tokens = tokens_of([[1] * 30, [2] * 5, [3] * 5, [4] * 5, [5] * 50])
    assert parts(tokens, 20) == [(0, 31), (31, 49), (49, 100)]  # 31 and 51 tokens are one document each
    assert parts(tokens, 1000) == [(0, 100)]
    assert parts(tokens[:0], 10) == [(0, 0)]


def test_the_limit_bounds_what_is_sorted_at_once(tmp_path, monkeypatch):
    tokens, sorted_at_once = tokens_of([[1, 2, 3]] * 200), []
    sort = suffix.sort

    def noted(part):
        sorted_at_once.append(len(part))
        return sort(part)

    monkeypatch.setattr(suffix, "sort", noted)
    build(tokens, tmp_path, "run", memory_bytes=100 * suffix.sort_bytes())
    assert max(sorted_at_once) <= 100 and sum(sorted_at_once) == len(tokens)
    assert not list(tmp_path.glob("*part*"))  # working files are gone


@settings(deadline=None, max_examples=40)
@given(documents=CORPORA, context=st.lists(st.integers(1, 4), max_size=4))
def test_next_tokens_and_chances_are_counted(tmp_path_factory, documents, context):
    tokens = tokens_of(documents)
    folder = tmp_path_factory.mktemp("index")
    build(tokens, folder, "run")
    index = SuffixArray(tokens, folder)
    after = [place + len(context) for place in places_by_hand(tokens, context)] if context else range(len(tokens))
    expected = Counter(int(tokens[place]) if place < len(tokens) else 0 for place in after)
    assert index.next_tokens(context) == expected
    used = next((n for n in range(len(context), 0, -1) if places_by_hand(tokens, context[-n:])), 0)
    end = context[len(context) - used :]
    whole = len(places_by_hand(tokens, end)) if end else len(tokens)
    assert index.chance(context, 1) == (len(places_by_hand(tokens, [*end, 1])) / whole, used)


@settings(deadline=None, max_examples=40)
@given(documents=CORPORA, ngram=NGRAMS)
def test_counts_and_places_equal_a_plain_search(tmp_path_factory, documents, ngram):
    tokens = tokens_of(documents)
    folder = tmp_path_factory.mktemp("index")
    build(tokens, folder, "run")
    index = SuffixArray(tokens, folder)
    expected = places_by_hand(tokens, ngram)
    assert index.count(ngram) == len(expected)
    assert index.locate(ngram).tolist() == expected
    some = index.locate(ngram, limit=2).tolist()
    assert len(some) == min(2, len(expected)) and set(some) <= set(expected)


@settings(deadline=None, max_examples=40)
@given(documents=CORPORA, ids=st.lists(st.integers(0, 5), max_size=8))
def test_the_longest_match_is_the_longest(tmp_path_factory, documents, ids):
    tokens = tokens_of(documents)
    folder = tmp_path_factory.mktemp("index")
    build(tokens, folder, "run")
    reach = ids.index(0) if 0 in ids else len(ids)
    expected = max((n for n in range(reach + 1) if n == 0 or places_by_hand(tokens, ids[:n])), default=0)
    assert SuffixArray(tokens, folder).longest_match(ids) == expected


def test_no_match_reaches_into_the_next_document(tmp_path):
    tokens = tokens_of([[1, 2], [3, 4]])
    build(tokens, tmp_path, "run")
    index = SuffixArray(tokens, tmp_path)
    assert index.count([2, 3]) == 0
    assert index.count([2, 0, 3]) == 0
    assert index.longest_match([1, 2, 3]) == 2


def test_an_index_of_other_tokens_is_refused(tmp_path):
    build(tokens_of([[1, 2]]), tmp_path, "run")
    with pytest.raises(LabError, match="other training tokens"):
        SuffixArray(tokens_of([[1, 2, 3]]), tmp_path)


def test_an_index_of_another_tokenizer_is_refused(tmp_path):
    tokens = tokens_of([[1, 2]])
    build(tokens, tmp_path, "run", tokenizer="one")
    assert SuffixArray(tokens, tmp_path, "one").count([1, 2]) == 1
    assert SuffixArray(tokens, tmp_path).count([1, 2]) == 1  # nobody asked
    with pytest.raises(LabError, match="another tokenizer"):
        SuffixArray(tokens, tmp_path, "another")


def test_an_unfinished_index_is_refused(tmp_path):
    with pytest.raises(LabError, match="not finished"):
        SuffixArray(tokens_of([[1]]), tmp_path)


def test_the_chance_of_an_ngram_is_its_unigram_product(tmp_path):
    tokens = tokens_of([[1, 1, 2]])
    build(tokens, tmp_path, "run")
    assert SuffixArray(tokens, tmp_path).log10_chance([1, 2]) == pytest.approx(np.log10(2 / 4 * 1 / 4))
