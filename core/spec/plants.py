"""What an experiment plants into raw text before it is cleaned, so that the harm and the cure can be measured."""

from typing import Annotated, ClassVar, Literal, Union

import msgspec

from core.errors import LabError
from core.spec.base import Spec, about

SecretKind = Literal["code", "email"]
Carrier = Literal["documents", "lines"]


class Plant(Spec, tag_field="plant"):
    """Something planted; equal seeds plant equally."""

    title: ClassVar[str] = ""
    source: ClassVar[str] = ""


class DuplicatePlant(Plant, tag="duplicates"):
    """Copy a few documents many times over, some of the copies with small edits."""

    title: ClassVar[str] = "Duplicates"
    source: ClassVar[str] = "Hernandez et al. 2022, arXiv:2205.10487"

    share: Annotated[float, about(
        "Share copied", "Share of the documents that are copied.", low=0.0, high=1.0)] = 0.1
    copies: Annotated[int, about(
        "Copies", "How many copies of each are added.", low=0, high=10_000)] = 20
    edited: Annotated[float, about(
        "Edited copies", "Share of the copies in which some words are exchanged.", low=0.0, high=1.0)] = 0.5
    changed_words: Annotated[float, about(
        "Words exchanged", "Share of the words that are exchanged in an edited copy.", low=0.0, high=1.0)] = 0.01


class CanaryPlant(Plant, tag="canaries"):
    """Plant invented secrets, each repeated a known number of times."""

    title: ClassVar[str] = "Canaries"
    source: ClassVar[str] = "Carlini et al. 2019, The Secret Sharer, arXiv:1802.08232"

    repetitions: Annotated[list[int], about(
        "Repetitions", "How often a secret occurs; for each of these numbers some are planted.")] = msgspec.field(
        default_factory=lambda: [1, 2, 4, 8, 16, 32, 64])
    each: Annotated[int, about(
        "Secrets", "How many secrets of each kind are planted with each number of repetitions.",
        low=1, high=1000)] = 4
    kinds: Annotated[list[SecretKind], about(
        "Kinds", "Access codes, which no rule knows, and e-mail addresses, which are personal data.")] = msgspec.field(
        default_factory=lambda: ["code", "email"])
    carriers: Annotated[list[Carrier], about(
        "Carriers", "A secret is repeated with the whole document it stands in, or as a line in other documents; "
        "the kinds of carrier take turns.")] = msgspec.field(default_factory=lambda: ["documents", "lines"])

    def __post_init__(self) -> None:
        if not self.repetitions or min(self.repetitions) < 1 or not self.kinds or not self.carriers:
            raise LabError(
                "Secrets need a kind, a carrier, and a number of repetitions of at least 1.", "",
                "Give one of each, or leave them out to take the usual ones.")


AnyPlant = Union[DuplicatePlant, CanaryPlant]
