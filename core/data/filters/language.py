"""Documents in the languages that were asked for."""

from core.data.filters.verdict import Draft, Filter, Reason
from core.data.language import chinese_scripts, known_languages, language_of
from core.errors import LabError
from core.spec.rules.language import LanguageIs


def language_is(rule: LanguageIs, _workspace=None) -> Filter:
    """Sets aside documents in other languages, and Chinese in the other script.

    Raises:
        LabError: a language that the identifier does not know; remedy: which it knows.
    """
    wanted = _checked(rule.languages)

    def judge(draft: Draft) -> Reason | None:
        language = draft.fact(language_of)
        if not language.code:
            draft.passed_over["language_is"] = "too few letters to tell the language"
            return None
        likely = max(language.shares.get(code, 0.0) for code in wanted)
        draft.measures["language_is.probability"] = likely
        if likely < rule.probability:
            return Reason(
                "language_is", "Its language is {language} ({probability:.0%}); asked for: {wanted} with {limit:.0%}.",
                {"language": language.code, "probability": round(language.probability, 3), "wanted": ", ".join(wanted),
                 "limit": rule.probability},
                "probability", likely, rule.probability)  # fmt: skip
        return _judge_script(rule, draft) if language.code == "zh" else None

    return judge


def _judge_script(rule: LanguageIs, draft: Draft) -> Reason | None:
    simplified, traditional = draft.fact(chinese_scripts)
    draft.measures["language_is.simplified"], draft.measures["language_is.traditional"] = simplified, traditional
    telling = simplified + traditional
    if rule.script == "any" or not telling:
        return None
    share = (simplified if rule.script == "simplified" else traditional) / telling
    draft.measures["language_is.script_share"] = share
    if share >= rule.script_share:
        return None
    return Reason(
        "language_is",
        "{share:.0%} of the characters that tell the scripts apart are of the one asked for; at least {limit:.0%} "
        "must be ({simplified} simplified, {traditional} traditional).",
        {"share": round(share, 3), "limit": rule.script_share, "simplified": simplified, "traditional": traditional},
        "script_share", share, rule.script_share)  # fmt: skip


def _checked(languages: list[str]) -> list[str]:
    wanted = [language.strip().lower().partition("-")[0] for language in languages if language.strip()]
    if not wanted:
        raise LabError("No language is asked for.", "", "Name at least one, such as en or zh.")
    known = known_languages()
    for language in wanted:
        if language not in known:
            raise LabError(
                "The language {language} is not known.", "", "Use two-letter codes such as {known}.",
                language=language, known="en, zh, de, fr, es, ja, ru")
    return list(dict.fromkeys(wanted))
