"""What HTML leaves in a text: tags, entities, scripts and style sheets."""

import re
from html import unescape
from html.entities import html5

from core.data.filters.verdict import Draft, Filter, Reason
from core.spec.rules.keywords import HtmlRemains

# Elements of the HTML Living Standard; a < b and List<String> are none.
_BLOCKS = (
    "address|article|aside|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd|details|dialog|div|dl|dt|"
    "fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hgroup|hr|html|iframe|legend|li|link|"
    "main|menu|meta|nav|noscript|ol|optgroup|option|p|pre|script|section|select|style|summary|table|tbody|td|"
    "template|textarea|tfoot|th|thead|title|tr|ul|video")
_INLINE = (
    "a|abbr|acronym|area|audio|b|base|basefont|bdi|bdo|big|cite|code|data|datalist|del|dfn|em|embed|font|i|img|input|"
    "ins|kbd|label|map|mark|meter|object|output|param|picture|progress|q|rp|rt|ruby|s|samp|slot|small|source|span|"
    "strike|strong|sub|sup|svg|time|track|tt|u|var|wbr")
_WHOLE = re.compile(
    r"<(script|style|noscript|template|svg)\b[^<>]{0,1000}>.*?</\1\s*>|<!--.*?-->|<!doctype[^<>]{0,300}>|<!\[CDATA\[.*?\]\]>",
    re.IGNORECASE | re.DOTALL)  # fmt: skip
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCKS})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][0-9A-Za-z]{1,31});")
# One line of a style sheet, such as .menu a:hover { color: #fff; }, or of a script that a page runs.
_STYLE_LINE = re.compile(
    r"^[ \t]*[.#@*a-z][^{}\n;=()]{0,160}\{[ \t]*(?:[a-z-]{2,40}[ \t]*:[^;{}\n]{1,200};?[ \t]*){1,40}\}?[ \t]*$"
    r"|^[ \t]*@(?:media|import|font-face|keyframes|charset)\b[^\n]{0,300}$", re.MULTILINE)
_SCRIPT_SIGNS = (
    "document.write(", "document.getElement", "document.createElement", "document.querySelector", "window.location",
    "window.onload", ".addEventListener(", "$(document)", "jQuery(", "googletag", "_gaq.push", "dataLayer", "gtag(",
    "fbq(", "adsbygoogle", "<![CDATA[", "//]]>",
)  # fmt: skip
_MANY_BREAKS = re.compile(r"[ \t]*\n[ \t]*\n(?:[ \t]*\n)+")


def html_remains(rule: HtmlRemains, _workspace=None) -> Filter:
    """Sets aside documents full of markup, takes it out of the others."""

    def judge(draft: Draft) -> Reason | None:
        plain = strip_markup(draft.text)
        share = max(len(draft.text) - len(plain), 0) / max(len(draft.text), 1) if plain != draft.text else 0.0
        draft.measures["html_remains.share"] = share
        if share > rule.share:
            return Reason(
                "html_remains", "{share:.1%} of its characters are markup; at most {limit:.1%} are allowed.",
                {"share": round(share, 5), "limit": rule.share}, "share", share, rule.share)
        if rule.strip:
            draft.text = plain
        return None

    return judge


def strip_markup(text: str) -> str:
    """The text without tags, comments, scripts and style sheets, entities as the characters they mean.

    Blocks end a line, inline tags leave nothing; text without markup comes back as it is.
    """
    before = text
    if "<" in text:
        text = _INLINE_TAG.sub("", _BLOCK_TAG.sub("\n", _WHOLE.sub("\n", text)))
    if "{" in text or "@" in text:
        text = _STYLE_LINE.sub("", text)
    if any(sign in text for sign in _SCRIPT_SIGNS):
        text = "\n".join(line for line in text.split("\n") if not any(sign in line for sign in _SCRIPT_SIGNS))
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    return text if text == before else _MANY_BREAKS.sub("\n\n", text).strip("\n")


def _character(entity: re.Match) -> str:
    """What a named or numbered entity means; an unknown name stays."""
    written = entity[0]
    if written[1] != "#" and written[1:] not in html5:
        return written
    return unescape(written).replace("\u00a0", " ")
