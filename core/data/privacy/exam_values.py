"""Made-up personal data of every type in the ways the standards allow, for the exam; nobody's own.

Each function draws one value with the generator it is given, and says which words of
``exam_sentences.TOLD`` it needs around it; "" = it can be told by itself.
"""

import base64
import string
from functools import cache
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address
from random import Random

REGIONS = ("US", "GB", "CN", "FR", "DE", "IN", "BR", "ES", "IT", "CA", "KR", "SE")
FIRST = "ada bruno chen dilara eva farid grace hiro ines jonas kavya liam mei noor olga pablo rosa sven uma".split()
LAST = "abel becker costa dubois evans fischer garcia huang ito jensen kumar lopez moreau novak okafor park".split()
NAMES = (
    "Marguerite Oyelaran", "Tomasz Wiśniewski", "Ingrid Solheim", "Rafael de Alcântara", "陈思远", "欧阳文静", "林语桐")
_ENDS = "com org net io edu co.uk ac.jp com.br edu.cn gov.au museum dev travel info de fr".split()
_ALNUM = string.ascii_letters + string.digits

Value = tuple[str, str]


def email(rng: Random) -> Value:
    """RFC 5322 dot-atoms with every character allowed, quoted local parts, RFC 6531 letters, address literals."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    local = rng.choice((
        f"{first}.{last}", f"{first}_{last}{rng.randrange(100)}", f"{first[0]}{last}", f"{first}+{rng.choice(LAST)}",
        f"{first}-{last}", f"{last}{rng.randrange(1950, 2010)}", f"{first}.{last[0]}.{last}", first.capitalize(),
        first + rng.choice("!#$%&'*+/=?^_`{|}~-") + last, f'"{first} {last}"', f'"{first}..{last}"',
        f"josé.{last}", f"андрей.{last}", f"{rng.randrange(10**5, 10**9)}"))  # fmt: skip
    word = "".join(rng.choices(string.ascii_lowercase, k=rng.randrange(2, 12)))
    end = rng.choice(_ENDS)
    domain = rng.choice((
        f"{word}.{end}", f"mail.{word}.{end}", f"{word}-{last}.{end}", f"{word}{rng.randrange(10)}.{end}".upper(),
        f"bücher-{word}.de", "xn--bcher-kva.ch",
        f"[{IPv4Address(rng.randrange(1 << 24, 223 << 24))}]"))  # fmt: skip
    return f"{local}@{domain}", ""


def phone(rng: Random) -> Value:
    """Numbers of any country in international form, and of the exam's regions as they write them at home."""
    import phonenumbers as library

    national = rng.random() < 0.5
    region = rng.choice(REGIONS) if national else rng.choice(_all_regions())
    kind = rng.choice((library.PhoneNumberType.MOBILE, library.PhoneNumberType.FIXED_LINE))
    example = library.example_number_for_type(region, kind) or library.example_number(region)
    number = _varied(rng, example)
    if national:
        written = library.format_number(number, library.PhoneNumberFormat.NATIONAL)
        style = rng.randrange(4)
        if style == 0:
            return "".join(filter(str.isdigit, written)), "phone"
        if style == 1:
            written = written.replace(" ", rng.choice("-. "))
        return written, "" if any(sign in written for sign in " -.(") else "phone"
    form = rng.choice((library.PhoneNumberFormat.INTERNATIONAL, library.PhoneNumberFormat.E164))
    written = library.format_number(number, form)
    return written.replace(" ", rng.choice(" -. ")), ""


def _varied(rng: Random, example):
    """The example with other last digits, still a valid number."""
    import phonenumbers as library

    for _ in range(20):
        digits = str(example.national_number)
        changed = digits[:-4] + f"{rng.randrange(10**4):04}"
        number = library.PhoneNumber(country_code=example.country_code, national_number=int(changed),
                                     italian_leading_zero=example.italian_leading_zero,
                                     number_of_leading_zeros=example.number_of_leading_zeros)  # fmt: skip
        if library.is_valid_number(number):
            return number
    return example


@cache
def _all_regions() -> tuple[str, ...]:
    import phonenumbers as library

    return tuple(sorted(region for region in library.SUPPORTED_REGIONS if library.example_number(region)))


def ip(rng: Random) -> Value:
    """Public addresses: version 4, and version 6 in full, shortened, in capitals, or with a version 4 inside."""
    while True:
        four = IPv4Address(rng.randrange(1 << 32))
        if four.is_global and not four.is_multicast and max(four.packed) >= 20:
            break
    zeros = rng.random() < 0.5
    groups = [rng.randrange(0x2400, 0x2C00)] + [0 if zeros and rng.random() < 0.6 else rng.randrange(1 << 16)
                                               for _ in range(7)]  # fmt: skip
    six = IPv6Address(int("".join(f"{group:04x}" for group in groups), 16))
    forms = (str(four), str(four), six.compressed, six.exploded, six.compressed.upper(), f"::ffff:{four}")
    return rng.choice(forms), ""


