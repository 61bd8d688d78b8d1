"""An answer as single claims, by rule: its sentences with the numbers, dates and names in them. Torch-free.

On a world of known truth a sentence is read as subject, relation and value instead: see ``core.glass.fact_book``.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

from core.spec.doubt import Claim, Part

_END = re.compile(r"[.!?]+[\"'”’)\]]*(?=\s|$)|[。！？]+[」』”’）]*|\n")
_NO_END = re.compile(r"(?:^|\s)(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|cf|etc|e\.g|i\.e)\.$")  # a dot that ends no sentence
_MONTH = ("January|February|March|April|May|June|July|August|September|October|November|December|"
          "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec")
_DATE = re.compile(
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTH})\.?(?:\s+\d{{4}})?\b|\b(?:{_MONTH})\.?\s+\d{{1,2}}(?:,\s*\d{{4}})?\b|"
    r"\b\d{4}-\d{2}-\d{2}\b|\d{3,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?|\b1\d{3}\b|\b20\d{2}\b")
_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:[.,]\d+)*(?:\s?%)?")
_NAME = re.compile(
    r"\b[A-Z][\w'’-]*(?:\s+(?:(?:of|de|von|van|da|del|la|the)\s+)?[A-Z][\w'’-]*)*")
_QUOTED = re.compile(r"[「《『“]([^」》』”]{1,60})[」》』”]")
_OPENERS = frozenset(
    "A An The This That These Those It Its He She They We You I His Her Their Our My In On At By For From Of To With "
    "And But Or If When While As After Before Since Every All Some No Not Yes There Here What Who How Why Where Which "
    "Return Returns".split())  # words that are capital only because they begin a sentence


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text are, without the white space around them; characters, half-open."""
    found, start = [], 0
    for end in [*(match.end() for match in _END.finditer(text) if not _NO_END.search(text[: match.end()])), len(text)]:
        inner = text[start:end]
        first = start + len(inner) - len(inner.lstrip())
        last = start + len(inner.rstrip())
        if any(character.isalnum() for character in text[first:last]):
            found.append((first, last))
        start = end
    return found


def unfinished(prompt: str) -> str:
    """The end of a prompt that an answer goes on from: what stands after its last sentence; "" where it is done."""
    ends = [match.end() for match in _END.finditer(prompt) if not _NO_END.search(prompt[: match.end()])]
    return prompt[ends[-1] :].lstrip() if ends else prompt.lstrip()


def parts_of(text: str) -> list[Part]:
    """The dates, numbers and names of a sentence, in order; none lies in another."""
    found: list[Part] = []
    taken = [False] * len(text)

    def take(start: int, end: int, kind: str) -> None:
        if start < end and not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            found.append(Part(start, end, text[start:end], kind))

    for match in _DATE.finditer(text):
        take(*match.span(), "date")
    for match in _NUMBER.finditer(text):
        take(*match.span(), "number")
    for match in _QUOTED.finditer(text):
        take(*match.span(1), "name")
    for match in _NAME.finditer(text):
        start, words = match.start(), match.group().split()
        while words and words[0] in _OPENERS:
            start += len(words.pop(0))
            start += len(text[start : match.end()]) - len(text[start : match.end()].lstrip())
        alone_first = start == 0 and len(words) == 1  # capital because it is the first word, most likely
        if words and not alone_first:
            take(start, match.end(), "name")
    return sorted(found, key=lambda part: part.start)


def split_claims(answer: str, prompt: str = "") -> list[Claim]:
    """The claims of an answer, in order; the first takes up what the prompt left unfinished."""
    lead = unfinished(prompt)
    whole, shift, claims = lead + answer, len(lead), []
    for start, end in sentences(whole):
        if end <= shift:
            continue  # of the prompt alone
        text = whole[start:end]
        parts = [Part(part.start + start - shift, part.end + start - shift, part.text, part.kind)
                 for part in parts_of(text)]  # fmt: skip
        first = max(start - shift, 0)
        first += len(answer[first : end - shift]) - len(answer[first : end - shift].lstrip())
        claims.append(Claim(start=first, end=end - shift, text=text, parts=parts))
    return claims


def token_range(pieces: Sequence[bytes], start: int, end: int) -> tuple[int, int]:
    """The tokens that the characters [start, end) of their text lie in, half-open.

    Args:
        pieces: the bytes of each token.
    """
    edges = [0, *accumulate(len(piece) for piece in pieces)]
    data = b"".join(pieces)
    places = [len(data[:edge].decode("utf-8", "ignore")) for edge in edges]
    inside = [i for i in range(len(pieces)) if places[i] < end and places[i + 1] > start]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)
