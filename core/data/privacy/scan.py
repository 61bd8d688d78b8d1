"""Everything personal in one text: all detectors together, each character in one hit only."""

import re
from pathlib import Path

from core.data.privacy.addresses import all_ips, credentials, emails, public_ips
from core.data.privacy.found import Detector, Found, stretches_of_digits
from core.data.privacy.names import names_in
from core.data.privacy.national import checked_regions, national_ids_of
from core.data.privacy.payment import cards, ibans
from core.data.privacy.phones import phones_of
from core.data.privacy.secrets import keys
from core.data.readers.decode import detect_encoding
from core.errors import LabError
from core.spec.rules.privacy import PersonalData

PLACEHOLDERS = {
    "email": "EMAIL", "phone": "PHONE", "ip": "IP", "card": "CARD", "iban": "IBAN", "national_id": "ID",
    "credentials": "CREDENTIALS", "key": "KEY", "name": "NAME",
}  # fmt: skip
# What detectors look for is written with plain digits; these are the same length, so places stay where they are.
_FULL_WIDTH = str.maketrans("０１２３４５６７８９＋－（）．＠／：", "0123456789+-().@/:")
_HAS_FULL_WIDTH = re.compile("[０-９＠]")


class Scanner:
    """Finds the kinds of personal data that a rule asks for.

    Raises:
        LabError: an unknown region, or the file of names cannot be read.
    """

    def __init__(self, rule: PersonalData) -> None:
        regions = checked_regions(rule.regions)
        names = [*rule.names, *read_lines(rule.names_file)]
        ips = all_ips if rule.private_addresses else public_ips
        # In the order of who wins where two overlap: the surer first.
        chosen = (
            (rule.credentials, credentials, False), (rule.keys, keys, False), (rule.emails, emails, False),
            (rule.ibans, ibans, False), (rule.national_ids, national_ids_of(regions), True),
            (rule.cards, cards, True), (rule.ip_addresses, ips, False), (rule.phones, phones_of(regions), True),
            (bool(names), names_in(names), False),
        )  # fmt: skip
        # Each with whether it looks for numbers, and so only where there are digits enough.
        self._detectors: list[tuple[Detector, bool]] = [(detect, number) for wanted, detect, number in chosen if wanted]
        self._allowed = frozenset(value.strip().casefold() for value in rule.allowed if value.strip())

    def find(self, text: str) -> list[Found]:
        """Hits in the order of the text; none overlaps another."""
        plain = text.translate(_FULL_WIDTH) if not text.isascii() and _HAS_FULL_WIDTH.search(text) else text
        taken: list[Found] = []
        whole, stretches = [(0, len(plain))], stretches_of_digits(plain)
        for detect, number in self._detectors:
            found = [hit for start, end in (stretches if number else whole) for hit in detect(plain, start, end)
                     if not self._is_allowed(plain, hit)]  # fmt: skip
            if found:
                taken = sorted(taken + _apart(found, taken))
        return taken

    def _is_allowed(self, text: str, hit: Found) -> bool:
        if not self._allowed:
            return False
        value = text[hit.start : hit.end].casefold()
        if hit.type == "email":
            domain = value.rpartition("@")[2]
        elif hit.type == "credentials":
            domain = re.match(r"@?([^\s/?#:]*)", text[hit.end : hit.end + 256])[1].casefold()
        else:
            return value in self._allowed
        parts = domain.split(".")
        return value in self._allowed or any(".".join(parts[i:]) in self._allowed for i in range(len(parts)))


def _apart(found: list[Found], taken: list[Found]) -> list[Found]:
    """Those that overlap neither what is taken nor a longer one of their own."""
    apart: list[Found] = []
    for hit in sorted(found, key=lambda hit: hit.start - hit.end):
        if all(hit.end <= other.start or other.end <= hit.start for other in (*taken, *apart)):
            apart.append(hit)
    return apart


def read_lines(path: str) -> list[str]:
    """The lines of a text file that a person names, without remarks (#) and empty ones; "" gives none.

    Raises:
        LabError: the file cannot be read; remedy: choose another.
    """
    if not path.strip():
        return []
    try:
        found = Path(path).expanduser()
        text = found.read_bytes().decode(detect_encoding(found), "replace")
    except OSError as error:
        raise LabError(
            "The list could not be read: {error}.", path, "Choose a text file with one entry a line.",
            error=error.strerror or type(error).__name__) from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
