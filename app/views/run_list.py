"""Runs as a list of which any number can be ticked for the plot; hundreds cost no more than those in view."""

import time
from pathlib import Path

from PySide6.QtCore import QAbstractListModel, QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QWidget

from app.state.run_facts import RunFacts
from app.words import age_text
from widgets import theme
from widgets.controls import STATES, draw_shape, state_text
from widgets.plot_runs import curve_colour

ROW_PX = 54
TICK_PX = 32  # what belongs to the tick box
FACTS = Qt.ItemDataRole.UserRole
BEST = Qt.ItemDataRole.UserRole + 1
COLOUR = Qt.ItemDataRole.UserRole + 2


class RunListModel(QAbstractListModel):
    """Runs in the order given, each ticked or not; a ticked one bears the colour of its curve."""

    ticks_changed = Signal()

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.runs: list[RunFacts] = []
        self.ticked: dict[Path, None] = {}  # in the order of ticking
        self.colours: dict[Path, int] = {}
        self.best: Path | None = None
        self._rows: dict[Path, int] = {}

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.runs)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsUserCheckable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole):
        run = self.runs[index.row()]
        if role == FACTS:
            return run
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if run.root in self.ticked else Qt.CheckState.Unchecked
        if role == BEST:
            return run.root == self.best
        if role == COLOUR:
            return self.colours.get(run.root)
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(filter(None, (run.name, run.line, ", ".join(run.notes.tags), run.notes.text)))
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.DisplayRole):
            best = self.tr("the best of those shown") if run.root == self.best else ""
            return ", ".join(filter(None, (run.name, state_text(run.state), run.line, best, *run.notes.tags)))
        return None

    def setData(self, index: QModelIndex, value, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole:
            return False
        on = Qt.CheckState(value) == Qt.CheckState.Checked
        self.tick([self.runs[index.row()].root], on)
        return True

    def set_runs(self, runs: list[RunFacts]) -> None:
        """Show these in this order; ticks stay with their runs, also with those not shown at present."""
        if [run.root for run in runs] == [run.root for run in self.runs]:
            self.runs = list(runs)
            self._changed()
            return
        self.beginResetModel()
        self.runs = list(runs)
        self._rows = {run.root: row for row, run in enumerate(runs)}
        self.endResetModel()

    def update_run(self, run: RunFacts) -> None:
        """Newer facts of one run."""
        row = self._rows.get(run.root)
        if row is not None and self.runs[row] != run:
            self.runs[row] = run
            self.dataChanged.emit(self.index(row), self.index(row))

    def row_of(self, root: Path | None) -> int:
        """Where a run stands; -1 = it is not shown."""
        return self._rows.get(root, -1)

    def tick(self, roots: list[Path], on: bool) -> None:
        """Tick or untick runs."""
        before = list(self.ticked)
        for root in roots:
            self.ticked.pop(root, None)
            if on:
                self.ticked[root] = None
        if list(self.ticked) != before:
            self._changed()
            self.ticks_changed.emit()

    def forget(self, roots: set[Path]) -> None:
        """Runs that are no more cannot stay ticked; tells nobody."""
        for root in roots & set(self.ticked):
            del self.ticked[root]

    def set_looks(self, colours: dict[Path, int], best: Path | None) -> None:
        """Which curve has which place in the palette, and which run is the best."""
        if (colours, best) != (self.colours, self.best):
            self.colours, self.best = dict(colours), best
            self._changed()

    def _changed(self) -> None:
        if self.runs:
            self.dataChanged.emit(self.index(0), self.index(len(self.runs) - 1))


class RunList(QListView):
    """Tells which run is chosen, which are ticked, and which one the pointer is on.

    A click on the box ticks, with Shift also all from the last one ticked; a click beside it chooses; Space ticks.
    """

    chosen = Signal(object)  # Path
    ticked = Signal()
    pointed = Signal(object)  # Path, or None

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs = RunListModel(self)
        self.setModel(self.runs)
        self.setItemDelegate(_Delegate(self))
        self.setAccessibleName(self.tr("Runs"))
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setStyleSheet("QListView { background: transparent; border: none; outline: none; }")
        self._last_ticked, self._pointed, self._current = -1, None, None
        theme.bus.changed.connect(self.viewport().update)
        self.runs.ticks_changed.connect(self.ticked)
        self.runs.modelReset.connect(self._keep_current)

    def current(self) -> Path | None:
        """The chosen run, shown or not."""
        return self._current

    def set_current(self, root: Path | None) -> None:
        """Choose without telling."""
        self._current = root
        self._keep_current()

    def _keep_current(self) -> None:
        row = self.runs.row_of(self._current)
        chooser = self.selectionModel()
        chooser.blockSignals(True)
        self.setCurrentIndex(self.runs.index(row) if row >= 0 else QModelIndex())
        chooser.blockSignals(False)
        self.viewport().update()

    def currentChanged(self, index: QModelIndex, before: QModelIndex) -> None:
        super().currentChanged(index, before)
        if index.isValid() and not self.selectionModel().signalsBlocked():
            self._choose(index)

    def _choose(self, index: QModelIndex) -> None:
        self._current = self.runs.runs[index.row()].root
        self.chosen.emit(self._current)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and index.isValid() and event.position().x() < TICK_PX:
            self._tick(index.row(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and index.isValid():
            self._choose(index)  # also when it was chosen already: it may be hidden behind a form

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        self._point(self.runs.runs[index.row()].root if index.isValid() else None)
        if not event.buttons():  # a drag over the list chooses nothing
            super().mouseMoveEvent(event)

    def leaveEvent(self, event) -> None:
        self._point(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentIndex().isValid():
            self._tick(self.currentIndex().row(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        else:
            super().keyPressEvent(event)

    def _point(self, root: Path | None) -> None:
        if root != self._pointed:
            self._pointed = root
            self.pointed.emit(root)

    def _tick(self, row: int, through: bool) -> None:
        """Turn one row's tick, or bring all rows from the last one turned to its state."""
        root = self.runs.runs[row].root
        on = root not in self.runs.ticked
        rows = [row]
        if through and 0 <= self._last_ticked < len(self.runs.runs):
            first, last = sorted((self._last_ticked, row))
            rows = list(range(first, last + 1))
        self._last_ticked = row
        self.runs.tick([self.runs.runs[place].root for place in rows], on)


class _Delegate(QStyledItemDelegate):
    """Paints one run: its tick in the colour of its curve, state, name, tags, and a line."""

    def sizeHint(self, option, index: QModelIndex) -> QSize:
        return QSize(120, ROW_PX)

    def editorEvent(self, *_) -> bool:
        return False  # the list itself sees to the ticks

    def paint(self, painter: QPainter, option, index: QModelIndex) -> None:
        run: RunFacts = index.data(FACTS)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(0, 1, -1, -1)
        chosen, under, focus = (bool(option.state & flag) for flag in (
            QStyle.StateFlag.State_Selected, QStyle.StateFlag.State_MouseOver, QStyle.StateFlag.State_HasFocus))
        if chosen or under:
            painter.setPen(QPen(theme.color("focus")) if chosen and focus else Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        _paint_tick(painter, QRectF(box.left() + 8, box.top() + 9, 14, 14), ticked, index.data(COLOUR))
        token, shape = STATES.get(run.state, ("muted", "dot"))
        draw_shape(painter, shape, QRectF(box.left() + 32, box.top() + 12, 8, 8), theme.color(token))
        _paint_words(painter, box, run, bool(index.data(BEST)))
        painter.restore()


def _paint_tick(painter: QPainter, box: QRectF, ticked: bool, colour: int | None) -> None:
    """A box, filled with its curve's colour when ticked; without a curve in the theme's own."""
    shade = curve_colour(colour) if colour is not None else theme.color("accent")
    painter.setPen(QPen(shade if ticked or colour is not None else theme.color("line_strong"), 1.2))
    painter.setBrush(shade if ticked else theme.color("raised"))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    if ticked:
        draw_shape(painter, "check", box.adjusted(3, 3, -3, -3), theme.color("raised"))
    elif colour is not None:  # drawn because it is chosen, not because it is ticked
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade)
        painter.drawEllipse(box.center(), 3, 3)


def _paint_words(painter: QPainter, box: QRectF, run: RunFacts, best: bool) -> None:
    top, elide = box.top() + 7, Qt.TextElideMode.ElideRight
    right = box.right() - 8
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.color("faint"))
    age = age_text(time.time() - run.then_t)
    width = painter.fontMetrics().horizontalAdvance(age)
    painter.drawText(QRectF(right - width, top + 1, width, 18), Qt.AlignmentFlag.AlignRight, age)
    right -= width + 8
    if run.spikes:
        draw_shape(painter, "triangle", QRectF(right - 9, top + 5, 8, 8), theme.color("amber"))
        right -= 16
    if best:
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("accent"))
        painter.drawText(QRectF(right - 14, top, 14, 18), Qt.AlignmentFlag.AlignRight, "★")
        right -= 18
    left = box.left() + 48
    painter.setFont(theme.font("strong"))
    painter.setPen(theme.color("text"))
    name = painter.fontMetrics().elidedText(run.name, Qt.TextElideMode.ElideMiddle, round(right - left))
    painter.drawText(QRectF(left, top, right - left, 18), Qt.AlignmentFlag.AlignLeft, name)
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.color("muted"))
    tags = "  ".join(f"#{tag}" for tag in run.notes.tags)
    room = round(box.right() - 8 - left)
    if tags:
        tags = painter.fontMetrics().elidedText(tags, elide, room // 2)
        width = painter.fontMetrics().horizontalAdvance(tags)
        painter.setPen(theme.color("sky"))
        painter.drawText(QRectF(box.right() - 8 - width, top + 20, width, 18), Qt.AlignmentFlag.AlignRight, tags)
        room -= width + 8
        painter.setPen(theme.color("muted"))
    line = painter.fontMetrics().elidedText(run.line, elide, room)
    painter.drawText(QRectF(left, top + 20, room, 18), Qt.AlignmentFlag.AlignLeft, line)
