"""Training at its worst moments, in one process: kills between two writes, damaged files, odd requests."""

import os

import msgspec
import numpy as np
import pytest
import torch

from core.errors import LabError
from core.model.decoder import Decoder, initialise
from core.model.sizing import training_memory
from core.record import atomic
from core.record.events import Noted
from core.record.folder import JobFolder
from core.record.metrics import MetricsWriter, read_metrics
from core.spec.files import write_toml
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train import checkpoint, job, loop
from core.train.batches import Batches, Examples
from core.train.checkpoint import TrainState, read_pointers, restore, save_checkpoint
from core.train.course import Course
from core.train.memory import Growth
from core.train.objectives import Asking
from core.train.optimizers import make_optimizer
from core.train.plan import Plan
from core.train.sample import sample
from tests.tiny_run import make_workspace

SHAPE = ModelSpec(d_model=16, n_layers=1, n_heads=2, context=8, vocab_size=32, dropout=0.5)
SPEC = TrainSpec(corpus="c", tokenizer="t", steps=4, batch_size=2, sample_tokens=0, validate_every=2)


class Letters:
    """A tokenizer of 32 letters."""

    end_id, vocab_size = 0, 32

    def encode(self, text):
        return [1 + ord(c) % 31 for c in text]

    def decode(self, ids):
        return " ".join(map(str, ids))


class Calm:
    """Nobody asks for anything."""

    paused = stop_requested = False

    def poll(self):
        return []


@pytest.fixture
def trainer(tmp_path):
    torch.manual_seed(0)
    model = Decoder(SHAPE)
    initialise(model, 0)
    tokens = np.random.default_rng(0).integers(0, 32, 400).astype(np.uint16)
    run = job.Run(
        spec=SPEC, folder=JobFolder(tmp_path), tokenizer=Letters(), byte_lengths=np.ones(32, np.int32), model=model,
        optimizer=make_optimizer(model, SPEC), held_out=tokens[:50], device="cpu",
        examples=Examples(Batches(tokens, 8, 0), Asking(SHAPE, 32, np.zeros(32, bool), 0)),
        course=Course(SPEC), growth=Growth())
    said = []
    metrics = MetricsWriter(tmp_path / "metrics.bin", job.COLUMNS, last_step=-1)
    made = loop.Trainer(run, TrainState(), Plan(SPEC, JobFolder(tmp_path), said.append), said.append, Calm(), metrics)
    made.said = said
    yield made
    metrics.close()


def save(trainer, step, keep=2, val_loss=None):
    trainer.state.step = step
    if val_loss is not None:
        trainer.state.val_step, trainer.state.val_loss = step, val_loss
    return save_checkpoint(trainer.run.folder.root, trainer.model, trainer.optimizer, trainer.state, keep)


def take_up(trainer, noted=lambda path, error: None):
    return restore(trainer.run.folder.root, trainer.model, trainer.optimizer, noted)


