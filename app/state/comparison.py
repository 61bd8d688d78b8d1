"""Two designs field by field: what each field says, and where they part."""

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from core.spec.base import Field, fields
from core.spec.model import ModelSpec
from core.spec.relevance import meaningful
from widgets.spec_words import choice_text, number_text, say

RESOLVED = {"kv_heads": "kv", "head_size": "head", "d_ff": "ff", "embed_size": "embed", "encoder_layers": "encoders"}
WITHOUT_EXPERTS = {"experts.count"}
NOTHING = "–"


@dataclass(frozen=True)
class Line:
    """One line of a comparison: what is compared, and both sides in words."""

    name: str
    field: str  # of ModelSpec, dotted; empty for what is no field
    left: str
    right: str

    @property
    def differs(self) -> bool:
        """Whether the two sides say different things."""
        return self.left != self.right


def compare(left: ModelSpec, right: ModelSpec, left_original: ModelSpec | None = None,
            right_original: ModelSpec | None = None) -> list[Line]:  # fmt: skip
    """Every field that means something for one of them; a scaled value has the original's beside it in brackets."""
    sides = [(values(left), values(left_original) if left_original else {}),
             (values(right), values(right_original) if right_original else {})]  # fmt: skip
    lines = []
    for name, field in _all_fields():
        words = [_words(name, own, original) for own, original in sides]
        if words != [NOTHING, NOTHING]:
            lines.append(Line(say(field.label), name, *words))
    return lines


def values(spec: ModelSpec) -> dict[str, str]:
    """{dotted field: its value in words} of the fields that mean something for a design."""
    found = {}
    for prefix, part in (("", spec), ("experts.", spec.experts), ("objective.", spec.objective)):
        plain = {field.name: getattr(part, field.name) for field in fields(type(part))}
        for field in fields(type(part)):
            name = prefix + field.name
            if field.kind == "spec" or field.name not in meaningful(type(part), plain):
                continue
            value = getattr(spec, RESOLVED[name]) if name in RESOLVED and spec.family == "transformer" else (
                plain[field.name])  # fmt: skip
            if name == "embed_size" and spec.embed == spec.d_model:
                continue  # as wide as the model: said once
            found[name] = value_text(field, value)
    if spec.family != "transformer":
        found = {name: text for name, text in found.items() if not name.startswith("experts.")}
    elif not spec.experts.count:
        found = {name: text for name, text in found.items()
                 if not name.startswith("experts.") or name in WITHOUT_EXPERTS}  # fmt: skip
    return found


def value_text(field: Field, value) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        yes, no = QCoreApplication.translate("spec", "Yes"), QCoreApplication.translate("spec", "No")
        return yes if value else no
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return number_text(value)
    return choice_text(str(value)) if field.choices else str(value)


def _words(name: str, own: dict[str, str], original: dict[str, str]) -> str:
    text = own.get(name, NOTHING)
    first = original.get(name, text)
    return text if first == text else f"{text} ({first})"


def _all_fields() -> list[tuple[str, Field]]:
    found = []
    for field in fields(ModelSpec):
        if field.spec is None:
            found.append((field.name, field))
        else:
            found += [(f"{field.name}.{inner.name}", inner) for inner in fields(field.spec)]
    return found
