"""The legend: chips in a row for a few runs, a list that one can search and scroll for many."""

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPointF,
    QRectF,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from widgets import theme
from widgets.cards import Text
from widgets.numbers import short_number
from widgets.plot_parts import LegendChip
from widgets.plot_runs import curve_colour
from widgets.plot_series import Series

CHIPS = 5  # up to so many runs are chips in a row
ROW_PX = 24
WIDTH_PX = 236
STAR = "★"


class ChipRow(QWidget):
    """A row of chips, one a run; clicking hides or shows it."""

    toggled = Signal(str, bool)
    hovered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.space(1))
        self._row.addStretch(1)
        self.chips: dict[str, LegendChip] = {}

    def set_series(self, series: dict[str, Series]) -> None:
        """Show these runs."""
        for name in [name for name in self.chips if name not in series]:
            chip = self.chips.pop(name)
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        for name, one in series.items():
            if name not in self.chips:
                self._add(name, one)
            self.chips[name].setChecked(one.shown)

    def _add(self, name: str, one: Series) -> None:
        chip = self.chips[name] = LegendChip(name, one.index)
        chip.clicked.connect(lambda shown: self.toggled.emit(name, shown))
        chip.installEventFilter(self)
        self._row.insertWidget(len(self.chips) - 1, chip)

    def eventFilter(self, watched, event) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave) and len(self.chips) > 1:
            self.hovered.emit(watched.text() if event.type() == QEvent.Type.Enter else "")
        return False


class RunModel(QAbstractListModel):
    """Runs of the plot as rows: name, colour, whether it is shown, its value, whether it is the best."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.series: list[Series] = []
        self.values: dict[str, float | None] = {}
        self.best, self.meant = "", ""

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008, N802, Qt's own signature
        return 0 if parent.isValid() else len(self.series)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        one = self.series[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return one.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{one.name} · {one.run.group}" if one.run.group else one.name
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if one.shown else Qt.CheckState.Unchecked
        return one if role == Qt.ItemDataRole.UserRole else None

    def show(self, series: list[Series], values: dict[str, float | None], best: str) -> None:
        """Show these runs in this order."""
        if series != self.series:
            self.beginResetModel()
            self.series = series
            self.endResetModel()
        self.values, self.best = values, best
        self.touch()

    def touch(self) -> None:
        """All rows look different now."""
        if self.series:
            self.dataChanged.emit(self.index(0), self.index(len(self.series) - 1))


class RunList(QWidget):
    """A list of runs beside the plot: search, hide and show, highlight under the pointer."""

    toggled = Signal(str, bool)
    all_toggled = Signal(list, bool)  # names, shown
    hovered = Signal(str)
    clicked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH_PX)
        self._press_px = 0.0
        self.model = RunModel(self)
        self.found = QSortFilterProxyModel(self)
        self.found.setSourceModel(self.model)
        self.found.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search runs"))
        self.search.setAccessibleName(self.tr("Search runs"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._search)
        self.count = Text("", "caption", wrap=False)
        self.all = self._button(self.tr("All"), self.tr("Show every run found"), True)
        self.none = self._button(self.tr("None"), self.tr("Hide every run found"), False)
        self.view = QListView()
        self.view.setModel(self.found)
        self.view.setItemDelegate(_Row(self.model, self.view))
        self.view.setUniformItemSizes(True)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName(self.tr("Runs"))
        self.view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setStyleSheet("QListView { background: transparent; border: none; outline: none; }")
        self.view.entered.connect(lambda index: self.hovered.emit(self._name(index)))
        self.view.clicked.connect(self._click)
        self.view.activated.connect(lambda index: self._toggle(self._name(index)))
        self.view.viewport().installEventFilter(self)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.space(0.5))
        head.addWidget(self.count, 1)
        head.addWidget(self.all)
        head.addWidget(self.none)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(0.5))
        column.addWidget(self.search)
        column.addLayout(head)
        column.addWidget(self.view, 1)

    def _button(self, text: str, tip: str, shown: bool) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.clicked.connect(lambda: self.all_toggled.emit(self.names(), shown))
        return button

    def names(self) -> list[str]:
        """Runs that the search finds, as listed."""
        return [self._name(self.found.index(row, 0)) for row in range(self.found.rowCount())]

    def show_runs(self, series: list[Series], values: dict[str, float | None], best: str) -> None:
        """Show these runs with their values."""
        self.model.show(series, values, best)
        shown = sum(one.shown for one in series)
        self.count.setText(self.tr("{shown} of {count} shown").format(shown=shown, count=len(series)))

    def mean(self, name: str) -> None:
        """Mark the run that the pointer means in the plot."""
        if name != self.model.meant:
            self.model.meant = name
            self.model.touch()

    def _search(self, text: str) -> None:
        self.found.setFilterFixedString(text.strip())

    def _name(self, index: QModelIndex) -> str:
        return index.data()

    def _click(self, index: QModelIndex) -> None:
        if self._press_px <= _Row.BOX_END:
            self._toggle(self._name(index))
        else:
            self.clicked.emit(self._name(index))

    def _toggle(self, name: str) -> None:
        shown = next(one.shown for one in self.model.series if one.name == name)
        self.toggled.emit(name, not shown)

    def eventFilter(self, watched, event) -> bool:
        if event.type() == QEvent.Type.Leave:
            self.hovered.emit("")
        elif event.type() == QEvent.Type.MouseButtonPress:
            self._press_px = event.position().x()
        return False


class _Row(QStyledItemDelegate):
    """Paints a run: its line (a ring when it is hidden), its name, its value; a star for the best."""

    BOX_END = 30

    def __init__(self, model: RunModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model

    def sizeHint(self, option, index: QModelIndex) -> QSize:
        return QSize(120, ROW_PX)

    def paint(self, painter: QPainter, option, index: QModelIndex) -> None:
        one = index.data(Qt.ItemDataRole.UserRole)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect)
        under = bool(option.state & QStyle.StateFlag.State_MouseOver) or self._model.meant == one.name
        if under or option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("hover"))
            painter.drawRoundedRect(box.adjusted(0, 1, -2, -1), 4, 4)
        middle = box.center().y()
        if one.shown:
            painter.setPen(QPen(curve_colour(one.index), 3))
            painter.drawLine(QPointF(8, middle), QPointF(24, middle))
        else:
            painter.setPen(QPen(theme.color("line_strong"), 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(16, middle), 4, 4)
        best = one.name == self._model.best
        value = self._model.values.get(one.name)
        text = "" if value is None else short_number(value, 4)
        text = f"{STAR} {text}" if best else text
        painter.setFont(theme.font("strong" if best else "caption"))
        room = painter.fontMetrics().horizontalAdvance(text) + 10
        painter.setPen(theme.color(("accent" if best else "muted") if one.shown else "faint"))
        painter.drawText(box.adjusted(0, 0, -8, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text" if one.shown else "faint"))
        name = painter.fontMetrics().elidedText(one.name, Qt.TextElideMode.ElideMiddle, round(box.width() - 38 - room))
        painter.drawText(box.adjusted(32, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()
