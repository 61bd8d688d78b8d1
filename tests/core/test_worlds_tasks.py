"""Worlds of tasks: every answer is worked out again from the question's own words."""

import re
from collections import Counter
from math import factorial
from typing import get_args

import pytest

from core.data.worlds.job import glance, make_world
from core.data.worlds.tasks import TaskWorld
from core.data.worlds.vocabulary import ANIMALS, FRUITS, NAMES, SCRAMBLED, WORDS, chinese_numeral
from core.errors import LabError
from core.spec.world import Arithmetic, Biographies, Operation, Symbolic, TaskName, WorldSpec

LANGUAGES = ("english", "chinese")
TASKS = list(get_args(TaskName))


def make(world, language="english", size=1500, seed=4, **more):
    return TaskWorld(WorldSpec(world=world, language=language, size=size, seed=seed, **more))


def rows(world):
    return [world.row(number) for number in range(world.n_rows)]


def reckon(question):
    """What an arithmetic question comes to, read from its words alone."""
    if found := re.fullmatch(r"(?:What is )?(\d+) ([-+*]) (\d+)(?:\?| 等于多少？)", question):
        a, sign, b = int(found[1]), found[2], int(found[3])
        return {"+": a + b, "-": a - b, "*": a * b}[sign]
    a, b = map(int, re.fullmatch(r"(?:Is )?(\d+) (?:greater than|比) (\d+)(?:\?| 大吗？)", question).groups())
    return a > b


def spoken(value, language):
    if isinstance(value, bool):
        return {"english": ("no", "yes"), "chinese": ("否", "是")}[language][value]
    return str(value).replace("-", "负" if language == "chinese" else "-")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("digits", [1, 2, 3, 5])
def test_arithmetic_answers_are_right(language, digits):
    world = make(Arithmetic(digits=digits), language)
    found = rows(world)
    assert [row.answer for row in found] == [spoken(reckon(row.question), language) for row in found]
    longest = max(len(number) for row in found for number in re.findall(r"\d+", row.question))
    assert longest == digits


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_worked_step_is_true_and_the_steps_spell_the_answer(language):
    world = make(Arithmetic(digits=4, steps=True), language, size=3000)
    checked = 0
    for row in rows(world):
        text = " ".join(row.steps)
        for left, right in re.findall(r"(\d+(?: [-+*] \d+)+) = (\d+)", text):
            terms = left.split(" ")
            total = int(terms[0])
            for sign, number in zip(terms[1::2], terms[2::2]):
                total = {"+": total + int(number), "-": total - int(number), "*": total * int(number)}[sign]
            assert total == int(right)
            checked += 1
        if row.task in ("add", "subtract"):
            written = re.findall(r"[Ww]rite (\d)|写(\d)", text)
            value = int("".join(a or b for a, b in reversed(written)))
            assert value == abs(reckon(row.question))
            assert ("negative" in text or "为负" in text) == (reckon(row.question) < 0)
        if row.task == "multiply":
            assert text.rstrip(".。").endswith(f"= {row.answer}")
        assert row.steps or row.task == "compare"
    assert checked > 3000


def solve(task, question, language):
    """The answer of a symbolic task, by another way than its maker's."""
    english = language == "english"
    if task == "coin_flip":
        flips = len(re.findall(r"\w+ flips the coin|翻了硬币", question)) - len(re.findall("没有翻了", question))
        return ("yes" if flips % 2 == 0 else "no") if english else ("是" if flips % 2 == 0 else "否")
    if task == "parity":
        odd = re.match(r"(?:Is the number of ones in )?([01 ]+)", question)[1].count("1") % 2
        return (("even", "odd") if english else ("偶数", "奇数"))[odd]
    if task == "boolean":
        return solve_boolean(question, english)
    if task == "object_counting":
        fruits = "fruits do I have?" in question or "多少水果" in question
        names = {name for pair in (FRUITS if fruits else ANIMALS)[language] for name in (pair if english else pair[:1])}
        things = re.findall(r"(\d) (\w+)" if english else r"(\d)[个根颗条只匹头](\w+?)(?=[、。])", question)
        return str(sum(int(count) for count, name in things if name in names))
    if task == "repeat_copy":
        phrase, times = re.search(r'["“](.+)["”].*?(\d)', question).groups()
        return (" " if english else "、").join([phrase] * int(times))
    if task == "key_value":
        pairs = dict(re.findall(r"(\w+) = (\w+)", question.removeprefix("已知")))
        return pairs[re.search(r"belongs to (\w+)\?|。(\w+)对应", question).group(1 if english else 2)]
    return solve_words(task, question, english)


