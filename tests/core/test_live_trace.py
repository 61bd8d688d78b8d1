"""While an answer is written its word-for-word spans are marked: the right ones, at a small share of the time."""

import msgspec
import numpy as np
import pytest

from core.data.shards import TokenShard, write_shards
from core.glass.attribution import maximal_spans
from core.glass.live import SHARE, LiveTrace
from core.glass.suffix_array import build
from core.glass.words import Cut, words
from core.jobs.session import Session
from core.spec import messages as m
from core.spec.glass import AttributionRules
from core.spec.sampling import GREEDY
from core.tokens.tokenizer import Tokenizer
from tests.made_tracer import make_tracer
from tests.tiny_run import make_workspace

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


class Reciter:
    """An engine that says given tokens, whatever it reads."""

    def __init__(self, engine, ids):
        self._engine, self._ids, self._place = engine, ids, 0

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def start(self, ids):
        self._place = 0
        return self.step(0)

    def step(self, id):
        logits = np.zeros(self.vocab_size, np.float32)
        logits[self._ids[self._place]] = 9.0
        self._place += 1
        return logits


def test_the_session_marks_spans_between_the_tokens_and_only_where_it_was_asked_to(tmp_path):
    workspace = make_workspace(tmp_path)
    run = workspace.path("runs", "tiny")
    write_shards(run, workspace.path("corpora", "texts"), Tokenizer.load(run))
    index = workspace.path("indexes", "tiny")
    index.mkdir(parents=True)
    (index / "spec.toml").write_text('kind = "index"\n[spec]\nrun = "tiny"\n')
    build(TokenShard.open(run, "train").tokens, index, "tiny")
    events = []
    session = Session(workspace.root, events.append)
    session._open.load("run:tiny")
    ids = session._open.engine.encode(" the length of the list. Zebra. The list is not changed.")
    session._open._engine = Reciter(session._open.engine, ids)

    def say(**more):
        events.clear()
        settings = msgspec.structs.replace(GREEDY, max_tokens=len(ids))
        session._generate(m.Generate(id=1, prompt="Return", settings=settings, **more))
        assert [event.record.id for event in events if isinstance(event, m.Token)] == ids
        return [event for event in events if isinstance(event, m.Marked)]

    marked = say(trace=True)
    spans = session._open.tracer().attribute(ids, "Return").spans
    assert marked[-1].spans and all(
        any(span.start == start and end <= span.end for span in spans) for start, end in marked[-1].spans)
    assert isinstance(events[-1], m.Finished) and events.index(marked[0]) < len(events) - 2
    assert say() == []
    (workspace.path("indexes", "tiny") / "index.json").unlink()
    session._open._tracers.clear()
    assert say(trace=True) == []  # no index: the answer is written all the same
