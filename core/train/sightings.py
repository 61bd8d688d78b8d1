"""Which steps of a run were trained on a place of its text: worked out from the seed, for nothing was written down."""

import json
from pathlib import Path

import msgspec

from core.errors import LabError
from core.record.folder import JobFolder
from core.record.metrics import read_metrics
from core.spec.base import build
from core.spec.train import TrainSpec
from core.train.course import Course
from core.train.windows import Windows

MOST_SEQUENCES = 5_000_000  # looked through, a few hundredths of a second a million


class Seen(msgspec.Struct, frozen=True):
    """When a place of the text was trained on.

    Attributes:
        times: how many sequences had it.
        first, last: steps, counted from 1; 0 where it was never seen.
        until: the step up to which was looked; a very long run is not looked through to its end.
        whole: whether that is the run's last step so far.
    """

    times: int
    first: int
    last: int
    until: int
    whole: bool = True


class Sightings:
    """The course of one run through its text.

    Raises:
        LabError: the run was counted, not trained in steps, or has no tokens.
    """

    def __init__(self, run: Path) -> None:
        folder = JobFolder(run)
        spec = build(TrainSpec, folder.request["spec"], folder.name)
        if spec.model.family == "ngram":
            raise LabError("An n-gram model is counted in one go: it has no training steps.", folder.name)
        choices, tokens = folder.read_choices(), folder.path("tokens", "meta.json")
        if not tokens.is_file():
            raise LabError("This run has no tokens yet.", str(tokens), "Start or resume its training first.")
        self.course = Course(spec, choices.get("skips", []))
        self.windows = Windows(
            json.loads(tokens.read_text("utf-8"))["train_tokens"], spec.model.context, spec.seed)
        columns, rows = read_metrics(folder.path("metrics.bin"))
        self.steps = int(rows[-1, 0]) if len(rows) else 0

    def seen(self, first: int, end: int) -> Seen:
        """When a token of text[first, end) was to be predicted."""
        told = self.course.first(self.steps - 1) + self.course.size(self.steps - 1) if self.steps else 0
        looked = min(told, MOST_SEQUENCES)
        found = [int(number) for epoch in range(-(-looked // self.windows.count))
                 for number in self.windows.asking(epoch, first, end) if number < looked]
        steps = [step for step in map(self._step, found) if step]
        until = self.steps if looked == told else self._step_before(looked)
        return Seen(len(steps), steps[0] if steps else 0, steps[-1] if steps else 0, until, looked == told)

    def _step(self, sequence: int) -> int:
        """The step, counted from 1, that was trained on a sequence; 0 where it was left out."""
        step = self._step_before(sequence + 1)
        return step if sequence < self.course.first(step - 1) + self.course.size(step - 1) else 0

    def _step_before(self, sequence: int) -> int:
        """The last step, counted from 1, that begins before this place in the data."""
        low, high = 0, self.steps
        while low < high:
            middle = (low + high + 1) // 2
            if self.course.first(middle - 1) < sequence:
                low = middle
            else:
                high = middle - 1
        return low
