"""Mending text that was decoded wrongly, and dropping characters nobody can see."""

import re

from core.data.filters.verdict import Draft, Filter, Reason
from core.spec.rules.text import FixText

_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
# Controls of C0 and C1 except tab and line feed, byte-order marks inside the text, and interlinear marks.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb]")
_TERMINAL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")  # colour and cursor sequences of a terminal


def fix_text(rule: FixText, _workspace=None) -> Filter:
    """Mojibake, line ends and control characters; sets aside what is empty or mostly undecodable.

    What a person may have meant stays as it is: quotes, ligatures, full-width forms and
    entities are not touched, and nothing is normalised.

    Source: ftfy, Speer 2019, doi:10.5281/zenodo.2591652.
    """

    def judge(draft: Draft) -> Reason | None:
        draft.text = _CONTROLS.sub("", _LINE_ENDS.sub("\n", _TERMINAL.sub("", mend_mojibake(draft.text))))
        if not draft.text.strip():
            return Reason("fix_text", "Nothing visible is left of it.", {}, "characters", 0, 1)
        share = draft.text.count("\ufffd") / len(draft.text)
        draft.measures["fix_text.broken"] = share
        if share <= rule.most_broken:
            return None
        return Reason(
            "fix_text", "{share:.1%} of its characters could not be decoded; at most {limit:.1%} are allowed.",
            {"share": round(share, 5), "limit": rule.most_broken}, "broken", share, rule.most_broken)

    return judge


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
