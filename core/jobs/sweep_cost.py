"""What a sweep will cost before anything of it runs: runs, steps, time, energy and memory; all of it estimates."""

import msgspec

from core.jobs.queue import cores_here, in_force, needs, vocabulary
from core.model.sizing import ASSUMED_WATTS, flops_per_token
from core.record.folder import Workspace
from core.record.tickets import read_limits
from core.spec.sweep import SweepSpec, Trial
from core.spec.train import TrainSpec

CORE_FLOPS = 3e10  # a second, of small models on one processor: on the careful side
START_S = 6.0  # of one worker: loading the engine, timing, the first and the last measurement


class SweepCost(msgspec.Struct, frozen=True):
    """Estimates; ``lanes`` is how many runs find room beside each other, ``memory_bytes`` what the largest takes."""

    runs: int
    steps: float
    elapsed_s: float
    energy_j: float
    memory_bytes: int
    lanes: int


def cost(spec: SweepSpec, choices: list[Trial], workspace: Workspace, flops_per_s: float = 0.0) -> SweepCost:
    """Reckon what a sweep costs here, within the limits of the queue.

    Args:
        choices: ``spec.choices()``.
        flops_per_s: what one run was measured to do here; 0 = not known.
    """
    requests = [spec.run(trial, 0) for trial in choices]
    room, memory = in_force(read_limits(workspace.root))
    asked = [needs(workspace, {"kind": "train", "spec": msgspec.to_builtins(request)}) for request in requests]
    cores, largest = max(one for one, _ in asked), max(one for _, one in asked)
    lanes = max(1, min(room // cores, memory // largest, spec.at_once or len(requests) * spec.seeds,
                       len(requests) * spec.seeds))  # fmt: skip
    each = [step_flops(request, workspace) for request in requests]
    steps = planned(spec, choices)
    flops = steps * sum(each) / len(each) if spec.rungs() else spec.seeds * sum(
        one * request.steps for one, request in zip(each, requests))
    speed = flops_per_s or CORE_FLOPS * min(cores, cores_here())
    elapsed_s = (starts(spec, choices) * START_S + flops / speed) / lanes
    return SweepCost(
        runs=len(requests) * spec.seeds, steps=steps, elapsed_s=elapsed_s, energy_j=ASSUMED_WATTS * elapsed_s,
        memory_bytes=largest, lanes=lanes)


def step_flops(request: TrainSpec, workspace: Workspace) -> float:
    """Floating-point operations of one update; 0 for what is counted."""
    shape = request.model
    if not shape.vocab_size:
        shape = msgspec.structs.replace(shape, vocab_size=vocabulary(workspace, request.tokenizer))
    return float(flops_per_token(shape).training * request.batch_size * shape.context)


def planned(spec: SweepSpec, choices: list[Trial]) -> float:
    """Steps of all runs together, as far as it is known beforehand which are made."""
    if not spec.rungs():
        return float(sum(spec.run(trial, 0).steps for trial in choices) * spec.seeds)
    total, before = 0, 0
    for step, count in rounds(spec, len(choices)):
        total, before = total + count * (step - before), step
    return float(total * spec.seeds)


def starts(spec: SweepSpec, choices: list[Trial]) -> int:
    """Workers that are started in all: one a run, and one more for each rung that it passes."""
    return spec.seeds * sum(count for _, count in rounds(spec, len(choices)))


def rounds(spec: SweepSpec, count: int) -> list[tuple[int, int]]:
    """(step up to which, how many trials) of each rung, and of the rest."""
    found = []
    for step in spec.rungs():
        found.append((step, count))
        count = max(1, count // spec.eta)
        if count == 1:
            break
    return [*found, (spec.base.steps, count)]