def solve_boolean(question, english):
    given, asked = re.match(r"(?:Let |设)(.+)[.。](?: Is )?(\w)", question).groups()
    known = {"true": True, "false": False, "真": True, "假": False}
    for line in re.split(", |，", given):
        name, said = line.split(" = ")
        said = re.sub(r"非(\w)", r"not \1", re.sub(r"(\w)([且或])(\w)", r"\1 \2 \3", said))
        terms = said.replace("且", "and").replace("或", "or").split()
        values = [known[term] if term in known else term for term in terms]
        if len(values) == 1:
            known[name] = values[0]
        elif len(values) == 2:
            known[name] = not values[1]
        else:
            known[name] = (values[0] and values[2]) if values[1] == "and" else (values[0] or values[2])
    return str(known[asked]).lower() if english else ("真" if known[asked] else "假")


def solve_words(task, question, english):
    words = re.sub(r"[?？]$", "", re.split(r"[:：]", question)[-1]).strip()
    if task == "unscramble":
        letters = words.split("letters ")[1].replace(" ", "") if english else re.search("“(.+)”", question)[1]
        known = SCRAMBLED["english" if english else "chinese"]
        (word,) = (word for word in known if sorted(word) == sorted(letters))
        assert word != letters
        return word
    items = words.split(" ") if english else words.split("、")
    if task == "last_letters":
        return "".join(item[-1] for item in items)
    if task == "word_sorting":
        value = {chinese_numeral(i): i for i in range(1, 100)}
        items = sorted(items, key=None if english else value.get)
    else:
        items = items[::-1]
    return (" " if english else "、").join(items)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", TASKS)
def test_symbolic_answers_are_right(task, language):
    for row in rows(make(Symbolic(tasks=[task], longest=6, steps=True), language, size=400)):
        assert row.answer == solve(task, row.question, language), row.question
        assert row.steps


@pytest.mark.parametrize(("task", "kinds"), [
    ("coin_flip", ["yes", "no"]), ("parity", ["even", "odd"]), ("boolean", ["true", "false"]),
    ("object_counting", ["fruits do", "animals do"])])  # fmt: skip
def test_no_side_of_a_question_is_left_out(task, kinds):
    found = rows(make(Symbolic(tasks=[task], shortest=5, longest=7), size=600))
    for kind in kinds:
        share = sum(row.answer == kind or f"{kind} I have" in row.question for row in found) / len(found)
        assert 0.35 < share < 0.65


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_tasks_leave_one_answer(language):
    for words in (NAMES, WORDS, SCRAMBLED):
        assert len(set(words[language])) == len(words[language])
    made_of = Counter("".join(sorted(word)) for word in SCRAMBLED[language])
    assert max(made_of.values()) == 1 and all(len(set(word)) == len(word) for word in SCRAMBLED[language])
    assert [chinese_numeral(i) for i in (1, 10, 14, 20, 99)] == ["一", "十", "十四", "二十", "九十九"]


@pytest.mark.parametrize("world", [
    Arithmetic(digits=2), Symbolic(tasks=TASKS, longest=6), Symbolic(tasks=["parity", "boolean"], longest=5)],
    ids=["arithmetic", "symbolic", "short"])  # fmt: skip
