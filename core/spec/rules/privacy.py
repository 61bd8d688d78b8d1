"""Personal data: what is looked for, and what becomes of it."""

from typing import Annotated, ClassVar, Literal

import msgspec

from core.spec.base import about
from core.spec.rules.base import Rule


class PersonalData(Rule, tag="personal_data"):
    """Find e-mail addresses, phone numbers, ids, keys and the like, and put typed placeholders in their place."""

    title: ClassVar[str] = "Personal data"
    family: ClassVar[str] = "privacy"
    source: ClassVar[str] = (
        "libphonenumber, python-stdnum, RFC 5322, ISO 7064, ISO/IEC 7812; key shapes after gitleaks; "
        "only public IP addresses as FineWeb, Penedo et al. 2024, arXiv:2406.17557")

    action: Annotated[Literal["replace", "report"], about(
        "What to do", "replace: put a placeholder such as [EMAIL] in its place. report: leave the text as it is and "
        "only list what was found.")] = "replace"
    most_hits: Annotated[int, about(
        "Most hits", "A document with more of them, such as a list of addresses, is set aside as it is.",
        low=0, high=1_000_000, unit="hits", measure="hits", keeps="below")] = 100
    numbered: Annotated[bool, about(
        "Number the placeholders", "The same value gets the same number within a document, [EMAIL_1], [EMAIL_2], so "
        "that one can still tell who is who.")] = False
    regions: Annotated[list[str], about(
        "Regions", "Two-letter codes of countries whose way of writing phone numbers, and whose national ids, are "
        "recognised. International numbers (+44 ...) are always found.")] = msgspec.field(
            default_factory=lambda: ["US", "GB", "CN"])
    emails: Annotated[bool, about("E-mail addresses", "Placeholder [EMAIL].", source="RFC 5322, RFC 6531")] = True
    phones: Annotated[bool, about(
        "Phone numbers", "Placeholder [PHONE]. A plain row of digits counts only beside a word such as call or 电话.",
        source="libphonenumber")] = True
    ip_addresses: Annotated[bool, about(
        "IP addresses", "Placeholder [IP]. Versions 4 and 6.", source="RFC 791, RFC 4291")] = True
    private_addresses: Annotated[bool, about(
        "Private IP addresses too", "Also addresses that mean nobody outside one network, such as 192.168.0.1.",
        expert=True, source="RFC 1918, RFC 5737")] = False
    cards: Annotated[bool, about(
        "Payment cards", "Placeholder [CARD]. The check digit must fit.", source="ISO/IEC 7812")] = True
    ibans: Annotated[bool, about(
        "Bank accounts (IBAN)", "Placeholder [IBAN]. The check digits must fit.", source="ISO 13616")] = True
    national_ids: Annotated[bool, about(
        "National ids", "Placeholder [ID]. Social security, tax and identity numbers of the regions chosen.",
        source="python-stdnum; GB 11643-1999")] = True
    credentials: Annotated[bool, about(
        "Passwords in links", "Placeholder [CREDENTIALS], for user:password@ in a link.", source="RFC 3986")] = True
    keys: Annotated[bool, about(
        "Keys and tokens", "Placeholder [KEY]. Keys of known services, private keys, and random values after a word "
        "such as api_key.", source="gitleaks")] = True
    names: Annotated[list[str], about(
        "Names", "Words to replace by [NAME], whole and written just so.")] = []
    names_file: Annotated[str, about(
        "File of names", "More of them, one a line, in a text file.", path=True)] = ""
    allowed: Annotated[list[str], about(
        "Accepted values", "Never counted: a whole value, or the domain of an address or link.")] = msgspec.field(
            default_factory=lambda: ["example.com", "example.org", "example.net"])
