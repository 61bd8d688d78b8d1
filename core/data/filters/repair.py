"""Mending text that was decoded wrongly, and dropping characters nobody can see."""

import re

from core.data.filters.verdict import Draft, Filter, Reason
from core.spec.rules.text import FixText

_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Controls of C0 and C1 except tab and line feed, byte-order marks inside the text, and interlinear marks.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb]")
_TERMINAL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")  # colour and cursor sequences of a terminal
_CONTROL_BYTES = bytes(byte for byte in range(128) if byte < 32 and chr(byte) not in "\t\n" or byte == 127)
# How the others are written in UTF-8: C1 begin with C2; U+2028, U+2029, U+FEFF, U+FFF9 to U+FFFB.
_CONTROL_LEADS = (b"\xc2", b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xef\xbb\xbf", b"\xef\xbf\xb9", b"\xef\xbf\xba",
                  b"\xef\xbf\xbb")


def fix_text(rule: FixText, _workspace=None) -> Filter:
    """Mojibake, line ends and control characters; sets aside what is empty or mostly undecodable.

    What a person may have meant stays as it is: quotes, ligatures, full-width forms and
    entities are not touched, and nothing is normalised.

    Source: ftfy, Speer 2019, doi:10.5281/zenodo.2591652.
    """

    def judge(draft: Draft) -> Reason | None:
        text = mend_mojibake(draft.text)
        if may_hold_controls(text):
            text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", _TERMINAL.sub("", text)))
        draft.text = text
        if not text or text.isspace():
            return Reason("fix_text", "Nothing visible is left of it.", {}, "characters", 0, 1)
        share = 0.0 if text.isascii() else text.count("\ufffd") / len(text)
        draft.measures["fix_text.broken"] = share
        if share <= rule.most_broken:
            return None
        return Reason(
            "fix_text", "{share:.1%} of its characters could not be decoded; at most {limit:.1%} are allowed.",
            {"share": round(share, 5), "limit": rule.most_broken}, "broken", share, rule.most_broken)

    return judge


def may_hold_controls(text: str) -> bool:
    """Whether there may be anything to drop; a look at the bytes, many times as fast as the search itself."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data.translate(None, _CONTROL_BYTES)) < len(data):
        return True
    return not text.isascii() and any(lead in data for lead in _CONTROL_LEADS)


def mend_mojibake(text: str) -> str:
    """Undo a wrong decoding where the text shows the signs of one; any other text comes back as it is."""
    if text.isascii():
        return text
    import ftfy
    from ftfy.badness import is_bad

    if not is_bad(text):
        return text
    settings = ftfy.TextFixerConfig(
        unescape_html=False, fix_latin_ligatures=False, fix_character_width=False, uncurl_quotes=False,
        remove_terminal_escapes=False, fix_line_breaks=False, remove_control_chars=False, normalization=None)
    return ftfy.fix_text(text, settings)
