"""The rows of the queue as a table model that can be reordered by dragging."""

from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, Qt, Signal

from app.state.queue import Entry
from app.state.summary import kind_text
from app.words import bytes_text, percent_text
from widgets.controls import state_text

ROW_TYPE = "application/x-coldframe-queue-row"
RIGHT = (0, 4, 5, 6)  # columns of numbers


class QueueModel(QAbstractTableModel):
    """One row a job in the queue."""

    moved = Signal(str, int)  # ROOM/NAME, the row it is to have

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def set_entries(self, entries: list[Entry]) -> None:
        """Show these; where only their states have changed, rows stay as they are, also while one is dragged."""
        same = [entry.root for entry in entries] == [entry.root for entry in self.entries]
        if not same:
            self.beginResetModel()
        self.entries = entries
        if not same:
            self.endResetModel()
        elif entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(entries) - 1, self.columnCount() - 1))

    def entry(self, row: int) -> Entry | None:
        """The entry of a row."""
        return self.entries[row] if 0 <= row < len(self.entries) else None

    def row_of(self, folder: str) -> int:
        """The row of a job; -1 where there is none."""
        return next((row for row, entry in enumerate(self.entries) if entry.ticket.folder == folder), -1)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else 7

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return [self.tr("Place"), self.tr("Name"), self.tr("Kind"), self.tr("State"), self.tr("Cores"),
                    self.tr("Memory"), self.tr("Done")][section]
        return _aligned(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        entry = self.entry(index.row())
        if entry is None:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(index.column())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._cells(index.row(), entry)[index.column()]
        return None

    def _cells(self, row: int, entry: Entry) -> list[str]:
        ticket, view = entry.ticket, entry.job.view if entry.job else None
        state = self.tr("Held") if entry.state == "held" else state_text(entry.state)
        done = percent_text(min(1.0, view.done / view.total)) if view and entry.begun and view.total else ""
        return [str(row + 1), entry.name, kind_text(entry.job.kind) if entry.job else "", state,
                str(ticket.cores or "–"), bytes_text(ticket.memory_bytes), done]

    # dragging

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        entry = self.entry(index.row())
        if entry is None:
            return Qt.ItemFlag.ItemIsDropEnabled
        shown = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return shown if entry.begun else shown | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        return [ROW_TYPE]

    def mimeData(self, indexes: list[QModelIndex]) -> QMimeData:
        carried = QMimeData()
        carried.setData(ROW_TYPE, self.entries[indexes[0].row()].ticket.folder.encode())
        return carried

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: QModelIndex) -> bool:
        """Tell where a job was dropped; the rows follow once it is so on disk."""
        folder = bytes(data.data(ROW_TYPE)).decode()
        before = self.row_of(folder)
        to = row if row >= 0 else parent.row() if parent.isValid() else len(self.entries)
        to -= before < to  # it leaves its own place first
        if before >= 0 and to != before:
            self.moved.emit(folder, to)
        return False


def _aligned(section: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if section in RIGHT else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
