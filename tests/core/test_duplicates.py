"""Duplicates at three levels: what is cut or set aside, what stays, and that no order of work changes it."""

import random

import numpy as np
import pytest

from core.data.dedup import near, spill
from core.data.dedup.lines import RepeatedLines as LinesBarrier
from core.data.dedup.lines import units_of
from core.data.dedup.near import NearDuplicates as NearBarrier
from core.data.dedup.overlap import Decontaminate as OverlapBarrier
from core.data.dedup.spill import KEYED, Spill, keyed
from core.data.dedup.synthetic import exact_clusters, near_duplicates
from core.data.dedup.table import Table, TableWriter
from core.data.filters.rules import MAKERS
from core.data.filters.verdict import Draft
from core.errors import LabError
from core.kernels import minhash
from core.spec.rules.duplicates import Decontaminate, NearDuplicates, RepeatedLines

POEM = ("昨夜雨疏风骤浓睡不消残酒试问卷帘人却道海棠依旧知否知否应是绿肥红瘦"
        "常记溪亭日暮沉醉不知归路兴尽晚回舟误入藕花深处争渡争渡惊起一滩鸥鹭")


def words(seed, count=100):
    """Invented text of so many words."""
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefghij", k=draw.randint(3, 8))) for _ in range(count))


def edited(text, *places):
    """The text with the words at these places replaced."""
    found = text.split(" ")
    for place in places:
        found[place] = "EDITED"
    return " ".join(found)


def judge_all(barrier, texts, folder, splits=None, shards=1):
    """(drafts, reasons) after all three steps; documents are remembered shard by shard, the last shard first."""
    folder.mkdir(exist_ok=True)
    splits = splits or ["train"] * len(texts)
    drafts = [Draft(text, f"{row}.txt", 1, row, split) for row, (text, split) in enumerate(zip(texts, splits))]
    notes = {}
    for shard in reversed(range(shards)):
        for draft in drafts[shard::shards]:
            notes[draft.row] = barrier.remember(draft)
    barrier.decide(iter(sorted(notes.items())), folder, lambda done, total: None)
    assert not list(folder.glob("*.tmp")), "nothing temporary may be left in a decision"
    decision = barrier.open(folder)
    return drafts, [barrier.judge(draft, decision) for draft in drafts]


def dropped(reasons):
    return [row for row, reason in enumerate(reasons) if reason is not None]


def test_near_duplicates_keep_the_first_and_say_which_and_how_similar(tmp_path):
    first, second = words(1), words(2)
    texts = [first, second, edited(first, 50), words(3), edited(second, 10, 90), first.upper() + "!"]
    drafts, reasons = judge_all(NearBarrier(NearDuplicates()), texts, tmp_path)
    assert dropped(reasons) == [2, 4, 5]
    assert [reasons[row].values["kept_row"] for row in (2, 4, 5)] == [0, 1, 0]
    assert reasons[2].value == pytest.approx(91 / 101, abs=1e-3)  # 5 of the 96 are others on each side
    assert reasons[2].limit == 0.8
    assert drafts[5].measures["near_duplicates.similarity"] == 1.0
    assert drafts[3].measures["near_duplicates.similarity"] == 0.0
    assert "document 0" in reasons[2].text.format(**reasons[2].values)


def test_a_pair_below_the_threshold_is_kept_and_its_similarity_is_measured(tmp_path):
    text = words(1, 200)
    near_by = edited(text, 20, 60, 100, 140, 180)
    rule = NearDuplicates(similarity=0.8, bands=60, rows=3)
    drafts, reasons = judge_all(NearBarrier(rule), [text, near_by], tmp_path)
    exact = (196 - 25) / (196 + 25)
    assert dropped(reasons) == []
    assert drafts[1].measures["near_duplicates.similarity"] == pytest.approx(exact, abs=1e-3)
    _, reasons = judge_all(NearBarrier(NearDuplicates(similarity=0.7, bands=60, rows=3)), [text, near_by], tmp_path)
    assert dropped(reasons) == [1]


