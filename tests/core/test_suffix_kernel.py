"""Suffix arrays in C++ and in plain Python: the same order, the same rows, for any text and any way of cutting it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.kernels import suffix
from core.kernels import suffix_reference as reference

ROOT = Path(__file__).resolve().parents[2]
TEXTS = st.lists(st.integers(0, 4), max_size=60)
LARGE = st.lists(st.sampled_from([0, 1, 255, 256, 511, 65535]), max_size=40)
IDS = st.lists(st.integers(0, 5), max_size=12)

needs_kernel = pytest.mark.skipif(not suffix.built(), reason="the C++ kernels are not built here")


def key(tokens, place):
    """What the order is defined by: the tokens up to the document's end, then the place."""
    rest = [*tokens[place:].tolist(), 0]
    return rest[: rest.index(0)], place


def order_by_hand(tokens):
    return sorted(range(len(tokens)), key=lambda place: key(tokens, place))


def first_rows(tokens):
    return np.concatenate([[0], np.cumsum(np.bincount(tokens, minlength=1))])


@pytest.mark.parametrize("sort", [suffix.sort, reference.sort])
@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@settings(deadline=None, max_examples=60)
@given(text=st.one_of(TEXTS, LARGE))
def test_suffixes_stand_in_the_order_of_what_follows_up_to_their_documents_end(sort, dtype, text):
    tokens = np.array(text, dtype)
    assert sort(tokens).tolist() == order_by_hand(tokens)


@needs_kernel
def test_long_texts_of_few_letters_are_sorted_as_in_plain_python():
    random = np.random.default_rng(0)
    for letters, length in ((1, 3000), (2, 5000), (3, 4000), (300, 20_000)):
        tokens = random.integers(1, letters + 1, length).astype(np.uint16)
        tokens[random.random(length) < 0.003] = 0
        assert np.array_equal(suffix.sort(tokens), reference.sort(tokens))
        repeated = np.tile(tokens[:300], 8)  # names of several rounds, and ties to the end of the text
        assert np.array_equal(suffix.sort(repeated), reference.sort(repeated))


@pytest.mark.parametrize("merge", [suffix.merge, reference.merge])
@pytest.mark.parametrize("dtype", [np.uint32, np.uint64])
@settings(deadline=None, max_examples=40)
@given(documents=st.lists(st.lists(st.integers(1, 2), max_size=6), min_size=1, max_size=12), data=st.data())
def test_parts_of_whole_documents_merge_into_the_order_of_the_whole(merge, dtype, documents, data):
    tokens = np.array([id for document in documents for id in [0, *document]], np.uint16)
    boundaries = np.flatnonzero(tokens == 0)[1:].tolist()
    cuts = sorted(data.draw(st.sets(st.sampled_from(boundaries)))) if boundaries else []
    edges = [0, *cuts, len(tokens)]
    parts = [(a, suffix.sort(tokens[a:b])) for a, b in zip(edges, edges[1:])]
    out = np.zeros(len(tokens), dtype)
    merge(tokens, parts, out)
    assert out.tolist() == order_by_hand(tokens)


@pytest.mark.parametrize("opened", [suffix.search, reference.Search])
@pytest.mark.parametrize(("dtype", "places"), [(np.uint16, np.uint32), (np.uint32, np.uint64)])
@settings(deadline=None, max_examples=60)
@given(text=TEXTS.filter(bool), ngrams=st.lists(IDS.filter(bool), max_size=6), ids=IDS, data=st.data())
def test_rows_and_reach_are_those_of_a_plain_search(opened, dtype, places, text, ngrams, ids, data):
    tokens = np.array(text, dtype)
    order = reference.sort(tokens)
    search = opened(tokens, order.astype(places), first_rows(tokens))

    def rows_of(ngram):
        whole = 0 not in ngram
        return [row for row, place in enumerate(order) if whole and text[place : place + len(ngram)] == list(ngram)]

    rows = search.rows(ngrams)
    assert rows.shape == (len(ngrams), 2)
    for ngram, (low, high) in zip(ngrams, rows.tolist()):
        assert list(range(low, high)) == rows_of(ngram)
        assert search.range(ngram) == (low, high)
    begins = data.draw(st.lists(st.integers(0, len(ids)), max_size=6))
    ends = [data.draw(st.integers(begin, len(ids))) for begin in begins]
    found = search.reach(ids, begins, ends).tolist()
    assert found == [max((n for n in range(1, b - a + 1) if rows_of(ids[a : a + n])), default=0)
                     for a, b in zip(begins, ends)]  # fmt: skip


def test_every_instruction_set_and_none_find_the_same():
    program = """
import numpy as np
from core.kernels import suffix
random = np.random.default_rng(0)
tokens = random.integers(0, 9, 500).astype(np.uint16)
order = suffix.sort(tokens)
search = suffix.search(tokens, order, np.concatenate([[0], np.cumsum(np.bincount(tokens))]))
ids = tokens[100:150].tolist()
print(suffix.built(), order.tolist(), search.reach(ids, range(50), [50] * 50).tolist(),
      search.rows([ids[:2], [8]]).tolist())
"""
    said = []
    for isa in ("", "avx512", "avx2", "generic", "none"):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60,
                              env={**os.environ, "COLDFRAME_ISA": isa})  # fmt: skip
        said.append(done.stdout.split(" ", 1))
    assert said[-1][0] == "False"
    assert len({told for _, told in said}) == 1 and said[0][1]


def test_searching_imports_neither_torch_nor_qt():
    program = """
import sys
import core.kernels.suffix
print({name for name in sys.modules if name.split(".")[0] in ("torch", "PySide6")})
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
