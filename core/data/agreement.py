"""Whether our statistics rules decide as datatrove's do: ``python main.py bench clean-agreement``.

Every decision of both is compared, by the reason given. Where they differ, our rule is asked again
with spaCy's own words: if it then decides as datatrove does, the difference is word splitting alone.
"""

from pathlib import Path
from typing import NamedTuple

from core.data import rival
from core.data.filters.verdict import Draft, Reason
from core.data.words import Measured, measured_as_english
from core.kernels import text as kernel

DOCUMENTS = 2000
_EXAMPLES = 3
# datatrove's name of each reason, by what we measured and on which side of the limit it was.
_NAMES = {
    "gopher_quality": {
        ("words", "below"): "gopher_short_doc", ("words", "above"): "gopher_long_doc",
        ("word_length", "below"): "gopher_below_avg_threshold", ("word_length", "above"): "gopher_above_avg_threshold",
        ("hashes", "above"): "gopher_too_many_hashes", ("ellipses", "above"): "gopher_too_many_ellipsis",
        ("bullets", "above"): "gopher_too_many_bullets",
        ("ellipsis_lines", "above"): "gopher_too_many_end_ellipsis",
        ("letter_words", "below"): "gopher_below_alpha_threshold",
        ("stop_words", "below"): "gopher_enough_stop_words",
    },
    "gopher_repetition": {
        ("characters", "below"): "empty", ("paragraphs", "above"): "dup_para_frac",
        ("paragraph_characters", "above"): "dup_para_char_frac", ("lines", "above"): "dup_line_frac",
        ("line_characters", "above"): "dup_line_char_frac",
        **{(f"top_{n}", "above"): f"top_{n}_gram" for n in (2, 3, 4)},
        **{(f"repeated_{n}", "above"): f"duplicated_{n}_n_grams" for n in range(5, 11)},
    },
    "fineweb_quality": {
        ("characters", "below"): "empty", ("ended_lines", "below"): "line_punct_ratio",
        ("short_lines", "above"): "short_line_ratio", ("repeated_characters", "above"): "char_dup_ratio",
        ("newlines", "above"): "list_ratio",
    },
    "c4_quality": {
        ("lorem_ipsum", "above"): "lorem_ipsum", ("curly_bracket", "above"): "curly_bracket",
        ("sentences", "below"): "too_few_sentences", ("characters", "below"): "too_few_sentences",
    },
}  # fmt: skip


class Compared(NamedTuple):
    """One document under one family: both reasons ("" = kept), and whether kept text is the same."""

    ours: str
    theirs: str
    same_text: bool
    by_splitting: bool  # only asked where something differs
    reason: Reason | None
    text: str


def bench_agreement(text: Path | None = None, documents: int = DOCUMENTS) -> list[dict]:
    """Compare all decisions on so many documents.

    Returns:
        one row a family and one a rule, {name, unit, ours, rival, rival_name, documents, agreement, differing,
        by_splitting, examples}: documents set aside by each, the share of documents on which both agree, and of those
        on which they do not, how many agree once we use spaCy's words. One row more says of how many documents that
        both keep C4 leaves the same text.
    Raises:
        LabError: datatrove is not installed.
    """
    held = rival.documents(text, documents)
    rows = []
    for family in rival.pairs():
        compared = [compare(family, document) for document in held]
        names = sorted({c.ours for c in compared} | {c.theirs for c in compared} | set(_NAMES[family.tag].values()))
        rows.append(_row(family.tag, compared, lambda reason: reason != ""))
        rows += [_row(f"{family.tag}: {name}", compared, lambda reason, name=name: reason == name)
                 for name in names if name]  # fmt: skip
        if family.tag == "c4_quality":
            kept = [c for c in compared if c.ours == c.theirs == ""]
            rows.append(_row("c4_quality: text that is left", kept, lambda reason: True, lambda c: c.same_text))
    return rows


def compare(family: rival.Pair, text: str) -> Compared:
    """What both say of one document."""
    draft = Draft(text)
    reason = family.ours(draft)
    theirs, left = family.theirs(text)
    ours = name_of(reason)
    same_text = draft.text == left
    differs = ours != theirs or (theirs == "" and not same_text)
    return Compared(ours, theirs, same_text, differs and _by_splitting(family, text, theirs), reason, text)


def name_of(reason: Reason | None) -> str:
    """datatrove's name of one of our reasons."""
    if reason is None:
        return ""
    side = "below" if reason.value < reason.limit else "above"
    return _NAMES[reason.rule][reason.measure, side]


def _by_splitting(family: rival.Pair, text: str, theirs: str) -> bool:
    """Whether our rule decides as datatrove once it counts spaCy's words."""
    pieces, words = _their_words(text)
    if family.tag == "c4_quality":  # sentences are counted in the words of each line
        return words != _our_words(text)
    draft = Draft(text)
    draft._facts[measured_as_english] = Measured(kernel.measure(text, pieces))
    return name_of(family.ours(draft)) == theirs


def _their_words(text: str) -> tuple[list[int], list[str]]:
    from datatrove.utils.text import split_into_words

    words, pieces, at = split_into_words(text), [], 0
    for word in words:
        start = text.index(word, at)
        pieces += [start - at, len(word)]
        at = start + len(word)
    return pieces, words


def _our_words(text: str) -> list[str]:
    from core.kernels.text_reference import words_of

    return words_of(text)


def _row(name: str, compared: list[Compared], counts, same=None) -> dict:
    same = same or (lambda c: counts(c.ours) == counts(c.theirs))
    differing = [c for c in compared if not same(c)]
    return {
        "name": name, "unit": "documents set aside", "ours": sum(counts(c.ours) for c in compared),
        "rival": sum(counts(c.theirs) for c in compared), "rival_name": "datatrove",
        "documents": len(compared), "agreement": round(1 - len(differing) / max(len(compared), 1), 5),
        "differing": len(differing), "by_splitting": sum(c.by_splitting for c in differing),
        "examples": [{"text": c.text[:80], "ours": c.ours or "kept", "theirs": c.theirs or "kept",
                      "value": c.reason.value if c.reason else None, "by_splitting": c.by_splitting}
                     for c in differing[:_EXAMPLES]],
    }  # fmt: skip


def print_agreement(rows: list[dict]) -> None:
    """A table, one line a row."""
    width = max(len(row["name"]) for row in rows)
    print(f"{'':{width}}  {'ours':>6}  {'rival':>6}  {'agree':>8}  differing, of these by word splitting")
    for row in rows:
        told = f"{row['differing']}, {row['by_splitting']}" if row["differing"] else ""
        print(f"{row['name']:{width}}  {row['ours']:6}  {row['rival']:6}  {row['agreement']:8.2%}  {told}")