def test_near_duplicates_of_near_duplicates_form_one_cluster(tmp_path):
    a = words(5, 120)
    b = edited(a, 20)
    c = edited(b, 60)
    d = edited(c, 100)
    _, reasons = judge_all(NearBarrier(NearDuplicates(similarity=0.85)), [a, b, c, d], tmp_path)
    assert dropped(reasons) == [1, 2, 3]
    assert {reasons[row].values["kept_row"] for row in (1, 2, 3)} == {0}
    assert all(reasons[row].value >= 0.85 for row in (1, 2, 3))  # the link that joined it, not the way to the first


def test_a_document_joined_only_by_a_later_one_tells_the_similarity_that_joined_it(tmp_path):
    a = words(6, 120)
    middle = edited(a, 20, 40)
    last = edited(middle, 60, 80)
    drafts, reasons = judge_all(NearBarrier(NearDuplicates(similarity=0.82)), [a, last, middle], tmp_path)
    assert dropped(reasons) == [1, 2]  # a and last are not alike enough; both are like the middle one
    assert reasons[1].value >= 0.82
    assert drafts[0].measures["near_duplicates.similarity"] == 0.0  # it is like nothing that came before


def test_chinese_is_compared_by_characters(tmp_path):
    texts = [POEM, POEM.replace("海棠", "梨花"), POEM[::-1], "，".join(POEM)]
    _, reasons = judge_all(NearBarrier(NearDuplicates(similarity=0.75, bands=30, rows=4)), texts, tmp_path)
    assert dropped(reasons) == [1, 3]


def test_documents_without_words_are_like_nothing(tmp_path):
    _, reasons = judge_all(NearBarrier(NearDuplicates()), ["...", "!!!", "", "——"], tmp_path)
    assert dropped(reasons) == []


def test_near_duplicates_agree_with_exact_jaccard_on_invented_documents(tmp_path):
    made = near_duplicates(1500, seed=4)
    first = exact_clusters(made, 0.8)
    _, reasons = judge_all(NearBarrier(NearDuplicates()), made.texts, tmp_path)
    true, found = set(np.flatnonzero(first != np.arange(len(first))).tolist()), set(dropped(reasons))
    assert len(true) > 200
    assert len(found & true) >= 0.95 * len(true)
    assert len(found & true) >= 0.98 * len(found)


@pytest.mark.parametrize("rule", [
    NearDuplicates(), RepeatedLines(most_documents=1, least_words=2), Decontaminate(most_shared=0.0)])
def test_any_sharding_and_any_memory_give_the_same_decision(rule, tmp_path, monkeypatch):
    made = near_duplicates(400, seed=9)
    texts = [text.replace(". ", ".\n") for text in made.texts]
    splits = ["held_out" if row % 10 == 0 else "train" for row in range(len(texts))]
    barrier = MAKERS[type(rule)](rule, None)
    results = []
    for shards, memory, batch in ((1, 32 << 20, 1 << 22), (7, 4096, 2000), (400, 1, 1)):
        monkeypatch.setattr(spill, "_MEMORY_BYTES", memory)
        monkeypatch.setattr(near, "_BATCH_SHINGLES", batch)
        drafts, reasons = judge_all(barrier, texts, tmp_path / str(shards), splits, shards)
        files = {path.name: path.read_bytes() for path in (tmp_path / str(shards)).iterdir()}
        results.append(([draft.text for draft in drafts], reasons, files))
    assert results[0] == results[1] == results[2]
    assert any(reason is not None for reason in results[0][1]) or results[0][0] != texts


def test_plain_python_decides_like_the_kernels(tmp_path, monkeypatch):
    texts = near_duplicates(60, seed=2).texts
    native = judge_all(NearBarrier(NearDuplicates()), texts, tmp_path / "native")[1]
    monkeypatch.setattr(minhash, "_library", lambda: None)
    assert judge_all(NearBarrier(NearDuplicates()), texts, tmp_path / "plain")[1] == native
    assert dropped(native)


FOOTER = "All rights reserved by the old printing house."


def test_a_line_in_more_documents_than_allowed_stays_in_the_first_alone(tmp_path):
    texts = [f"{words(i, 8)}\n{FOOTER}\n{words(i + 50, 8)}" for i in range(4)] + [words(99, 30)]
    drafts, reasons = judge_all(LinesBarrier(RepeatedLines(most_documents=3)), texts, tmp_path / "3")
    assert dropped(reasons) == []
    assert [FOOTER in draft.text for draft in drafts] == [True, False, False, False, False]
    assert drafts[1].text == f"{words(1, 8)}\n{words(51, 8)}"
    assert drafts[1].measures["repeated_lines.documents"] == 4 and drafts[4].measures["repeated_lines.documents"] == 1
    assert drafts[1].measures["repeated_lines.cut"] == pytest.approx((len(FOOTER) + 1) / len(texts[1]))
    drafts, _ = judge_all(LinesBarrier(RepeatedLines(most_documents=4)), texts, tmp_path / "4")
    assert [draft.text for draft in drafts] == texts


