"""Phone numbers: cheap shapes first, libphonenumber only on what could be one."""

import re
from collections.abc import Iterator
from functools import lru_cache

from core.data.privacy.found import HYPHENS, SPACES, Detector, Found, digits_of, in_sum, is_other_number, near, words

# What may stand between two digits of one number; " / " and ", " stand between two numbers.
_GAP = rf"(?:[{SPACES}]?\)?[{SPACES}]?[{HYPHENS}.]?[{SPACES}]?\(?|/)"
_INTERNATIONAL = re.compile(rf"(?<![0-9A-Za-z_+])\+[1-9](?:{_GAP}[0-9]){{6,16}}(?![0-9A-Za-z_])")
_NATIONAL = re.compile(
    rf"(?<![0-9A-Za-z_])(?<![0-9A-Za-z][.:/+])\(?[0-9](?:{_GAP}[0-9]){{6,14}}(?![0-9A-Za-z_])(?![.:][0-9])")
_DATE = re.compile(
    r"\b(?:1[5-9]|20|21)[0-9]{2}([-./])[0-9]{1,2}\1[0-9]{1,2}\b|\b[0-9]{1,2}([-./])[0-9]{1,2}\2(?:19|20)[0-9]{2}\b")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)\.[0-9]+")
_DUMMY = re.compile(r"([0-9])\1{6}$")  # 020-000-0000 stands for a number and is none
_WIDE_HYPHEN = re.compile(rf"[{SPACES}][{HYPHENS}][{SPACES}]")
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
            length = 0 if in_sum(text, match.start(), match.end()) else _international_length(match[0])
            if length:
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
    """Whether it is a number of one of the regions; what costs least is asked first."""
    digits, end = digits_of(written), start + len(written)
    if not 7 <= len(digits) <= 15 or written.count("(") > 1 or _DUMMY.search(digits):
        return False
    if _DATE.search(written) or in_sum(text, start, end):
        return False
    told = near(text, Found(start, end, "phone"), _ABOUT_PHONES, before=40, after=12)
    plain = len(digits) == len(written)
    if not told and (plain or _is_difference(written) or _is_row(text, start, written)
                     or is_other_number(text, start)):  # fmt: skip
        return False
    groups = re.findall("[0-9]+", written)
    for region in regions:
        if _shape_of(region).fullmatch(digits) and (number := _valid_number(digits, region)):
            if told or _grouped_alike(groups, number):
                return True
    return False


def _is_difference(written: str) -> bool:
    """Whether it may as well be a decimal, or one number less another; a number after 0 or in brackets is neither."""
    if _DECIMAL.fullmatch(written):
        return True
    return written[0] not in "0(" and _WIDE_HYPHEN.search(written) is not None


@lru_cache(512)
def _shape_of(region: str) -> re.Pattern:
    """What digits dialled in a region look like: cheap to ask, before the library is."""
    from phonenumbers import PhoneMetadata

    known = PhoneMetadata.metadata_for_region(region)
    prefix = known.national_prefix_for_parsing or known.national_prefix or ""
    return re.compile(
        rf"(?:(?:00|011)[1-9][0-9]{{6,14}}|(?:{known.country_code})?(?:{prefix})?"
        rf"(?:{known.general_desc.national_number_pattern}))")


def _is_row(text: str, start: int, written: str) -> bool:
    """Whether nothing but spaces parts its groups, and more numbers stand directly beside it, as in a table."""
    if re.search(rf"[{HYPHENS}.()/]", written):
        return False
    end = start + len(written)
    return re.search("[0-9] +$", text[max(0, start - 4) : start]) is not None or (
        re.match(" +[0-9]", text[end : end + 4]) is not None)


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


def _grouped_alike(groups: list[str], number: tuple[str, str]) -> bool:
    """Whether it is written in the usual digits and groups; the groups after the area code may run together."""
    gaps = _gaps(groups)
    for form in number:
        usual = re.findall("[0-9]+", form)
        expected = _gaps(usual)
        if "".join(groups) == "".join(usual) and gaps and (gaps == expected or gaps == {max(expected, default=0)}):
            return True
    return False


def _gaps(groups: list[str]) -> set[int]:
    """Where groups part, in digits from the end."""
    found, total = set(), 0
    for group in reversed(groups[1:]):
        total += len(group)
        found.add(total)
    return found
