"""What looks like personal data and is none: near misses of every type, and plain arithmetic."""

import uuid
from collections.abc import Callable
from ipaddress import IPv6Address
from random import Random

from core.data.privacy.exam_values import FIRST, LAST, card, chinese_id, iban


def _digits(rng: Random, length: int) -> str:
    return str(rng.randrange(1, 10)) + "".join(str(rng.randrange(10)) for _ in range(length - 1))


def _isbn13(rng: Random) -> str:
    body = "978" + _digits(rng, 9)
    check = -sum(int(digit) * (1, 3)[i % 2] for i, digit in enumerate(body)) % 10
    return f"978-{body[3]}-{body[4:8]}-{body[8:12]}-{check}" if rng.random() < 0.6 else f"{body}{check}"


def _isbn10(rng: Random) -> str:
    body = _digits(rng, 9)
    check = -sum(int(digit) * (10 - i) for i, digit in enumerate(body)) % 11
    return f"{body[0]}-{body[1:4]}-{body[4:9]}-{'X' if check == 10 else check}"


def _date(rng: Random) -> str:
    year, month, day = rng.randrange(1900, 2031), rng.randrange(1, 13), rng.randrange(1, 29)
    return rng.choice((
        f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", f"{month}/{day}/{year}",
        f"{year}{month:02}{day:02}",
        f"{year}-{month:02}-{day:02} {rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        f"{year}-{month:02}-{day:02}T10:30:00.{_digits(rng, 6)}Z", f"{year}/{month:02}/{day:02}",
        f"{year}{month:02}{day:02}{rng.randrange(240000):06}"))  # fmt: skip


def _version(rng: Random) -> str:
    parts = [str(rng.randrange(40)) for _ in range(rng.randrange(3, 6))]
    words = ("version ", "v", "v. ", "release ", "Version: ", "firmware ", "build ", "版本")
    return rng.choice(words) + ".".join(parts)


def _sum(rng: Random) -> str:
    a, b = int(_digits(rng, rng.randrange(1, 9))), int(_digits(rng, rng.randrange(1, 9)))
    return rng.choice((f"{a} + {b} = {a + b}", f"{a}*{b}={a * b}", f"{a} × {b} = {a * b}", f"{a} - {b} = {a - b}",
                       f"{a * b} / {b} = {a}", f"({a} + {b}) * {b} = {(a + b) * b}", f"{a}+{b}"))  # fmt: skip


def _other_phone(rng: Random) -> str:
    """The shape of a phone number that no network has."""
    return rng.choice((
        f"0{rng.randrange(10)}0-000-0000", f"{rng.randrange(100, 200)}-{_digits(rng, 3)}-{_digits(rng, 4)}",
        f"+999 {_digits(rng, 9)}", f"+0 {_digits(rng, 10)}", "12 34", f"({_digits(rng, 2)}) {_digits(rng, 2)}"))


def _other_ssn(rng: Random) -> str:
    return f"{rng.choice(('000', '666'))}-{rng.randrange(10, 100)}-{_digits(rng, 4)}"


def _reserved_ip(rng: Random) -> str:
    six = IPv6Address((0x20010DB8 << 96) + rng.randrange(1 << 40)).compressed
    a, b = rng.randrange(256), rng.randrange(256)
    return rng.choice((
        f"192.168.{a}.{b}", f"10.{a}.0.{b}", "127.0.0.1", "255.255.255.0", "0.0.0.0", "::1", "fe80::1", six,
        f"300.{a + 300}.1.1"))


def _code(rng: Random) -> str:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    return rng.choice((
        f"@{first}", f"@property\ndef {last}(self):", f"icon@{rng.randrange(2, 4)}x.png",
        f"npm install {last}@{_digits(rng, 1)}.2.0", f"ssh {first}@{last}", "git clone git@github.com:acme/app.git",
        "std::dec << ::add(1)", f"#{rng.randbytes(3).hex()}",
        f"a[{rng.randrange(9)}]@b[{rng.randrange(9)}]", "if x == 10000000000:", f"sleep({_digits(rng, 9)})",
        f"0x{rng.randbytes(8).hex()}", f"{first} @ {last}", f"00:1a:2b:{rng.randrange(10, 99)}:4d:5e",
        "api_key = YOUR_API_KEY_GOES_HERE", "token = get_token_from_the_config()", "password: ****************",
        "secret_key = os.environ['SECRET_KEY']", "https://user:password@host/",
        "sk-learn-and-other-packages-for-people", "the token is internationalization_of_things",
        "http://localhost:8080/a:b@c"))  # fmt: skip


