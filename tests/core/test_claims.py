"""An answer falls into claims by rule, each with what it names, and the training text is asked about each."""

import pytest

from core.data.worlds.facts import Fact, FactWriter
from core.glass.claim_support import ClaimSupport
from core.glass.claims import parts_of, sentences, split_claims, token_range, unfinished
from core.glass.fact_book import FactBook
from core.spec.doubt import Claim, Part
from tests.made_tracer import make_tracer

TEXTS = [
    "Ada Lovelace was born in London in 1815. Her father was a poet.",
    "Charles Babbage built an engine. He lived in London.",
    "Ada Lovelace wrote to Charles Babbage about the engine on 12 March 1843.",
    "Zurich lies on a lake.",
]


@pytest.fixture(scope="module")
def support(tmp_path_factory):
    return ClaimSupport(make_tracer(tmp_path_factory.mktemp("run"), TEXTS))


def cut(text):
    return [text[start:end] for start, end in sentences(text)]


def test_sentences_end_where_a_reader_would_end_them():
    assert cut("It costs 3.14 euros. Dr. Who met J. Smith!  Really?\nYes") == [
        "It costs 3.14 euros.", "Dr. Who met J. Smith!", "Really?", "Yes"]  # fmt: skip
    assert cut("他出生在「伦敦」。她也是。") == ["他出生在「伦敦」。", "她也是。"]
    assert cut('He said "No." Then he left.') == ['He said "No."', "Then he left."]
    assert cut(" ... \n!") == []


def test_dates_numbers_and_names_are_parts_and_none_lies_in_another():
    text = "On 12 March 1815, Ada Lovelace of London paid 3,200.50 for 7 engines, i.e. 20 % of it; see 1843."
    assert [(part.kind, part.text) for part in parts_of(text)] == [
        ("date", "12 March 1815"), ("name", "Ada Lovelace of London"), ("number", "3,200.50"), ("number", "7"),
        ("number", "20 %"), ("date", "1843")]  # fmt: skip
    assert all(text[part.start : part.end] == part.text for part in parts_of(text))
    assert [part.text for part in parts_of("The engine stood in London.")] == ["London"]
    assert parts_of("Engines are heavy.") == []  # a capital first letter alone is no name
    assert [(part.kind, part.text) for part in parts_of("她1815年12月10日出生在「伦敦」")] == [
        ("date", "1815年12月10日"), ("name", "伦敦")]  # fmt: skip


def test_the_first_claim_takes_up_what_the_prompt_left_unfinished():
    assert unfinished("Ada was a poet. Ada Lovelace was born in") == "Ada Lovelace was born in"
    assert unfinished("What is this?\n") == ""
    first, second = split_claims(" London. It is big.", "A question. Ada Lovelace was born in")
    assert first.text == "Ada Lovelace was born in London." and second.text == "It is big."
    answer = " London. It is big."
    assert answer[first.start : first.end] == "London." and answer[second.start : second.end] == "It is big."
    assert [(part.text, part.start < 0) for part in first.parts] == [("Ada Lovelace", True), ("London", False)]
    assert split_claims("", "Nothing follows.") == []


def test_every_claim_lies_in_the_answer_and_none_overlaps():
    answer = "One. Two 2! 三。 Four\nfive"
    claims = split_claims(answer)
    edges = [edge for claim in claims for edge in (claim.start, claim.end)]
    assert edges == sorted(edges) and [answer[c.start : c.end] for c in claims] == [c.text for c in claims]


def test_characters_are_found_in_tokens_that_cut_them():
    pieces = ["Zü".encode()[:2], "Zü".encode()[2:], b"rich", " 🦊".encode()]
    assert token_range(pieces, 0, 1) == (0, 1) and token_range(pieces, 2, 6) == (2, 3)
    assert token_range(pieces, 1, 2) == (1, 2) and token_range(pieces, 7, 8) == (3, 4)
    assert token_range(pieces, 9, 9) == (0, 0)


@pytest.mark.parametrize(("text", "state", "missing", "documents"), [
    ("Ada Lovelace was born in London in 1815.", "verbatim", [], [0]),
    ("Her father was a poet", "verbatim", [], [0]),
    ("In London one saw Ada Lovelace.", "together", [], [0]),
    ("Ada Lovelace met Charles Babbage on 12 March 1843.", "together", [], [2]),
    ("Ada Lovelace went to Zurich.", "parts", [], []),
    ("Ada Lovelace went to Paris.", "absent", ["Paris"], []),
    ("Lady Lovelace went to Londonderry.", "absent", ["Lady Lovelace", "Londonderry"], []),
])  # fmt: skip
def test_the_training_text_says_word_for_word_or_together_or_in_pieces_or_nothing(
    support, text, state, missing, documents
):
    (claim,) = split_claims(text)
    judged = support.judge(claim)
    assert (judged.support, judged.missing, judged.documents) == (state, missing, documents)


def test_a_claim_that_names_nothing_is_looked_up_by_its_rarest_words(support):
    assert support.judge(split_claims("engine about wrote")[0]).support == "together"
    assert support.judge(split_claims("xylophone engine")[0]).support == "absent"


FACT = Fact(
    id=0, subject="Ada Lovelace", relation="birth_place", value="London", stratum="true_stated", stated=[], met=[],
    documents=[], held_out=[], questions=["Ada Lovelace was born in", "The birthplace of Ada Lovelace is"], before=" ",
    unseen_wording=0, shared_value=False, subject_documents=1)  # fmt: skip


class Table(list):
    def facts(self):
        return iter(self)


@pytest.mark.parametrize(("text", "value", "verdict"), [
    ("Ada Lovelace was born in London.", "London", "right"),
    ("The birthplace of Ada Lovelace is london", "london", "right"),
    ("Ada Lovelace was born in Zurich.", "Zurich", "wrong"),
    ("Mary Somerville was born in Jedburgh.", "Jedburgh", "unverifiable"),
])  # fmt: skip
def test_a_sentence_of_the_world_is_read_as_subject_relation_and_value(text, value, verdict):
    (claim,) = split_claims(text)
    read = FactBook(Table([FACT])).read(claim)
    assert (read.fact.value, read.fact.verdict, read.fact.relation) == (value, verdict, "birth_place")
    assert [(part.kind, text[part.start : part.end]) for part in read.parts] == [
        ("subject", read.fact.subject), ("value", value)]  # fmt: skip


def test_a_fact_that_began_in_the_prompt_has_its_value_in_the_answer():
    (claim,) = split_claims(" Zurich.", "Ada Lovelace was born in")
    read = FactBook(Table([FACT])).read(claim)
    subject, value = read.parts
    assert read.fact.verdict == "wrong" and " Zurich."[value.start : value.end] == "Zurich"
    assert subject.start == 1 - len("Ada Lovelace was born in ")


def test_what_states_no_fact_stays_as_it_was():
    claim = Claim(start=0, end=9, text="It rains.", parts=[Part(0, 2, "It", "name")])
    assert FactBook(Table([FACT])).read(claim) is claim


def test_the_book_reads_a_table_on_disk(tmp_path):
    from core.data.worlds.facts import FactTable

    writer = FactWriter(tmp_path)
    writer.add(FACT)
    writer.commit()
    with FactTable(tmp_path) as table:
        book = FactBook(table)
    assert book.read(split_claims("Ada Lovelace was born in London.")[0]).fact.verdict == "right"
