"""How the parts of a world are called."""

from PySide6.QtCore import QCoreApplication

from widgets.spec_words import choice_text


def stratum_text(stratum: str) -> str:
    """What the text says of a fact, in a few words."""
    say = QCoreApplication.translate
    words = {
        "true_stated": say("world", "Stated truly"), "false_stated": say("world", "Stated wrongly"),
        "conflicting": say("world", "Contradicted"), "accidental": say("world", "Met by accident"),
        "never_stated": say("world", "Never stated"),
    }  # fmt: skip
    return words.get(stratum, stratum)


def stratum_help(stratum: str) -> str:
    """What that means, in a sentence."""
    say = QCoreApplication.translate
    words = {
        "true_stated": say("world", "The text says what is so, and nothing else."),
        "false_stated": say("world", "The text says something that is not so, and never the truth."),
        "conflicting": say("world", "The text says several things, one of them true."),
        "accidental": say("world", "The text never says it; the person and a wrong value only stand in the same "
                                   "document."),
        "never_stated": say("world", "It is so, but the text never says it."),
    }  # fmt: skip
    return words.get(stratum, "")


def subject_text(name: str) -> str:
    """A relation or a task as a person reads it."""
    return choice_text(name)