# What is written before and after, and what goes between; every one of them holds nothing personal.
_Draw = Callable[[Random], str]
MISSES: tuple[tuple[tuple[str, ...], _Draw], ...] = (
    (("It was {}.", "on {} at noon", "从{}开始", "日期：{}"), _date),
    (("Upgrade to {} now.", "{} is out", "请升级到{}。"), _version),
    (("ISBN {}", "see {} (ISBN)", "书号 ISBN {}"), _isbn13), (("ISBN-10: {}", "ISBN {}"), _isbn10),
    (("{}", "We get {}.", "Compute {}.", "计算：{}"), _sum),
    (("commit {}", "sha: {}", "{}  file.bin", "etag {}", "提交 {}"),
     lambda rng: rng.randbytes(rng.choice((16, 20, 32))).hex()),
    (("request {}", "id={}"), lambda rng: str(uuid.UUID(bytes=rng.randbytes(16)))),
    (("Order {} has shipped.", "order no. {}", "Ticket #{}", "invoice {}", "tracking number {}", "订单号{}",
      "运单号 {} 已签收", "serial {}", "part number {}"), lambda rng: _digits(rng, rng.randrange(7, 20))),
    (("{} people watched it", "about {} grains", "it holds {}", "共有{}个", "{} bytes", "row {} of the table",
      "seed {}"), lambda rng: _digits(rng, rng.randrange(7, 20))),
    (("Visa {}", "card number {}", "银行卡{}", "credit card {}, please"), lambda rng: card(rng, valid=False)[0]),
    (("IBAN {}", "to {}", "账户{}"), lambda rng: iban(rng, valid=False)[0]),
    (("身份证{}", "ID {}", "号码：{}"), lambda rng: chinese_id(rng, valid=False)),
    (("SSN {}", "box {}"), _other_ssn), (("Section {}", "it lies at {}"), _other_phone),
    (("host {}", "ping {}", "listen on {}", "本机{}"), _reserved_ip), (("{}", "Use `{}`.", "写成 {} 即可"), _code),
    (("pi = {}", "about {} m", "圆周率约{}"), lambda rng: f"{rng.randrange(10)}.{_digits(rng, rng.randrange(5, 17))}"),
    (("at {}", "GPS {}"),
     lambda rng: f"{rng.randrange(90)}.{_digits(rng, 6)}, -{rng.randrange(180)}.{_digits(rng, 6)}"),
    (("It cost {}.", "revenue of {}", "总额{}"),
     lambda rng: f"{rng.choice('$€¥')}{int(_digits(rng, 9)):,}.{_digits(rng, 2)}"),
    (("doi:{}", "https://doi.org/{}"),
     lambda rng: f"10.{_digits(rng, 4)}/s{_digits(rng, 5)}-{_digits(rng, 3)}-{_digits(rng, 5)}"),
    (("from {}", "pages {}", "the years {}"), lambda rng: f"{rng.randrange(1900, 1960)}-{rng.randrange(1960, 2024)}"),
    (("{}", "| {} |"), lambda rng: " ".join(_digits(rng, rng.randrange(2, 6)) for _ in range(rng.randrange(4, 9)))),
    (("Scores: {}",), lambda rng: ", ".join(_digits(rng, rng.randrange(1, 5)) for _ in range(rng.randrange(3, 8)))),
    (("arXiv:{}", "patent {}"), lambda rng: f"{_digits(rng, 4)}.{_digits(rng, 5)}"),
    (("ZIP {}",), lambda rng: f"{_digits(rng, 5)}-{_digits(rng, 4)}"),
)  # fmt: skip


def miss(rng: Random) -> str:
    """One sentence with a near miss in it."""
    sentences, draw = rng.choice(MISSES)
    return rng.choice(sentences).replace("{}", draw(rng))


def arithmetic_text(rng: Random, n_bytes: int) -> str:
    """Sums with and without worked steps, in columns and in words: text in which nothing is personal."""
    lines, length = [], 0
    while length < n_bytes:
        a, b = (int(_digits(rng, rng.randrange(1, 13))) for _ in range(2))
        sign, result = rng.choice((("+", a + b), ("-", a - b), ("*", a * b), ("×", a * b)))
        line = rng.choice((
            f"{a} {sign} {b} = {result}", f"{a}{sign}{b}={result}", f"Q: What is {a} {sign} {b}?\nA: {result}",
            f"{a:>16}\n{sign} {b:>14}\n{'-' * 16}\n{result:>16}", f"{a:,} {sign} {b:,} = {result:,}",
            f"Step 1: {a} {sign} {b} = {result}. Step 2: {result} - {b} = {result - b}.",
            f"{a} {sign} {b} 等于 {result}。", f"The answer to {a} {sign} {b} is {result}.",
            f"{a} / {b} = {a / b}", f"f({a}) = {result}; f({b}) = {result + 1}", f"{a}, {b}, {result}",
            f"({a} {sign} {b}) / 100 = {result / 100}", f"({a}) {sign} ({b}) = ({result})",
            f"+{a} {sign} -{b} = +{result}"))  # fmt: skip
        lines.append(line)
        length += len(line.encode()) + 1
    return "\n".join(lines)