def test_short_lines_are_left_alone_and_case_and_punctuation_make_no_difference(tmp_path):
    texts = ["Chapter one\nthe same long line of words", "Chapter one\nThe same, long line -- of WORDS!\nmore"]
    drafts, _ = judge_all(LinesBarrier(RepeatedLines(most_documents=1)), texts, tmp_path)
    assert [draft.text for draft in drafts] == [texts[0], "Chapter one\nmore"]


def test_a_document_of_repeated_lines_alone_is_set_aside_with_its_text(tmp_path):
    texts = [f"{FOOTER}\nsomething of its own", FOOTER, f"{FOOTER}\n\n"]
    drafts, reasons = judge_all(LinesBarrier(RepeatedLines(most_documents=2)), texts, tmp_path)
    assert dropped(reasons) == [1, 2]
    assert drafts[1].text == FOOTER and reasons[1].value == 3 and reasons[1].limit == 2


def test_a_line_twice_in_one_document_counts_as_one_document(tmp_path):
    texts = [f"{FOOTER}\n{FOOTER}", "other words of no consequence at all"]
    drafts, reasons = judge_all(LinesBarrier(RepeatedLines(most_documents=1)), texts, tmp_path)
    assert drafts[0].text == texts[0] and dropped(reasons) == []


@pytest.mark.parametrize("text, sentences", [
    ("He came. She saw 3.5 km! Did they? Yes", ["He came. ", "She saw 3.5 km! ", "Did they? ", "Yes"]),
    ("他来了。她“看见了！”他们呢？好", ["他来了。", "她“看见了！”", "他们呢？", "好"]),
    ('"Stop!" he said.\nThen left...\n', ['"Stop!" ', "he said.\n", "Then left...\n"]),
    ("", []),
])
def test_sentences_end_at_full_stops_of_both_scripts(text, sentences):
    units = units_of(text, "sentence")
    assert [text[start:end] for start, end in zip([0, *units.ends], units.ends)] == sentences


def test_sentences_are_found_in_linear_time_in_a_text_of_dots_alone():
    text = "." * 300_000 + "x"
    assert units_of(text, "sentence").ends == [len(text)]


def test_repeated_chinese_sentences_are_cut(tmp_path):
    texts = [f"{start}。请长按二维码关注本公众号。{end}。" for start, end in
             (("春眠不觉晓", "处处闻啼鸟"), ("夜来风雨声", "花落知多少"), ("床前明月光", "疑是地上霜"))]
    drafts, _ = judge_all(LinesBarrier(RepeatedLines(unit="sentence", most_documents=2)), texts, tmp_path)
    assert drafts[0].text == texts[0] and drafts[2].text == "床前明月光。疑是地上霜。"


def test_decontamination_finds_planted_overlaps_and_nothing_else(tmp_path):
    held_out = [words(i, 120) for i in range(1000, 1020)]
    clean = [words(i, 120) for i in range(40)]
    planted = {5: 3, 17: 11, 30: 19}  # training document: held-out document it quotes
    train = list(clean)
    for row, which in planted.items():
        train[row] = clean[row][:300] + " " + " ".join(held_out[which].split()[40:80]) + " " + clean[row][300:]
    texts, splits = held_out + train, ["held_out"] * 20 + ["train"] * 40
    drafts, reasons = judge_all(OverlapBarrier(Decontaminate(most_shared=0.0)), texts, tmp_path, splits)
    assert dropped(reasons) == [20 + row for row in planted]
    assert [reasons[20 + row].values["met_row"] for row in planted] == list(planted.values())
    measured = drafts[25].measures["decontaminate.shared"]
    total = len(train[5].split()) - 12
    assert measured == pytest.approx(28 / total, abs=1e-3) == reasons[25].value  # 40 words are 28 runs of 13
    assert drafts[21].measures["decontaminate.shared"] == 0.0
    both = f"{' '.join(held_out[2].split()[:20])} {words(77, 60)} {' '.join(held_out[9].split()[:60])}"
    _, reasons = judge_all(
        OverlapBarrier(Decontaminate(most_shared=0.0)), [*held_out, both], tmp_path / "both", splits[:20] + ["train"])
    assert reasons[20].values["met_row"] == 9  # the document it shares most with
    assert "decontaminate.shared" not in drafts[0].measures  # held-out text is not judged
    _, reasons = judge_all(OverlapBarrier(Decontaminate(most_shared=0.5)), texts, tmp_path, splits)
    assert dropped(reasons) == []