# Brand, first digits, length, usual groups.
_BRANDS = (
    (("4",), 16, (4, 4, 4, 4)), (("51", "52", "53", "54", "55", "2221", "2550", "2720"), 16, (4, 4, 4, 4)),
    (("34", "37"), 15, (4, 6, 5)), (("300", "36", "38"), 14, (4, 6, 4)), (("6011", "644", "65"), 16, (4, 4, 4, 4)),
    (("3528", "3589"), 16, (4, 4, 4, 4)), (("62",), 16, (4, 4, 4, 4)), (("62",), 19, (4, 4, 4, 4, 3)),
    (("4",), 13, ()), (("5018", "6304"), 18, ()), (("2200", "2204"), 16, (4, 4, 4, 4)),
)  # fmt: skip


def card(rng: Random, valid: bool = True) -> Value:
    """Numbers of every brand, in groups or in a row; in a row they need a word beside them."""
    prefixes, length, groups = rng.choice(_BRANDS)
    digits = rng.choice(prefixes)
    digits += "".join(rng.choices(string.digits, k=length - 1 - len(digits)))
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(digits)))
    digits += str((-total + (0 if valid else rng.randrange(1, 10))) % 10)
    if not groups or rng.random() < 0.4:
        return digits, "card"
    return grouped(digits, groups, rng.choice(" -")), ""


def grouped(digits: str, groups: tuple[int, ...], gap: str) -> str:
    """Digits in groups of these sizes."""
    parts, at = [], 0
    for size in groups:
        parts.append(digits[at : at + size])
        at += size
    return gap.join(parts)


# Countries whose accounts carry check digits of their own: the examples of the IBAN registry.
_IBAN_EXAMPLES = (
    "BE68539007547034", "ES9121000418450200051332", "NO9386011117947", "FR1420041010050500013M02606",
    "IT60X0542811101000000123456", "PT50000201231234567890154", "FI2112345600000785", "SI56263300012039086",
    "HR1210010051863000160", "CZ6508000000192000145399", "HU42117730161111101800000000", "EE382200221020145685",
)  # fmt: skip
_IBAN_COUNTRIES = (
    "DE GB NL AT CH PL SE DK IE LU GR RO TR SA AE QA MT LI BG CY LT LV GE KZ PK JO MU UA VA BY BR CR GT").split()


def iban(rng: Random, valid: bool = True) -> Value:
    """Accounts of 45 countries, together or in groups of four."""
    from stdnum import iban as library
    from stdnum import numdb

    if rng.random() < 0.25:
        number = rng.choice(_IBAN_EXAMPLES)
    else:
        country = rng.choice(_IBAN_COUNTRIES)
        structure = numdb.get("iban").info(country)[0][1]["bban"]
        letters = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}
        body = _body(rng, structure, letters)
        number = country + library.calc_check_digits(country + "00" + body) + body
    if not valid:
        number = number[:2] + f"{(int(number[2:4]) + rng.randrange(1, 90)) % 97:02}" + number[4:]
    return (number if rng.random() < 0.5 else grouped(number, (4,) * 9, " ").strip()), ""


def _body(rng: Random, structure: str, letters: dict[str, str]) -> str:
    """Characters as a structure such as 4!a6!n8!n asks for."""
    made, count = "", ""
    for char in structure:
        if char.isdigit():
            count += char
        elif char != "!":
            made += "".join(rng.choices(letters[char], k=int(count)))
            count = ""
    return made


# Module of python-stdnum ("" = any draw will do), shape (# digit, A letter), and whether a word is needed.
_IDS = (
    ("us.ssn", "###-##-####", False), ("us.ssn", "#########", True), ("us.ssn", "### ## ####", True),
    ("", "JK ## ## ## C", False), ("", "PZ######A", False), ("gb.nhs", "### ### ####", True), ("fr.nir", "", False),
    ("de.idnr", "", True), ("es.dni", "########A", True), ("es.nie", "X#######A", False),
    ("es.nie", "Y-#######-A", False), ("it.codicefiscale", "RSSMRA8#A1#H50#A", False),
    ("br.cpf", "###.###.###-##", False), ("br.cpf", "###########", True), ("ca.sin", "### ### ###", True),
    ("ca.sin", "###-###-###", True), ("kr.rrn", "8#0#1#-1######", False), ("se.personnummer", "8#0#1#-####", False),
    ("in_.aadhaar", "#### #### ####", True),
)  # fmt: skip
_PLACES = ("110101", "310104", "440305", "510107", "330106", "420111", "120101")


