"""A table model over any number of documents: only what is in view is read."""

from collections.abc import Callable

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, Qt, QTimer, Signal

PREVIEW_CHARACTERS = 160
SCAN_MS, SCAN_ROWS = 10, 400


def reason_text(document) -> str:
    """Why a document was set aside, in the user's language; empty for kept ones."""
    template = getattr(document, "reason", "") or ""
    words = QCoreApplication.translate("reason", template) if template else ""
    try:
        return words.format(**(getattr(document, "values", None) or {}))
    except (KeyError, IndexError, ValueError):
        return words


class DocumentModel(QAbstractTableModel):
    """Rows of a sequence of documents, filtered without blocking: a search scans a little at a time."""

    scanned = Signal(int, int)  # documents looked at, documents there are

    def __init__(self, reasons: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.documents, self._reasons = [], reasons
        self._found: list[int] | None = None  # rows that match; None = all
        self._next, self._accepts = 0, None
        self._timer = QTimer(self, interval=SCAN_MS)
        self._timer.timeout.connect(self._scan)

    def set_documents(self, documents) -> None:
        """Show another sequence (len and [i])."""
        self._timer.stop()
        self.beginResetModel()
        self.documents, self._found = documents, None
        self.endResetModel()

    def set_filter(self, accepts: Callable | None) -> None:
        """Show only documents for which ``accepts(document)``; None = all."""
        self._timer.stop()
        self.beginResetModel()
        self._found, self._next, self._accepts = (None if accepts is None else []), 0, accepts
        self.endResetModel()
        if accepts is not None:
            self._timer.start()
            self._scan()

    @property
    def scanning(self) -> bool:
        """Whether a search still runs."""
        return self._timer.isActive()

    def _scan(self) -> None:
        end = min(self._next + SCAN_ROWS, len(self.documents))
        matching = [row for row in range(self._next, end) if self._accepts(self.documents[row])]
        self._next = end
        if matching:
            first = len(self._found)
            self.beginInsertRows(QModelIndex(), first, first + len(matching) - 1)
            self._found += matching
            self.endInsertRows()
        if end == len(self.documents):
            self._timer.stop()
        self.scanned.emit(end, len(self.documents))

    def source_row(self, row: int) -> int:
        """Place in the whole sequence of a row shown."""
        return row if self._found is None else self._found[row]

    def shown_row(self, source_row: int) -> int:
        """Row at which a document is shown; -1 when the filter hides it."""
        if self._found is None:
            return source_row
        return self._found.index(source_row) if source_row in self._found else -1

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        if parent.isValid():
            return 0
        return len(self.documents) if self._found is None else len(self._found)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 3 + self._reasons

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return [self.tr("Text"), self.tr("Characters"), self.tr("Source"), self.tr("Reason")][section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        document = self.documents[self.source_row(index.row())]
        if role == Qt.ItemDataRole.ToolTipRole:
            return {2: place_text(document), 3: reason_text(document)}.get(index.column())
        if index.column() == 0:
            return " ".join(document.text[: 4 * PREVIEW_CHARACTERS].split())[:PREVIEW_CHARACTERS]
        if index.column() == 1:
            return f"{len(document.text):,}"
        return short_source(document.source) if index.column() == 2 else reason_text(document)


def short_source(source: str) -> str:
    """The last two parts of a path: enough to know it by."""
    return "/".join(str(source).replace("\\", "/").split("/")[-2:])


def place_text(document) -> str:
    """File and line a document came from."""
    return f"{document.source}:{getattr(document, 'line', 1)}"
