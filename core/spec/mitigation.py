"""Comparing ways to make a run say less that is not so, over the questions that it was asked before."""

from typing import Annotated

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about

NAMES = ("plain", "limits", "retrieval", "dola", "contrastive", "abstain")


class MitigateSpec(Spec):
    """Answer the questions of an earlier questioning again with each mitigation, and count what is right."""

    questioning: Annotated[str, about(
        "Questioning", "A finished questioning of a run: its questions are asked again.", picks="evaluations")]
    questions: Annotated[int, about(
        "Questions", "How many of them are asked again, evenly chosen.", low=10, high=1_000_000)] = 200
    mitigations: Annotated[list[str], about(
        "Mitigations", "plain, limits, retrieval, dola, contrastive, abstain; empty = all.")] = msgspec.field(
        default_factory=list)
    risk: Annotated[float, about(
        "Abstain above", "An answer whose chance to be wrong is told as higher than this is not given.", low=0.0,
        high=1.0)] = 0.5
    seed: Annotated[int, about("Seed", "Parts the questions into the halves that calibrate each other.", low=0,
                               high=2**31, expert=True)] = 0

    def __post_init__(self) -> None:
        wrong = [name for name in self.mitigations if name not in NAMES]
        if wrong:
            raise LabError("There is no mitigation called {name}.", "mitigations", "Known ones: {names}.",
                           name=wrong[0], names=", ".join(NAMES))  # fmt: skip