def national_id(rng: Random) -> Value:
    """Numbers of the exam's regions with fitting check digits; a third of them Chinese."""
    if rng.random() < 0.33:
        return chinese_id(rng), ""
    module, shape, told = rng.choice(_IDS)
    if module == "de.idnr":
        return _german_id(rng), module
    if module == "fr.nir":
        return _french_id(rng), ""
    check = import_module(f"stdnum.{module}").is_valid if module else bool
    while True:
        drawn = "".join(rng.choice(string.digits) if char == "#" else char for char in shape)
        drawn = "".join(rng.choice(string.ascii_uppercase) if char == "A" and module[:2] in ("es", "it") and at == len(
            drawn) - 1 else char for at, char in enumerate(drawn))  # fmt: skip
        if check(drawn.replace(" ", "")):
            return drawn, module if told else ""


def chinese_id(rng: Random, valid: bool = True) -> str:
    """Place, birthday, order and check digit, GB 11643-1999."""
    body = rng.choice(_PLACES) + f"{rng.randrange(1990, 2005)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"
    body += f"{rng.randrange(1, 1000):03}"
    check = sum(int(digit) * pow(2, 17 - i, 11) for i, digit in enumerate(body))
    return body + "10X98765432"[(check + (0 if valid else rng.randrange(1, 11))) % 11]


def _german_id(rng: Random) -> str:
    from stdnum.de import idnr

    while True:  # one digit comes twice, one is missing
        digits = rng.sample(string.digits, 10)
        digits[rng.randrange(1, 10)] = digits[0]
        body = "".join(digits)
        for check in string.digits:
            if idnr.is_valid(body + check):
                return grouped(body + check, (2, 3, 3, 3), " ") if rng.random() < 0.5 else body + check


def _french_id(rng: Random) -> str:
    body = f"{rng.choice('12')}{rng.randrange(40, 99)}{rng.randrange(1, 13):02}{rng.randrange(1, 96):02}"
    body += f"{rng.randrange(1, 990):03}{rng.randrange(1, 1000):03}"
    if body[5:7] == "20":
        body = body[:5] + "21" + body[7:]
    number = body + f"{97 - int(body) % 97:02}"
    return grouped(number, (1, 2, 2, 2, 3, 3, 2), " ") if rng.random() < 0.5 else number


def credentials(rng: Random) -> Value:
    """``user:password`` of a link; the password has letters, digits and signs that RFC 3986 allows there."""
    user = rng.choice((rng.choice(FIRST), "admin", "svc_" + rng.choice(LAST), "root"))
    secret = "".join(rng.choices(_ALNUM + "-._~!$&()*+,;=%", k=rng.randrange(6, 24)))
    return f"{user}:{rng.choice(string.ascii_letters)}{secret.replace('%', '%25')}", ""


def key(rng: Random) -> Value:
    """Keys as services give them out, tokens, and private-key blocks."""

    def draw(letters: str, length: int) -> str:
        return "".join(rng.choices(letters, k=length))

    word = _ALNUM + "_-"
    body = base64.b64encode(rng.randbytes(240)).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    kind = rng.choice(("RSA ", "EC ", "OPENSSH ", ""))
    return rng.choice((
        "AKIA" + draw(string.ascii_uppercase + "234567", 16), "ghp_" + draw(_ALNUM, 36),
        "github_pat_" + draw(_ALNUM, 22) + "_" + draw(_ALNUM, 59), "glpat-" + draw(word, 20),
        f"xoxb-{draw(string.digits, 12)}-{draw(string.digits, 13)}-{draw(_ALNUM, 24)}", "AIza" + draw(word, 35),
        "sk-" + draw(_ALNUM, 48), "sk-proj-" + draw(word, 100) + "x1", "sk_live_" + draw(_ALNUM, 24),
        "hf_" + draw(string.ascii_letters, 34), "npm_" + draw(_ALNUM, 36), f"SG.{draw(word, 22)}.{draw(word, 42)}k",
        f"eyJhbGciOiJIUzI1NiJ9.eyJ{draw(word, 40)}.{draw(word, 42)}Q",
        f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----")), ""  # fmt: skip


def secret_value(rng: Random) -> Value:
    """A random value without a shape of its own."""
    return rng.choice((
        rng.randbytes(16).hex(), rng.randbytes(32).hex(), base64.b64encode(rng.randbytes(30)).decode(),
        "".join(rng.choices(_ALNUM, k=rng.randrange(24, 48))) + "7a")), "key"  # fmt: skip


def name(rng: Random) -> Value:
    """One of :data:`NAMES`."""
    return rng.choice(NAMES), ""
