"""What an answer has in common with its context, and whether a model copies at all."""

import pytest

from core.glass.context_match import Weighed, context_matches, copy_accuracy, copy_test, split_prompt, tokens_of
from core.spec.token_record import TokenRecord

CONTEXT = "Notes: Ann Berg lives in Oslo. Carl Lind lives in New York. 李雷住在北京。"


def pieces(*texts):
    return [text.encode() for text in texts]


def found(*texts, context=CONTEXT, before=""):
    return [(m.start, m.end, [context[a:b] for a, b in m.places]) for m in
            context_matches(context, pieces(*texts), before)]


def test_the_longest_runs_of_whole_words_are_found_wherever_they_stand():
    assert found(" New", " York", ",", " not", " Os", "lo") == [(0, 2, ["New York"]), (4, 6, ["Oslo"])]
    assert found(" lives", " in") == [(0, 2, ["lives in", "lives in"])]
    assert found(" OSLO") == [(0, 1, ["Oslo"])]


def test_half_words_and_short_words_alone_are_no_match():
    assert found(" Os") == [] and found(" in") == [] and found(" Oslos") == []
    assert found("lo", before="Os") == []  # the answer goes on in the middle of a word
    assert found("北京") == [(0, 1, ["北京"])]


@pytest.mark.parametrize(("prompt", "question"), [
    ("The key is red. What colour is it?", "What colour is it?"), ("Ann: Oslo\nBen: Rome\nAnn:", "Ann:"),
    ("李雷住在北京。李雷住在", "李雷住在"), ("What is it?", "What is it?"), ("", ""),
])  # fmt: skip
def test_a_prompt_is_split_before_its_last_sentence_or_line(prompt, question):
    assert prompt[split_prompt(prompt):] == question


def test_tokens_are_cut_out_whole():
    cut = pieces("", "Not", "es:", " Ann", " x")
    assert list(tokens_of(cut, 0, 6)) == [1, 2] and list(tokens_of(cut, 1, 6)) == [2]
    assert list(tokens_of(cut, 4, 5)) == []


def test_a_copy_test_says_each_word_once_in_another_order():
    text = pieces(*(f" w{letter}o" for letter in "abcdefghi"), ".")
    words = copy_test(text, range(10), 99)
    assert sorted(words) == [[place] for place in range(9)]  # the dot is no word
    assert words != sorted(words)
    assert len(copy_test(text, range(10), 7)) == 7 and copy_test(text, range(10), 3) == []
    assert copy_test(text[:3], range(3), 99) == []


def test_copying_counts_the_second_saying_alone():
    def record(rank):
        return TokenRecord(1, b"a", 0.5, 0.5, rank, 0.1, [])

    assert copy_accuracy([record(5)] * 4 + [record(1)] * 3 + [record(2)], 4) == 0.75


def test_the_gain_is_pointwise_mutual_information():
    assert Weighed(b"a", 0.8, 0.1, True).gain == pytest.approx(2.0794415)
    assert Weighed(b"a", 0.0, 0.0, False).gain == 0.0
