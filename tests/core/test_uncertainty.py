"""How sure the model was, in numbers that add up and in words that say which."""

import math

import pytest

from core.glass.uncertainty import answer_risk, is_unsure, summarise, unsupported_and_unsure
from core.spec.messages import TokenRecord


def record(text, probability, entropy=0.5, rank=1):
    return TokenRecord(0, text.encode(), probability, probability, rank, entropy, [])


def test_risk_is_the_code_length_and_perplexity_its_mean():
    risk = answer_risk([record("a", 0.5, 1.0), record("b", 0.125, 2.0)])
    assert risk.risk == pytest.approx(math.log(16))
    assert risk.perplexity == pytest.approx(4.0)
    assert risk.mean_entropy == pytest.approx(1.5)
    assert (risk.tokens, risk.surest, risk.least_sure) == (2, 0.5, 0.125)


def test_a_probability_of_zero_stays_finite_and_an_empty_answer_is_no_risk():
    assert math.isfinite(answer_risk([record("a", 0.0)]).perplexity)
    assert answer_risk([]).risk == 0.0


def test_a_token_is_unsure_when_unlikely_or_one_of_very_many():
    assert is_unsure(record("a", 0.09))
    assert is_unsure(record("a", 0.20, entropy=3.5))
    assert not is_unsure(record("a", 0.20))
    assert not is_unsure(record("a", 0.30, entropy=3.5))


def test_only_unsupported_guesses_are_marked_to_doubt():
    records = [record("a", 0.01)] * 4 + [record("b", 0.9)]
    support = ["verbatim", "parts", "absent", "blank", "absent"]
    assert unsupported_and_unsure(records, support) == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("probabilities", "support", "expected"),
    [
        ([0.9, 0.9], None, "None of the 2 tokens was a guess."),
        ([0.02, 0.01], None, "Doubt “a1” first."),
        ([0.9, 0.9], ["verbatim", "parts"], "50 % of the answer stands word for word"),
        ([0.01, 0.9], ["absent", "parts"], "It stands in no wording of the training text: “a0”."),
        ([0.01, 0.02], ["absent", "verbatim"], "One of them stands in no wording of the training text: “a0”."),
        ([0.02, 0.01], ["absent", "parts"], "2 of them stand in no wording of the training text, first of all “a1”."),
        ([0.02, 0.9], ["verbatim", "parts"], "Every guess is part of a wording that the training text has."),
        ([], None, "Nothing was written."),
    ],
)
def test_the_summary_says_what_is_doubtful_and_why(probabilities, support, expected):
    records = [record(f" a{i}", p) for i, p in enumerate(probabilities)]
    assert expected in summarise(records, support).sentence()


def test_the_summary_shows_the_whole_word_even_where_a_token_is_half_a_character():
    half = "语".encode()
    records = [TokenRecord(0, half[:1], 0.01, 0.01, 9, 1.0, []), TokenRecord(0, half[1:], 0.9, 0.9, 1, 0.1, [])]
    assert "“语”" in summarise(records, ["absent", "absent"]).sentence()


def test_the_summary_translates_sentences_before_it_fills_them():
    summary = summarise([record("{x}", 0.01)], ["absent"])
    said = summary.sentence(lambda template: template.replace("was a guess", "GUESSED"))
    assert said.startswith("1 of 1 tokens GUESSED") and "“{x}”" in said
