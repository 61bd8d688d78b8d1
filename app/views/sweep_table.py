"""The runs of a sweep as a table: sorted by any column, narrowed to those that pass the brushes."""

import math

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QFont

from app.views.sweep_axes import short_label, value_text
from app.words import count_text, duration_text
from core.jobs.sweep_table import SweepTable, SweptRun
from widgets.controls import state_text

SORTED = Qt.ItemDataRole.UserRole  # what a column is sorted by
BEST = "★ "
FIXED = 3  # columns before those of the varied fields
LOSS = 1  # the column of the best loss


class SweepModel(QAbstractTableModel):
    """A row a run: what came out, the varied fields, and how it stands."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.table: SweepTable | None = None
        self.fell: dict[int, int] = {}  # trial -> the rung it did not pass

    def show_table(self, table: SweepTable | None) -> None:
        """Show another table, or newer values of the same."""
        same = self.table and table and self.table.fields == table.fields and len(self.table.runs) == len(table.runs)
        if not same:
            self.beginResetModel()
        self.table = table
        self.fell = {trial.trial: trial.fell_at for trial in table.trials if trial.fell_at} if table else {}
        if same:
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))
        else:
            self.endResetModel()

    @property
    def runs(self) -> list[SweptRun]:
        """The runs, in order of their names."""
        return self.table.runs if self.table else []

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.runs)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() or self.table is None else len(self.headers())

    def headers(self) -> list[str]:
        """Names of the columns."""
        fields = [short_label(name) for name in self.table.fields] if self.table else []
        return [self.tr("Run"), self.tr("Best loss"), self.tr("Bits per byte"), *fields, self.tr("Seed"),
                self.tr("State"), self.tr("Steps"), self.tr("Time")]  # fmt: skip

    def headerData(self, section: int, orientation, role: int = Qt.ItemDataRole.DisplayRole):
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.headers()[section]
        fields = self.table.fields if self.table else []
        if role == Qt.ItemDataRole.ToolTipRole and FIXED <= section < FIXED + len(fields):
            return fields[section - FIXED]
        return self._aligned(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        run, column = self.runs[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cells(run)[column]
        if role == SORTED:
            return self.plain(run)[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._aligned(column)
        if role == Qt.ItemDataRole.FontRole and self.table.best == run.run:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def cells(self, run: SweptRun) -> list[str]:
        """What a row shows."""
        name = (BEST if self.table.best == run.run else "") + run.run
        values = [value_text(run.values.get(name, "")) for name in self.table.fields]
        state = state_text(run.state)
        if run.state == "stopped" and run.trial in self.fell:
            state = self.tr("Left at {step}").format(step=f"{self.fell[run.trial]:,}")
        return [name, _number(run.best_loss), _number(run.bits_per_byte), *values, str(run.seed), state,
                count_text(run.done), duration_text(run.elapsed_s) if run.elapsed_s else "–"]  # fmt: skip

    def plain(self, run: SweptRun) -> list:
        """The same at full precision, for sorting and for copying."""
        return [run.run, run.best_loss, run.bits_per_byte, *(run.values.get(name) for name in self.table.fields),
                run.seed, run.state, run.done, run.elapsed_s]  # fmt: skip

    def rows(self) -> list[list]:
        """Header and rows for CSV; fields by their dotted names."""
        head = ["run", "best_loss", "bits_per_byte", *self.table.fields, "seed", "state", "steps", "elapsed_s"]
        return [head, *map(self.plain, self.runs)]

    def _aligned(self, section: int) -> Qt.AlignmentFlag:
        fields = self.table.fields if self.table else []
        texts = {0, FIXED + len(fields) + 1, len(self.headers()) - 1}  # the last one stretches: its words stay near
        texts |= {FIXED + place for place, name in enumerate(fields) if not all(
            isinstance(run.values.get(name), (int, float)) for run in self.runs)}
        side = Qt.AlignmentFlag.AlignLeft if section in texts else Qt.AlignmentFlag.AlignRight
        return side | Qt.AlignmentFlag.AlignVCenter


class SweepOrder(QSortFilterProxyModel):
    """Sorts by values, those without one last, and shows the rows that pass."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.passing: set[int] | None = None  # None: all
        self.setSortRole(SORTED)
        self.setDynamicSortFilter(True)

    def show_only(self, passing: set[int] | None) -> None:
        """Show these rows of the table."""
        self.passing = passing
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:
        return self.passing is None or row in self.passing

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:
        one, other = left.data(SORTED), right.data(SORTED)
        if _missing(one) or _missing(other):
            last = self.sortOrder() == Qt.SortOrder.AscendingOrder
            return _missing(other) and not _missing(one) if last else _missing(one) and not _missing(other)
        try:
            return one < other
        except TypeError:  # an axis of values of several kinds
            return str(one) < str(other)


def _missing(value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
