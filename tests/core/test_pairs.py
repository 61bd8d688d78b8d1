"""Near-duplicate pairs of a finished corpus: both texts are found again, and where they differ."""

import json
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from core.data.dedup.lines import repeated_lines
from core.data.dedup.pairs import Pairs, differences
from core.data.dedup.rows import CorpusRows
from core.data.job import run
from core.record.control import Control
from core.record.folder import Workspace
from core.spec.corpus import CorpusSpec
from core.spec.rules.duplicates import NearDuplicates, RepeatedLines


def words(seed, count=60):
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefghij", k=draw.randint(3, 8))) for _ in range(count))


def cleaned(tmp_path, texts, rules):
    """The folder of a corpus made of these texts."""
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")
    folder = Workspace(tmp_path / "workspace").create("corpus", "c", spec := CorpusSpec(
        sources=[str(source)], rules=rules, workers=1))
    run(spec, folder, lambda event: None, Control(folder.root, lambda event: None))
    return folder.root


def test_a_finished_corpus_opens_both_texts_of_every_pair(tmp_path):
    texts = [words(i) for i in range(30)]
    texts.insert(20, texts[3] + " and more")
    texts.insert(25, texts[11].replace(" ", "  ", 1) + " tail")
    corpus = cleaned(tmp_path, texts, [NearDuplicates()])
    pairs = Pairs(corpus)
    assert [(pair.row, pair.kept_row) for pair in (pairs[0], pairs[1])] == [(20, 3), (25, 11)]
    opened = pairs.open(0)
    assert (opened.kept.text, opened.dropped.text) == (texts[3], texts[20])
    assert 0.9 < opened.similarity < 1 and opened.dropped.line == 21
    pairs.close()
    rows = CorpusRows(corpus)
    assert [rows.find(row).text for row in range(len(texts))] == texts
    assert rows.find(len(texts)) is None


def test_a_corpus_without_such_rules_has_no_pairs_and_no_repeated_lines(tmp_path):
    corpus = cleaned(tmp_path, [words(1), words(1)], [])
    assert len(Pairs(corpus)) == 0 and repeated_lines(corpus) == []


def test_the_most_repeated_lines_are_kept_for_people_to_see(tmp_path):
    texts = [f"{words(i, 9)}\nSubscribe to our weekly letter now!\n{words(100 + i, 9)}" for i in range(9)]
    texts += [f"Printed on both sides of the paper\n{words(200 + i, 9)}" for i in range(7)]
    corpus = cleaned(tmp_path, texts, [RepeatedLines(most_documents=5)])
    assert repeated_lines(corpus) == [
        ("Subscribe to our weekly letter now!", 9), ("Printed on both sides of the paper", 7)]
    assert repeated_lines(corpus, 1) == [("Subscribe to our weekly letter now!", 9)]


def marked(first, second):
    return [(first[slice(*d.first)], second[slice(*d.second)]) for d in differences(first, second)]


def test_differences_name_the_words_that_were_replaced_put_in_or_left_out():
    assert marked("one two three four", "one 2 three four") == [("two", "2")]
    assert marked("one two three", "one two and three") == [("", "and")]
    assert marked("one two three", "one three") == [("two", "")]
    assert marked("one two", "one\n  two") == [] == marked("", "")
    assert marked("", "new words") == [("", "new words")]


def test_differences_in_chinese_are_single_characters():
    assert marked("昨夜雨疏风骤，浓睡不消残酒。", "昨夜雨急风骤，浓睡不消残酒！") == [("疏", "急"), ("。", "！")]


PIECES = st.lists(st.sampled_from(["a", "b", "cd", "的", "云", ",", "x1"]), max_size=25)


@given(PIECES, PIECES)
def test_what_no_difference_covers_is_the_same_in_both(first, second):
    first, second = " ".join(first), " ".join(second)
    rest = []
    for text, which in ((first, 0), (second, 1)):
        for start, end in reversed([found[which] for found in differences(first, second)]):
            text = text[:start] + " " + text[end:]
        rest.append(text.split())
    assert rest[0] == rest[1]
    assert bool(differences(first, second)) == (first.split() != second.split())


def test_long_texts_that_share_little_order_are_compared_quickly():
    draw = random.Random(3)
    common = ["the", "of", "and", "to", "a"]
    first = [draw.choice(common) if i % 2 else f"w{i}" for i in range(20_000)]
    second = first[10_000:] + first[:10_000]
    started = time.process_time()
    assert differences(" ".join(first), " ".join(second))
    assert time.process_time() - started < 20  # without anchors: minutes
