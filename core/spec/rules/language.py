"""Which language a document is in, and in which script."""

from typing import Annotated, ClassVar, Literal

import msgspec

from core.spec.base import about
from core.spec.rules.base import Rule


class LanguageIs(Rule, tag="language_is"):
    """Keep documents in the languages asked for, and say which language the others are in."""

    title: ClassVar[str] = "Language"
    family: ClassVar[str] = "language"
    source: ClassVar[str] = "py3langid, after Lui & Baldwin 2012 (langid.py), ACL P12-3005; threshold of FineWeb"

    languages: Annotated[list[str], about(
        "Languages", "Two-letter codes, such as en, zh, de. Dialects count as their language.")] = msgspec.field(
            default_factory=lambda: ["en", "zh"])
    probability: Annotated[float, about(
        "Least probability", "Documents for which none of these languages is as likely are set aside.",
        low=0.0, high=1.0, measure="probability", keeps="above", source="Penedo et al. 2024, arXiv:2406.17557")] = 0.65
    script: Annotated[Literal["any", "simplified", "traditional"], about(
        "Chinese script", "Which Chinese is kept. Other languages, and texts in which no character tells the two "
        "apart, are not judged.", source="character tables of OpenCC")] = "any"
    script_share: Annotated[float, about(
        "Least share of the script", "Of the characters that tell the two scripts apart, so many must be of the one "
        "asked for.", low=0.0, high=1.0, measure="script_share", keeps="above", expert=True)] = 0.8
