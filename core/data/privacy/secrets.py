"""Keys and tokens: the shapes of known services, private keys, and random values that are called a key."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain

from core.data.privacy.found import Found

# Before each shape what a text must hold: first one sign, then one of several. Looking for them costs next to nothing.
# Source: the rules of gitleaks, github.com/gitleaks/gitleaks, and the services' own descriptions.
_SHAPES = [(gate, signs, re.compile(rf"(?<![0-9A-Za-z_])(?:{shape})(?![0-9A-Za-z_])")) for gate, signs, shape in (
    ("IA", ("AKIA", "ASIA", "ABIA"), r"(?:AKIA|ASIA|ABIA)[A-Z2-7]{16}"),
    ("_", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[0-9A-Za-z]{36,255}"),
    ("_", ("github_pat_",), r"github_pat_[0-9A-Za-z_]{82}"),
    ("_", ("k_live_", "k_test_"), r"[spr]k_(?:live|test)_[0-9A-Za-z]{16,99}"),
    ("_", ("hf_",), r"hf_[0-9A-Za-z]{34}"),
    ("_", ("npm_",), r"npm_[0-9A-Za-z]{36}"),
    ("glpat-", ("glpat-",), r"glpat-[0-9A-Za-z_-]{20}"),
    ("-", ("xox", "xapp-"), r"(?:xox[baprs]|xapp)-[0-9A-Za-z-]{10,250}"),
    ("/", ("hooks.slack.com/services/",),
     r"hooks\.slack\.com/services/T[0-9A-Z]{6,12}/B[0-9A-Z]{6,12}/[0-9A-Za-z]{20,28}"),
    ("AIza", ("AIza",), r"AIza[0-9A-Za-z_-]{35}"),
    ("GOCSPX-", ("GOCSPX-",), r"GOCSPX-[0-9A-Za-z_-]{28}"),
    ("sk-", ("sk-",), r"sk-(?:proj-|ant-[0-9a-z]+-|svcacct-|or-v1-)?[0-9A-Za-z_-]{20,200}"),
    ("pypi-", ("pypi-",), r"pypi-[0-9A-Za-z_-]{50,250}"),
    ("SG.", ("SG.",), r"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    ("eyJ", ("eyJ",), r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
)]
_BLOCK = re.compile(
    r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----[0-9A-Za-z+/=\s:,.\\-]{16,20000}?-----END \1-----")

_ASSIGNED = re.compile(r"[:=：是为]>?[ \t]{0,3}[\"'`]?([0-9A-Za-z_+/=.~-]{16,200})")
_SAID = re.compile(r"is[ \t]{1,3}[\"'`]?([0-9A-Za-z_+/=.~-]{16,200})")
_CALLED_KEY = re.compile(
    r"(?i)(?:(?:api|access|secret|private|auth|client|encryption|signing|session|service|app)[ _-]?(?:key|token|secret)"
    r"(?:[ _-]?id)?|secret|token|passwd|password|credentials?|bearer|密钥|令牌|密码)[\"'`\])]{0,2}[ \t]{0,3}$")
_KEY_WORDS = ("key", "token", "secret", "passw", "credential", "bearer", "密钥", "令牌", "密码")
_BEARER = re.compile(r"[Bb](?<![0-9A-Za-z_].)(?:earer|EARER)[ \t]+([0-9A-Za-z_+/=.~-]{16,500})")
_LEAST_BITS_OF_SHAPES = 2.8  # a character: sk_live_xxxxxxxxxxxxxxxx is no key
_LEAST_BITS = 3.2  # a character, of a value of 16 characters or more: English words stay below, random ones above


def keys(text: str, start: int, end: int) -> Iterator[Found]:
    """Keys of known services, private-key blocks, and high-entropy values that are called a key."""
    for gate, signs, shape in _SHAPES:
        if gate in text and any(sign in text for sign in signs):
            for match in shape.finditer(text, start, end):
                if entropy_bits(match[0]) >= _LEAST_BITS_OF_SHAPES and (gate != "sk-" or looks_random(match[0])):
                    yield Found(match.start(), match.end(), "key")
    if "PRIVATE KEY" in text:
        for match in _BLOCK.finditer(text, start, end):
            yield Found(match.start(), match.end(), "key")
    lowered = text.lower()
    if any(word in lowered for word in _KEY_WORDS):
        yield from _called_keys(text, start, end)


def _called_keys(text: str, start: int, end: int) -> Iterator[Found]:
    """Random values after a word that makes them a key."""
    for match in chain(_ASSIGNED.finditer(text, start, end), _SAID.finditer(text, start, end)):
        if _CALLED_KEY.search(text, max(0, match.start() - 32), match.start()) and looks_random(match[1]):
            yield Found(match.start(1), match.end(1), "key")
    for match in _BEARER.finditer(text, start, end):
        if looks_random(match[1]):
            yield Found(match.start(1), match.end(1), "key")


def looks_random(value: str) -> bool:
    """Whether letters and digits are mixed as no word mixes them, with at least 3.2 bits a character."""
    if not any(char.isdigit() for char in value) or not any(char.isalpha() for char in value):
        return False
    return entropy_bits(value) >= _LEAST_BITS


def entropy_bits(value: str) -> float:
    """Shannon entropy of the characters of a value, bits a character."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values()) if total else 0.0
