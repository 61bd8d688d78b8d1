"""Do the exported files answer as the model does?"""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class ParityTable(QWidget):
    """A row for each file: format, size, differences, perplexity, speed, verdict."""

    file_chosen = Signal(str)  # path of the row's file
    exported = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None: ...

    def set_rows(self, rows: list[dict]) -> None:
        """Rows as in the Verified event: format, file, bytes, max_logit_difference, top1_agreement, perplexity,
        tokens_per_s, verdict (ready text), within (bool or None while it is being checked), note."""
