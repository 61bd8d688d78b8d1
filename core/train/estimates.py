"""What a run is expected to cost, written down when it begins, so that the measured can stand beside it."""

from core.model.sizing import ASSUMED_WATTS, flops_per_token
from core.record.folder import JobFolder
from core.spec.model import ModelSpec

ASSUMED_USE = 0.3  # of the peak of its arithmetic that a step reaches, where nothing was timed


def record(folder: JobFolder, memory: dict[str, int], steps: int, tokens_per_step: int, step_s: float) -> None:
    """Write down what a run will take, unless its folder has it: a resume keeps what was said first.

    Args:
        memory: bytes by cause and their ``total``, as core.model.sizing.training_memory tells them.
        steps: updates planned.
        step_s: seconds of one update, from those timed on this machine.
    """
    choices = folder.read_choices()
    if "estimates" in choices:
        return
    causes = {cause: n for cause, n in memory.items() if cause != "total"}
    folder.write_choices({**choices, "estimates": {
        "memory_bytes": memory["total"], "memory": causes, "elapsed_s": steps * step_s,
        "tokens_per_s": tokens_per_step / step_s, "energy_j": ASSUMED_WATTS * steps * step_s,
    }})  # fmt: skip


def guess_step_s(model: ModelSpec, rows: int, peak_flops: float) -> float:
    """Seconds of forward and backward of so many sequences, where they were not timed: of a divided model."""
    return flops_per_token(model).training * model.context * rows / (ASSUMED_USE * peak_flops)
