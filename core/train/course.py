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

    def skip(self, step: int, sequences: int) -> None:
        """From ``step`` on, pass over so many sequences (more)."""
        self.skips = sorted([*self.skips, [step, sequences]])
