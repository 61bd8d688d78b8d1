"""The strip at the bottom: what runs now, how far it is, how fast, how long still."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.cards import Button, Text
from widgets.controls import Badge

LIVE = ("queued", "running", "paused")
RESUMABLE = ("paused", "stopped", "crashed", "failed")
NAME_UNITS = 22


@dataclass(frozen=True)
class JobEntry:
    """What the strip shows of one job; texts are ready to read.

    ``share`` is the finished part 0..1, or None when it cannot be known.
    """

    id: str
    name: str
    state: str  # queued | running | paused | completed | stopped | failed | crashed
    phase: str = ""
    share: float | None = None
    speed: str = ""
    time_left: str = ""
    can_pause: bool = True


class JobRow(QWidget):
    """One job: name, state, progress, speed, time left, and its buttons."""

    opened = Signal(str)
    pause_asked = Signal(str)
    resume_asked = Signal(str)
    stop_asked = Signal(str)
    dismissed = Signal(str)

    def __init__(self, entry: JobEntry, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self.name, self.badge = Button(entry.name, "link"), Badge()
        self.name.setMaximumWidth(theme.space(NAME_UNITS))
        self.name.clicked.connect(lambda: self.opened.emit(self.entry.id))
        self.phase = Text("", "muted", wrap=False)
        self.phase.setMinimumWidth(theme.space(10))
        self.phase.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar()
        self.bar.setFixedWidth(theme.space(20))
        self.share, self.speed, self.left = (Text("", "caption", wrap=False) for _ in range(3))
        for label, width in ((self.share, 5), (self.speed, 14), (self.left, 12)):
            label.setFixedWidth(theme.space(width))  # so that rows stand in columns
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.space(2), 0, theme.space(1), 0)
        row.setSpacing(theme.space(1.5))
        for widget in (self.name, self.badge):
            row.addWidget(widget)
        row.addWidget(self.phase, 1)
        for widget in (self.bar, self.share, self.speed, self.left):
            row.addWidget(widget)
        self.pause = self._tool("pause", self.tr("Pause"), lambda: self.pause_asked.emit(self.entry.id))
        self.resume = self._tool("play", self.tr("Resume"), lambda: self.resume_asked.emit(self.entry.id))
        self.stop = self._tool("stop", self.tr("Stop"), lambda: self.stop_asked.emit(self.entry.id))
        self.dismiss = self._tool("close", self.tr("Dismiss"), lambda: self.dismissed.emit(self.entry.id))
        self.dismiss.setToolTip(self.tr("Show it here no more; it stays in its list."))
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        first = QHBoxLayout()
        first.addWidget(self.pause)
        first.addWidget(self.resume)
        slot = QWidget()
        slot.setFixedWidth(theme.space(4))
        slot.setLayout(first)
        first.setContentsMargins(0, 0, 0, 0)
        row.addWidget(slot)
        row.addWidget(self.stop)
        row.addWidget(self.dismiss)
        self.set_entry(entry)

    def _tool(self, icon: str, text: str, act) -> QToolButton:
        button = QToolButton()
        icons.set_icon(button, icon, "muted", size_px=16)
        button.setToolTip(text)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: act())
        return button

    def set_entry(self, entry: JobEntry) -> None:
        """Show newer values of the same job."""
        self.entry = entry
        room = theme.space(NAME_UNITS) - 16  # less the padding of a link
        self.name.setText(self.name.fontMetrics().elidedText(entry.name, Qt.TextElideMode.ElideMiddle, room))
        self.name.setToolTip(entry.name)
        self.name.setAccessibleName(entry.name)
        self.badge.set_state(entry.state)
        self.phase.setText(entry.phase)
        known = entry.share is not None
        self.bar.setRange(0, 1000 if known or entry.state != "running" else 0)
        self.bar.setValue(round(1000 * (entry.share or 0)))
        self.bar.setAccessibleName(self.tr("Progress of {name}").format(name=entry.name))
        self.bar.setVisible(known or entry.state == "running")
        self.share.setText(f"{entry.share:.0%}" if known else "")
        self.speed.setText(entry.speed)
        self.left.setText(entry.time_left)
        self.pause.setVisible(entry.state == "running" and entry.can_pause)
        self.resume.setVisible(entry.state in RESUMABLE)
        self.stop.setVisible(entry.state in LIVE)
        self.dismiss.setVisible(entry.state not in LIVE)
        for button, word in ((self.pause, self.tr("Pause")), (self.resume, self.tr("Resume")),
                             (self.stop, self.tr("Stop")), (self.dismiss, self.tr("Dismiss"))):  # fmt: skip
            button.setAccessibleName(f"{word}: {entry.name}")


class JobStrip(QFrame):
    """Rows of jobs; with none it says that nothing runs."""

    opened = Signal(str)
    pause_asked = Signal(str)
    resume_asked = Signal(str)
    stop_asked = Signal(str)
    dismissed = Signal(str)

    def __init__(self, *, rows_shown: int = 3, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "strip")
        self._rows_shown = rows_shown
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, theme.space(0.5), 0, theme.space(0.5))
        self._column.setSpacing(0)
        self._idle = Text(self.tr("Nothing is running."), "caption")
        self._idle.setContentsMargins(theme.space(2), theme.space(0.5), 0, theme.space(0.5))
        self._more = Text("", "caption")
        self._more.setContentsMargins(theme.space(2), 0, 0, 0)
        self._column.addWidget(self._idle)
        self._column.addWidget(self._more)
        self.rows: dict[str, JobRow] = {}
        self.set_jobs([])

    def set_jobs(self, jobs: list[JobEntry]) -> None:
        """Show these jobs, the most important first; rows of the same id are kept (focus stays)."""
        shown = jobs[: self._rows_shown]
        for gone in set(self.rows) - {job.id for job in shown}:
            row = self.rows.pop(gone)
            row.hide()
            row.deleteLater()
        for place, job in enumerate(shown):
            row = self.rows.get(job.id) or self._add(job)
            row.set_entry(job)
            self._column.insertWidget(place, row)
        hidden = len(jobs) - len(shown)
        self._more.setText(self.tr("and {count} more").format(count=hidden))
        self._more.setVisible(hidden > 0)
        self._idle.setVisible(not jobs)

    def _add(self, job: JobEntry) -> JobRow:
        row = self.rows[job.id] = JobRow(job)
        row.opened.connect(self.opened)
        row.pause_asked.connect(self.pause_asked)
        row.resume_asked.connect(self.resume_asked)
        row.stop_asked.connect(self.stop_asked)
        row.dismissed.connect(self.dismissed)
        return row
