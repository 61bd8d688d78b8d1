"""Links, and words of a list."""

import re
from collections import Counter

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.privacy.scan import read_lines
from core.errors import LabError
from core.spec.rules.keywords import Links, WordList

_LINK = re.compile(r"(?:https?|ftp)://[^\s<>\"'，。；、）】》」]+|www\.[0-9A-Za-z-]+\.[^\s<>\"'，。；、）】》」]+")
_NO_LETTER = re.compile(r"[\W\d_]*")
_WORD = re.compile("[0-9A-Za-z_'\u00c0-\u1fff]+|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def word_count(text: str) -> int:
    """Words; each Chinese, Japanese and Korean character counts as one."""
    return len(_WORD.findall(text))


def links(rule: Links, _workspace=None) -> Filter:
    """Sets aside documents that are mostly links; cuts lines that are nothing else."""

    def judge(draft: Draft) -> Reason | None:
        text = draft.text
        found = _LINK.findall(text) if "://" in text or "www." in text else []
        share = sum(map(len, found)) / max(len(text), 1)
        per_word = len(found) / max(draft.fact(word_count), 1) if found else 0.0
        draft.measures["links.share"], draft.measures["links.per_word"] = share, per_word
        if share > rule.share:
            return Reason(
                "links", "{share:.1%} of its characters are in links; at most {limit:.1%} are allowed.",
                {"share": round(share, 5), "limit": rule.share}, "share", share, rule.share)
        if per_word > rule.per_word:
            return Reason(
                "links", "It has {links} links in {words} words; at most {limit} a word are allowed.",
                {"links": len(found), "words": draft.fact(word_count), "limit": rule.per_word},
                "per_word", per_word, rule.per_word)  # fmt: skip
        if found and rule.cut:
            draft.text = "\n".join(line for line in text.split("\n") if not is_only_links(line))
        return None

    return judge


def is_only_links(line: str) -> bool:
    """Whether a line holds a link and, beside it, no word."""
    if "://" not in line and "www." not in line:
        return False
    rest, count = _LINK.subn("", line)
    return count > 0 and _NO_LETTER.fullmatch(rest) is not None


def word_list(rule: WordList, _workspace=None) -> Filter:
    """Sets aside documents in which the words of a list come too often.

    Raises:
        LabError: the list is empty or cannot be read; remedy: give words or switch the rule off.
    """
    entries = {entry.strip().casefold() for entry in (*rule.words, *read_lines(rule.file)) if entry.strip()}
    if not entries:
        raise LabError("The word list is empty.", "", "Give words or a file of words, or switch the rule off.")
    count_hits = hit_counter(entries)

    def judge(draft: Draft) -> Reason | None:
        hits = count_hits(draft.text)
        total = sum(hits.values())
        rate = 1000 * total / max(draft.fact(word_count), 1) if total else 0.0
        draft.measures["word_list.per_thousand"] = rate
        if rate <= rule.per_thousand:
            return None
        return Reason(
            "word_list",
            "Words of the list come {hits} times, most often {word}: {rate:.1f} in a thousand; at most {limit} are "
            "allowed.",
            {"hits": total, "word": hits.most_common(1)[0][0], "rate": round(rate, 2), "limit": rule.per_thousand},
            "per_thousand", rate, rule.per_thousand)  # fmt: skip

    return judge


def hit_counter(entries: set[str]):
    """A function that counts entries (case folded) in a text: single words whole, phrases and Chinese as they stand."""
    single = frozenset(entry for entry in entries if _WORD.fullmatch(entry) and entry[0] < "\u3040")
    phrases = {entry: _phrase(entry) for entry in sorted(entries - single)}

    def count(text: str) -> Counter:
        folded = text.casefold()
        hits = Counter(word for word in _WORD.findall(folded) if word in single) if single else Counter()
        for entry, pattern in phrases.items():
            if entry in folded:
                found = folded.count(entry) if pattern is None else len(pattern.findall(folded))
                if found:
                    hits[entry] = found
        return hits

    return count


def _phrase(entry: str) -> re.Pattern | None:
    """A phrase with spaces counts only between word ends; None for what is written without spaces."""
    if entry[0] >= "\u3040":
        return None
    return re.compile(rf"(?<!\w){re.escape(entry)}(?!\w)")
