"""Where the requests of several runs say different things, field by field, in the words of the form."""

from dataclasses import dataclass

from app.state.comparison import NOTHING, value_text
from core.spec.base import Field, fields
from core.spec.train import TrainSpec
from widgets.spec_words import say


@dataclass(frozen=True)
class DifferingLine:
    """One field: its label with the parts it stands in, and what each run asks for."""

    label: str
    name: str  # dotted
    values: tuple[str, ...]


def differing(specs: list[dict], spec_type: type = TrainSpec) -> list[DifferingLine]:
    """The fields that are not the same in all of these requests, in the order of the form.

    A field that a request does not name has its default there: older requests know fewer fields.

    Args:
        specs: the ``spec`` tables of several spec.toml, as plain values.
    """
    lines = []
    for name, labels, field in _leaves(spec_type):
        found = [_value(spec, name, field) for spec in specs]
        if any(value != found[0] for value in found):
            words = tuple(NOTHING if value in (None, "") else value_text(field, value) for value in found)
            lines.append(DifferingLine(" › ".join(say(label) for label in labels), name, words))
    return lines


def _leaves(spec_type: type) -> list[tuple[str, tuple[str, ...], Field]]:
    """(dotted name, labels on the way, field) of every field that has a value of its own."""
    found = []
    for field in fields(spec_type):
        if field.kind == "spec":
            found += [(f"{field.name}.{name}", (field.label, *labels), leaf)
                      for name, labels, leaf in _leaves(field.spec)]  # fmt: skip
        else:
            found.append((field.name, (field.label,), field))
    return found


def _value(spec: dict, name: str, field: Field):
    for part in name.split("."):
        if not isinstance(spec, dict) or part not in spec:
            return field.default
        spec = spec[part]
    return spec
