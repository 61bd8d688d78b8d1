"""A generation ends for a stated reason, and its bytes are exactly the answer."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.errors import LabError
from core.infer.engine import Engine
from core.infer.generate import Utf8Stream, generate, measure, score
from core.spec.sampling import SamplingSpec
from core.spec.token_record import margin

GREEDY = {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


class Recital:
    """A real engine over a table: it always recites ``pieces`` in order, then its end token."""

    name, kind, chat_template = "recital", "torch", None

    def __init__(self, pieces: list[bytes], context: int = 64, start_id: int | None = 0) -> None:
        self.pieces = [b"", *pieces]
        self.vocab_size, self.context, self.start_id = len(self.pieces), context, start_id
        self.end_ids = frozenset({0})
        self.read: list[int] = []

    def encode(self, text: str, special: bool = False) -> list[int]:
        return [self.pieces.index(text.encode())]

    def token_bytes(self, id: int) -> bytes:
        return self.pieces[id]

    def start(self, ids: list[int]) -> np.ndarray:
        self.read = list(ids)
        return self._logits(ids[-1])

    def step(self, id: int) -> np.ndarray:
        assert len(self.read) < self.context, "read past the context"
        self.read.append(id)
        return self._logits(id)

    def score(self, ids: list[int]) -> np.ndarray:
        return np.stack([self._logits(id) for id in ids])

    def close(self) -> None:
        self.pieces = []

    def _logits(self, id: int) -> np.ndarray:
        logits = np.zeros(self.vocab_size, dtype=np.float32)
        logits[(id + 1) % self.vocab_size] = 5.0
        return logits


def recite(pieces, stop=(), max_tokens=50, **more):
    run = generate(Recital(pieces, **more), [0], SamplingSpec(stop=list(stop), max_tokens=max_tokens, **GREEDY))
    return b"".join(record.bytes for record in run), run


def test_the_table_engine_is_an_engine():
    assert isinstance(Recital([b"a"]), Engine)


def test_an_end_token_ends_the_answer_and_is_not_part_of_it():
    answer, run = recite([b"one", b" two"])
    assert (answer, run.reason) == (b"one two", "end")


def test_a_stop_string_inside_one_token_is_cut_off():
    answer, run = recite([b"4.", b"\nQ: next", b" more"], stop=["\nQ:"])
    assert (answer, run.reason) == (b"4.", "stop")


def test_a_stop_string_across_tokens_is_cut_off_and_nothing_of_it_leaks():
    answer, run = recite([b"yes", b". Q", b"u", b"it!", b" more"], stop=["Quit"])
    assert (answer, run.reason) == (b"yes. ", "stop")


def test_a_false_alarm_is_released():
    answer, run = recite([b"a Q", b"u", b"een"], stop=["Quit"])
    assert (answer, run.reason) == (b"a Queen", "end")


def test_a_stop_string_may_be_cut_inside_a_character():
    dash = "—".encode()
    answer, run = recite([b"so" + dash[:1], dash[1:], b"x"], stop=["—"])
    assert (answer, run.reason) == (b"so", "stop")


def test_the_earliest_of_several_stop_strings_wins():
    assert recite([b"a", b"b", b"c", b"d"], stop=["cd", "bc"])[0] == b"a"


def test_records_held_back_for_a_stop_string_come_in_order_when_the_length_runs_out():
    answer, run = recite([b"x", b"Qu", b"i"], stop=["Quit"], max_tokens=3)
    assert (answer, run.reason) == (b"xQui", "length")


@given(st.binary(min_size=1, max_size=30), st.data())
@hypothesis_settings(deadline=None)
def test_any_cut_into_tokens_gives_the_text_up_to_the_stop_string(text, data):
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=8)))
    pieces = [piece for piece in np_split(text, cuts) if piece]
    stop = data.draw(st.text("abQ\n", min_size=1, max_size=3))
    expected = text.split(stop.encode())[0]
    assert recite(pieces, stop=[stop])[0] == expected


def np_split(text, cuts):
    edges = [0, *cuts, len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:], strict=False)]


def test_the_context_is_never_overrun():
    answer, run = recite([b"a", b"b", b"c", b"d", b"e"], context=3)
    # 1 start token, then two more are read, and one more is still foreseen
    assert (answer, run.reason) == (b"abc", "context")


def test_a_prompt_that_is_too_long_is_refused_with_the_excess():
    with pytest.raises(LabError, match="5 tokens, 2 more than the 3") as caught:
        generate(Recital([b"a", b"b"], context=3), [1, 2, 1, 2], SamplingSpec())
    assert caught.value.remedy


def test_an_empty_prompt_is_refused_where_there_is_no_start_token():
    with pytest.raises(LabError, match="empty"):
        generate(Recital([b"a"], start_id=None), [], SamplingSpec())
    assert generate(Recital([b"a"]), [], SamplingSpec()).prompt_ids == [0]


def test_cancelling_ends_at_the_next_token():
    asked = []
    run = generate(
        Recital([b"a", b"b", b"c"]), [0], SamplingSpec(**GREEDY), lambda: asked.append(1) or len(asked) > 2
    )
    assert b"".join(r.bytes for r in run) == b"ab"
    assert run.reason == "cancelled"


def test_the_start_token_is_added_once():
    engine = Recital([b"a", b"b"])
    assert generate(engine, [1], SamplingSpec()).prompt_ids == [0, 1]
    assert generate(engine, [0, 1], SamplingSpec()).prompt_ids == [0, 1]


def test_a_record_agrees_with_its_definitions():
    engine = Recital([bytes([65 + i]) for i in range(20)])
    logits = np.random.default_rng(0).normal(size=21).astype(np.float32)
    raw = np.exp(logits.astype(np.float64)) / np.exp(logits.astype(np.float64)).sum()
    drawn = np.eye(len(raw))[7] * 0.25
    record = measure(engine, 7, logits, drawn)
    assert record.probability == pytest.approx(raw[7])
    assert record.sampled_probability == 0.25
    assert record.rank == 1 + sum(raw > raw[7])
    assert record.entropy == pytest.approx(-(raw * np.log(raw)).sum())
    assert [id for id, _, _ in record.top] == np.argsort(-raw)[:10].tolist()
    assert record.bytes == b"G"


def test_scoring_says_what_generating_says():
    engine = Recital([b"a", b"b", b"c"])
    flat = SamplingSpec(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, max_tokens=8, seed=5)
    produced = list(generate(engine, [0], flat))
    scored = score(engine, [record.id for record in produced])
    assert produced and scored == [msgspec.structs.replace(
        record, sampled_rank=0, sampled_entropy=0.0, sampled_top=[]) for record in produced]  # fmt: skip


def test_without_a_start_token_the_first_probability_is_unknown():
    first, second = score(Recital([b"a", b"b"], start_id=None), [1, 2])
    assert math.isnan(first.probability) and first.rank == 0
    assert second.rank == 1


@given(st.text(max_size=12), st.data())
@hypothesis_settings(deadline=None)
def test_text_comes_out_whole_however_its_bytes_are_cut(text, data):
    raw, stream, out = text.encode(), Utf8Stream(), ""
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        out += stream.feed(raw[:size])
        raw = raw[size:]
    assert out + stream.finish() == text


def test_broken_bytes_become_replacement_characters_and_half_a_character_waits():
    stream = Utf8Stream()
    assert stream.feed("é".encode()[:1]) == ""
    assert stream.feed("é".encode()[1:]) == "é"
    assert stream.feed(b"\xff!") == "\ufffd!"
    assert stream.feed("日".encode()[:2]) == ""
    assert stream.finish() == "\ufffd"


def test_what_was_drawn_from_is_kept_beside_what_the_model_gave():
    settings = SamplingSpec(temperature=0.5, top_k=2, top_p=1.0, min_p=0.0, repetition_penalty=1.0, max_tokens=1)
    (record,) = generate(Recital([b"a", b"b", b"c", b"d"]), [0], settings)
    raw = np.exp([0, 5, 0, 0, 0]) / np.exp([0, 5, 0, 0, 0]).sum()
    kept = np.exp([10, 0]) / np.exp([10, 0]).sum()  # two are left, and half the temperature doubles the gap
    assert (record.id, record.rank, record.sampled_rank) == (1, 1, 1)
    assert record.probability == pytest.approx(raw[1]) and record.sampled_probability == pytest.approx(kept[0])
    assert [share for _, _, share in record.top] == pytest.approx(sorted(raw, reverse=True))
    assert [share for _, _, share in record.sampled_top] == pytest.approx(list(kept))
    assert record.sampled_entropy == pytest.approx(-(kept * np.log(kept)).sum())
    assert margin(record.top) == pytest.approx(raw[1] - raw[0])
    assert margin(record.sampled_top[:1]) == pytest.approx(kept[0])


def test_a_text_that_was_only_read_was_drawn_from_nothing():
    (record,) = score(Recital([b"a", b"b"]), [1])
    assert (record.sampled_rank, record.sampled_top) == (0, [])
