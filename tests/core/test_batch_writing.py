"""Many answers at once: the same as one by one, and their numbers are those of the decode."""

import numpy as np
import pytest
import torch

from core.errors import LabError
from core.infer.batch import Ask, read_many, write_many
from core.model.build import build_model
from core.model.decoder import initialise
from core.spec.model import ModelSpec

SHAPE = {"d_model": 32, "n_layers": 2, "n_heads": 2, "context": 24, "vocab_size": 40}


class Small:
    """An engine over a random decoder; ids are spelled as letters, 39 as a full stop, 0 ends."""

    name, kind, vocab_size, context, start_id, end_ids = "small", "torch", 40, 24, 0, frozenset({0})

    def __init__(self, position: str, batched: bool) -> None:
        self._model = build_model(ModelSpec(**SHAPE, position=position)).eval()
        initialise(self._model, 3)
        with torch.no_grad():
            for parameter in self._model.parameters():
                parameter.mul_(3.0 if parameter.ndim > 1 else 1.0)  # so that it has opinions
        self.plain_decoder = self._model if batched else None
        self.read: list[int] = []

    def token_bytes(self, id: int) -> bytes:
        return b"" if id == 0 else b". " if id == 39 else bytes([64 + id])

    @torch.inference_mode()
    def score(self, ids):
        return self._model(torch.tensor([ids]))[0].numpy()

    def start(self, ids):
        self.read = list(ids)
        return self.score(self.read)[-1]

    def step(self, id):
        self.read.append(id)
        return self.score(self.read)[-1]


def asks(count=40):
    random = np.random.default_rng(0)
    prompts = [tuple(int(i) for i in random.integers(1, 40, size)) for size in random.integers(1, 7, count)]
    return [Ask(prompts[i % len(prompts)], None if i % 3 == 0 else i) for i in range(3 * count)]


@pytest.mark.parametrize("position", ["rope", "learned", "alibi"])
def test_answers_written_together_are_those_written_one_by_one(position):
    together = write_many(Small(position, True), asks(), 10, ".")
    alone = write_many(Small(position, False), asks(), 10, ".")
    assert [one.ids for one in together] == [one.ids for one in alone]
    assert [one.text for one in together] == [one.text for one in alone]
    assert any(one.ended for one in together) and any(not one.ended for one in together)
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.log_p == pytest.approx(theirs.log_p, abs=1e-4)
        assert mine.entropy == pytest.approx(theirs.entropy, abs=1e-4)


def test_the_numbers_are_those_of_a_teacher_forced_reading():
    engine = Small("rope", True)
    for ask, one in zip(asks(), write_many(engine, asks(), 10, "."), strict=True):
        whole = [0, *ask.prompt, *one.ids]
        logits = torch.tensor(engine.score(whole[:-1])).double().log_softmax(-1)[-len(one.ids):]
        assert one.log_p == pytest.approx([float(row[id]) for row, id in zip(logits, one.ids, strict=True)], abs=1e-4)
        assert one.entropy == pytest.approx((-(logits.exp() * logits).sum(-1)).tolist(), abs=1e-4)


def test_a_greedy_answer_takes_the_likeliest_and_a_seed_draws_the_same_again():
    engine = Small("rope", True)
    prompt = (3, 4, 5)
    greedy, first, again, other = write_many(
        engine, [Ask(prompt), Ask(prompt, 1), Ask(prompt, 1), Ask(prompt, 2)], 8, ".")
    assert first == again and first.ids != other.ids
    read = [0, *prompt]
    for id in greedy.ids:
        assert id == int(engine.score(read)[-1].argmax())
        read.append(id)


def test_draws_come_as_often_as_they_are_likely():
    engine = Small("rope", True)
    p = torch.tensor(engine.score([0, 7])).softmax(-1)[-1].double().numpy()
    found = write_many(engine, [Ask((7,), seed) for seed in range(4000)], 1, ".")
    counts = np.bincount([one.ids[0] for one in found], minlength=40)
    assert np.abs(counts / 4000 - p).max() < 4 * np.sqrt(0.25 / 4000)


def test_an_answer_ends_before_the_stop_and_counts_the_token_that_ended_it():
    for one in write_many(Small("rope", True), asks(), 10, "."):
        assert "." not in one.text and len(one.ids) == len(one.log_p) == len(one.entropy) >= 1
        assert one.ended == (one.ids[-1] in (0, 39))
        assert not one.ended or len(one.text) == len(one.ids) - 1


def test_no_answer_is_longer_than_the_context_has_room():
    engine = Small("learned", True)
    engine.end_ids = frozenset()
    full = tuple(range(1, 21))  # with the start token 21 of 24
    (one,) = write_many(engine, [Ask(full)], 100, "")
    assert len(one.ids) == 4 and not one.ended
    with pytest.raises(LabError, match="more than the 24"):
        write_many(engine, [Ask(tuple(range(1, 26)))], 1, ".")
    with pytest.raises(LabError, match="empty"):
        engine.start_id = None
        write_many(engine, [Ask(())], 1, ".")


def test_whoever_waits_is_told_and_may_stop_it():
    told = []
    write_many(Small("rope", True), asks(), 4, ".", told.append)
    assert told == sorted(told) and told[-1] == 120

    def stop(_):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_many(Small("rope", True), asks(), 4, ".", stop)


def test_given_answers_are_read_as_they_were_written():
    """An answer that was drawn has, read again, the log-probability that it was drawn with."""
    for batched in (True, False):
        engine = Small("rope", batched)
        written = write_many(engine, asks(), 6, ".")
        read = read_many(engine, [(ask.prompt, one.ids) for ask, one in zip(asks(), written, strict=True)])
        assert read == pytest.approx([sum(one.log_p) for one in written], abs=1e-3)
    with pytest.raises(LabError, match="more than the 24"):
        read_many(engine, [((1,) * 20, (2,) * 10)])
