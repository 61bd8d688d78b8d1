"""What to ask: template, system words, question, demonstrations."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class PromptEditor(QWidget):
    """Template choice, system and user fields, a table of demonstrations.

    Args:
        templates: [(id, title, sentence, uses)]; ``uses`` names the fields shown besides the question:
            a set of "system", "demonstrations" (and "rationale" for worked examples).
    """

    prompt_changed = Signal(dict)  # {"template", "system", "user", "demonstrations": [{"input", "output", "rationale"}]}
    submitted = Signal(dict)  # the same, on Ctrl+Return or the button
    stop_clicked = Signal()

    def __init__(self, templates: list[tuple[str, str, str, frozenset]] = (), *, parent: QWidget | None = None) -> None: ...

    def prompt(self) -> dict: ...

    def set_prompt(self, prompt: dict) -> None:
        """Show other values without emitting; keys not given keep theirs."""

    def set_templates(self, templates: list) -> None: ...

    def set_busy(self, busy: bool) -> None:
        """While busy the button says Stop and emits stop_clicked."""
