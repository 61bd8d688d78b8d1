"""What the Glass room claims of an answer is true of the training text: by brute force, to the character."""

from collections import Counter
from copy import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.glass import document_ranking
from core.glass.attribution import exact_place, folded_place, maximal_spans
from core.glass.document_ranking import DocumentRanking
from core.glass.words import Cut
from core.spec.glass import AttributionRules
from core.spec.tokenizer import TokenizerSpec
from core.tokens.kinds import train
from tests.made_tracer import make_tracer

TEXTS = [
    "Return the length of the list. The list is not changed.\nRaises TypeError otherwise.",
    "Return the length of the string.  It counts characters, not bytes.",
    "模型读的是词元。训练文本里有中文,也有 emoji 🎉 和 naïve café。",
    "The quick brown fox 🦊 jumps over the lazy dog, and the dog 🐕 sleeps. The lazy dog sleeps.",
    "Return the length of the list of lists",
    "changed. Raises the alarm",
]


@pytest.fixture(scope="module")
def tracer(tmp_path_factory):
    return make_tracer(tmp_path_factory.mktemp("run"), TEXTS)


@pytest.fixture(scope="module", params=["bytes", "characters", "wordpiece", "unigram"])
def other_tracer(request, tmp_path_factory):
    """The same corpus, cut by another kind of tokenizer."""
    spec = TokenizerSpec(corpus="texts", kind=request.param, vocab_size=300, min_frequency=1)
    library = train(spec, TEXTS, Counter("".join(TEXTS)))
    return make_tracer(tmp_path_factory.mktemp(request.param), TEXTS, library)


PIECES = st.one_of(
    st.tuples(st.sampled_from(TEXTS), st.integers(0, 60), st.integers(1, 60)).map(lambda t: t[0][t[1] : t[1] + t[2]]),
    st.sampled_from([" and ", " 🎉", "中文", "zebra", ". ", "\n", " the ", "é"]),
)
ANSWERS = st.lists(PIECES, max_size=5).map("".join)
EVERYTHING = AttributionRules(min_words=1, min_characters=1)


@settings(deadline=None, max_examples=40)
@given(answer=ANSWERS)
def test_every_span_stands_verbatim_at_the_place_shown(tracer, answer):
    found = tracer.attribute(tracer.tokenizer.encode(answer), rules=EVERYTHING)
    for span in found.spans:
        assert span.text in answer
        assert 1 <= len(span.documents) <= span.count
        for place in span.documents:
            text = tracer.documents[place.row].text
            assert text[place.start : place.end] == span.text
            first, last = place.match
            assert place.snippet[first:last].split() == span.text.split()
            assert place.text_line == text[: place.start].count("\n") + 1
            assert place.source == f"made/by/hand-{place.row}.txt"


@pytest.mark.parametrize("answer", [TEXTS[0], TEXTS[3], "The lazy dog " + TEXTS[2], "模型读的是" + TEXTS[1]])
def test_places_hold_the_wording_whatever_the_tokenizer(other_tracer, answer):
    found = other_tracer.attribute(other_tracer.tokenizer.encode(answer))
    places = [(span, place) for span in found.spans for place in span.documents]
    assert places
    for span, place in places:
        text = other_tracer.documents[place.row].text
        assert "".join(text[place.start : place.end].split()) == "".join(span.text.split())


def occurrences(tokens, ngram):
    return sum(tokens[i : i + len(ngram)] == ngram for i in range(len(tokens) - len(ngram) + 1))


def spans_by_hand(tokens, ids, cut):
    """All allowed verbatim ranges, then those that lie in no other one."""
    n = len(ids)
    allowed = [
        (a, b) for a in range(n) for b in range(a + 1, n + 1)
        if cut.edges[a] and cut.edges[b] and not any(cut.breaks[a:b]) and not any(cut.stops[a : b - 1])
        and occurrences(tokens, ids[a:b])
    ]  # fmt: skip
    return [(a, b) for a, b in allowed if not any(c <= a and b <= d and (c, d) != (a, b) for c, d in allowed)]


@settings(deadline=None, max_examples=30)
@given(answer=ANSWERS)
def test_spans_are_maximal_and_counted_as_by_hand(tracer, answer):
    ids, tokens = tracer.tokenizer.encode(answer), np.asarray(tracer.tokens).tolist()
    cut = Cut([tracer.tokenizer.token_bytes(id) for id in ids])
    assert maximal_spans(tracer.index, ids, cut) == spans_by_hand(tokens, ids, cut)
    for span in tracer.attribute(ids, rules=EVERYTHING).spans:
        assert span.count == occurrences(tokens, ids[span.start : span.end])


@settings(deadline=None, max_examples=25)
@given(ids=st.lists(st.integers(0, 300), max_size=30))
def test_any_tokens_at_all_are_attributed_without_error(tracer, ids):
    found = tracer.attribute(ids, rules=EVERYTHING)
    assert len(found.support) == len(ids)
    assert all(0 not in ids[span.start : span.end] for span in found.spans)
    for span in found.spans:
        assert all(kind == "verbatim" for kind in found.support[span.start : span.end])


