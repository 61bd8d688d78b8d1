"""Whether the checkpoints of a run will fit on its disk, asked before it starts."""

import math
import shutil

from core.errors import LabError
from core.model.sizing import FLOAT, parameters
from core.record.folder import JobFolder
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.optimizers import KEPT


def checkpoint_bytes(spec: TrainSpec, shape: ModelSpec) -> int:
    """Size of one checkpoint: weights, what the optimizer keeps, and the average if there is one."""
    return int(FLOAT * parameters(shape)["total"] * (1 + KEPT[spec.optimizer] + bool(spec.ema_decay)))


def most_checkpoints(spec: TrainSpec) -> int:
    """How many stand on disk at once, at most, with the one that is being written."""
    rules = spec.retention
    made = -(-spec.steps // spec.checkpoint_every) + 1
    kept = spec.keep_checkpoints + rules.best + 1
    if rules.every:
        kept += spec.steps // rules.every
    if rules.spaced:
        spaced = int(math.log2(spec.steps)) + 1
        made, kept = made + spaced, kept + spaced
    return min(made, kept)


def check_disk(spec: TrainSpec, shape: ModelSpec, folder: JobFolder) -> None:
    """Refuse a run whose checkpoints would fill the disk.

    Raises:
        LabError: with how many checkpoints could be kept instead.
    """
    each, free = checkpoint_bytes(spec, shape), shutil.disk_usage(folder.root).free
    there = sum(path.stat().st_size for path in folder.path("checkpoints").glob("step-*/*"))
    need = each * most_checkpoints(spec) - there
    if need <= free:
        return
    # the best and the one being written have to stand beside those kept
    keep = (free + there) // each - 2
    problem = "The checkpoints of this run would take up to {need:.3g} GB more on disk, and {free:.3g} GB are free."
    values = {"need": need / 1e9, "free": free / 1e9, "each": each / 1e9}
    if keep >= 1:
        raise LabError(
            problem, str(folder.root), "Keep {keep} checkpoints of {each:.3g} GB and no others ('Keep' and "
            "'Checkpoints that stay'), or make room on the disk.", keep=keep, **values)
    raise LabError(
        problem, str(folder.root), "Make room on the disk: even one checkpoint of {each:.3g} GB beside the next does "
        "not fit.", **values)
