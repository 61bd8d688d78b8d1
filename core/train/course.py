"""Which sequences of the data each step takes: a pure function of the spec and of what was left out.

The batch may grow over the first steps, and batches that made the loss jump are left out. What is left out is
kept in choices.json as [step, sequences]: from that step on, so many sequences are passed over. So a resume, and
a run that goes back to a checkpoint, take the same data as before up to that step.
"""

import numpy as np

from core.spec.train import TrainSpec


class Course:
    """The course of a run through its data.

    Args:
        skips: [step, sequences] pairs, in order of step.
    """

    def __init__(self, spec: TrainSpec, skips: list[list[int]] = ()) -> None:
        self.spec, self.skips = spec, [list(pair) for pair in skips]
        ramp = np.arange(spec.batch_ramp_steps if spec.batch_ramp_from else 0)
        unit = spec.micro_batch or 1
        grown = spec.batch_ramp_from + (spec.batch_size - spec.batch_ramp_from) * ramp / max(1, len(ramp))
        self._sizes = np.minimum(np.maximum(unit, grown // unit * unit), spec.batch_size).astype(np.int64)
        self._before = np.concatenate([[0], np.cumsum(self._sizes)])

    def size(self, step: int) -> int:
        """Sequences of a step, counted from 0."""
        return int(self._sizes[step]) if step < len(self._sizes) else self.spec.batch_size

    def taken(self, step: int) -> int:
        """Sequences that the model was trained on before a step; those left out do not count."""
        ramp = len(self._sizes)
        return int(self._before[min(step, ramp)]) + max(0, step - ramp) * self.spec.batch_size

    def first(self, step: int) -> int:
        """Place in the data of a step's first sequence."""
        return self.taken(step) + sum(sequences for at, sequences in self.skips if at <= step)

    def leave_out(self, first: int, last: int) -> int:
        """Pass over the data that the steps from ``first`` to ``last`` would take; returns how many sequences.

        What is left out is a stretch of the data. A stretch that lies further on, of an earlier decision, is now
        reached sooner: its step moves with it.
        """
        stretch = (self.first(first), self.first(last) + self.size(last))
        self.skips = self._steps_of(_joined([*self._stretches(), stretch]))
        return stretch[1] - stretch[0]

    def _stretches(self) -> list[tuple[int, int]]:
        """What is left out, as (begin, end) in the data."""
        found, passed = [], 0
        for step, sequences in self.skips:
            begin = self.taken(step) + passed
            found.append((begin, begin + sequences))
            passed += sequences
        return found

    def _steps_of(self, stretches: list[tuple[int, int]]) -> list[list[int]]:
        """The steps that would touch those stretches, and how far each has to jump."""
        found, passed = [], 0
        for begin, end in stretches:
            step = self._step_at(begin - passed)
            jump = end - self.taken(step) - passed
            found.append([step, jump])
            passed += jump
        return found

    def _step_at(self, sequence: int) -> int:
        """The step that takes this sequence of those that the model is trained on."""
        ramp = len(self._sizes)
        if sequence < self._before[ramp]:
            return int(np.searchsorted(self._before, sequence, side="right")) - 1
        return ramp + (sequence - int(self._before[ramp])) // self.spec.batch_size


def _joined(stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same without overlaps, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(stretches):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