def test_a_kill_while_the_tokenizer_is_copied_leaves_no_half_of_it(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path)
    folder = workspace.folder("runs", "tiny")
    (tmp_path / "tokenizers" / "t").mkdir(parents=True)
    os.replace(folder.path("tokenizer.json"), tmp_path / "tokenizers" / "t" / "tokenizer.json")
    inputs = {"corpus": {"folder": "corpora/texts"}, "tokenizer": {"folder": "tokenizers/t"}}
    write_toml(folder.path("spec.toml"), {"kind": "train", "inputs": inputs})
    monkeypatch.setattr(atomic.os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        job.prepare(SPEC, folder, lambda event: None, Calm())
    assert not folder.path("tokenizer.json").exists()


def test_a_run_stopped_before_its_first_step_has_one_record_of_it(trainer, tmp_path):
    trainer.run.held_out = trainer.run.held_out[:0]
    trainer.control.stop_requested = True
    with pytest.raises(loop.StopRequested):
        trainer.train()
    trainer.control.stop_requested = False
    trainer.state = take_up(trainer)
    trainer.metrics = MetricsWriter(tmp_path / "metrics.bin", job.COLUMNS, last_step=trainer.state.step)
    trainer.train()
    assert read_metrics(tmp_path / "metrics.bin")[1][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_kill_between_a_checkpoint_and_its_name_is_mended_on_resume(trainer, tmp_path, monkeypatch):
    save(trainer, 1)
    with monkeypatch.context() as killed:
        killed.setattr(checkpoint, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            save(trainer, 2)
    assert read_pointers(tmp_path)["last"] == "step-00000001"
    assert take_up(trainer).step == 2 and read_pointers(tmp_path)["last"] == "step-00000002"


def test_leftovers_of_killed_checkpoints_are_removed_on_resume(trainer, tmp_path):
    save(trainer, 1)
    for name in ("step-00000007", "old-step-00000001"):
        (tmp_path / "checkpoints" / f"{checkpoint.TEMPORARY}{name}").mkdir()
    take_up(trainer)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000001"]


def test_a_best_checkpoint_that_is_gone_is_not_pointed_at(trainer, tmp_path):
    save(trainer, 1, keep=1, val_loss=3.0)
    save(trainer, 2, keep=1)  # best is 1
    save(trainer, 3, keep=2, val_loss=2.0)  # best is 3: 1 is dropped
    assert not (tmp_path / "checkpoints" / "step-00000001").exists()
    (tmp_path / "checkpoints" / "step-00000003" / "model.safetensors").write_bytes(b"damaged")
    assert take_up(trainer).step == 2
    assert set(read_pointers(tmp_path).values()) == {"step-00000002"}


def test_a_checkpoint_says_which_ones_it_made_room_by(trainer):
    assert [save(trainer, step, keep=1)[1] for step in (1, 2, 3)] == [[], [1], [2]]


def test_a_checkpoint_that_the_system_refuses_to_read_is_not_thrown_away(trainer, tmp_path, monkeypatch):
    path, _ = save(trainer, 1)

    def refuse(*_):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as refused:
        refused.setattr("core.model.loading.safe_open", refuse)
        with pytest.raises(LabError, match="at the moment"):
            take_up(trainer)
    assert path.is_dir() and take_up(trainer).step == 1


def test_a_sample_that_fails_is_a_remark_and_dropout_stays_on(trainer):
    trainer.model.train()
    trainer._answer_sample({"prompt": "abc", "temperature": 1e-320})
    assert isinstance(trainer.said[-1], Noted) and trainer.model.training
    with pytest.raises(TypeError):
        sample(trainer.model, Letters(), "abc", "many", 1.0, seed=0)
    assert trainer.model.training


def test_a_measurement_that_is_no_number_ends_the_run_before_it_is_saved(trainer):
    with torch.no_grad():
        trainer.model.embed.weight.fill_(float("nan"))
    with pytest.raises(LabError, match="no longer a number"):
        trainer.measure()
    assert not trainer.said


def test_held_out_text_is_measured_with_no_more_rows_than_training_takes(trainer, monkeypatch):
    seen = []
    forward = trainer.model.forward
    monkeypatch.setattr(trainer.model, "forward", lambda ids: seen.append(len(ids)) or forward(ids))
    trainer.measure()
    assert max(seen) == SPEC.batch_size


def test_the_memory_estimate_knows_that_dropout_keeps_the_attention_weights():
    shape = msgspec.structs.replace(SHAPE, context=1024, n_heads=8)
    without = msgspec.structs.replace(shape, dropout=0.0)
    more = training_memory(shape, 4)["total"] - training_memory(without, 4)["total"]
    weights = 12 * 4 * shape.n_layers * 8 * 1024**2  # 12 bytes a weight, as measured on torch's own path
    assert weights < more < 3 * weights  # with what the allocator loses, and what is held for a moment


def test_a_time_budget_is_planned_again_when_the_pace_changes_and_a_resume_keeps_every_plan(tmp_path):
    class Choices:
        kept = {}

        def read_choices(self):
            return dict(self.kept)

        def write_choices(self, choices):
            self.kept = choices

    folder, said = Choices(), []
    spec = TrainSpec(corpus="c", tokenizer="t", steps=5000, budget_s=100.0)
    plan = Plan(spec, folder, said.append)
    plan.begin(step_s=0.1, validation_s=0.0)
    assert plan.steps(0, 0.0) == 970
    assert plan.steps(97, 9.7) == 970  # on time: nothing changes
    assert Plan(spec, folder, said.append).steps(97, 90.0) == 970  # and a slower second attempt keeps to that
    slow = plan.steps(291, 60.0)  # half the pace: fewer steps fit
    assert 450 < slow < 490 and plan.steps(292, 60.2) == slow
    again = Plan(spec, folder, said.append)
    again.begin(step_s=9.9, validation_s=9.9)
    assert again.steps(290, 1.0) == 970 and again.steps(291, 1.0) == slow
    assert [int(event.value) for event in said] == [970, slow]


def test_without_a_budget_the_spec_says_how_many_steps(tmp_path):
    plan = Plan(TrainSpec(corpus="c", tokenizer="t", steps=7), JobFolder(tmp_path), lambda event: None)
    plan.begin(step_s=1.0, validation_s=1.0)
    assert plan.steps(0, 0.0) == plan.steps(6, 1e9) == 7 and not (tmp_path / "choices.json").exists()
