"""Markup, links, boilerplate and word lists: what is cut, what is set aside, what is left."""

import pytest

from core.data.filters.boilerplate import boilerplate, is_boilerplate
from core.data.filters.keywords import is_only_links, links, word_count, word_list
from core.data.filters.markup import html_remains, strip_markup
from core.data.filters.rules import MAKERS, Rules
from core.data.filters.verdict import Draft
from core.errors import LabError
from core.spec.base import build, fields
from core.spec.corpus import CorpusSpec
from core.spec.rules.keywords import Boilerplate, HtmlRemains, Links, WordList
from core.spec.rules.language import LanguageIs
from core.spec.rules.privacy import PersonalData

PROSE = "The harbour was quiet that morning, and nobody spoke of the storm that had passed in the night. " * 4
MINE = (HtmlRemains, Links, Boilerplate, WordList, LanguageIs, PersonalData)


def judged(work, text):
    draft = Draft(text)
    return draft, work(draft)


@pytest.mark.parametrize("marked, plain", [
    ("<p>One <b>two</b></p><p>three</p>", "One two\n\nthree"),
    ("a &amp; b &lt;c&gt; &#8212; &#x4f60;", "a & b <c> — 你"),
    ("x<script type='a'>var y = '<p>';</script>z", "x\nz"), ("a<!-- hidden\nlines -->b", "a\nb"),
    (".menu a:hover { color: #fff; margin: 0 }\ntext", "text"), ("document.write('x');\ntext", "text"),
    ("<a href=\"x\" title='a b'>link</a>", "link"), ("one<br/>two", "one\ntwo"),
])  # fmt: skip
def test_markup_goes_and_its_text_stays(marked, plain):
    assert strip_markup(marked) == plain


@pytest.mark.parametrize("text", [
    "if a < b and b > c: pass", "List<String> x = f<int>(y);", "AT&T and R&D; &unknownentity;", "x = {'a': 1}",
    "3 <4> 5", "<not_a_tag>", "use @media queries", "for (i = 0; i < n; i++) { s += a[i]; }", PROSE, ""])  # fmt: skip
def test_what_is_no_markup_stays_as_it_is(text):
    assert strip_markup(text) == text


def test_documents_full_of_markup_are_set_aside_and_others_mended():
    work = html_remains(HtmlRemains(share=0.3))
    draft, why = judged(work, "<div class='a very long class name'><p>x</p></div>" * 9)
    assert why.measure == "share" and why.value > 0.3 == why.limit and "<div" in draft.text
    draft, why = judged(work, PROSE + "<b>bold</b>")
    assert why is None and draft.text == PROSE + "bold" and 0 < draft.measures["html_remains.share"] < 0.1
    assert judged(html_remains(HtmlRemains(strip=False)), PROSE + "<b>bold</b>")[0].text.endswith("</b>")


def test_links_are_measured_by_characters_and_by_words():
    work = links(Links(share=0.2, per_word=0.1))
    assert judged(work, PROSE)[0].measures == {"links.share": 0.0, "links.per_word": 0.0}
    assert judged(work, "see https://a.org/long/way/to/go and more")[1].measure == "share"
    few_letters = " ".join(["a_longer_word_than_most_that_there_are www.a.cn"] * 9)
    assert judged(links(Links(share=1.0, per_word=0.1)), few_letters)[1].measure == "per_word"


def test_lines_that_are_only_links_are_cut():
    sentence = "See https://a.org/b for more of the same story"
    text = f"{PROSE}\n- https://a.org/b\n{sentence}\n* www.b.org | www.c.org\n{PROSE}"
    draft, why = judged(links(Links()), text)
    assert why is None and draft.text == f"{PROSE}\n{sentence}\n{PROSE}"
    assert judged(links(Links(cut=False)), text)[0].text == text
    assert is_only_links("1. https://a.org") and not is_only_links("https://a.org 你好") and not is_only_links("1.")


