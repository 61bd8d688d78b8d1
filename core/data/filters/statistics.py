"""Rules that count words, lines, symbols and what is said twice; the kernel measures all of it in one call.

Thresholds are judged in datatrove's order, so that the first one broken is the reason it would give.
"""

from collections.abc import Callable

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.language import language_of
from core.data.words import Measured, measured, measured_as_english
from core.kernels.text import C4Settings, Statistics, c4
from core.spec.base import fields
from core.spec.rules.base import tag_of
from core.spec.rules.statistics import C4Quality, FinewebQuality, GopherQuality, GopherRepetition

_Rule = GopherQuality | GopherRepetition | C4Quality | FinewebQuality
_SURE = 0.65  # of a language: FineWeb's threshold
FOR_ENGLISH = {
    "gopher_quality": "Word length and stop words are for English; this is Chinese.",
    "fineweb_quality": "Short lines are for English; this is Chinese.",
    "stop_words": "Stop words are for English; this is another language.",
}
# What is said when a threshold is broken, by the rule and the field that holds it.
_SAID = {
    "gopher_quality": {
        "least_words": "It has {value:,.0f} words; at least {limit:,.0f} are asked for.",
        "most_words": "It has {value:,.0f} words; at most {limit:,.0f} are allowed.",
        "shortest_word": "Its words have {value:.2f} characters on average; at least {limit:g} are asked for.",
        "longest_word": "Its words have {value:.2f} characters on average; at most {limit:g} are allowed.",
        "hashes": "It has {value:.3f} # per word; at most {limit:g} are allowed.",
        "ellipses": "It has {value:.3f} ellipses per word; at most {limit:g} are allowed.",
        "bullets": "{value:.1%} of its lines begin with a bullet; at most {limit:.1%} are allowed.",
        "ellipsis_lines": "{value:.1%} of its lines end in an ellipsis; at most {limit:.1%} are allowed.",
        "letter_words": "{value:.1%} of its words have a letter; at least {limit:.1%} are asked for.",
        "stop_words": "It has {value:.0f} of the eight English stop words; at least {limit:.0f} are asked for.",
    },
    "gopher_repetition": {
        "paragraphs": "{value:.1%} of its paragraphs came before; at most {limit:.1%} are allowed.",
        "paragraph_characters":
            "{value:.1%} of its characters are in repeated paragraphs; at most {limit:.1%} are allowed.",
        "lines": "{value:.1%} of its lines came before; at most {limit:.1%} are allowed.",
        "line_characters": "{value:.1%} of its characters are in repeated lines; at most {limit:.1%} are allowed.",
        **{f"top_{n}": "{value:.1%} of its characters are one run of {n} words; at most {limit:.1%} are allowed."
           for n in (2, 3, 4)},
        **{f"repeated_{n}":
           "{value:.1%} of its characters are in repeated runs of {n} words; at most {limit:.1%} are allowed."
           for n in range(5, 11)},
    },
    "c4_quality": {
        "sentences": "{value:.0f} sentences are left of it; at least {limit:.0f} are asked for.",
    },
    "fineweb_quality": {
        "ended_lines": "{value:.1%} of its lines end a sentence; at least {limit:.1%} are asked for.",
        "short_lines": "{value:.1%} of its lines are short; at most {limit:.1%} are allowed.",
        "repeated_characters": "{value:.1%} of its characters are in repeated lines; at most {limit:.1%} are allowed.",
        "newlines": "It has {value:.3f} line ends per word; at most {limit:g} are allowed.",
    },
}  # fmt: skip

_RUNS = tuple(f"gopher_repetition.{'top' if n < 5 else 'repeated'}_{n}" for n in range(2, 11))


def gopher_quality(rule: GopherQuality, _workspace=None) -> Filter:
    """Sets aside what does not look like prose; source: Rae et al. 2021, arXiv:2112.11446."""
    judge_all = _judge(rule)

    def judge(draft: Draft) -> Reason | None:
        found = _measured(rule, draft)
        values = gopher_quality_measures(found.statistics)
        if found.chinese:
            del values["gopher_quality.word_length"], values["gopher_quality.stop_words"]
            values["gopher_quality.letter_words"] = (
                found.statistics.letter_words / (found.statistics.plain_words or 1))
            draft.passed_over["gopher_quality"] = FOR_ENGLISH["gopher_quality"]
        elif values["gopher_quality.stop_words"] < rule.stop_words and _speaks_otherwise(rule, draft):
            del values["gopher_quality.stop_words"]
            draft.passed_over["gopher_quality"] = FOR_ENGLISH["stop_words"]
        return judge_all(draft, values)

    return judge


def gopher_quality_measures(s: Statistics) -> dict[str, float]:
    """What :class:`GopherQuality` measures; shares of nothing are 0."""
    words, plain_words, lines = s.words or 1, s.plain_words or 1, s.lines or 1
    return {
        "gopher_quality.words": s.plain_words,
        "gopher_quality.word_length": s.plain_characters / plain_words,
        "gopher_quality.hashes": s.hashes / words,
        "gopher_quality.ellipses": s.ellipses / words,
        "gopher_quality.bullets": s.bullet_lines / lines,
        "gopher_quality.ellipsis_lines": s.ellipsis_lines / lines,
        "gopher_quality.letter_words": s.letter_words / words,
        "gopher_quality.stop_words": s.stop_words,
    }


