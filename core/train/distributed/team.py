"""A run laid out over several processes: what is prepared otherwise than in one process."""

import os

import msgspec

from core.errors import LabError
from core.record.events import Chosen
from core.spec.model import ModelSpec
from core.spec.train import TrainSpec
from core.train.choices import choose
from core.train.distributed.saving import Saving
from core.train.distributed.spread import Reader, Rereader, Spread
from core.train.distributed.update import SpreadUpdate
from core.train.ema import Average
from core.train.fitting import Fit, free_memory, memory_needed
from core.train.optimizers import make_optimizer


class Team:
    """This process's share of a run, beside what one process has.

    Attributes:
        spread: the model as all processes hold it.
        saving: writes and reads checkpoints with the others.
        reader: stands in for the model where text is measured or drawn; None = the model itself can do it.
    """

    def __init__(self, run) -> None:
        self.run = run
        self.spread = Spread(run.model, run.spec, run.device)
        run.optimizer = make_optimizer(self.spread.owned, run.spec)
        run.average = Average(self.spread.parts, run.spec.ema_decay) if run.spec.ema_decay else None
        self.saving = Saving(self.spread, run.ranks, run.optimizer, run.average)
        self.reader = None if self.spread.whole else Reader(self.spread)

    def update(self, expert_use) -> SpreadUpdate:
        """What changes the weights."""
        return SpreadUpdate(self.run, self.spread, expert_use)

    def writer(self) -> Rereader | None:
        """What draws text from a divided model; None = the model itself can do it."""
        return Rereader(self.reader, self.run.device) if self.reader else None

    def choose(self, batch: dict, emit) -> dict:
        """The arithmetic of all processes, as :func:`core.train.choices.choose` gives it: the first one's choice.

        It is timed where each process can compute with the whole model; a divided one takes what the spec says, with
        "auto" standing for float32 on processors and bfloat16 on GPUs, and torch's own kernels.
        """
        spec, folder, model = self.run.spec, self.run.folder, self.run.model
        choices = folder.read_choices()
        if self.spread.whole:
            choices = choose(spec, folder, model, batch, self.run.device, emit)
        elif "precision" not in choices:
            auto = "bf16" if self.run.device == "cuda" else "fp32"
            choices["precision"] = auto if spec.precision == "auto" else spec.precision
            choices |= {"kernels": {}, "timings_s": {}, "threads": folder.read_choices().get("threads", 1)}
            emit(Chosen(what="arithmetic", value=f"{choices['precision']}, torch",
                        why="The model is divided among several processes, so nothing was timed."))  # fmt: skip
        choices = self.run.ranks.told(choices)
        folder.write_choices(choices)
        return choices


def fit_together(spec: TrainSpec, shape: ModelSpec, device: str, ranks, folder) -> Fit:
    """The micro-batch of all processes, and whether blocks are computed again; the first process decides.

    Raises:
        LabError: one process's share does not fit.
    """
    kept = folder.read_choices().get("fit")
    if kept and kept["micro_batch"] % spec.mesh.copies:  # of another layout
        kept = None
    made = msgspec.convert(kept, Fit) if kept else _decide(spec, shape, device)
    free = min(ranks.gathered(free_memory(device)))
    made = msgspec.convert(ranks.told(msgspec.to_builtins(made)), Fit)
    need = memory_of_one(spec, shape, made)
    if device == "cpu":
        free /= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # they share what the machine has
    if need > free:
        raise LabError(
            "Training this would need about {need:.1f} GB of memory for each process, and {free:.1f} GB are free.", "",
            "Choose a smaller model, context or micro-batch, or divide it among more.", need=need / 1e9,
            free=free / 1e9)
    folder.write_choices({**folder.read_choices(), "fit": msgspec.to_builtins(made)})
    return made


def _decide(spec: TrainSpec, shape: ModelSpec, device: str) -> Fit:
    """The largest micro-batch that fits, a multiple of the copies; without computing again where that is possible."""
    copies, free = spec.mesh.copies, free_memory(device) / (
        int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if device == "cpu" else 1)  # fmt: skip
    sizes = [spec.micro_batch] if spec.micro_batch else [
        rows for rows in range(spec.batch_size, 0, -copies) if spec.batch_size % rows == 0]  # fmt: skip
    again = {"off": [False], "on": [True], "auto": [False, True]}[spec.recompute]
    again = again if shape.family == "transformer" else [False]
    tried = [Fit(rows, recompute) for recompute in again for rows in sizes]
    return next((made for made in tried if memory_of_one(spec, shape, made) <= free), tried[-1])


def memory_of_one(spec: TrainSpec, shape: ModelSpec, made: Fit) -> float:
    """Estimated bytes of one process: its share of the weights and what comes of them, and of the activations."""
    mesh = spec.mesh
    parts = memory_needed(spec, shape, Fit(max(1, made.micro_batch // mesh.copies), made.recompute))
    pieces = mesh.tensor * mesh.pipeline
    weights = pieces * (mesh.shard if mesh.fully_sharded else 1)
    share = {"weights": weights, "gradients": weights, "average": weights, "optimizer": pieces * mesh.shard,
             "activations": pieces}  # fmt: skip
    return sum(n / share.get(cause, 1) for cause, n in parts.items() if cause != "total")
