"""Mending text, and how long a document must be."""

from typing import Annotated, ClassVar

from core.spec.base import about
from core.spec.rules.base import Rule


class FixText(Rule, tag="fix_text"):
    """Mend mojibake and drop control characters; set aside documents left empty or full of unreadable bytes."""

    title: ClassVar[str] = "Mend broken characters"
    family: ClassVar[str] = "repair"
    source: ClassVar[str] = "ftfy, Speer 2019, doi:10.5281/zenodo.2591652"

    most_broken: Annotated[float, about(
        "Most unreadable", "Documents with a larger share of characters that could not be decoded are set aside.",
        low=0.0, high=1.0, measure="broken", keeps="below")] = 0.01


class MinimumLength(Rule, tag="minimum_length"):
    """Reject documents that are too short to teach anything."""

    title: ClassVar[str] = "Minimum length"
    family: ClassVar[str] = "repair"

    characters: Annotated[int, about(
        "Shortest document", "Documents with fewer characters are set aside.",
        low=0, high=1_000_000, unit="characters", measure="characters", keeps="above")] = 64
