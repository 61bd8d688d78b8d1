"""What became of one document of a sample that rules were tried on."""

import msgspec


class Fate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one document of a sample; ``rule`` is empty when it was kept."""

    row: int
    text: str | None = None  # as the rules left it; None = as it was found
    marks: list[dict] = []
    rule: str = ""
    reason: str = ""  # a template over ``values``
    values: dict = {}
    measure: str = ""
    value: float | None = None
    limit: float | None = None
