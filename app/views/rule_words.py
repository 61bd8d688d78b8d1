"""Names of cleaning rules, and of the reasons readers have, in the user's language."""

from PySide6.QtCore import QT_TRANSLATE_NOOP

from app.translations import translate
from widgets.rule_list import rule_types

READERS = {
    "too_long": QT_TRANSLATE_NOOP("rule", "Too long to read"), "unreadable": QT_TRANSLATE_NOOP("rule", "Not readable"),
    "no_text": QT_TRANSLATE_NOOP("rule", "No text in it"),
}  # fmt: skip
MEASURES = {  # those that no threshold is about; a threshold's own label names the others
    "c4_quality.lines": QT_TRANSLATE_NOOP("rule", "Share of lines that stayed"),
    "language_is.simplified": QT_TRANSLATE_NOOP("rule", "Characters that are only simplified"),
    "language_is.traditional": QT_TRANSLATE_NOOP("rule", "Characters that are only traditional"),
    "repeated_lines.cut": QT_TRANSLATE_NOOP("rule", "Share of the text that was cut"),
}


def rule_label(rule: str) -> str:
    """The name of a cleaning rule, or of why a reader gave no document."""
    found = rule_types().get(rule)
    return translate(found.title if found else READERS.get(rule, rule.replace("_", " ").capitalize()))


def measure_label(name: str) -> str:
    """The name of a measure, ``rule.measure``, that no threshold is about."""
    return translate(MEASURES.get(name, name.partition(".")[2].replace("_", " ").capitalize()))


def rule_labels(rules) -> dict[str, str]:
    """Names of cleaning rules: {rule: translated name}."""
    return {rule: rule_label(rule) for rule in rules}
