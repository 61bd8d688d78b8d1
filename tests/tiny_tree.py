"""Any shape of the family tree, grown tiny and trained by the real training job inside the test's own process."""

import random
from pathlib import Path

import msgspec

from core.jobs import worker
from core.model.scaling import scale_to_parameters
from core.record.control import Control
from core.record.folder import JobFolder, Workspace
from core.record.log import EventLog
from core.record.view import read_view
from core.spec.base import build
from core.spec.corpus import CorpusSpec
from core.spec.files import preset, preset_names
from core.spec.model import ModelSpec
from core.spec.system import SystemSpec
from core.spec.tokenizer import TokenizerSpec
from core.spec.train import TrainSpec
from core.train import job

SYSTEMS = {name: build(SystemSpec, preset("systems", name).values, name) for name in preset_names("systems")}
SHAPES = [name for name, system in SYSTEMS.items() if not system.recipe]
WORDS = "the frame keeps frost from young plants and lets morning light through its old glass".split()
CONTEXT, VOCAB = 24, 280
FEWEST = {"fasttext": 6e5, "t5": 1.2e5}  # character n-grams; a feed-forward part 64 times as wide as the model
# Decided beforehand, so that no test spends its time on timing.
CHOICES = {"precision": "fp32", "kernels": {}, "step_s": 0.01, "threads": 1, "timings_s": {}, "peak_flops": 1e11}


class Killed(BaseException):
    """Ends a run as SIGKILL would: no handler of the lab's sees it."""


def make_workspace(root: Path) -> Workspace:
    """A small corpus with a tokenizer, made by the real jobs."""
    source = root / "text"
    source.mkdir()
    draw = random.Random(1)
    for i in range(60):
        (source / f"{i}.txt").write_text(" ".join(draw.choices(WORDS, k=60)) + f" {i}.\n", "utf-8")
    workspace = Workspace(root / "workspace")
    for kind, spec in (("corpus", CorpusSpec(sources=[str(source)])),
                       ("tokenizer", TokenizerSpec(corpus="text", vocab_size=VOCAB))):
        assert worker.main(workspace.create(kind, "text", spec).root) == 0
    return workspace


def tiny(name: str) -> ModelSpec:
    """A system's shape at some 30 thousand parameters, or at as few as its proportions let it have."""
    return scale_to_parameters(SYSTEMS[name].shape, FEWEST.get(name, 3e4), VOCAB, CONTEXT)


def train_spec(shape: ModelSpec, **changes) -> TrainSpec:
    """A few steps on that corpus; a micro-batch, a checkpoint on the way and a sample among them."""
    return build(TrainSpec, {
        "corpus": "text", "tokenizer": "text", "steps": 4, "batch_size": 4, "micro_batch": 2, "warmup_steps": 2,
        "validate_every": 2, "validation_tokens": 256, "checkpoint_every": 3, "sample_prompt": "the frame",
        "sample_tokens": 3, "precision": "fp32", "kernels": "torch", "device": "cpu", "threads": 1, **changes,
        "model": msgspec.to_builtins(shape) | {"vocab_size": 0},
    })  # fmt: skip


def create(workspace: Workspace, name: str, spec: TrainSpec) -> JobFolder:
    """The folder of a run that has nothing left to measure before it begins."""
    folder = workspace.create("train", name, spec)
    folder.write_choices(CHOICES)
    return folder


def train(workspace: Workspace, name: str, spec: TrainSpec) -> JobFolder:
    """A run from beginning to end."""
    folder = create(workspace, name, spec)
    assert worker.main(folder.root) == 0, read_view(folder.root).error
    return folder


def train_until(folder: JobFolder, spec: TrainSpec, fatal) -> None:
    """A run that is killed as soon as ``fatal(event)`` is true."""
    log = EventLog(folder.path("events.jsonl"))

    def emit(event) -> None:
        log(event)
        if fatal(event):
            raise Killed

    try:
        job.run(spec, folder, emit, Control(folder.root, emit))
        raise AssertionError("it came to its end before it was killed")
    except Killed:
        pass
    finally:
        log.close()
