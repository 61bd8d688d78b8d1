"""Which fields of a spec mean anything, given the values of the others: a form hides the rest."""

from functools import cache

from core.spec.base import Field, fields


def meaningful(spec_type: type, values: dict) -> set[str]:
    """Names of the fields that mean something where the others have these values.

    A field says so in its ``when``: "position=rope" or, with alternatives, "attention=window|banded,family=lstm";
    what has to hold together is joined by "&".
    A field that hangs on one that means nothing means nothing either.

    Args:
        spec_type: a core.spec type.
        values: plain data of its fields; a missing one has its default.
    """
    known = _known(spec_type)
    return {name for name in known if _means(name, known, values)}


@cache
def _known(spec_type: type) -> dict[str, Field]:
    return {field.name: field for field in fields(spec_type)}


def _means(name: str, known: dict[str, Field], values: dict) -> bool:
    alternatives = known[name].when
    return not alternatives or any(
        all(_holds(part, known, values) for part in one.split("&")) for one in alternatives.split(","))


def _holds(condition: str, known: dict[str, Field], values: dict) -> bool:
    name, _, wanted = condition.strip().partition("=")
    value = values.get(name, known[name].default)
    return str(value) in wanted.split("|") and _means(name, known, values)