@pytest.mark.parametrize("line", [
    "We use cookies to improve your experience.", "Read our Privacy Policy", "© 2019 Acme. All rights reserved.",
    "Home | About us | Contact | Blog", "Subscribe to our newsletter!", "  Log in  ", "Click here to read more",
    "Copyright © Acme", "首页 > 新闻 > 正文 > 更多", "版权所有 © 某公司 京ICP备12345678号",
    "扫码关注我们的微信公众号", "上一篇：无题", "返回顶部", "转载请注明出处", "【登录】"])  # fmt: skip
def test_a_line_of_the_page_is_known(line):
    assert is_boilerplate(line)


@pytest.mark.parametrize("line", [
    "", "She went home and read more of the letter, which was long, and then she wept by the fire until the light had "
    "gone from the hills.", "The cookie was stale.", "A | B | C", "x = a > b > c",
    "他点击这里的时候，屏幕上忽然出现了一行他从未见过的文字，于是他停下手，坐在那里想了很久很久，也没有想明白。",
    "春眠不觉晓，处处闻啼鸟。", "He signed the contract at home."])  # fmt: skip
def test_a_line_of_the_text_is_left(line):
    assert not is_boilerplate(line)


def test_boilerplate_is_cut_and_a_document_of_it_set_aside():
    work = boilerplate(Boilerplate(share=0.3))
    draft, why = judged(work, f"Home | About | Contact\n{PROSE}\nAll rights reserved.")
    assert why is None and draft.text == PROSE and 0 < draft.measures["boilerplate.share"] < 0.3
    draft, why = judged(work, "We use cookies.\nPrivacy Policy\nhello")
    assert why.measure == "share" and "We use cookies." in why.text.format(**why.values)
    assert draft.text.startswith("We use cookies.")
    assert judged(boilerplate(Boilerplate(cut=False)), PROSE + "\nLog in")[0].text.endswith("Log in")


def test_words_of_a_list_are_counted_in_both_languages(tmp_path):
    (tmp_path / "words.txt").write_text("# remark\n赌博\nfast money\n", "utf-8")
    work = word_list(WordList(words=["Casino"], file=str(tmp_path / "words.txt"), per_thousand=1.0))
    draft, why = judged(work, "The CASINO gives fast money, not casinos or breakfast money. " + "word " * 90)
    assert why.values["hits"] == 2 and why.value == pytest.approx(2000 / 100)
    draft, why = judged(work, "他去赌博了，又去赌博。")
    assert why.values == {"hits": 2, "word": "赌博", "rate": round(2000 / 9, 2), "limit": 1.0}
    assert judged(work, PROSE)[1] is None and judged(work, PROSE)[0].measures == {"word_list.per_thousand": 0.0}
    with pytest.raises(LabError, match="empty"):
        word_list(WordList())


def test_chinese_characters_count_as_words():
    assert word_count("two words") == 2 and word_count("两个 words") == 3


@pytest.mark.parametrize("rule", MINE)
def test_each_rule_says_what_it_is_where_it_comes_from_and_what_it_measures(rule):
    assert rule.title and rule.family and rule.source and rule.__doc__ and rule in MAKERS
    measured = [field for field in fields(rule) if field.measure]
    assert measured and all(field.keeps in ("above", "below") and field.help for field in measured)


def test_the_rules_run_together_from_a_spec():
    spec = build(CorpusSpec, {"sources": ["x"], "rules": [
        {"rule": "html_remains"}, {"rule": "links"}, {"rule": "boilerplate"}, {"rule": "language_is"},
        {"rule": "personal_data"}, {"rule": "word_list", "words": ["storm"], "per_thousand": 1000}]})  # fmt: skip
    draft = Draft(f"<p>{PROSE}</p>\nWrite to ann@acme.org\nLog in")
    assert Rules(spec.rules).judge(draft) is None
    assert draft.text == f"{PROSE}\n\nWrite to [EMAIL]"
    assert {name.partition(".")[0] for name in draft.measures} == {
        "html_remains", "links", "boilerplate", "language_is", "personal_data", "word_list"}  # fmt: skip