def gopher_repetition(rule: GopherRepetition, _workspace=None) -> Filter:
    """Sets aside what says the same again and again; source: Rae et al. 2021, arXiv:2112.11446, table A1."""
    judge_all = _judge(rule)

    def judge(draft: Draft) -> Reason | None:
        s = _measured(rule, draft).statistics
        return judge_all(draft, gopher_repetition_measures(s)) if s.characters else _empty("gopher_repetition")

    return judge


def gopher_repetition_measures(s: Statistics) -> dict[str, float]:
    """What :class:`GopherRepetition` measures."""
    characters = s.characters or 1
    values = {
        "gopher_repetition.paragraphs": s.repeated_paragraphs / s.paragraphs,
        "gopher_repetition.paragraph_characters": s.repeated_paragraph_characters / characters,
        "gopher_repetition.lines": s.repeated_runs / s.runs,
        "gopher_repetition.line_characters": s.repeated_run_characters / characters,
    }
    for name, count in zip(_RUNS, s.top + s.repeated):
        values[name] = count / characters
    return values


def c4_quality(rule: C4Quality, _workspace=None) -> Filter:
    """Drops lines that are no sentences; source: Raffel et al. 2020, arXiv:1910.10683, and datatrove 0.10.1."""
    judge_all = _judge(rule)
    asked = {name: int(getattr(rule, name)) for name in C4Settings._fields if name != "chinese"}
    settings = {chinese: C4Settings(**asked, chinese=int(chinese)) for chinese in (False, True)}

    def judge(draft: Draft) -> Reason | None:
        # Only Chinese has to be told apart here, which ASCII never is.
        english = rule.language == "en" or draft.text.isascii()
        pieces = None if english else _measured(rule, draft).pieces
        found = c4(draft.text, settings[pieces is not None], pieces)
        if found.verdict == 1:
            return Reason("c4_quality", "It holds 'lorem ipsum'.", {}, "lorem_ipsum", 1, 0)
        if found.verdict == 2:
            return Reason("c4_quality", "It holds a curly bracket.", {}, "curly_bracket", 1, 0)
        draft.measures["c4_quality.lines"] = found.lines_kept / (found.lines or 1)
        if (reason := judge_all(draft, {"c4_quality.sentences": found.sentences})) is not None:
            return reason
        if not found.text:
            return _empty("c4_quality")
        draft.text = found.text
        return None

    return judge


def fineweb_quality(rule: FinewebQuality, _workspace=None) -> Filter:
    """Sets aside lists, menus and repeated lines; source: Penedo et al. 2024, arXiv:2406.17557."""
    judge_all = _judge(rule)

    def judge(draft: Draft) -> Reason | None:
        found = _measured(rule, draft)
        if not found.statistics.filled:
            return _empty("fineweb_quality")
        values = fineweb_quality_measures(found.statistics, rule.short_line)
        if found.chinese:
            del values["fineweb_quality.short_lines"]
            draft.passed_over["fineweb_quality"] = FOR_ENGLISH["fineweb_quality"]
        return judge_all(draft, values)

    return judge


def fineweb_quality_measures(s: Statistics, short_line: int = 30) -> dict[str, float]:
    """What :class:`FinewebQuality` measures; a line of at most ``short_line`` characters is short."""
    filled = s.filled or 1
    return {
        "fineweb_quality.ended_lines": s.ended / filled,
        "fineweb_quality.short_lines": sum(s.lengths[: short_line + 1]) / filled,
        "fineweb_quality.repeated_characters": s.repeated_filled_characters / ((s.characters - s.line_feeds) or 1),
        "fineweb_quality.newlines": s.line_feeds / (s.words or 1),
    }


def _measured(rule: _Rule, draft: Draft) -> Measured:
    return draft.fact(measured if rule.language == "auto" else measured_as_english)


def _speaks_otherwise(rule: GopherQuality, draft: Draft) -> bool:
    """Whether it is surely in another language than English; asked only of what would be set aside."""
    if rule.language != "auto":
        return False
    language = draft.fact(language_of)
    return language.code not in ("", "en") and language.probability >= _SURE


def _judge(rule: _Rule) -> Callable[[Draft, dict[str, float]], Reason | None]:
    """What writes all measures down and gives the first threshold that is broken as the reason."""
    tag = tag_of(rule)
    checks = [(f"{tag}.{f.measure}", f.keeps == "above", getattr(rule, f.name), f.measure, _SAID[tag][f.name])
              for f in fields(type(rule)) if f.measure]  # fmt: skip

    def judge(draft: Draft, values: dict[str, float]) -> Reason | None:
        draft.measures.update(values)
        for name, above, limit, measure, said in checks:
            value = values.get(name)
            if value is not None and (value < limit if above else value > limit):
                filled = {"value": round(value, 5), "limit": limit}
                if "{n}" in said:
                    filled["n"] = int(measure.rpartition("_")[2])
                return Reason(tag, said, filled, measure, value, limit)
        return None

    return judge


def _empty(tag: str) -> Reason:
    return Reason(tag, "It holds no text.", {}, "characters", 0, 1)
