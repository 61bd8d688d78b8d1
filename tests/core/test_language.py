"""Which language a document is in, and which are kept."""

import pytest

from core.data.filters.language import language_is
from core.data.filters.verdict import Draft
from core.data.language import chinese_scripts, language_of
from core.errors import LabError
from core.spec.rules.language import LanguageIs

ENGLISH = "It is a truth universally acknowledged, that a single man in possession of a good fortune wants a wife. "
GERMAN = "Es ist eine allgemein anerkannte Wahrheit, dass ein Junggeselle im Besitz eines Vermögens eine Frau braucht. "
SIMPLIFIED, TRADITIONAL = "这是一个简单的句子，说的是汉语。", "這是一個簡單的句子，說的是漢語。"


def judged(text, **settings):
    draft = Draft(text)
    return draft, language_is(LanguageIs(**settings))(draft)


@pytest.mark.parametrize("text, code", [
    (ENGLISH, "en"), (GERMAN, "de"), (ENGLISH.upper(), "en"), ("你好世界", "zh"), ("今天", "zh"), (TRADITIONAL, "zh"),
    ("春眠不覺曉，處處聞啼鳥", "zh"), ("香港嘅天氣好熱", "zh"), ("これはペンです", "ja"), ("東京都渋谷区", "ja"),
    ("日本語の文章は漢字と仮名で書く。", "ja"), ("안녕하세요", "ko"), ("Привет, как твои дела сегодня?", "ru"),
    ("我们用 Python 写程序。", "zh"), (ENGLISH + "他说“你好”。", "en"), ("1 + 1 = 2", ""), ("", "")])  # fmt: skip
def test_the_language_is_told_even_of_short_east_asian_texts(text, code):
    assert language_of(text).code == code


def test_only_parts_of_a_long_text_are_looked_at():
    assert language_of(GERMAN * 3 + ENGLISH * 5000 + GERMAN * 3).code in ("de", "en")
    assert language_of(ENGLISH * 100_000).code == "en"


def test_other_languages_are_set_aside_and_named():
    draft, why = judged(GERMAN, languages=["en", "zh"])
    assert why.rule == "language_is" and why.measure == "probability" and why.value < 0.65 == why.limit
    assert "de" in why.text.format(**why.values) and "en, zh" in why.text.format(**why.values)
    assert draft.measures["language_is.probability"] == why.value
    assert judged(GERMAN, languages=["de-AT"])[1] is None


def test_the_threshold_decides():
    text = "hello world how are you"
    likely = judged(text, languages=["en"])[0].measures["language_is.probability"]
    assert judged(text, languages=["en"], probability=likely)[1] is None
    assert judged(text, languages=["en"], probability=min(likely + 1e-4, 1.0))[1] is not None or likely > 0.9998


def test_a_text_without_letters_is_passed_over_and_says_so():
    draft, why = judged("1 + 1 = 2\n" * 50)
    assert why is None and "letters" in draft.passed_over["language_is"]


def test_scripts_are_counted_and_one_can_be_kept():
    assert chinese_scripts(SIMPLIFIED)[1] == 0 < chinese_scripts(SIMPLIFIED)[0]
    assert chinese_scripts(TRADITIONAL)[0] == 0 < chinese_scripts(TRADITIONAL)[1]
    draft, why = judged(TRADITIONAL, script="simplified")
    assert why.measure == "script_share" and why.value == 0.0
    assert draft.measures["language_is.traditional"] > 0
    assert judged(SIMPLIFIED, script="simplified")[1] is None
    assert judged("人山人海", script="traditional")[1] is None  # nothing tells the scripts apart
    assert judged(ENGLISH, script="traditional")[1] is None


def test_an_unknown_language_is_a_clear_error():
    with pytest.raises(LabError, match="tlh"):
        language_is(LanguageIs(languages=["tlh"]))
    with pytest.raises(LabError, match="No language"):
        language_is(LanguageIs(languages=[" "]))
