"""Documents, searchable, with the text beside."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget


class DocumentBrowser(QWidget):
    """A searchable table over any number of documents and a pane with the chosen one's text.

    Documents are anything with .id .text .source .line and, for rejects, .rule .reason .values
    (a core.data.documents Documents object, or a list).
    """

    document_chosen = Signal(int)  # row in the source
    source_asked = Signal(str, int)  # source, line: open where it came from

    def __init__(self, *, reasons: bool = False, parent: QWidget | None = None) -> None: ...

    def set_documents(self, documents) -> None:
        """Show a sequence (len and [i]); only rows in view are read."""

    def set_rule(self, rule: str) -> None:
        """Show only documents rejected by this rule; empty = all."""

    def show_document(self, row: int, start: int = 0, end: int = 0) -> None:
        """Open one document and highlight characters [start, end)."""
