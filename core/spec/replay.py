"""What a proof of exact resume is asked for."""

from typing import Annotated

from core.spec.base import Spec, about


class ReplaySpec(Spec):
    """Run the steps after a checkpoint once more, and compare every bit with what the run itself recorded."""

    run: Annotated[str, about("Run", "The run to check.", picks="runs")]
    step: Annotated[int, about(
        "From step", "The checkpoint to begin at; 0 = the newest one that the run went on from.", low=0,
        high=100_000_000, unit="steps")] = 0
    steps: Annotated[int, about(
        "Steps", "How many steps to run again; 0 = to the next checkpoint, so that the weights can be compared, too.",
        low=0, high=100_000_000, unit="steps")] = 0
