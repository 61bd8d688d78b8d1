"""Which checkpoints of a run stay on disk."""

from typing import Annotated

from core.spec.base import Spec, about


class RetentionSpec(Spec):
    """The newest few always stay, and the best; these rules keep more."""

    best: Annotated[int, about(
        "Best", "How many of the best checkpoints by validation loss stay.", low=1, high=1000, expert=True)] = 1
    every: Annotated[int, about(
        "Every", "A checkpoint at each multiple of so many steps stays for good; 0 = none.", low=0, high=100_000_000,
        unit="steps", expert=True)] = 0
    spaced: Annotated[bool, about(
        "Time-lapse", "Write and keep checkpoints at steps 1, 2, 4, 8, 16 and so on, so that growth can be watched "
        "from its first moment.", expert=True)] = False
