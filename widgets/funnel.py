"""How many documents came in, how many stayed, and why the others went."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class Funnel(QWidget):
    """Bars from read to kept, one for each reason; a click opens the documents behind it."""

    rule_clicked = Signal(str)
    kept_clicked = Signal()

    def __init__(self, *, parent: QWidget | None = None) -> None: ...

    def set_counts(self, documents_read: int, documents_kept: int, bytes_read: int, bytes_kept: int,
                   rejected: dict[str, int], labels: dict[str, str] | None = None) -> None:  # fmt: skip
        """Show counts; ``rejected`` is {rule: documents} in order of work, ``labels`` {rule: translated text}."""
