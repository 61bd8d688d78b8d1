"""Payment cards and bank accounts: numbers that carry their own check digits."""

import re
from collections.abc import Iterator
from functools import cache

from core.data.privacy.found import (
    ALONE_AFTER,
    ALONE_BEFORE,
    HYPHENS,
    SPACES,
    Found,
    digits_of,
    in_sum,
    is_other_number,
    near,
    words,
)

_GAP = f"[{SPACES}{HYPHENS}]"
_CARD = re.compile(
    rf"{ALONE_BEFORE}(?<![0-9]{_GAP})(?:"
    rf"[0-9]{{4}}(?P<gap>{_GAP})[0-9]{{4}}(?P=gap)[0-9]{{4}}(?P=gap)[0-9]{{1,4}}(?:(?P=gap)[0-9]{{3}})?"
    rf"|[0-9]{{4}}(?P<gap6>{_GAP})[0-9]{{6}}(?P=gap6)[0-9]{{4,5}}"
    rf"|[0-9]{{12,19}}){ALONE_AFTER}(?!{_GAP}[0-9]{{4}})")
_ABOUT_CARDS = words(
    "cards?", "visa", "mastercard", "amex", "american express", "discover", "diners", "jcb", "unionpay", "maestro",
    "mir", "credit", "debit", "cvv", "cvc", "expir[a-z]*", "exp", "pan", "charged?", "karte", "tarjeta", "carte",
    "卡", "银联", "信用", "借记", "支付")
# First digits and lengths of the brands (ISO/IEC 7812 ranges as the brands publish them).
_BRANDS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-59]|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"  # Discover
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|62[0-9]{14,17}"  # UnionPay
    r"|(?:50|5[6-8]|6[0-9])[0-9]{10,17}"  # Maestro, RuPay
    r"|220[0-4][0-9]{12,15}")  # Mir

# Two letters and two digits, searched for by the digits: letters are everywhere.
_IBAN_SIGN = re.compile(r"[0-9](?<=[A-Za-z]{2}[0-9])(?<![0-9A-Za-z_][A-Za-z]{2}[0-9])[0-9]")
_IBAN = re.compile(rf"([A-Za-z]{{2}})[0-9]{{2}}(?:[{SPACES}{HYPHENS}]?[0-9A-Za-z]){{11,40}}")


def cards(text: str, start: int, end: int) -> Iterator[Found]:
    """Card numbers in the usual groups, or as one row of digits beside a word about cards."""
    for match in _CARD.finditer(text, start, end):
        number = digits_of(match[0])
        if not _BRANDS.fullmatch(number) or not luhn_fits(number):
            continue
        if near(text, match, _ABOUT_CARDS, before=64, after=40):
            yield Found(match.start(), match.end(), "card")
        elif len(number) < len(match[0]) and not is_other_number(text, match.start()) and not in_sum(
                text, match.start(), match.end()):  # fmt: skip
            yield Found(match.start(), match.end(), "card")


def luhn_fits(number: str) -> bool:
    """Whether the last digit checks the others. Source: Luhn, US patent 2,950,048; ISO/IEC 7812-1, annex B."""
    total = sum(map(int, number[-1::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in number[-2::-2])
    return total % 10 == 0


def ibans(text: str, start: int, end: int) -> Iterator[Found]:
    """Account numbers of the countries in the IBAN registry whose structure and check digits fit."""
    from stdnum import iban

    for sign in _IBAN_SIGN.finditer(text, start, end):
        match = _IBAN.match(text, sign.start() - 2)
        if not match:
            continue
        length = iban_length(match[1].upper())
        last = _end_after(text, match, length)
        if length and last and iban.is_valid(re.sub(f"[{SPACES}{HYPHENS}]", "", text[match.start() : last]), False):
            yield Found(match.start(), last, "iban")


@cache
def iban_length(country: str) -> int:
    """Characters of a country's IBAN; 0 = not in the registry."""
    from stdnum import numdb

    known = numdb.get("iban").info(country)[0][1].get("bban", "")
    return 4 + sum(int(count) for count in re.findall("[0-9]+", known)) if known else 0


def _end_after(text: str, match: re.Match, length: int) -> int:
    """Where so many letters and digits have gone by, if a word ends there; else 0."""
    count = 0
    for at in range(match.start(), match.end()):
        count += text[at].isalnum()
        if count == length:
            whole = at + 1 >= len(text) or not (text[at + 1].isascii() and text[at + 1].isalnum())
            return at + 1 if whole else 0
    return 0
