"""Words are found in every script, however the text was cut into tokens."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.glass.ranking import bm25
from core.glass.words import Cut, words


def single_bytes(text):
    return [bytes([byte]) for byte in text.encode("utf-8", "surrogatepass")]


def edge_texts(pieces, before=""):
    cut = Cut(pieces, before)
    return [cut.text(a, b) for a, b in cut.segments()]


def test_words_meet_where_letters_do_not():
    assert edge_texts([b"The", b" do", b"cument", b"ation", b" isn", b"'t", b" here", b"."]) == [
        "The", " documentation", " isn't", " here", ".",
    ]  # fmt: skip


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_plain_ascii_has_the_same_words_as_in_any_company(text):
    assert words(text) == words(f"{text} é")[:-1]


def test_every_han_character_is_a_word():
    assert words("Python 语言, don't") == ["python", "语", "言", "don't"]
    assert edge_texts(single_bytes("我爱Py")) == ["我", "爱", "Py"]


def test_no_edge_lies_inside_a_character():
    cut = Cut(single_bytes("é语🎉"))
    assert [i for i, edge in enumerate(cut.edges) if edge] == [0, 2, 5, 9]


def test_accents_and_joined_emoji_stay_with_their_base():
    accent, family = "e\u0301", "👩\u200d💻"
    assert edge_texts(single_bytes(f"{accent} {family}"))[0] == accent
    assert family in "".join(edge_texts(single_bytes(family)))
    assert len(Cut(single_bytes(family)).segments()) == 1


def test_an_answer_that_goes_on_inside_a_word_of_the_prompt_begins_no_word():
    assert Cut([b"ction", b" of"], before="the fun").edges == [False, True, True]
    assert Cut([b" of"], before="the function").edges == [True, True]


def test_broken_bytes_have_no_edge_beside_them():
    assert Cut([b"a ", b"\xff", b" b"]).edges == [True, False, False, True]


def test_full_stops_end_sentences_and_dots_in_names_do_not():
    cut = Cut([b"os", b".", b"path", b" ends", b".", b" So", b".", b"\n"])
    assert cut.stops == [False, False, False, False, True, False, True, False]
    assert cut.breaks == [False] * 7 + [True]


def test_special_tokens_break_spans():
    assert Cut([b"a", b"", b"b"]).breaks == [False, True, False]


@given(text=st.text(max_size=30), cuts=st.lists(st.integers(0, 60), max_size=6), before=st.text(max_size=5))
def test_segments_always_add_up_to_the_text(text, cuts, before):
    data = text.encode("utf-8", "replace")
    borders = sorted({0, len(data), *(c for c in cuts if c < len(data))})
    pieces = [data[a:b] for a, b in pairwise(borders)]
    cut = Cut(pieces, before)
    assert b"".join(cut.bytes(a, b) for a, b in cut.segments()) == data
    inner = [cut.offsets[i] for i, edge in enumerate(cut.edges) if edge]
    assert all(data[:offset].decode("utf-8") is not None for offset in inner)


def test_the_document_with_the_rare_word_of_the_query_comes_first():
    scores = bm25("a glob pattern", ["a list of a list", "glob", "a pattern of a list of lists"])
    assert scores.index(max(scores)) == 1
    assert bm25("", ["anything"]) == [0.0]
    assert bm25("query", []) == []
