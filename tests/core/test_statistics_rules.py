"""The four statistics families: what they measure, what they say, and what they leave out for Chinese."""

import subprocess
import sys

import pytest

from app.translations import read_catalogue
from core.data.filters import statistics
from core.data.filters.rules import MAKERS
from core.data.filters.verdict import Draft
from core.data.words import is_chinese, measured, pieces_of
from core.spec.base import fields
from core.spec.rules.base import tag_of
from core.spec.rules.statistics import C4Quality, FinewebQuality, GopherQuality, GopherRepetition

FAMILIES = (GopherQuality, GopherRepetition, C4Quality, FinewebQuality)
PROSE = (
    "It was a fine morning, and the two of them had been walking for an hour along the river. "
    "Nobody spoke of what had happened to the house. They would have to be back by noon, with news or without. "
    "She said that the water was higher than the year before. He did not answer her. "
    "The bridge lay in front of them, and a boy was fishing from it.\n")
CHINESE = (
    "清晨的阳光照在河面上，两个人沿着河岸慢慢地走着。他们谁也没有说起昨天发生的事情。"
    "中午以前必须回到村子里去，不管有没有消息。她说今年的水比去年高，他没有回答。"
    "前面就是那座石桥，一个孩子坐在桥上钓鱼，身边放着一只旧篮子。\n")


def judge(rule, text):
    draft = Draft(text)
    return MAKERS[type(rule)](rule, None)(draft), draft


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("text", [PROSE, CHINESE])
def test_prose_is_kept_and_its_measures_are_written_down(family, text):
    reason, draft = judge(family(), text)
    assert reason is None
    tag = tag_of(family)
    wanted = {f"{tag}.{field.measure}" for field in fields(family) if field.measure}
    left_out = {"gopher_quality.word_length", "gopher_quality.stop_words", "fineweb_quality.short_lines"}
    assert wanted - left_out <= set(draft.measures)
    assert (wanted <= set(draft.measures)) == (text == PROSE or not wanted & left_out)


@pytest.mark.parametrize(("rule", "text", "measure"), [
    (GopherQuality(), "Too short.", "words"),
    (GopherQuality(most_words=20), PROSE, "words"),
    (GopherQuality(), "a b of the i to " * 20, "word_length"),
    (GopherQuality(), PROSE + "#tag " * 20, "hashes"),
    (GopherQuality(), PROSE.replace(" ", "... "), "ellipses"),
    (GopherQuality(), "- " + PROSE.strip().replace(". ", ".\n- "), "bullets"),
    (GopherQuality(), PROSE.replace(". ", "...\n"), "ellipsis_lines"),
    (GopherQuality(), PROSE + "100,000.00 200 300 400 500 " * 12, "letter_words"),
    (GopherQuality(language="en"), "Nobody spoke about yesterday's accident; all looked away. " * 10, "stop_words"),
    (GopherRepetition(), "\n\n".join([PROSE.strip()] * 3), "paragraphs"),
    (GopherRepetition(paragraphs=1.0), "\n\n".join([PROSE.strip()] * 3), "paragraph_characters"),
    (GopherRepetition(), "\n".join(["one two", "three", "one two", "four", "one two"]), "lines"),
    (GopherRepetition(lines=1.0), PROSE + PROSE, "line_characters"),
    (GopherRepetition(), "so on " * 30, "top_2"),
    (GopherRepetition(), PROSE.replace("\n", " ") * 2, "repeated_5"),
    (GopherRepetition(repeated_5=1.0, repeated_6=1.0, repeated_7=1.0, repeated_8=1.0, repeated_9=1.0),
     PROSE.replace("\n", " ") * 2, "repeated_10"),
    (C4Quality(), "One sentence. Another one.", "sentences"),
    (C4Quality(), PROSE + "Lorem ipsum dolor sit amet.", "lorem_ipsum"),
    (C4Quality(), PROSE + "if (x) { return that thing; }.", "curly_bracket"),
    (FinewebQuality(), PROSE.replace(".", ","), "ended_lines"),
    (FinewebQuality(), "A short line of words.\nAnd then one more.\nYet one more of these.", "short_lines"),
    (FinewebQuality(), PROSE + PROSE, "repeated_characters"),
    (FinewebQuality(short_lines=1.0), "one two.\nthree.\nfour.\nfive.\nsix.\n", "newlines"),
    (FinewebQuality(), " \n ", "characters"),
])  # fmt: skip
def test_each_threshold_is_a_reason_with_its_measure_value_and_limit(rule, text, measure):
    reason, draft = judge(rule, text)
    assert reason.rule == tag_of(rule) and reason.measure == measure
    assert reason.value != reason.limit
    assert reason.text.format(**reason.values)  # no blank is left open
    if measure not in ("lorem_ipsum", "curly_bracket", "characters"):
        assert draft.measures[f"{reason.rule}.{measure}"] == reason.value


