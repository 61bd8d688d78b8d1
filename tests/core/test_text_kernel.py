"""The text kernel says exactly what the Python beside it says, on any text there can be."""

import random
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.kernels import text as kernel
from core.kernels import text_classes as classes
from core.kernels import text_reference as reference
from core.kernels.text_specials import specials

built = pytest.mark.skipif(not kernel.built(), reason="the C++ kernels are not built here")
SCRAPS = [
    "\n", "\n\n", " ", "  ", "\t", "\r\n", "\r", "\x85", "\u2028", "\x1c", "\x00", "\x1f\x1e", ".", "..", "...",
    "…", "-", "--", "—", "'s", "’s", "'", '"', "“", "(", ")", ":)", "Mr.", "e.g.", "don't", "cannot", "U.S.", "US$",
    "$", "5", "5km", "10%", "7m²", "+1", "+", "http://a.b/c?d", "x@y.org", "os.path", "a.B", "and/or", "[12]",
    "[edit]", "[1", "[citation needed]", "{", "javascript", "JavaScript is", "Lorem Ipsum", "terms of use",
    "cookie Policy", "• ", "#",
    "的", "他说。", "！", "“好”", "……", "かな", "한글", "é", "e\u0301", "😀", "👨‍👩‍👧", "\ud800",
    "\udfff", "\U0010ffff", "\u200f", "עברית", "İ", "ß", "the", "be", "to", "of", "and", "x" * 40, "word",
]  # fmt: skip
ANY_TEXT = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from(SCRAPS), max_size=60).map("".join),
    st.lists(st.sampled_from(SCRAPS), max_size=40).map(" ".join),
)
SETTINGS = st.builds(
    kernel.C4Settings, st.integers(0, 1), st.integers(0, 1), st.integers(0, 4), st.sampled_from([0, 3, 1000]),
    *[st.integers(0, 1)] * 5)  # fmt: skip


def same(text: str, pieces: list[int] | None = None, spaces: bool = True) -> None:
    ours, plain = kernel.measure(text, pieces, spaces), reference.measure(text, pieces, spaces)
    assert ours._replace(lengths=list(ours.lengths)) == plain


@built
@settings(max_examples=250, deadline=None)
@given(ANY_TEXT)
@example("")
@example("\x00")
@example("\n\n\n")
@example("a" * 3000)
@example("a b c d e f g h i j a b c d e f g h i j " * 4)
def test_the_kernel_measures_what_the_reference_measures(text):
    same(text)


@built
@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, SETTINGS)
@example("A sentence of words [3].\nno end\nUse cookies, please.\n", kernel.C4Settings())
@example("One.  Two.  Three. [4]", kernel.C4Settings())
def test_the_kernel_drops_the_lines_that_the_reference_drops(text, asked):
    assert kernel.c4(text, asked) == reference.c4(text, asked)


@built
@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, st.lists(st.integers(0, 5), max_size=80), st.booleans(), SETTINGS)
def test_words_that_are_known_already_are_counted_as_they_are(text, pieces, spaces, asked):
    pieces = pieces + [max(0, len(text) - sum(pieces))]
    same(text, pieces, spaces)
    assert kernel.c4(text, asked, pieces) == reference.c4(text, asked, pieces)


@built
def test_very_long_lines_and_lines_said_again_come_out_alike():
    draw = random.Random(3)
    words = ["".join(draw.choices("abcdeé的😀.,'-", k=draw.randint(1, 9))) for _ in range(200)]
    same(" ".join(draw.choices(words, k=20_000)))
    same("\n".join(" ".join(draw.choices(words[:9], k=6)) for _ in range(2000)))
    same("".join(words) * 20)


@built
def test_a_document_leaves_nothing_behind_for_the_next():
    first, second = "The same words, the same words. " * 300, "One line of its own."
    alone = kernel.measure(second)
    kernel.measure(first)
    kernel.c4(first * 700, kernel.C4Settings())  # large enough for memory to be given back
    again = kernel.measure(second)
    assert again._replace(lengths=list(again.lengths)) == alone._replace(lengths=list(alone.lengths))


@pytest.mark.parametrize(("text", "words"), [
    ("Mr. Smith's don't, cannot.", "Mr. Smith 's do n't , can not ."),
    ('"Yes," she said--quietly.', '" Yes , " she said -- quietly .'),
    ("In the U.S. it costs US$5 or 10% (e.g. 3km).", "In the U.S. it costs US$ 5 or 10 % ( e.g. 3 km ) ."),
    ("see http://a.org/x-y, os.path or a,b:c", "see http://a.org/x-y , os.path or a , b : c"),
    ("well-known and/or C++ :) ...", "well - known and/or C++ :) ..."),
])  # fmt: skip
def test_english_words_are_cut_as_spacy_cuts_them(text, words):
    assert reference.words_of(text) == words.split()
    spacy = pytest.importorskip("spacy")
    assert [token.text for token in spacy.blank("en")(text)] == words.split()


def test_special_words_are_spacys():
    rules = pytest.importorskip("spacy").blank("en").tokenizer.rules
    from spacy.symbols import ORTH

    theirs = {word: tuple(piece[ORTH] for piece in pieces) for word, pieces in rules.items() if word.strip()}
    assert specials() == theirs


def test_symbols_and_sentence_ends_are_datatroves():
    pytest.importorskip("datatrove")
    from datatrove.utils.text import PUNCTUATION_SET, TERMINAL_PUNCTUATION

    everything = map(chr, range(0x110000))
    odd = [c for c in everything
           if bool(classes.flags_of(c) & classes.SYMBOL) != (c in PUNCTUATION_SET)
           or bool(classes.flags_of(c) & classes.TERMINAL) != (c in TERMINAL_PUNCTUATION)]  # fmt: skip
    assert odd == []


def test_no_letter_or_space_lies_beyond_the_table():
    assert not [c for c in map(chr, range(classes.COUNT, 0x110000)) if c.isalpha() or c.isspace()]


def test_measuring_imports_neither_torch_nor_numpy():
    code = "import sys; from core.kernels.text import measure; measure('a'); print({'torch', 'numpy'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
