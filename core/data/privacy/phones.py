"""Phone numbers: cheap shapes first, libphonenumber only on what could be one."""

import re
from collections.abc import Iterator
from functools import lru_cache

from core.data.privacy.found import HYPHENS, SPACES, Detector, Found, digits_of, in_sum, is_other_number, near, words

# What may stand between two digits of one number; " / " and ", " stand between two numbers.
_GAP = rf"(?:[{SPACES}]?\)?[{SPACES}]?[{HYPHENS}.]?[{SPACES}]?\(?|/)"
_INTERNATIONAL = re.compile(rf"(?<![0-9A-Za-z_+])\+[1-9](?:{_GAP}[0-9]){{6,16}}(?![0-9A-Za-z_])")
_NATIONAL = re.compile(
    rf"(?<![0-9A-Za-z_])(?<![0-9A-Za-z][.,:/+])\(?[0-9](?:{_GAP}[0-9]){{6,14}}(?![0-9A-Za-z_])(?![.,:][0-9])")
_DATE = re.compile(
    r"\b(?:1[5-9]|20|21)[0-9]{2}([-./])[0-9]{1,2}\1[0-9]{1,2}\b|\b[0-9]{1,2}([-./])[0-9]{1,2}\2(?:19|20)[0-9]{2}\b")
_ABOUT_PHONES = words(
    "call(?:s|ed|ing)?", "phones?", "telephones?", "tel", "fax", "mobile", "cell", "cellphone", "dial", "ring",
    "reach", "whatsapp", "telegram", "signal", "sms", "text(?:ed)? (?:me|us|him|her|them|to|at|on)", "contact",
    "hotline", "helpline", "toll[- ]?free", "voicemail", "handset", "landline", "ext", "telefon", "handy", "telefono",
    "telefone", "movil", "portable", "cellulare", "ph",
    "电话", "手机", "致电", "来电", "拨", "座机", "热线", "传真", "联系", "联络", "号码", "短信", "微信", "打给",
    "電話", "手機", "携帯", "聯絡", "전화", "휴대폰", "téléphone", "teléfono", "móvil", "тел")


def phones_of(regions: list[str]) -> Detector:
    """A detector of international numbers, and of national ones as these regions write them.

    A national number counts when its digits are in the groups of that region, or when a word about
    phones stands near; a plain row of digits counts only beside such a word.
    """

    def detect(text: str, start: int, end: int) -> Iterator[Found]:
        for match in _INTERNATIONAL.finditer(text, start, end):
            length = _international_length(match[0])
            if length and not in_sum(text, match.start(), match.start() + length):
                yield Found(match.start(), match.start() + length, "phone")
        taken = start
        for match in _NATIONAL.finditer(text, start, end):
            for at, written in _parts(match):
                if at >= taken and _is_national(text, at, written, regions):
                    taken = at + len(written)
                    yield Found(at, taken, "phone")

    return detect


def _international_length(written: str) -> int:
    """Characters of a number that begins with +, less the groups at its end that do not belong to it; 0 = none."""
    while len(digits_of(written)) >= 7:
        if _valid_number(written, "") is not None:
            return len(written)
        shorter = re.sub(rf"[{SPACES}{HYPHENS}.()/]+[0-9]+$", "", written)
        if shorter == written:
            return 0
        written = shorter
    return 0


def _parts(match: re.Match) -> Iterator[tuple[int, str]]:
    """The whole, then what stands between its spaces: two numbers may stand side by side."""
    written, start = match[0], match.start()
    if written[0] == "(" and ")" not in written:
        start, written = start + 1, written[1:]
    yield start, written
    if len(digits_of(written)) > 9:
        for part in re.finditer(rf"(?:\([0-9]+\)[{SPACES}]?)?[0-9][0-9{HYPHENS}./]{{5,}}[0-9]", written):
            if part[0] != written:
                yield start + part.start(), part[0]


def _is_national(text: str, start: int, written: str, regions: list[str]) -> bool:
    digits, end = digits_of(written), start + len(written)
    plain = len(digits) == len(written)
    if not 7 <= len(digits) <= 15 or _DATE.search(written):
        return False
    if in_sum(text, start, end) and not re.search(rf"[{HYPHENS}(]", written):
        return False
    told = near(text, Found(start, end, "phone"), _ABOUT_PHONES, before=40, after=12)
    if not told and (plain or is_other_number(text, start) or _is_row_of_numbers(text, start, written)):
        return False
    groups = tuple(re.findall("[0-9]+", written))
    return any(told or _grouped_alike(groups, number) for region in regions
               if (number := _valid_number(digits, region)) is not None)  # fmt: skip


def _is_row_of_numbers(text: str, start: int, written: str) -> bool:
    """Whether nothing but spaces parts its groups, and more numbers stand directly beside it, as in a table."""
    if re.search(rf"[{HYPHENS}.()/]", written):
        return False
    end = start + len(written)
    return re.search(r"[0-9][,;]?[ \t]+$", text[max(0, start - 4) : start]) is not None or (
        re.match(r"[,;]?[ \t]+[0-9]", text[end : end + 4]) is not None)


@lru_cache(1 << 16)
def _valid_number(written: str, region: str) -> tuple[str, str] | None:
    """The number in national and international form, when it is a valid one; region "" = it names its country."""
    import phonenumbers

    try:
        number = phonenumbers.parse(written, region or None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, form.NATIONAL), phonenumbers.format_number(number, form.INTERNATIONAL)


def _grouped_alike(groups: tuple[str, ...], number: tuple[str, str]) -> bool:
    """Whether the gaps are among those of the usual form, counted from the end; fewer gaps are fine, none is not."""
    if len(groups) < 2:
        return False
    gaps = _gaps(groups)
    return any(gaps <= _gaps(re.findall("[0-9]+", form)) for form in number)


def _gaps(groups) -> set[int]:
    found, total = set(), 0
    for group in reversed(groups[1:]):
        total += len(group)
        found.add(total)
    return found
