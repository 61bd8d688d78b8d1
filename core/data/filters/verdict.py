"""What a cleaning rule answers: the text to keep, perhaps mended, or the reason it is set aside."""

from collections.abc import Callable
from typing import NamedTuple


class Reason(NamedTuple):
    """Why a document is set aside: a template over ``values``, which hold what was measured."""

    rule: str
    text: str
    values: dict


Filter = Callable[[str], "str | Reason"]
