"""Personal data on its way out: placeholders instead, and a record of every hit."""

import re
from collections import Counter

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.privacy.found import Found
from core.data.privacy.scan import PLACEHOLDERS, Scanner
from core.spec.rules.privacy import PersonalData

_WRITTEN = re.compile(r"[\s().-]+")  # what may differ between two ways of writing one value


def personal_data(rule: PersonalData, _workspace=None) -> Filter:
    """Replaces what the rule asks for, or only reports it; sets aside documents that hold more than the limit.

    Every hit goes into ``draft.marks``: start and end in the text as it stood, ``at`` = where it, or what replaced
    it, begins in the text as it is now.
    """
    scanner = Scanner(rule)

    def judge(draft: Draft) -> Reason | None:
        found = scanner.find(draft.text)
        draft.measures["personal_data.hits"] = len(found)
        if not found:
            return None
        kept = len(found) <= rule.most_hits
        text, marks = replaced(draft.text, found, rule.numbered, kept and rule.action == "replace")
        draft.marks += marks
        if kept:
            draft.text = text
            return None
        kind, _ = Counter(hit.type for hit in found).most_common(1)[0]
        return Reason(
            "personal_data",
            "It holds {hits} pieces of personal data, most of them {type}; at most {limit} are allowed.",
            {"hits": len(found), "type": PLACEHOLDERS[kind], "limit": rule.most_hits},
            "hits", len(found), rule.most_hits)  # fmt: skip

    return judge


def replaced(text: str, found: list[Found], numbered: bool = False, replace: bool = True) -> tuple[str, list[dict]]:
    """The text with placeholders, and one mark a hit: start, end, at, type, found, placeholder, rule."""
    pieces, marks, end, length = [], [], 0, 0
    numbers: dict[str, dict[str, int]] = {}
    for hit in found:
        value = text[hit.start : hit.end]
        placeholder = ""
        if replace:
            placeholder = _placeholder(hit.type, value, numbers if numbered else None)
        pieces += (text[end : hit.start], placeholder or value)
        length += len(pieces[-2])
        marks.append({
            "start": hit.start, "end": hit.end, "at": length, "type": hit.type, "found": value,
            "placeholder": placeholder, "rule": "personal_data"})  # fmt: skip
        length += len(pieces[-1])
        end = hit.end
    return "".join([*pieces, text[end:]]), marks


def _placeholder(kind: str, value: str, numbers: dict[str, dict[str, int]] | None) -> str:
    if numbers is None:
        return f"[{PLACEHOLDERS[kind]}]"
    known = numbers.setdefault(kind, {})
    number = known.setdefault(_WRITTEN.sub("", value.casefold()), len(known) + 1)
    return f"[{PLACEHOLDERS[kind]}_{number}]"
