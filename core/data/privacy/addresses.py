"""E-mail addresses, IP addresses, and passwords inside links."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from core.data.privacy.found import Found, near, words

_LETTERS = "A-Za-z\u00aa-\u1fff"  # of every alphabet before the CJK blocks: Chinese runs on without a space
_ATOM = rf"[0-9{_LETTERS}!#$%&'*+/=?^_`{{|}}~-]"
_LOCAL = re.compile(rf'(?:"(?:[^"\\\r\n]|\\.){{1,62}}"|{_ATOM}+(?:\.{_ATOM}+)*)$')
_LABEL = rf"[0-9{_LETTERS}](?:[0-9{_LETTERS}-]{{0,61}}[0-9{_LETTERS}])?"
_CHINESE_ENDS = "公司|网络|中国|中國|香港|台灣|台湾|公益|政务|在线|中文网|网址|测试|測試"
_DOMAIN = re.compile(
    rf"(?:(?:{_LABEL}\.)+(?:xn--[0-9a-z-]{{2,59}}|[{_LETTERS}]{{2,24}})(?![0-9A-Za-z_])"
    rf"|[0-9A-Za-z\u3400-\u9fff-]{{1,30}}\.(?:{_CHINESE_ENDS})"
    r"|\[(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|IPv6:[0-9A-Fa-f:.]{2,45})\])", re.IGNORECASE)
# Endings that look like a domain's and are a file's: icon@2x.png.
_FILES = frozenset("png jpg jpeg gif svg webp bmp ico css js json html htm xml php gz whl exe dll pdf txt".split())
_SPELLED = re.compile(
    r"[0-9A-Za-z][0-9A-Za-z._+-]{0,63} ?[\[({] ?(?:at|AT|@) ?[\])}] ?"
    r"[0-9A-Za-z-]+(?:(?: ?[\[({] ?(?:dot|DOT|\.) ?[\])}] ?|\.)[0-9A-Za-z-]+)+")
_SPELLED_SIGNS = ("at]", "at)", "at}", "at ]", "at )", "AT]", "AT)", "AT ]", "AT )", "@]", "@)", "@ ]", "@ )")
_SPELLED_AT = re.compile(r"[\[({] ?(?:at|AT|@) ?[\])}]")

# What looks behind comes second: a pattern that begins with a set of characters is searched ten times as fast.
_V4 = re.compile(r"[0-9](?<![0-9A-Za-z_.].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z_])(?!\.[0-9])")
_V6 = re.compile(
    r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f:]*:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*(?:(?<=[0-9])(?:\.[0-9]{1,3}){3})?(?![0-9A-Za-z_])")
_V6_SIGN, _V6_LONGEST = re.compile(":[0-9A-Fa-f]{0,4}:"), 48
_ABOUT_NETWORK = words(
    "ip", "ipv4", "address", "server", "host", "ping", "dns", "router", "gateway", "login", "logged", "visitor",
    "client", "from", "connection", "connected", "地址", "服务器", "主机", "登录", "访问")
_NUMBERING = words(
    "v", "version", "versions", "release", "section", "sections", "chapter", "clause", "build", "firmware", "driver",
    "paragraph", "rev", "revision", "oid", "版本", "章节", "第", "固件")
_SMALL_OCTET = 20  # four numbers below it look like a version or a section rather than an address

_USER_INFO = re.compile(r"://([^\s/?#@:\"'<>]{1,64}:[^\s/?#@\"'<>]{1,128})@(?=[0-9A-Za-z\[])")
_NO_PASSWORD = re.compile(r"(?i)(?:password|passwd|pass|pwd|x+|\*+|\.+|[{<\[$%].*)$")


def emails(text: str, start: int, end: int) -> Iterator[Found]:
    """Addresses as RFC 5322 and RFC 6531 write them, and those spelled "name [at] host [dot] org"."""
    at = text.find("@", start, end)
    while at >= 0:
        found = _email_at(text, at)
        if found:
            yield found
        at = text.find("@", found.end if found else at + 1, end)
    if ("[" in text or "(" in text or "{" in text) and any(sign in text for sign in _SPELLED_SIGNS):
        for match in _SPELLED.finditer(text, start, end):
            if _SPELLED_AT.search(match[0]):
                yield Found(match.start(), match.end(), "email")


def _email_at(text: str, at: int) -> Found | None:
    left = text[max(0, at - 64) : at]
    local, domain = _LOCAL.search(left), _DOMAIN.match(text, at + 1)
    if not local or not domain:
        return None
    start, name = at - len(local[0]), local[0]
    if name[0] != '"':
        trimmed = name.lstrip("'`*=|{}/")
        if name.startswith("//") or "?" in name and "=" in name:  # the query of a link
            trimmed = re.split("[/=&?]", name)[-1]
        start, name = at - len(trimmed), trimmed
    ending = domain[0].rpartition(".")[2].lower()
    in_link = re.search(r"://[^\s/]*$", text[max(0, start - 64) : start])
    if not name or name == "git" or ending in _FILES or in_link:
        return None
    return Found(start, domain.end(), "email")


def public_ips(text: str, start: int, end: int) -> Iterator[Found]:
    """Addresses of both versions that can be reached from anywhere."""
    return (found for found, address in _ips(text, start, end) if _is_public(address))


def all_ips(text: str, start: int, end: int) -> Iterator[Found]:
    """Addresses of both versions, private and reserved ones too; not 0.0.0.0 and ::."""
    return (found for found, address in _ips(text, start, end) if not address.is_unspecified)


def _ips(text: str, start: int, end: int) -> Iterator[tuple[Found, IPv4Address | IPv6Address]]:
    for match in _V4.finditer(text, start, end):
        address = _parsed(match[0])
        if address is None or near(text, match, _NUMBERING, before=16, after=0):
            continue
        if max(address.packed) < _SMALL_OCTET and not near(text, match, _ABOUT_NETWORK, before=32, after=0):
            continue
        yield Found(match.start(), match.end(), "ip"), address
    taken = start
    for sign in _V6_SIGN.finditer(text, start, end):
        match = sign.start() >= taken and _V6.search(
            text, max(start, sign.start() - _V6_LONGEST), min(end, sign.end() + _V6_LONGEST))
        if not match:
            continue
        taken = match.end()
        written = match[0] if match[0].endswith("::") else match[0].rstrip(":")
        address = _parsed(written)
        if address is not None:
            yield Found(match.start(), match.start() + len(written), "ip"), address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if address.version == 6 and not address.ipv4_mapped:
        return address.is_global and 0x20 <= address.packed[0] < 0x40  # 2000::/3: what is assigned so far
    return (getattr(address, "ipv4_mapped", None) or address).is_global and not address.is_multicast


def _parsed(written: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(written)
    except ValueError:
        return None


def credentials(text: str, start: int, end: int) -> Iterator[Found]:
    """``user:password`` in links such as https://user:password@host; words that only stand for one are none."""
    if "://" not in text:
        return
    for match in _USER_INFO.finditer(text, start, end):
        if not _NO_PASSWORD.match(match[1].partition(":")[2]):
            yield Found(match.start(1), match.end(1), "credentials")
