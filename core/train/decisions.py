"""What is decided on the way of a run, kept in choices.json before it takes effect.

Every decision has the step it was made at (steps done, so it holds for the next one and all after it). A resume reads
them and so does at each step what was done there the first time; a return to a checkpoint does the same.

    rates          [[step, factor], ...]     the schedule's rate is multiplied by every factor so far
    micro_batches  [[step, sequences], ...]  how many sequences are computed at once
    skips          [[step, sequences], ...]  data that is left out: see course
    returns        one entry a return to an earlier checkpoint: see Return
    going_back     the step whose checkpoint is the newest that may be taken; absent unless a return is under way
"""

import math

import msgspec

from core.record.events import SpikeFound
from core.record.folder import JobFolder
from core.train.course import Course


class Return(msgspec.Struct, frozen=True):
    """A return to a checkpoint before a spike.

    Attributes:
        spike: why; its documents are rows of the corpus.
        from_step: steps done when it was found.
        skip_at: the first step, counted from 1, whose data is left out.
        sequences: how many are left out in all.
        rate: what the schedule's rate is multiplied by from that step on.
        wall_s: seconds the run had taken by then; they are gone, and a time budget counts them.
    """

    spike: SpikeFound
    from_step: int
    skip_at: int
    sequences: int
    rate: float
    wall_s: float


class Decisions:
    """The decisions of one run; without a folder they are kept in memory alone."""

    def __init__(self, folder: JobFolder | None = None) -> None:
        self.folder = folder
        choices = folder.read_choices() if folder else {}
        self.rates: list[list] = choices.get("rates", [])
        self.skips: list[list[int]] = choices.get("skips", [])
        self.micro_batches: list[list[int]] = choices.get("micro_batches", [])
        self.returns: list[Return] = msgspec.convert(choices.get("returns", []), list[Return])
        self.going_back: int | None = choices.get("going_back")

    def rate(self, step: int) -> float:
        """What the schedule's rate is multiplied by after so many steps."""
        return math.prod(factor for at, factor in self.rates if at <= step)

    def micro_batch(self, step: int, asked: int) -> int:
        """Sequences computed at once after so many steps, if ``asked`` for were so many."""
        return min([asked, *(sequences for at, sequences in self.micro_batches if at <= step)])

    def change_rate(self, step: int, factor: float) -> None:
        """From now on the rate is multiplied by this, too."""
        self.rates = sorted([*self.rates, [step, factor]], key=lambda pair: pair[0])
        self._keep(rates=self.rates)

    def compute_fewer(self, step: int, sequences: int) -> None:
        """From now on so many sequences are computed at once."""
        self.micro_batches = sorted([*self.micro_batches, [step, sequences]])
        self._keep(micro_batches=self.micro_batches)

    def go_back(self, spike: SpikeFound, course: Course, first: int, last: int, from_step: int, lower_rate: float,
                wall_s: float) -> None:  # fmt: skip
        """Leave out the data of the steps ``first`` to ``last`` (counted from 0) and return to before them.

        All of it is one write: a kill leaves either no trace or the whole decision.
        """
        sequences, self.skips = course.leave_out(first, last), course.skips
        if lower_rate != 1.0:
            self.rates = sorted([*self.rates, [first, lower_rate]], key=lambda pair: pair[0])
        self.returns = [*self.returns, Return(spike, from_step, first + 1, sequences, self.rate(first), wall_s)]
        self.going_back = first
        self._keep(skips=self.skips, rates=self.rates, returns=msgspec.to_builtins(self.returns), going_back=first)

    def arrived(self) -> None:
        """The return is done: nothing newer than its checkpoint is left."""
        self.going_back = None
        self._keep(going_back=None)

    def _keep(self, **changes) -> None:
        if self.folder:
            choices = {**self.folder.read_choices(), **changes}
            self.folder.write_choices({name: value for name, value in choices.items() if value is not None})
