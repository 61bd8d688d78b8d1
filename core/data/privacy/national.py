"""National identity, tax and social security numbers, as python-stdnum validates them."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from core.data.privacy.found import ALONE_AFTER, ALONE_BEFORE, Detector, Found, in_sum, is_other_number, near, words
from core.errors import LabError


class NationalId(NamedTuple):
    """One kind of number.

    Attributes:
        shape: how people write it.
        module: of python-stdnum, whose ``is_valid`` decides; "" = the shape is all there is.
        alone: whether shape and check digits are telling enough without a word beside.
        words: in lower case, one of which must stand near otherwise.
    """

    region: str
    shape: str
    module: str
    alone: bool
    words: tuple[str, ...] = ()


_TAX = ("tax", "tin")
_SOCIAL = ("social security", "social insurance", "insurance")
_IDENTITY = ("id", "identity", "identification", "passport", "personal number")

KINDS = (
    NationalId("US", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", "us.ssn", True),
    NationalId("US", r"[0-9]{3}[ ]?[0-9]{2}[ ]?[0-9]{4}", "us.ssn", False, ("ssn", "social security", "soc sec")),
    NationalId("US", r"9[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{4}", "us.itin", False, ("itin", *_TAX, "taxpayer")),
    NationalId("CN", r"[1-9][0-9]{5}[ ]?(?:18|19|20)[0-9]{6}[ ]?[0-9]{3}[0-9Xx]", "cn.ric", True),
    NationalId("GB", r"(?![DFIQUV])[A-Z](?![DFIQUVO])[A-Z](?<!BG)(?<!GB)(?<!NK)(?<!KN)(?<!TN)(?<!NT)(?<!ZZ)"
                     r"[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[A-D]", "", True),
    NationalId("GB", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", "gb.nhs", False, ("nhs", "patient", "health service")),
    NationalId("FR", r"[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?[0-9][0-9AB](?:[ ]?[0-9]{3}){2}[ ]?[0-9]{2}", "fr.nir", True),
    NationalId("DE", r"[1-9][0-9][ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}", "de.idnr", False,
               ("steuer", "steuer-id", "steueridentifikationsnummer", "identifikationsnummer", "idnr", *_TAX)),
    NationalId("ES", r"[0-9]{8}[- ]?[A-Z]", "es.dni", False, ("dni", "nif", "documento", "identidad", *_IDENTITY)),
    NationalId("ES", r"[XYZ][- ]?[0-9]{7}[- ]?[A-Z]", "es.nie", True),
    NationalId("IT", r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", "it.codicefiscale", True),
    NationalId("NL", r"[0-9]{4}[. ]?[0-9]{2}[. ]?[0-9]{3}", "nl.bsn", False,
               ("bsn", "burgerservicenummer", *_IDENTITY)),
    NationalId("BE", r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", "be.nn", True),
    NationalId("CH", r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", "ch.ssn", True),
    NationalId("SE", r"(?:19|20)?[0-9]{6}[-+][0-9]{4}", "se.personnummer", True),
    NationalId("FI", r"[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-Y]", "fi.hetu", True),
    NationalId("NO", r"[0-9]{6}[ ]?[0-9]{5}", "no.fodselsnummer", False, ("fodselsnummer", "personnummer", *_IDENTITY)),
    NationalId("PL", r"[0-9]{11}", "pl.pesel", False, ("pesel", *_IDENTITY)),
    NationalId("CZ", r"[0-9]{6}/[0-9]{3,4}", "cz.rc", True),
    NationalId("BR", r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", "br.cpf", True),
    NationalId("BR", r"[0-9]{11}", "br.cpf", False, ("cpf",)),
    NationalId("MX", r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[0-9A-Z][0-9]", "mx.curp", True),
    NationalId("CA", r"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}", "ca.sin", False, ("sin", "social insurance")),
    NationalId("IN", r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", "in_.aadhaar", False, ("aadhaar", "aadhar", "uidai")),
    NationalId("AU", r"[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{3}", "au.tfn", False, ("tfn", *_TAX)),
    NationalId("KR", r"[0-9]{6}-[0-9]{7}", "kr.rrn", True),
    NationalId("JP", r"[0-9]{4}[- ]?[0-9]{4}[- ]?[0-9]{4}", "jp.in_", False, ("my number", "マイナンバー", "個人番号")),
    NationalId("ZA", r"[0-9]{13}", "za.idnr", False, _IDENTITY),
    NationalId("TR", r"[1-9][0-9]{10}", "tr.tckimlik", False, ("kimlik", "tckn", *_IDENTITY)),
)
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split())
REGIONS = tuple(sorted({kind.region for kind in KINDS}))


def national_ids_of(regions: list[str]) -> Detector:
    """A detector of the numbers that these regions give their people; regions without a known one add none."""
    chosen = [_Ready(kind) for kind in KINDS if kind.region in regions]

    def detect(text: str, start: int, end: int) -> Iterator[Found]:
        for kind in chosen:
            yield from kind.find(text, start, end)

    return detect


class _Ready:
    """A kind of number with its pattern and validator at hand."""

    def __init__(self, kind: NationalId) -> None:
        self._pattern = re.compile(f"{ALONE_BEFORE}(?<![-.])(?:{kind.shape}){ALONE_AFTER}(?![-][0-9A-Za-z])")
        self._valid = _VALIDATORS.get(kind.module) or import_module(f"stdnum.{kind.module}").is_valid
        self._alone, self._words = kind.alone, words(*(kind.words or _IDENTITY), "身份证", "证件")

    def find(self, text: str, start: int, end: int) -> Iterator[Found]:
        for match in self._pattern.finditer(text, start, end):
            if not near(text, match, self._words) and (not self._alone or is_other_number(text, match.start())):
                continue
            if self._valid(match[0].replace(" ", "")) and not in_sum(text, match.start(), match.end()):
                yield Found(match.start(), match.end(), "national_id")


def chinese_id_fits(number: str) -> bool:
    """Whether province, birthday and check digit fit.

    The counties that python-stdnum asks for too are left out: its list lacks some, and it fails on them.
    Source: GB 11643-1999; ISO 7064, MOD 11-2.
    """
    from stdnum.cn import ric

    try:
        ric.get_birth_date(number)
    except ric.InvalidComponent:
        return False
    return number[:2] in _PROVINCES and ric.calc_check_digit(number) == number[-1].upper()


_VALIDATORS = {"": lambda number: True, "cn.ric": chinese_id_fits}


def checked_regions(regions: list[str]) -> list[str]:
    """Two-letter codes in upper case.

    Raises:
        LabError: a code that is no region of libphonenumber; remedy: which there are.
    """
    from phonenumbers import SUPPORTED_REGIONS

    wanted = [region.strip().upper() for region in regions]
    for region in wanted:
        if region not in SUPPORTED_REGIONS:
            raise LabError(
                "There is no region {region}.", "", "Use two-letter country codes such as {known}.",
                region=region or "''", known=", ".join(REGIONS))
    return list(dict.fromkeys(wanted))
