"""Two designs beside each other: their drawings, and every field with the differences marked."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.pages.page import scroll_area
from app.state.comparison import Line, compare
from app.state.family import systems
from app.state.growth import grow
from app.translations import translate
from app.views.system_card import data_text
from app.words import count_text
from core.errors import LabError
from core.model.sizing import parameters
from core.spec.model import ModelSpec
from widgets import theme
from widgets.cards import Card, Text
from widgets.controls import SegmentedControl
from widgets.layer_diagram import LayerDiagram

MINE = "mine"
TABLE_PX, NAME_PX, ROOM_PX = 372, 124, 20
FIRST = ("palm", "bloom")


class SideBySide(QWidget):
    """Two choices, two drawings, one table; ``field_asked`` when a box of the person's own design is clicked."""

    field_asked = Signal(str)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mine: tuple[ModelSpec, str] | None = None  # the design in the form, and the system it grew from
        names = {"original": self.tr("Original"), "1m": self.tr("At 1 M"), "10m": self.tr("At 10 M")}
        self.scale = SegmentedControl(names, "original", name=self.tr("Size"))
        self.picks = [QComboBox(), QComboBox()]
        self.diagrams = [LayerDiagram(), LayerDiagram()]
        self.sizes = [Text("", "caption"), Text("", "caption")]
        self.only = QCheckBox(self.tr("Differences only"))
        self.only.setChecked(True)
        self.count = Text("", "caption")
        self.table = _table()
        self.lines: list[Line] = []
        for pick, word in zip(self.picks, (self.tr("Left design"), self.tr("Right design"))):
            pick.setAccessibleName(word)
            pick.addItem(self.tr("My design"), MINE)
            for key, system in systems().items():
                pick.addItem(f"{system.name} ({system.year})", key)
            pick.activated.connect(lambda _: self.refresh())
        self.scale.value_changed.connect(lambda _: self.refresh())
        self.table.horizontalHeader().sectionResized.connect(lambda *_: self._fit_rows())
        self.only.toggled.connect(lambda _: self._fill())
        for side, diagram in enumerate(self.diagrams):
            diagram.part_clicked.connect(lambda names, side=side: self._clicked(side, names))
        self._arrange()
        self.choose(*FIRST)

    def choose(self, left: str, right: str) -> None:
        """Put two designs beside each other; an empty name leaves that side as it is."""
        for pick, key in zip(self.picks, (left, right)):
            if key:
                pick.setCurrentIndex(pick.findData(key))
        self.refresh()

    def chosen(self) -> tuple[str, str]:
        """Keys of both sides."""
        return self.picks[0].currentData(), self.picks[1].currentData()

    def set_mine(self, spec: ModelSpec, system: str) -> None:
        """The person's own design, and the system it grew from (empty = none)."""
        self.mine = (spec, system)
        if MINE in self.chosen():
            self.refresh()

    def refresh(self) -> None:
        """Show what is chosen."""
        sides = [self._side(key) for key in self.chosen()]
        for diagram, size, (spec, _, words) in zip(self.diagrams, self.sizes, sides):
            diagram.set_spec(spec)
            size.setText(words)
        (left, left_original, _), (right, right_original, _) = sides
        self.lines = []
        if left is not None and right is not None:
            self.lines = self._originals() + compare(left, right, left_original, right_original)
        self._fill()

    def _side(self, key: str) -> tuple[ModelSpec | None, ModelSpec | None, str]:
        """The design to show, the original it was scaled from, and its size in words."""
        if key == MINE:
            if self.mine is None:
                return None, None, self.tr("Nothing is designed yet.")
            spec, system = self.mine
            original = systems()[system].shape if system else None
        else:
            spec, original = systems()[key].shape, None
            if self.scale.value() != "original" and spec.family != "ngram":
                try:
                    original, spec = spec, grow(spec, self.scale.value())
                except LabError as error:
                    return spec, None, error.sentence(translate)
        words = self.tr("{count} parameters").format(count=count_text(parameters(spec)["total"]))
        if original is not None:
            words += " " + self.tr("(the original: {count})").format(count=count_text(parameters(original)["total"]))
        return spec, original, words

    def _originals(self) -> list[Line]:
        """What the originals were: nothing of it can be designed, but it is what they are known by."""
        keys = [self.mine[1] if key == MINE and self.mine else key for key in self.chosen()]
        known = [systems().get(key) for key in keys]
        rows = ((self.tr("Year"), lambda s: str(s.year)),
                (self.tr("Published size"), lambda s: count_text(s.published_parameters or 0)),
                (self.tr("Data"), lambda s: data_text(s.data)), (self.tr("Hardware"), lambda s: s.hardware),
                (self.tr("Weights"), lambda s: self.tr("open") if s.open_weights else self.tr("closed")))  # fmt: skip
        lines = [Line(name, "", *[(tell(s) if s else "") or "–" for s in known]) for name, tell in rows]
        return [line for line in lines if (line.left, line.right) != ("–", "–")]

    def _fill(self) -> None:
        shown = [line for line in self.lines if line.differs or not self.only.isChecked()]
        names = [pick.currentText().rpartition(" (")[0] or pick.currentText() for pick in self.picks]
        self.table.setHorizontalHeaderLabels(["", "", *names])
        self.table.setRowCount(len(shown))
        for row, line in enumerate(shown):
            for place, text in enumerate(("≠" if line.differs else "", line.name, line.left, line.right)):
                item = QTableWidgetItem(text)
                item.setFont(theme.font("strong" if line.differs and place > 1 else "body"))
                if line.differs:
                    item.setBackground(theme.color("amber_soft"))
                self.table.setItem(row, place, item)
        self._fit_rows()
        parted = sum(line.differs for line in self.lines)
        self.count.setText(self.tr("{parted} of {count} differ").format(parted=parted, count=len(self.lines)))

    def _fit_rows(self) -> None:
        """Every row as tall as its words need, wrapped into the columns as they are now."""
        for row in range(self.table.rowCount()):
            heights = []
            for column in range(self.table.columnCount()):
                item, room = self.table.item(row, column), self.table.columnWidth(column) - ROOM_PX
                metrics = QFontMetrics(item.font())
                box = metrics.boundingRect(0, 0, max(room, 8), 10_000, Qt.TextFlag.TextWordWrap, item.text())
                heights.append(box.height())
            self.table.setRowHeight(row, max(heights) + theme.space(1.5))

    def _clicked(self, side: int, names: list[str]) -> None:
        """A box lights its line in the table; a box of one's own design leads to its field."""
        if self.chosen()[side] == MINE and names:
            self.field_asked.emit(names[0])
            return
        labels = {line.name for line in self.lines if line.field in names}
        for row in range(self.table.rowCount()):
            if self.table.item(row, 1).text() in labels:
                self.table.selectRow(row)
                return

    def _arrange(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        for pick, size, diagram in zip(self.picks, self.sizes, self.diagrams):
            card = Card()
            card.body.setContentsMargins(*[theme.space(1)] * 4)
            card.body.addWidget(pick)
            card.body.addWidget(size)
            holder = QWidget()
            inner = QVBoxLayout(holder)
            inner.setContentsMargins(0, 0, 0, 0)
            inner.addWidget(diagram)
            inner.addStretch(1)
            card.body.addWidget(scroll_area(holder), 1)
            row.addWidget(card, 1)
        right = Card()
        right.body.setContentsMargins(*[theme.space(1)] * 4)
        right.body.addWidget(self.scale, 0, Qt.AlignmentFlag.AlignLeft)
        line = QHBoxLayout()
        line.addWidget(self.only)
        line.addStretch(1)
        line.addWidget(self.count)
        right.body.addLayout(line)
        right.body.addWidget(self.table, 1)
        right.setMinimumWidth(TABLE_PX)
        row.addWidget(right, 1)


def _table() -> QTableWidget:
    table = QTableWidget(0, 4)
    table.verticalHeader().hide()
    table.setStyleSheet("QTableView::item { padding: 2px 6px; }")  # narrow columns, whole words
    table.setShowGrid(False)
    table.setWordWrap(True)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    for column, width in ((0, 26), (1, NAME_PX)):
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        table.setColumnWidth(column, width)
    return table
