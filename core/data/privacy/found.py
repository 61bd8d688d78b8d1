"""A piece of personal data in a text, and what the words around it say."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Spaces and hyphens that people put between groups of digits.
SPACES = " \u00a0\u2007\u2009\u202f"
HYPHENS = "\\-\u2010\u2011\u2012\u2013"
# Nothing of a longer word or number may stand before or after; Chinese and the commas of a table may.
ALONE_BEFORE, ALONE_AFTER = r"(?<![0-9A-Za-z_])(?<![0-9]\.)", r"(?![0-9A-Za-z_])(?!\.[0-9])"

_NO_DIGITS = re.compile("[^0-9]+")
# A slash is none of them: it also parts the fields of a list, and a quotient of long numbers tells nothing else.
_OPERATOR_BEFORE = re.compile(r"[0-9)=%]\s*[-+*×÷·=<>^−]\s*$")
_OPERATOR_AFTER = re.compile(r"\s*(?:[*×÷·^%]\s*[-+0-9(]|[=<>]{1,2}\s*[-+0-9(?x]|[-+−]\s+[-+0-9(])")


class Found(NamedTuple):
    """Characters [start, end) of a text, and what they are; types are the keys of ``scan.PLACEHOLDERS``."""

    start: int
    end: int
    type: str


# (text, start, end) -> what lies in [start, end) of the text; the words around it may lie outside.
Detector = Callable[[str, int, int], Iterator[Found]]

# Six digits or more with little between them: what detectors of numbers need to look at, and mostly there is none.
_STRETCH = re.compile(r"[0-9](?:[^0-9\n]{0,4}[0-9]){5,}")
_MARGIN = 32  # characters around a stretch: letters that belong to the number


def stretches_of_digits(text: str) -> list[tuple[int, int]]:
    """(start, end) of the parts of a text that hold longer numbers, with some room around; none overlaps another."""
    merged: list[tuple[int, int]] = []
    for match in _STRETCH.finditer(text):
        start, end = max(0, match.start() - _MARGIN), min(len(text), match.end() + _MARGIN)
        if merged and start <= merged[-1][1]:
            start = merged.pop()[0]
        merged.append((start, end))
    return merged


def words(*alternatives: str) -> re.Pattern:
    """Any of these words, case folded; a Latin word counts only whole."""
    latin = [word for word in alternatives if word.isascii()]
    other = [word for word in alternatives if not word.isascii()]
    return re.compile("|".join([rf"(?<![a-z])(?:{'|'.join(latin)})(?![a-z])", *other]), re.IGNORECASE)


def near(text: str, found: Found | re.Match, wanted: re.Pattern, before: int = 48, after: int = 24) -> bool:
    """Whether a word stands near a place, on its side of a blank line."""
    start, end = (found.start(), found.end()) if isinstance(found, re.Match) else (found.start, found.end)
    left = text[max(0, start - before) : start].rpartition("\n\n")[2]
    right = text[end : end + after].partition("\n\n")[0]
    return wanted.search(left) is not None or wanted.search(right) is not None


# Words that make a row of digits something else, when they stand directly before it.
_OTHER_NUMBER = words(
    "order", "invoice", "ref", "reference", "ticket", "case", "isbn", "issn", "doi", "serial", "version", "model",
    "part", "sku", "tracking", "batch", "lot", "barcode", "ean", "upc", "gtin", "imei", "patent", "commit", "build",
    "record", "parcel", "shipment", "arxiv", "pmid", "订单", "订单号", "编号", "发票", "单号", "流水", "型号", "序列号",
    "版本", "条码", "快递", "运单", "批号", "专利")


def is_other_number(text: str, start: int) -> bool:
    """Whether the words directly before say that this is an order, a serial number or the like."""
    return _OTHER_NUMBER.search(text[max(0, start - 24) : start].rpartition("\n")[2]) is not None


def in_sum(text: str, start: int, end: int) -> bool:
    """Whether a number is part of a sum, such as 12 * 3 = 36."""
    line_before = text[max(0, start - 8) : start].rpartition("\n")[2]
    return _OPERATOR_BEFORE.search(line_before) is not None or _OPERATOR_AFTER.match(text, end, end + 8) is not None


def digits_of(text: str) -> str:
    """Only its digits."""
    return _NO_DIGITS.sub("", text)