def test_twelve_shared_words_are_no_overlap_and_thirteen_are(tmp_path):
    held_out = words(1, 40)
    run = held_out.split()[10:23]
    texts = [held_out, *(f"{words(2, 30)} {' '.join(part)} {words(3, 30)}" for part in (run[:12], run))]
    _, reasons = judge_all(
        OverlapBarrier(Decontaminate(most_shared=0.0)), texts, tmp_path, ["held_out", "train", "train"])
    assert dropped(reasons) == [2]


def test_chinese_overlap_is_counted_in_characters(tmp_path):
    texts = [POEM, "今日天气甚好" + POEM[20:40] + "宜出门远足", "今日天气甚好宜出门远足明日亦然不必多虑"]
    _, reasons = judge_all(
        OverlapBarrier(Decontaminate(most_shared=0.0)), texts, tmp_path, ["held_out", "train", "train"])
    assert dropped(reasons) == [1]


def test_evaluation_files_are_compared_with_and_named(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "questions.jsonl").write_text(f'{{"text": "{words(7, 40)}"}}\n', "utf-8")
    (tmp_path / "tests" / "essay.txt").write_text(words(8, 40), "utf-8")
    rule = Decontaminate(most_shared=0.2, files=[str(tmp_path / "tests")])
    texts = [words(1), words(7, 40).upper(), f"{words(2, 20)} {words(8, 40)}", words(9)]
    drafts, reasons = judge_all(OverlapBarrier(rule), texts, tmp_path / "decision")
    assert dropped(reasons) == [1, 2]
    assert reasons[1].values["file"].endswith("tests/questions.jsonl")
    assert reasons[2].values["file"].endswith("tests/essay.txt")


def test_a_missing_evaluation_file_is_told_before_any_work(tmp_path):
    with pytest.raises(LabError) as caught:
        OverlapBarrier(Decontaminate(files=[str(tmp_path / "nowhere.txt")]))
    assert "nowhere.txt" in caught.value.sentence()


def test_held_out_documents_need_not_be_compared_with(tmp_path):
    texts = [words(1), words(1)]
    _, reasons = judge_all(OverlapBarrier(Decontaminate(held_out=False)), texts, tmp_path, ["held_out", "train"])
    assert dropped(reasons) == []


def test_a_spill_gives_back_what_it_took_in_ascending_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(spill, "_MEMORY_BYTES", 1000)
    keys = np.random.default_rng(0).integers(0, 1 << 64, 5000, dtype=np.uint64)
    taken = Spill(tmp_path, "keys", KEYED)
    for start in range(0, 5000, 77):
        taken.add(keyed(keys[start : start + 77], np.arange(start, min(start + 77, 5000))))
    parts = list(taken.parts())
    assert len(parts) > 50 and not list(tmp_path.iterdir())
    assert all(a["key"].max() < b["key"].min() for a, b in zip(parts, parts[1:]))
    back = np.concatenate(parts)
    assert sorted(back["row"].tolist()) == list(range(5000))
    assert (keys[back["row"]] == back["key"]).all()


def test_a_table_finds_values_and_knows_what_it_lacks(tmp_path):
    columns = {"keys": "u8", "value": "f4"}
    with TableWriter(tmp_path, columns) as table:
        table.add(keys=np.array([3, 7]), value=np.array([0.5, 1.5]))
        table.add(keys=np.array([9]), value=np.array([2.5]))
    read = Table(tmp_path, columns)
    assert read.find(np.array([9, 1, 3, 99, 8], np.uint64)).tolist() == [2, -1, 0, -1, -1]
    assert read.value.tolist() == [0.5, 1.5, 2.5] and read.place(7) == 1
