"""The queue: what is at work, what waits and in which order, and how much all of it may take together."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.queue import Entry
from app.views.queue_table import QueueModel
from app.words import bytes_text
from core.jobs.queue import GB, cores_here, in_force
from core.record.tickets import Limits
from widgets import icons, theme
from widgets.cards import Button, Card, Text
from widgets.number_line import NumberLine
from widgets.spec_words import number_text

COLUMNS_PX = (72, 280, 120, 104, 72, 96, 150)
ROW_PX, LIMIT_PX = 34, 152


class QueueView(QWidget):
    """Follows ``context.queue``; the table is reordered by dragging, by buttons, or with Alt and the arrow keys."""

    job_chosen = Signal(Path)

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.store = context, context.queue
        self.model = QueueModel(self)
        self.model.moved.connect(self.store.move)
        self.told = Text("", "muted")
        self.pause = Button(self.tr("Pause the queue"), "secondary", "pause")
        self.pause.clicked.connect(lambda: self.store.set_limits(paused=not self.store.limits.paused))
        self.up, self.down = Button(self.tr("Earlier")), Button(self.tr("Later"))
        self.hold, self.remove = Button(self.tr("Hold"), icon="pause"), Button(self.tr("Remove"), icon="trash")
        self.up.clicked.connect(lambda: self._shift(-1))
        self.down.clicked.connect(lambda: self._shift(1))
        self.hold.clicked.connect(self._hold)
        self.remove.clicked.connect(self._remove)
        self.cores, self.memory = NumberLine(whole=True), NumberLine(whole=False)
        self._make_limits()
        self._make_table()
        self._arrange()
        self.store.changed.connect(self.refresh)
        context.jobs.job_changed.connect(self._job_changed)
        context.jobs.job_added.connect(self._job_changed)
        self.refresh()

    def refresh(self) -> None:
        """Show what stands on disk now; the chosen row stays chosen."""
        chosen = self.chosen()
        self.model.set_entries(self.store.entries())
        if chosen is not None:
            row = self.model.row_of(chosen.ticket.folder)
            if row >= 0:
                self.table.setCurrentIndex(self.model.index(row, 0))
        if not (self.cores.hasFocus() or self.memory.hasFocus()):  # somebody is typing
            self._show_limits(self.store.limits)
        self._tell()
        self._enable()

    def chosen(self) -> Entry | None:
        """The entry of the row that is chosen."""
        return self.model.entry(self.table.currentIndex().row())

    def _job_changed(self, root: Path) -> None:
        if self.isVisible() and self.model.row_of(f"{Path(root).parent.name}/{Path(root).name}") >= 0:
            self.refresh()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self.refresh()

    def _shift(self, by: int) -> None:
        entry, row = self.chosen(), self.table.currentIndex().row()
        if entry is not None:
            self.store.move(entry.ticket.folder, row + by)

    def _hold(self) -> None:
        entry = self.chosen()
        if entry is not None:
            self.store.hold(entry.ticket.folder, not entry.ticket.held)

    def _remove(self) -> None:
        """Take the chosen job out; one that is at work is asked to stop, which takes it out as well."""
        entry = self.chosen()
        if entry is None:
            return
        if entry.begun:
            self.context.ask_job(entry.root, "stop")
        else:
            self.store.remove(entry.ticket.folder)

    def _tell(self) -> None:
        entries, limits = self.model.entries, self.store.limits
        begun = sum(entry.begun for entry in entries)
        cores, memory = in_force(limits)
        words = self.tr("{begun} at work, {waiting} waiting. Together they take at most {cores} cores and {memory} "
                        "of memory.").format(  # fmt: skip
            begun=begun, waiting=len(entries) - begun, cores=cores, memory=bytes_text(memory))
        if limits.paused:
            words = self.tr("Paused: nothing more is started; what is at work goes on.")
        elif not entries:
            words = self.tr("Nothing waits. What is queued starts by itself, in order, as soon as there is room, also "
                            "while this window is closed.")  # fmt: skip
        self.told.setText(words)
        self.pause.setText(self.tr("Go on") if limits.paused else self.tr("Pause the queue"))
        self.pause.setAccessibleName(self.pause.text())
        icons.set_icon(self.pause, "play" if limits.paused else "pause", "text", size_px=16)

    def _enable(self) -> None:
        entry, row = self.chosen(), self.table.currentIndex().row()
        waits = entry is not None and not entry.begun
        first = next((n for n, each in enumerate(self.model.entries) if not each.begun), 0)
        self.up.setEnabled(waits and row > first)
        self.down.setEnabled(waits and row < len(self.model.entries) - 1)
        self.hold.setEnabled(waits)
        self.hold.setText(self.tr("Let go") if waits and entry.ticket.held else self.tr("Hold"))
        self.remove.setEnabled(entry is not None)
        self.remove.setText(self.tr("Stop") if entry is not None and entry.begun else self.tr("Remove"))

    # limits

    def _make_limits(self) -> None:
        self.cores.setPlaceholderText(self.tr("all ({count})").format(count=cores_here()))
        self.memory.setPlaceholderText(self.tr("80 % ({size})").format(size=bytes_text(in_force(Limits())[1])))
        for line, name in ((self.cores, self.tr("Cores")), (self.memory, self.tr("Memory, GB"))):
            line.setAccessibleName(name)
            line.setFixedWidth(LIMIT_PX)
            line.editingFinished.connect(self._set_limits)

    def _set_limits(self) -> None:
        """Take what stands in the two lines; an empty one asks for the usual, what is no number for what was."""
        try:
            asked = [max(0, line.number()) if line.text().strip() else 0 for line in (self.cores, self.memory)]
            wanted = {"cores": int(asked[0]), "memory_bytes": round(asked[1] * GB)}
        except (ValueError, OverflowError):
            self._show_limits(self.store.limits)
            return
        if any(getattr(self.store.limits, name) != value for name, value in wanted.items()):
            self.store.set_limits(**wanted)

    def _show_limits(self, limits: Limits) -> None:
        self.cores.setText(str(limits.cores or ""))
        self.memory.setText(number_text(round(limits.memory_bytes / GB, 3)) if limits.memory_bytes else "")

    # parts

    def _make_table(self) -> None:
        table = self.table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(self.tr("Jobs in the queue"))
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        table.setDragDropMode(QTableView.DragDropMode.InternalMove)
        table.setDragDropOverwriteMode(False)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        for column, width in enumerate(COLUMNS_PX):
            header.resizeSection(column, width)
        table.selectionModel().currentRowChanged.connect(lambda *_: self._enable())
        table.activated.connect(lambda index: self.job_chosen.emit(self.model.entry(index.row()).root))
        for keys, act in (("Alt+Up", lambda: self._shift(-1)), ("Alt+Down", lambda: self._shift(1)),
                          ("Delete", self._remove)):  # fmt: skip
            QShortcut(QKeySequence(keys), table, context=Qt.ShortcutContext.WidgetShortcut).activated.connect(act)

    def _arrange(self) -> None:
        card = Card(self.tr("Queue"))
        head = QHBoxLayout()
        head.addWidget(self.told, 1)
        head.addWidget(self.pause, 0, Qt.AlignmentFlag.AlignTop)
        card.body.addLayout(head)
        card.body.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for button in (self.up, self.down, self.hold, self.remove):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(Text(self.tr("Together at most"), "caption", wrap=False))
        for label, box in ((self.tr("Cores"), self.cores), (self.tr("Memory, GB"), self.memory)):
            word = Text(label, "body", wrap=False)
            word.setBuddy(box)
            row.addWidget(word)
            row.addWidget(box)
        card.body.addLayout(row)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
