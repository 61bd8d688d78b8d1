"""The one error a user ever sees: what is wrong, where, and how to mend it."""

from typing import Any


class LabError(Exception):
    """A request that cannot be carried out, told in words that help.

    The three parts are templates (``str.format``) over ``values``, so that the window can
    translate a sentence before it fills in the numbers.

    Args:
        problem: what is wrong, one plain sentence.
        where: the file, field or step it concerns; may be empty.
        remedy: what the person can do about it, one plain sentence.
        values: the numbers and names the templates mention (JSON types only).
    """

    def __init__(self, problem: str, where: str = "", remedy: str = "", **values: Any) -> None:
        self.problem, self.where, self.remedy, self.values = problem, where, remedy, values
        super().__init__(self.sentence())

    def sentence(self, translate=lambda text: text) -> str:
        """The whole message in one line; ``translate`` maps each template to the user's language."""
        return say(self.problem, self.where, self.remedy, self.values, translate)

    def __reduce__(self):
        return _rebuild, (self.problem, self.where, self.remedy, self.values)


def say(problem: str, where: str, remedy: str, values: dict, translate=lambda text: text) -> str:
    """Join the three parts of an error into one readable line; never raises."""

    def fill(template: str) -> str:
        text = translate(template)
        try:
            return text.format(**values)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            return text  # a brace in a file name, or a number that is none, is no reason to lose the message

    problem, where, remedy = (fill(part) for part in (problem, where, remedy))
    line = f"{where}: {problem}" if where else problem
    return join_sentences(line, remedy)


def join_sentences(*sentences: str) -> str:
    """Sentences in one line; after a full-width stop, as Chinese has it, no space follows."""
    line = ""
    for sentence in filter(None, sentences):
        line += sentence if not line or line[-1] in "。！？" else f" {sentence}"
    return line


def _rebuild(problem, where, remedy, values):
    return LabError(problem, where, remedy, **values)
