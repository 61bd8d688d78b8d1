"""The proof that a resume changes nothing: the steps after a checkpoint, run once more and compared bit by bit.

The run is only read. What the replay computes goes into a folder of its own, with a copy of the checkpoint and of
the run's decisions, and is taken away at the end.
"""

import shutil
from pathlib import Path

import msgspec
import numpy as np

from core.errors import LabError
from core.record.events import CheckpointSaved, Phase, Progress
from core.record.folder import JobFolder
from core.record.lineage import sha256_file
from core.record.log import read_events
from core.record.metrics import MetricsWriter, read_metrics
from core.spec.base import build
from core.spec.replay import ReplaySpec
from core.spec.train import TrainSpec
from core.train.checkpoint import TrainState, checkpoints, restore
from core.train.decisions import Decisions
from core.train.inputs import COLUMNS
from core.train.loop import Trainer

SCRATCH = "again"
COMPARED = ("tokens", "loss", "lr", "grad_norm", "val_loss", "val_bits_per_byte")  # times differ, of course


def run(spec: ReplaySpec, folder: JobFolder, emit, control) -> dict:
    """Replay and compare; see ``core.jobs.registry`` for the signature.

    Returns:
        from_step, steps, equal_steps (of them), first_difference (step and column, or None), files: {name: whether its
        digest at the end equals the recorded one} (empty where the run saved no checkpoint at that step), exact.
    Raises:
        LabError: the run has no checkpoint that it went on from.
    """
    source = folder.workspace.folder("runs", spec.run)
    saved = recorded(source)
    first, last = _span(spec, source, saved)
    scratch = JobFolder(folder.path(SCRATCH))
    _copy(source, scratch, first)
    try:
        _go(source, scratch, first, last, emit, control)
        return _compare(source, scratch, first, last, saved.get(last))
    finally:
        shutil.rmtree(scratch.root, ignore_errors=True)


def recorded(source: JobFolder) -> dict[int, CheckpointSaved]:
    """The checkpoints that a run ever saved, by step, those that were dropped since among them."""
    events = read_events(source.path("events.jsonl"))[0]
    return {r.event.step: r.event for r in events if isinstance(r.event, CheckpointSaved)}


def _span(spec: ReplaySpec, source: JobFolder, saved: dict[int, CheckpointSaved]) -> tuple[int, int]:
    """First and last step of the replay."""
    _, rows = read_metrics(source.path("metrics.bin"))
    end = int(rows[-1, 0]) if len(rows) else 0
    there = [step for step in (int(path.name[5:]) for path in checkpoints(source.root)) if step < end]
    if spec.step and spec.step not in there:
        raise LabError(
            "The run has no checkpoint at step {step} that it went on from.", source.name, "There are: {steps}.",
            step=spec.step, steps=", ".join(map(str, there)) or "none")
    if not there:
        raise LabError(
            "The run has no checkpoint that it went on from.", source.name,
            "Keep more checkpoints ('Keep' of the run's settings), or wait until it has made more steps.")
    first = spec.step or there[-1]
    after = [step for step in sorted(saved) if first < step <= end]
    last = first + spec.steps if spec.steps else (after[0] if after else end)
    return first, min(last, end)


def _copy(source: JobFolder, scratch: JobFolder, step: int) -> None:
    shutil.rmtree(scratch.root, ignore_errors=True)
    name = Path("checkpoints", f"step-{step:08d}")
    shutil.copytree(source.root / name, scratch.root / name)
    for file in ("choices.json", "spec.toml"):
        shutil.copyfile(source.path(file), scratch.path(file))


def _go(source: JobFolder, scratch: JobFolder, first: int, last: int, emit, control) -> None:
    from core.train import job  # it is the job that knows how a run is made ready

    asked = build(TrainSpec, source.request["spec"], source.name)
    if asked.mesh.world > 1:
        raise LabError(
            "A run over several processes adds up in another order than one process can.", source.name,
            "Resume it in the same layout instead; its curve goes on from the checkpoint.")
    asked = msgspec.structs.replace(asked, sample_tokens=0)  # a sample changes nothing, and takes time
    job.set_threads(asked, source)
    emit(Phase(name="Preparing the run again"))
    prepared = job.prepare(asked, source, _silent, control)
    prepared.folder = scratch
    prepared.decisions = Decisions(scratch)  # what is decided now, if anything, is not the run's
    state = restore(scratch.root, prepared.model, prepared.optimizer, average=prepared.average) or TrainState()
    plan = job.decide(prepared, _silent)
    metrics = MetricsWriter(scratch.path("metrics.bin"), COLUMNS, last_step=-1)
    emit(Phase(name="Running the steps again"))
    try:
        prepared.model.train()
        trainer = Trainer(prepared, state, plan, _silent, control, metrics)
        while state.step < last:
            control.check()
            if not trainer.step():
                break  # a spike, where the run saw none: the records tell
            emit(Progress(done=state.step - first, total=last - first, unit="steps"))
        trainer.checkpoint()
    finally:
        metrics.close()


def _silent(event) -> None:
    """What a replayed run says is known already."""


def _compare(source: JobFolder, scratch: JobFolder, first: int, last: int, saved: CheckpointSaved | None) -> dict:
    steps = list(range(first + 1, last + 1))
    then, now = (_rows(folder, steps) for folder in (source, scratch))
    different = [(step, column) for i, step in enumerate(steps) for column in COMPARED
                 if column in then and not _same(then[column][i], now[column][i])]  # fmt: skip
    files = {}
    if saved is not None and saved.sha256:
        path = scratch.path("checkpoints", f"step-{last:08d}")
        files = {name: sha256_file(path / name) == digest for name, digest in sorted(saved.sha256.items())}
    wrong = {step for step, _ in different}
    return {
        "run": source.name, "from_step": first, "steps": len(steps), "equal_steps": len(steps) - len(wrong),
        "first_difference": list(different[0]) if different else None, "files": files,
        "exact": not different and all(files.values()),
    }  # fmt: skip


def _rows(folder: JobFolder, steps: list[int]) -> dict[str, np.ndarray]:
    """What was recorded at these steps, by column."""
    columns, rows = read_metrics(folder.path("metrics.bin"))
    rows = rows[np.isin(rows[:, 0], steps)]
    if len(rows) != len(steps):
        raise LabError("The run's records do not hold every step from {first} to {last}.", folder.name,
                       "Choose other steps.", first=steps[0], last=steps[-1])  # fmt: skip
    return {name: rows[:, i] for i, (name, _) in enumerate(columns)}


def _same(a: float, b: float) -> bool:
    """Equal to the bit; what was not measured equals what was not measured."""
    return a == b or (a != a and b != b)
