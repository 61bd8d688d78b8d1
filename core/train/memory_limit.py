"""When memory does not suffice: fewer sequences at once, from this step on.

What is computed at once decides in which order gradients are added up, and so the last bits of them: a smaller
micro-batch is a decision like any other, kept with its step, and a resume replays it.
"""

import gc
from collections.abc import Callable
from contextlib import contextmanager
from typing import TypeVar

import torch

from core.errors import LabError
from core.record.events import MicroBatchHalved

Result = TypeVar("Result")
REFUSALS = ("can't allocate memory", "defaultcpuallocator", "out of memory", "bad allocation")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice: torch's own of a GPU, and those of the processor's memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error).lower() for said in REFUSALS)


def retry_smaller(
    work: Callable[[], Result], run, step: int, emit, undo: Callable[[], None] = lambda: None
) -> Result:  # fmt: skip
    """Do something with as many sequences at once as memory allows.

    Args:
        work: computes ``run.micro_batch`` sequences at once; it starts from the same random state each time.
        run: its micro-batch is halved until the work fits; each time that is written down.
        step: steps done.
        undo: takes back what a refused attempt left.
    Raises:
        LabError: not even one sequence fits.
    """
    if run.ranks.world > 1:  # the others are in the midst of the same work, and would wait for this process
        return work()
    state = _random_state(run.device)
    while True:
        run.fewer = run.decisions.micro_batch(step, run.micro_batch)
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # only here, with the error and its frames gone, are the tensors of the attempt free
        undo()
        free_tensors()
        _put_random_state(run.device, state)
        if run.micro_batch == 1:
            raise _refusal(run, step)
        run.decisions.compute_fewer(step, run.micro_batch // 2)
        emit(MicroBatchHalved(step=step + 1, micro_batch=run.micro_batch // 2))


@contextmanager
def stop_without_memory(run, step: int):
    """What cannot be done again with fewer sequences (the optimizer's step) ends the run in plain words.

    Raises:
        LabError: memory did not suffice.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise _refusal(run, step) from None


def _refusal(run, step: int) -> LabError:
    return LabError(
        "Memory does not suffice for step {step}, not even with one sequence at once.", run.folder.name,
        "End other programs and resume this run; or start a new one with a smaller model or context, with Recompute "
        "on, or with an optimizer that keeps less (Lion, SGD).", step=step + 1)


def free_tensors() -> None:
    """Give back the memory of tensors that nothing refers to any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _random_state(device: str) -> tuple:
    return torch.get_rng_state(), torch.cuda.get_rng_state() if device == "cuda" else None


def _put_random_state(device: str, state: tuple) -> None:
    torch.set_rng_state(state[0])
    if device == "cuda":
        torch.cuda.set_rng_state(state[1])
