"""Jobs as a list: state, name, one line, when; grows to hundreds without slowing down."""

import time
from pathlib import Path

from PySide6.QtCore import QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QWidget

from app.state.jobs import Job
from app.state.summary import kind_text, summary
from app.words import age_text
from widgets import theme
from widgets.controls import STATES, draw_shape, state_text

ROW_PX = 52
FOLDER = Qt.ItemDataRole.UserRole
ENTRY = Qt.ItemDataRole.UserRole + 1


class JobList(QListWidget):
    """Emits the folder of the chosen job; the list keeps its choice while jobs come and go.

    Args:
        show_kind: name the kind of each job, for lists that mix kinds.
    """

    chosen = Signal(object)  # Path
    activated_job = Signal(object)  # Path, on click or Enter

    def __init__(self, *, show_kind: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._show_kind = show_kind
        self.setAccessibleName(self.tr("Jobs"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(_Delegate(self))
        self.setVerticalScrollMode(self.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.setStyleSheet("QListWidget { background: transparent; border: none; outline: none; }")
        theme.bus.changed.connect(self.viewport().update)
        self.currentItemChanged.connect(self._choose)
        self.itemActivated.connect(self._activate)
        self.itemClicked.connect(self._activate)

    def set_jobs(self, jobs: list[Job]) -> None:
        """Show these jobs in this order."""
        current = self.current()
        self.blockSignals(True)
        wanted = [str(job.root) for job in jobs]
        if wanted != [self.item(row).data(FOLDER) for row in range(self.count())]:
            self.clear()
            for root in wanted:
                item = QListWidgetItem()
                item.setData(FOLDER, root)
                self.addItem(item)
        for row, job in enumerate(jobs):
            self._fill(self.item(row), job)
            if job.root == current:
                self.setCurrentRow(row)
        self.blockSignals(False)

    def update_job(self, job: Job) -> None:
        """Show newer values of one job."""
        for row in range(self.count()):
            if self.item(row).data(FOLDER) == str(job.root):
                self._fill(self.item(row), job)

    def current(self) -> Path | None:
        """The chosen job's folder."""
        item = self.currentItem()
        return Path(item.data(FOLDER)) if item else None

    def set_current(self, root: Path | None) -> None:
        """Choose without emitting."""
        self.blockSignals(True)
        rows = [row for row in range(self.count()) if self.item(row).data(FOLDER) == str(root)]
        self.setCurrentRow(rows[0] if rows else -1)
        self.blockSignals(False)
        self.viewport().update()

    def _fill(self, item: QListWidgetItem, job: Job) -> None:
        line = summary(job)
        if self._show_kind:
            line = f"{kind_text(job.kind)} · {line}".rstrip(" ·")
        item.setData(ENTRY, (job.view.state, job.name, line, job.view.updated_t or job.born_t))
        item.setToolTip(line)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{job.name}, {state_text(job.view.state)}, {line}")

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(Path(item.data(FOLDER)))

    def _activate(self, item: QListWidgetItem) -> None:
        self.activated_job.emit(Path(item.data(FOLDER)))


class _Delegate(QStyledItemDelegate):
    """Paints one row."""

    def sizeHint(self, option, index: QModelIndex) -> QSize:
        return QSize(120, ROW_PX)

    def paint(self, painter: QPainter, option, index: QModelIndex) -> None:
        state, name, line, then = index.data(ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(option.rect).adjusted(0, 1, -1, -1)
        chosen, under = (bool(option.state & flag) for flag in
                         (QStyle.StateFlag.State_Selected, QStyle.StateFlag.State_MouseOver))  # fmt: skip
        if chosen or under:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(box, 6, 6)
        token, shape = STATES.get(state, ("muted", "dot"))
        draw_shape(painter, shape, QRectF(box.left() + 12, box.top() + 13, 8, 8), theme.color(token))
        age = age_text(time.time() - then)
        painter.setFont(theme.font("caption"))
        age_width = painter.fontMetrics().horizontalAdvance(age)
        painter.setPen(theme.color("faint"))
        painter.drawText(box.adjusted(0, 8, -12, 0), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, age)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("text"))
        room = round(box.width() - 52 - age_width)
        painter.drawText(box.adjusted(32, 7, 0, 0), Qt.AlignmentFlag.AlignTop,
                         painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, room))  # fmt: skip
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("muted"))
        line = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, round(box.width() - 44))
        painter.drawText(box.adjusted(32, 0, -12, -7), Qt.AlignmentFlag.AlignBottom, line)
        painter.restore()
