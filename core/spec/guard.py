"""What a run does when its loss jumps."""

from typing import Annotated

from core.spec.base import Spec, about

PALM = "Chowdhery et al. 2022, PaLM, arXiv:2204.02311, section 5.1"


class GuardSpec(Spec):
    """Watch for loss spikes; go back to a checkpoint before one and leave out the batches that caused it."""

    enabled: Annotated[bool, about(
        "Watch for spikes", "When the loss or the gradient jumps far out of its recent range, the run goes back to a "
        "checkpoint before the jump and skips the batches that caused it.", source=PALM)] = True
    window: Annotated[int, about(
        "Window", "How many of the latest steps tell what is usual.", low=8, high=100_000, unit="steps",
        expert=True, when="enabled=True")] = 100
    threshold: Annotated[float, about(
        "Threshold", "A step is a spike when it lies this many robust standard deviations (1.4826 x the median "
        "distance from the median) above the window's median.", low=2.0, high=1000.0, expert=True,
        when="enabled=True")] = 8.0
    skip_before: Annotated[int, about(
        "Skip before", "Batches before the spike that are left out, too.", low=0, high=10_000, unit="steps",
        expert=True, when="enabled=True")] = 2
    skip_after: Annotated[int, about(
        "Skip after", "Batches after the spike that are left out, too.", low=0, high=10_000, unit="steps",
        expert=True, when="enabled=True")] = 4
    lower_rate: Annotated[float, about(
        "Rate afterwards", "The learning rate is multiplied by this after each return; 1 = it stays.",
        low=0.01, high=1.0, expert=True, when="enabled=True")] = 1.0
    most: Annotated[int, about(
        "At most", "Returns in one run; at the next spike the run stops and says why.", low=1, high=10_000,
        expert=True, when="enabled=True")] = 10
