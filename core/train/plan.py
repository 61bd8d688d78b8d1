"""How many steps a run takes.

Without a time budget the spec says it. With one, the first timed steps say it, and the plan is made
again on the way, because a machine that has other work to do changes its pace. Every decision is
written to choices.json with the step it was made at, so that a resume decides nothing anew.
"""

from core.record.events import Chosen
from core.record.folder import JobFolder
from core.spec.train import TrainSpec

REMAINDER = 0.97  # of the budget: the rest is for the last checkpoint and measurement
LOOK_AT = (0.1, 0.3, 0.6)  # shares of the first plan at which the pace is looked at again
WORTH = 0.05  # relative change below which the plan stays
LANDING = 0.05  # share of the first plan that is always left, so that the rate can come down


class Plan:
    """The number of steps in force at each step.

    Args:
        revisions: [step it was made at, steps in all], in order; the first is made at step 0.
    """

    def __init__(self, spec: TrainSpec, folder: JobFolder, emit) -> None:
        self.spec, self.folder, self.emit = spec, folder, emit
        self.revisions: list[list[int]] = folder.read_choices().get("plan", [])
        if not spec.budget_s:
            self.revisions = [[0, spec.steps]]

    def begin(self, step_s: float, validation_s: float) -> None:
        """Make the first plan from the measured seconds of a step and of a validation."""
        if not self.revisions:
            each = step_s + validation_s / self.spec.validate_every
            steps = max(1, min(self.spec.steps, int(self.spec.budget_s * REMAINDER / each)))
            self._decide(0, steps, {"step": step_s, "validation": validation_s})

    def steps(self, step: int, wall_s: float) -> int:
        """Steps in all, as planned at ``step``; looks at the pace again when it is time to.

        Args:
            step: steps done.
            wall_s: seconds they took, measurements and checkpoints included.
        """
        first = self.revisions[0][1]
        if self.spec.budget_s and step in {int(first * share) for share in LOOK_AT} and step > self.revisions[-1][0]:
            left_s = self.spec.budget_s * REMAINDER - wall_s
            steps = step + max(int(first * LANDING), 1, int(left_s * step / max(wall_s, 1e-9)))
            steps = min(steps, self.spec.steps)
            before = self.revisions[-1][1]
            worth = abs(steps / before - 1) > WORTH
            self._decide(step, steps if worth else before, {"step": wall_s / step})
        return next(total for made_at, total in reversed(self.revisions) if made_at <= step)

    def _decide(self, step: int, steps: int, timings: dict[str, float]) -> None:
        """Keep the decision, also one to change nothing: a resume must not come to another."""
        changed = not self.revisions or steps != self.revisions[-1][1]
        self.revisions.append([step, steps])
        self.folder.write_choices({**self.folder.read_choices(), "plan": self.revisions})
        if changed:
            self.emit(Chosen(
                what="steps", value=str(steps), why="As many as fit the time budget.", timings=timings))