def test_no_task_is_both_learnt_and_held_out_nor_asked_twice(world):
    made = make(world, size=2000, held_out=0.25, repeat_share=0.1, repeat_times=3)
    found = rows(made)
    assert len({row.question for row in found}) == len(found)
    texts = {split: [d.text for d in map(made.document, range(made.n_documents)) if d.split == split]
             for split in ("train", "held_out")}  # fmt: skip
    assert texts["train"] and texts["held_out"] and not set(texts["train"]) & set(texts["held_out"])
    assert len(texts["held_out"]) == round(0.25 * len(found)) == sum(row.split == "held_out" for row in found)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("steps", [False, True])
def test_documents_go_on_from_their_prompt_and_are_all_in_the_table(language, steps):
    made = make(Symbolic(tasks=TASKS, steps=steps), language, size=600, repeat_share=0.2)
    named = Counter()
    for row in rows(made):
        for place in row.documents:
            document = made.document(place)
            named[place] += 1
            goes_on = row.prompt + row.before + (row.steps[0] if steps else row.answer)
            assert document.text.startswith(goes_on) and document.text.endswith(row.answer)
            assert document.split == row.split and row.question in document.text
    assert named == Counter(range(made.n_documents))


def test_tasks_share_equally_and_lengths_too_as_far_as_there_are_enough():
    made = make(Symbolic(tasks=["parity", "coin_flip"], shortest=2, longest=5), size=1000)
    levels = Counter((row.task, row.level) for row in rows(made))
    assert {levels["parity", str(n)] for n in range(2, 6)} == {4, 8, 16, 32}  # all there are
    assert sum(levels.values()) == 1000 and max(levels.values()) - levels["coin_flip", "2"] <= 1


def test_every_problem_of_a_level_is_asked_when_there_is_room_for_all():
    made = make(Arithmetic(operations=["multiply"], digits=1), size=10_000)
    assert {row.question for row in rows(made)} == {f"What is {a} * {b}?" for a in range(10) for b in range(10)}
    idioms = make(Symbolic(tasks=["unscramble"], longest=4), "chinese", size=100_000)
    assert idioms.n_rows == len(SCRAMBLED["chinese"]) * (factorial(4) - 1)


def test_a_world_of_a_hundred_million_tasks_opens_at_once():
    made = make(Symbolic(tasks=["key_value"], shortest=10, longest=12), size=100_000_000)
    assert made.n_documents == 100_000_000
    assert len({made.document(row).text for row in range(0, 100_000_000, 1_000_000)}) == 100


def test_a_glance_at_any_world_follows_its_settings_and_knows_about_its_size():
    for world in (Biographies(), Arithmetic(), Symbolic(tasks=["key_value"])):
        seen = glance(WorldSpec(world=world, size=1200))
        made = make_world(WorldSpec(world=world, size=1200))
        n_bytes = sum(len(made.document(row).text.encode()) for row in range(made.n_documents))
        assert len(seen.texts) == 3 and seen.rows == made.n_rows
        assert seen.documents == pytest.approx(made.n_documents, rel=0.02)
        assert seen.n_bytes == pytest.approx(n_bytes, rel=0.1)
        assert len(glance(WorldSpec(world=world, size=300_000)).texts) == 3
    assert "Steps:" in glance(WorldSpec(world=Arithmetic(steps=True))).texts[0]
    assert "问题：" in glance(WorldSpec(world=Arithmetic(), language="chinese")).texts[0]


def test_tasks_that_cannot_be_are_refused_in_words():
    for wrong in ({"shortest": 5, "longest": 3}, {"tasks": []}, {"tasks": ["parity", "parity"]}):
        with pytest.raises(LabError):
            Symbolic(**wrong)
    with pytest.raises(LabError):
        Arithmetic(operations=[])
    with pytest.raises(LabError, match="lengths"):
        make(Symbolic(tasks=["unscramble"], shortest=11, longest=12))
    assert set(get_args(Operation)) == {"add", "subtract", "multiply", "compare"}
    assert make_world(WorldSpec(world=Symbolic(), size=1, held_out=0.5)).n_held == 0  # something to train on
