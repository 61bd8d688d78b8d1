"""What a model cannot become: a reason to leave out one format, not to give up the others."""

from core.errors import LabError


class Refusal(LabError):
    """A format that has no way to express this model; the message names the part and offers another format."""
