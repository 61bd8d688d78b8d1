"""While an answer is written its word-for-word spans are marked: the right ones, at a small share of the time."""

import pytest

from core.glass.attribution import maximal_spans
from core.glass.live import SHARE, LiveTrace
from core.glass.words import Cut, words
from core.spec.glass import AttributionRules
from tests.made_tracer import make_tracer

TEXTS = [
    "Return the length of the list. The list is not changed.\nRaises TypeError otherwise.",
    "Return the length of the string. It counts 3.14 characters, not bytes.",
    "模型读的是词元。训练文本里有中文。 The quick brown fox jumps over the lazy dog.",
]
ANSWER = (" the length of the string. The list is purple. It counts 3.14 characters! xq zv 训练文本里有词元。\n"
          "The quick brown fox sleeps. Raises TypeError otherwise. Return the length")  # fmt: skip


@pytest.fixture(scope="module")
def tracer(tmp_path_factory):
    return make_tracer(tmp_path_factory.mktemp("run"), TEXTS)


def whole(tracer, ids, prompt):
    """All at once, as the finished answer is traced."""
    cut, rules = Cut([tracer.tokenizer.token_bytes(id) for id in ids], prompt), AttributionRules()
    return [(a, b) for a, b in maximal_spans(tracer.index, ids, cut)
            if len(words(cut.text(a, b))) >= rules.min_words and len(cut.text(a, b).strip()) >= rules.min_characters]


def test_at_every_token_the_spans_are_those_of_the_answer_so_far(tracer):
    ids = tracer.tokenizer.encode(ANSWER)
    live, told = LiveTrace(tracer, "Return", clock=lambda: 0.0), []
    for count, id in enumerate(ids, 1):
        new = live.add(id)
        told = told if new is None else new
        assert told == whole(tracer, ids[:count], "Return"), count
    assert len(told) >= 4
    assert tracer.attribute(ids, "Return").spans and [(s.start, s.end) for s in tracer.attribute(ids, "Return").spans
                                                      ] == told  # fmt: skip


def test_nothing_is_told_twice(tracer):
    ids = tracer.tokenizer.encode(ANSWER)
    live, last = LiveTrace(tracer, "", clock=lambda: 0.0), []
    for id in ids:
        new = live.add(id)
        assert new is None or new != last
        last = new or last


def test_looking_up_takes_no_more_than_its_share_of_the_time(tracer, monkeypatch):
    now, spent = [0.0], [0.0]
    live = LiveTrace(tracer, "", clock=lambda: now[0])
    find = live.spans

    def slow():
        now[0] += 0.02
        spent[0] += 0.02
        return find()

    monkeypatch.setattr(live, "spans", slow)
    for id in tracer.tokenizer.encode(ANSWER) * 20:
        now[0] += 0.001  # a token a millisecond
        live.add(id)
    assert 0.02 < spent[0] <= SHARE * now[0] + 0.02
