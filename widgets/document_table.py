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


def number_text(value: float | None) -> str:
    """A measured value: whole numbers whole, others with three figures; empty when there is none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


# Columns by name: the key by which they sort; None = they do not.
COLUMNS = {
    "text": None,
    "rule": lambda document: getattr(document, "rule", ""),
    "measured": lambda document: _or_least(getattr(document, "value", None)),
    "limit": lambda document: _or_least(getattr(document, "limit", None)),
    "characters": lambda document: len(document.text),
    "source": lambda document: (str(document.source), getattr(document, "line", 1)),
}
PLAIN = ("text", "characters", "source")
BRIEF = ("text", "rule", "measured", "limit")  # where there is little room
NUMBERS = ("measured", "limit", "characters")


def _or_least(value: float | None) -> float:
    return float("-inf") if value is None else value


class DocumentModel(QAbstractTableModel):
    """Rows of a sequence of documents, filtered and sorted without blocking: a search scans a little at a time."""

    scanned = Signal(int, int)  # documents looked at, documents there are

    def __init__(self, reasons: bool, parent: QObject | None = None, *, brief: bool = False) -> None:
        super().__init__(parent)
        self.documents = []
        self._found: list[int] | None = None  # rows that match; None = all
        self._next, self._accepts = 0, None
        self.columns = (BRIEF if brief else tuple(COLUMNS)) if reasons else PLAIN[:2] if brief else PLAIN
        self.rule_names: dict[str, str] = {}  # as the rule column writes them
        self._order: tuple[str, bool] | None = None  # column, descending
        self._keys: list = []  # of the rows found
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
        self._accepts = accepts
        self._restart()

    def set_order(self, column: str = "", descending: bool = False) -> None:
        """Sort by a column; empty = as they were read."""
        self._order = (column, descending) if column and COLUMNS[column] else None
        self._restart()

    def _restart(self) -> None:
        self._timer.stop()
        looks = self._accepts is not None or self._order is not None
        self.beginResetModel()
        self._found, self._keys, self._next = ([] if looks else None), [], 0
        self.endResetModel()
        if looks:
            self._timer.start()
            self._scan()

    @property
    def scanning(self) -> bool:
        """Whether a search still runs."""
        return self._timer.isActive()

    def _scan(self) -> None:
        end = min(self._next + SCAN_ROWS, len(self.documents))
        matching, key = [], COLUMNS[self._order[0]] if self._order else None
        for row in range(self._next, end):
            document = self.documents[row]
            if self._accepts is None or self._accepts(document):
                matching.append(row)
                if key:
                    self._keys.append(key(document))
        self._next = end
        if matching:
            first = len(self._found)
            self.beginInsertRows(QModelIndex(), first, first + len(matching) - 1)
            self._found += matching
            self.endInsertRows()
        if end == len(self.documents):
            self._timer.stop()
            self._sort()
        self.scanned.emit(end, len(self.documents))

    def _sort(self) -> None:
        """Bring what was found into the order asked for."""
        if self._order is None or len(self._found) < 2:
            return
        self.beginResetModel()
        places = sorted(range(len(self._found)), key=self._keys.__getitem__, reverse=self._order[1])
        self._found, self._keys = [self._found[place] for place in places], [self._keys[place] for place in places]
        self.endResetModel()

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
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal or section >= len(self.columns):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            words = {"text": self.tr("Text"), "rule": self.tr("Rule"), "measured": self.tr("Measured"),
                     "limit": self.tr("Limit"), "characters": self.tr("Characters"), "source": self.tr("Source")}
            return words[self.columns[section]]
        return self._aligned(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._aligned(index.column())
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        document = self.documents[self.source_row(index.row())]
        if role == Qt.ItemDataRole.ToolTipRole:
            return place_text(document) if column == "source" else reason_text(document) or None
        if column == "text":
            return " ".join(document.text[: 4 * PREVIEW_CHARACTERS].split())[:PREVIEW_CHARACTERS]
        if column == "rule":
            return self.rule_names.get(document.rule, document.rule)
        if column == "source":
            return short_source(document.source)
        if column == "characters":
            return f"{len(document.text):,}"
        return number_text(getattr(document, {"measured": "value"}.get(column, column), None))

    def _aligned(self, section: int):
        right = self.columns[section] in NUMBERS
        return (Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter


def short_source(source: str) -> str:
    """The last two parts of a path: enough to know it by."""
    return "/".join(str(source).replace("\\", "/").split("/")[-2:])


def place_text(document) -> str:
    """File and line a document came from."""
    return f"{document.source}:{getattr(document, 'line', 1)}"