def spans_of(tracer, answer, prompt="", **rules):
    return tracer.attribute(tracer.tokenizer.encode(answer), prompt, AttributionRules(**rules)).spans


def test_no_span_passes_a_full_stop_or_a_line_break_or_a_document_border(tracer):
    texts = [span.text for span in spans_of(tracer, " The list is not changed.\nRaises TypeError otherwise.")]
    assert texts == [" The list is not changed.", "Raises TypeError otherwise."]
    joined = TEXTS[4] + TEXTS[5]  # stands nowhere as one, though the documents are neighbours
    assert not any("listschanged" in span.text for span in spans_of(tracer, joined))


def test_short_and_single_word_spans_are_left_out(tracer):
    assert spans_of(tracer, " the dog", min_characters=8) == []
    assert spans_of(tracer, " the dog", min_characters=7) != []
    assert spans_of(tracer, " characters") == []
    assert spans_of(tracer, " characters", min_words=1) != []


def test_long_answers_keep_the_rarest_spans_and_only_those_have_documents(tracer):
    spans = spans_of(tracer, TEXTS[3] + "\n" + TEXTS[0] + "\n" + TEXTS[1], keep_all_tokens=10, keep_share=0.02)
    kept = [span for span in spans if span.kept]
    assert 0 < len(kept) < len(spans)
    assert max(s.log10_chance for s in kept) <= min(s.log10_chance for s in spans if not s.kept)
    assert all(bool(span.documents) == span.kept for span in spans)


def test_overlapping_spans_share_a_group(tmp_path):
    tracer = make_tracer(tmp_path / "run", ["one two three four", "three four five six"])
    spans = spans_of(tracer, "one two three four five six")
    assert [span.group for span in spans] == [0, 0]
    assert spans[0].end > spans[1].start


def test_documents_are_ranked_by_prompt_and_answer(tmp_path):
    shared = " a shared wording of some words"
    texts = [f"Nothing else here but{shared}.", f"Giraffes eat leaves, giraffes sleep:{shared}.", f"Far away{shared}."]
    tracer = make_tracer(tmp_path / "run", texts)
    span = max(spans_of(tracer, shared, prompt="What do giraffes eat?"), key=lambda s: s.end - s.start)
    assert span.count == 3
    assert [place.row for place in span.documents][0] == 1
    assert len(spans_of(tracer, shared, documents=2)[0].documents) == 2


def test_a_long_document_is_ranked_by_what_stands_around_the_wording(tmp_path):
    shared, far = " a shared wording of some words", " and so on" * 400
    texts = [f"Giraffes eat leaves.{far}{shared}.", f"{far} Giraffes eat leaves:{shared}.{far}"]
    tracer = make_tracer(tmp_path / "run", texts)
    span = max(spans_of(tracer, shared, prompt="What do giraffes eat?"), key=lambda s: s.end - s.start)
    assert [place.row for place in span.documents] == [1, 0]
    assert span.documents[0].score > 1.1 * span.documents[1].score > 0


def test_words_that_were_never_read_are_absent_and_known_ones_in_new_wordings_are_parts(tracer):
    ids = tracer.tokenizer.encode(" the zebra, bytes fox")
    found = tracer.attribute(ids)
    cut = Cut([tracer.tokenizer.token_bytes(id) for id in ids])
    said = {cut.text(a, b): found.support[a] for a, b in cut.segments()}
    assert {word.strip(): kind for word, kind in said.items() if word.strip()} == {
        "the": "parts", "zebra": "absent", ",": "blank", "bytes": "parts", "fox": "parts",
    }  # fmt: skip


def test_a_place_is_exact_or_found_with_white_space_folded():
    assert exact_place("naïve café", 7, "café".encode()) == (6, 10)
    assert exact_place("naïve café", 6, "café".encode()) == (-1, -1)
    text = "a, b.\n\na,  b."
    assert folded_place(text, b"", b" a , b") == (0, 4)
    assert folded_place(text, b" a , b .", b" a , b") == (7, 12)  # of two, the one that follows what was read before
    assert folded_place(text, b"", "\ufffd".encode()) == (-1, -1)


def test_where_no_wording_is_found_the_documents_with_the_most_words_in_common_are_named(tracer, tmp_path):
    document_ranking.build(enumerate(TEXTS), tmp_path)
    ranked = copy(tracer)
    ranked.ranking = DocumentRanking.open(tmp_path)
    found = ranked.attribute(tracer.tokenizer.encode("zebras"), "Which fox and which dog?")
    assert not found.spans and found.closest[0].row == 3
    assert found.closest[0].snippet.startswith("The quick brown fox") and found.closest[0].score > 0
    assert not tracer.attribute(tracer.tokenizer.encode("zebras"), "Which fox?").closest  # not ranked
    assert not ranked.attribute(tracer.tokenizer.encode(" the length of the list"), "fox").closest  # a wording is found
