"""Cleaning rules: what they mend, what they set aside, and what they say about it."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.dedup.exact import FingerprintSet, fingerprint
from core.data.filters.rules import MAKERS, Rules, run_sample
from core.data.filters.verdict import Draft
from core.errors import LabError
from core.spec.base import build
from core.spec.corpus import AnyRule, CorpusSpec
from core.spec.files import preset, preset_names
from core.spec.rules.base import tag_of
from core.spec.rules.duplicates import ExactDuplicates
from core.spec.rules.text import FixText, MinimumLength


def judge(rules, text):
    """The text as the rules leave it, and the reason it is set aside."""
    draft = Draft(text)
    why = rules.judge(draft)
    return draft.text, why


def reason(rules, *documents):
    """The reason of the last document, in words."""
    verdict = run_sample(rules, [Draft(text) for text in documents]).outcomes[-1]
    return verdict and verdict.text.format(**verdict.values)


@pytest.mark.parametrize("broken, mended", [
    ("rÃ©sumÃ© â€” ok", "résumé — ok"),
    ("a\x00b\x07c\x1b[31md\x1b[0m", "abcd"),
    ("one\r\ntwo\rthree\u2028four\x0bx", "one\ntwo\nthree\nfourx"),
    ("\ufeffstart\tkept\n", "start\tkept\n"),
])
def test_fix_text_mends_mojibake_controls_and_line_ends(broken, mended):
    assert judge(Rules([FixText()]), broken) == (mended, None)


@pytest.mark.parametrize("text", [
    "“Quoted” — ﬁne… &amp; ｆｕｌｌ，宽。", "e\u0301 and é differ", "👩‍👩‍👧 🇫🇷", "naïve café"])
def test_fix_text_leaves_what_a_person_may_have_meant(text):
    assert judge(Rules([FixText()]), text) == (text, None)


@given(st.text())
def test_fix_text_leaves_nothing_to_fix(text):
    once, why = judge(Rules([FixText()]), text)
    if why is None:
        assert not set(once) & set(map(chr, [*range(9), *range(11, 32), 127, 0x85, 0xFEFF]))


def test_fix_text_sets_aside_what_is_empty_or_undecodable():
    assert "Nothing visible" in reason([FixText()], "\x00 \n\x01")
    assert "20.0%" in reason([FixText()], "abcd\ufffd" * 10)
    assert reason([FixText(most_broken=0.5)], "abcd\ufffd" * 10) is None


def test_minimum_length_says_the_length_and_the_limit():
    said = reason([MinimumLength(characters=10)], "  short  ")
    assert "5 characters" in said and "10" in said
    assert reason([MinimumLength(characters=5)], "  short  ") is None


def test_exact_duplicates_keeps_the_first_and_folds_case_and_white_space():
    drafts = [Draft(text) for text in ("One  Text", "other", "one\ntext ", "onetext")]
    verdicts = run_sample([ExactDuplicates()], drafts).outcomes
    assert [v is None for v in verdicts] == [True, True, False, True]
    assert verdicts[2].values["fingerprint"] == fingerprint("ONE TEXT").hex()


def test_rules_work_in_the_order_of_the_spec_and_can_be_off():
    short_then_same = [MinimumLength(characters=5), ExactDuplicates()]
    found = run_sample(short_then_same, [Draft("abc"), Draft("abc")])
    assert [why.rule for why in found.outcomes] == ["minimum_length"] * 2
    assert judge(Rules([MinimumLength(on=False)]), "x") == ("x", None)


@given(st.lists(st.integers(0, 3000).map(lambda i: i.to_bytes(16, "little")), max_size=3000))
def test_the_fingerprint_set_answers_as_a_set_does(marks):
    compact, plain = FingerprintSet(), set()
    for mark in marks:
        assert compact.add(mark) == (mark not in plain)
        plain.add(mark)
    assert len(compact) == len(plain)


def test_the_fingerprint_set_grows_and_forgets_nothing():
    compact = FingerprintSet()
    marks = [fingerprint(str(i)) for i in range(5000)]
    assert all(compact.add(mark) for mark in marks) and not any(compact.add(mark) for mark in marks)


@pytest.mark.parametrize("rule", MAKERS, ids=tag_of)
def test_every_rule_of_a_spec_has_its_function_or_says_what_it_lacks(rule):
    assert rule in get_args(AnyRule) and len(MAKERS) == len(get_args(AnyRule))
    asked = build(CorpusSpec, {"sources": [], "rules": [{"rule": tag_of(rule)}]}).rules
    try:
        assert Rules(asked).names == [(tag_of(rule), rule.title)]
    except LabError as error:  # a trained filter, or a list of words
        assert error.remedy and tag_of(rule) in ("reference_perplexity", "quality_classifier", "word_list")


@pytest.mark.parametrize("name", preset_names("data"))
def test_presets_are_whole_specs_but_for_their_sources(name):
    found = preset("data", name)
    assert found.title and found.about and found.source
    assert build(CorpusSpec, {"sources": ["x"], **found.values}).rules
