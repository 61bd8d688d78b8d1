"""Names from a list that a person gives."""

import re
from collections.abc import Iterator

from core.data.privacy.found import Detector, Found


def names_in(names: list[str]) -> Detector:
    """A detector of these names, written just so; Latin ones count only whole, Chinese ones anywhere.

    Names have two characters or more, and are looked up by the first two, so a long list costs little.
    """
    by_start: dict[str, list[str]] = {}
    for name in sorted({name.strip() for name in names}, key=len, reverse=True):
        if len(name) > 1:
            by_start.setdefault(name[:2], []).append(name)
    starts = "|".join(re.escape(start) for start in by_start)
    begin = re.compile(rf"(?<![A-Za-z\u00c0-\u024f])(?:{starts})")

    def detect(text: str, start: int, end: int) -> Iterator[Found]:
        taken = start
        for match in begin.finditer(text, start, end) if by_start else ():
            at = match.start()
            name = next((name for name in by_start[match[0]] if _stands_at(name, text, at)), None)
            if name and at >= taken:
                taken = at + len(name)
                yield Found(at, taken, "name")

    return detect


def _stands_at(name: str, text: str, start: int) -> bool:
    if not text.startswith(name, start):
        return False
    end = start + len(name)
    cjk = name[-1] >= "\u2e80"
    return cjk or end >= len(text) or not text[end].isalpha() or text[end] >= "\u2e80"
