"""The suffix array finds what a plain search finds, and never looks across documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import LabError
from core.glass.suffix_array import SuffixArray, build, sort_suffixes

CORPORA = st.lists(st.lists(st.integers(1, 4), max_size=12), min_size=1, max_size=8)
NGRAMS = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def tokens_of(documents, dtype=np.uint16):
    return np.array([id for document in documents for id in [0, *document]], dtype)


def places_by_hand(tokens, ngram):
    n = len(ngram)
    return [i for i in range(len(tokens) - n + 1) if tokens[i : i + n].tolist() == list(ngram)]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@settings(deadline=None, max_examples=40)
@given(documents=CORPORA)
def test_suffixes_are_sorted_as_numbers_not_as_bytes(dtype, documents):
    tokens = tokens_of(documents, dtype) * np.array(255, dtype)  # spans the byte border
    expected = sorted(range(len(tokens)), key=lambda i: tokens[i:].tolist())
    assert sort_suffixes(tokens).tolist() == expected


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


def test_an_unfinished_index_is_refused(tmp_path):
    with pytest.raises(LabError, match="not finished"):
        SuffixArray(tokens_of([[1]]), tmp_path)


def test_the_chance_of_an_ngram_is_its_unigram_product(tmp_path):
    tokens = tokens_of([[1, 1, 2]])
    build(tokens, tmp_path, "run")
    assert SuffixArray(tokens, tmp_path).log10_chance([1, 2]) == pytest.approx(np.log10(2 / 4 * 1 / 4))
