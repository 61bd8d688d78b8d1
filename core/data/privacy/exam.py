"""The exam of the personal-data rule: generated text of which it is known what is personal and what is not."""

import time
from collections import Counter
from random import Random
from typing import NamedTuple

from core.data.privacy import exam_values
from core.data.privacy.exam_misses import arithmetic_text, miss
from core.data.privacy.exam_sentences import PLAIN, TOLD
from core.data.privacy.exam_values import NAMES, REGIONS
from core.data.privacy.found import Found
from core.data.privacy.scan import Scanner
from core.spec.rules.privacy import PersonalData

_MOST_EXTRA = 2  # characters around a value that a hit may take along and still be right
_JOINTS = (",", ", ", "\t", " | ", "; ", ";", '","', "\n", " / ", "，", "、")  # of tables, lists and signatures
_BETWEEN = ("Nothing else was said.", "The weather kept fine.", "See you soon.", "其余照旧。", "下周再谈。")


class Question(NamedTuple):
    """A text, and everything personal in it."""

    text: str
    truth: tuple[Found, ...]


def questions(seed: int = 0, each: int = 400, misses: int = 4000) -> list[Question]:
    """``each`` questions of every type, half as many records of several, and near misses; the same for a seed."""
    rng = Random(seed)
    made = [_planted(rng, kind) for kind in PLAIN for _ in range(each)]
    made += [_record(rng) for _ in range(each // 2)]
    made += [Question(miss(rng), ()) for _ in range(misses)]
    rng.shuffle(made)
    return made


def _planted(rng: Random, kind: str) -> Question:
    draw = getattr(exam_values, kind)
    if kind == "key" and rng.random() < 0.4:
        draw = exam_values.secret_value
    value, words = draw(rng)
    told = TOLD[words] if words else PLAIN[kind] + TOLD.get(kind, ())
    before, after = rng.choice(told).split("{}")
    if kind == "email" and after.startswith(")") and value[0] == '"':
        before = after = " "  # a quoted name inside a link is nobody's way of writing
    left, right = (rng.choice(_BETWEEN) + " ", " " + rng.choice(_BETWEEN)) if rng.random() < 0.5 else ("", "")
    start = len(left) + len(before)
    return Question(left + before + value + after + right, (Found(start, start + len(value), kind),))


def _record(rng: Random) -> Question:
    """A line of a table or list: values that tell themselves, among numbers and words, without a sentence."""
    joint, text, truth = rng.choice(_JOINTS), rng.choice(("7", "Anna", "2019", "")), []
    for kind in rng.sample(list(PLAIN), 4):
        value, words = getattr(exam_values, kind)(rng)
        while words or "\n" in value:
            value, words = getattr(exam_values, kind)(rng)
        before, after = ("https://", "@acme.io/") if kind == "credentials" else ("", "")
        start = len(text) + len(joint) + len(before)
        truth.append(Found(start, start + len(value), kind))
        text += joint + before + value + after
        if rng.random() < 0.4:
            text += joint + rng.choice(("12", "paid", "2021-03-04", "北京", "0.5", "n/a"))
    return Question(text, tuple(truth))


def scanner() -> Scanner:
    """The rule as the exam sets it: every type, the exam's regions and names, nothing accepted beforehand."""
    return Scanner(PersonalData(regions=list(REGIONS), names=list(NAMES), allowed=[]))


def grade(asked: list[Question], scan: Scanner) -> tuple[list[dict], list[dict]]:
    """What was found of what was planted.

    A hit is right when it has the type, covers the whole value, and takes at most 2 characters more.

    Returns:
        rows: one a type: name, planted, found, right, precision, recall (0 to 1).
        mistakes: the first few of each type: type, kind ("missed" or "false"), text, found.
    """
    planted, found, right, mistakes = Counter(), Counter(), Counter(), []
    for question in asked:
        hits = scan.find(question.text)
        found.update(hit.type for hit in hits)
        planted.update(truth.type for truth in question.truth)
        matched = [hit for hit in hits if any(_fits(hit, truth) for truth in question.truth)]
        right.update(hit.type for hit in matched)
        for hit in hits:
            if hit not in matched:
                mistakes.append(_mistake("false", question.text, hit))
        for truth in question.truth:
            if not any(_fits(hit, truth) for hit in hits):
                mistakes.append(_mistake("missed", question.text, truth))
    rows = [{
        "name": kind, "planted": planted[kind], "found": found[kind], "right": right[kind],
        "precision": round(right[kind] / found[kind], 4) if found[kind] else 1.0,
        "recall": round(right[kind] / planted[kind], 4) if planted[kind] else 1.0,
    } for kind in PLAIN]  # fmt: skip
    return rows, mistakes


def _fits(hit: Found, truth: Found) -> bool:
    extra = (hit.end - hit.start) - (truth.end - truth.start)
    return hit.type == truth.type and hit.start <= truth.start and truth.end <= hit.end and extra <= _MOST_EXTRA


def _mistake(kind: str, text: str, place: Found) -> dict:
    return {"type": place.type, "kind": kind, "text": text, "found": text[place.start : place.end]}


def hold_exam(seed: int = 0, each: int = 400, arithmetic_bytes: int = 1_000_000) -> list[dict]:
    """Ask everything, then look for hits in arithmetic, of which every one is false.

    Returns:
        The rows of :func:`grade`, and one named "arithmetic" with n_bytes and mb_per_s (UTF-8 megabytes a
        second of one core on that text, which is all numbers: the slowest there is).
    """
    scan = scanner()
    rows, _ = grade(questions(seed, each), scan)
    documents = [arithmetic_text(Random(seed + i), 8000) for i in range(max(arithmetic_bytes // 8000, 1))]
    started = time.process_time()
    false = sum(len(scan.find(document)) for document in documents)
    cpu_s = time.process_time() - started
    n_bytes = sum(len(document.encode()) for document in documents)
    rows.append({
        "name": "arithmetic", "planted": 0, "found": false, "right": 0, "precision": 0.0 if false else 1.0,
        "recall": 1.0, "n_bytes": n_bytes, "mb_per_s": round(n_bytes / 1e6 / cpu_s, 2)})  # fmt: skip
    return rows


def print_exam(rows: list[dict]) -> None:
    """A table of what was planted and found, one line a type."""
    print(f"{'':12}  {'planted':>7}  {'found':>7}  {'right':>7}  {'precision':>9}  {'recall':>7}")
    for row in rows:
        print(f"{row['name']:12}  {row['planted']:7,}  {row['found']:7,}  {row['right']:7,}  {row['precision']:9.4f}  "
              f"{row['recall']:7.4f}")