def test_a_threshold_itself_is_kept():
    found = judge(GopherQuality(), PROSE)[1].measures["gopher_quality.words"]
    assert judge(GopherQuality(least_words=found), PROSE)[0] is None
    assert judge(GopherQuality(least_words=found + 1), PROSE)[0].limit == found + 1


def test_c4_keeps_sentences_and_drops_other_lines():
    lines = ["Home", "Please enable JavaScript now.", "Read our privacy policy.", "Two words.", PROSE.strip() + "[12]",
             "Nobody knows what it means, they said [edit].", "w" * 1001 + " of four words."]  # fmt: skip
    reason, draft = judge(C4Quality(), "\n".join(lines))
    assert reason is None
    assert draft.text == PROSE.strip() + "\nNobody knows what it means, they said ."
    assert draft.measures["c4_quality.lines"] == pytest.approx(2 / 7)


def test_the_papers_own_thresholds_can_be_asked_for():
    text = "These are four words.\nOnly these five words stay. They are few. But enough of them."
    assert judge(C4Quality(), text)[0] is not None  # datatrove: five sentences
    reason, draft = judge(C4Quality(least_words=5, sentences=3), text)
    assert reason is None and draft.text.startswith("Only")


def test_chinese_is_cut_into_words_and_spared_what_is_for_english():
    reason, draft = judge(GopherQuality(least_words=20), CHINESE)
    assert reason is None
    assert draft.passed_over == {"gopher_quality": statistics.FOR_ENGLISH["gopher_quality"]}
    _, english = judge(GopherQuality(language="en"), CHINESE)
    assert english.passed_over == {} and "gopher_quality.stop_words" in english.measures
    _, lines = judge(FinewebQuality(), "他走了。\n她来了。\n雨停了。")
    assert lines.passed_over == {"fineweb_quality": statistics.FOR_ENGLISH["fineweb_quality"]}


def test_chinese_lines_end_in_chinese_marks():
    text = "首页\n登录注册\n" + CHINESE
    reason, draft = judge(C4Quality(), text)
    assert reason is None and draft.text == CHINESE.strip()
    assert draft.measures["c4_quality.sentences"] == 5


def test_english_stop_words_are_not_asked_of_another_language():
    german = "Gestern gingen wir langsam am Ufer entlang, doch niemand sprach über das Haus oder unseren Vater. " * 4
    reason, draft = judge(GopherQuality(), german)
    assert reason is None and draft.passed_over == {"gopher_quality": statistics.FOR_ENGLISH["stop_words"]}


@pytest.mark.parametrize(("text", "chinese"), [
    (CHINESE, True), (PROSE, False), ("我用 Python 写程序，Linux 上运行。", True), ("これは日本語の文章です。", False),
    ("", False), ("A paper by 王小明 on rivers and bridges.", False)])  # fmt: skip
def test_chinese_is_told_by_its_characters(text, chinese):
    assert is_chinese(measured(text).statistics) == chinese == measured(text).chinese


@pytest.mark.parametrize("text", [CHINESE, "中\ud800文\x00，\r\n 词 𠮷 abc中文1.5 😀", "\n"])
def test_words_of_chinese_leave_nothing_out(text, monkeypatch):
    from core.data import words

    assert sum(pieces_of(text)) == len(text)
    monkeypatch.setattr(words, "_cutter", lambda: words._PLAIN_PIECES.findall)
    pieces = pieces_of(text)
    assert sum(pieces) == len(text)
    if text == CHINESE:
        assert max(pieces) == 1  # each character by itself


def test_what_the_four_share_is_measured_once(monkeypatch):
    from core.data import words

    calls = []
    plain = words.kernel.measure
    monkeypatch.setattr(words.kernel, "measure", lambda *a, **k: calls.append(a) or plain(*a, **k))
    draft = Draft(PROSE)
    for family in (GopherQuality, GopherRepetition, FinewebQuality):
        MAKERS[family](family(), None)(draft)
    assert len(calls) == 1


def test_every_sentence_of_these_rules_has_its_chinese():
    catalogue = read_catalogue("zh_CN")
    said = [text for texts in statistics._SAID.values() for text in texts.values()]
    for text in [*said, *statistics.FOR_ENGLISH.values(), *(family.title for family in FAMILIES)]:
        assert text in catalogue


def test_cleaning_by_statistics_needs_no_torch():
    code = "import sys; import core.data.filters.statistics; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
