"""A run that another machine works on, followed over a shared drive: its log is read, its lock says nothing here."""

import time
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.jobs.tail import EventTail
from core.errors import LabError
from core.record.folder import JobFolder
from core.record.log import Record
from core.record.view import JobView, empty_view, fold

LOOK_MS = 1000
LAST_SHOWN = 40  # records


class AttachedRun(QObject):
    """Reads the log of one folder, wherever it lies, again and again."""

    changed = Signal()  # also when only time has passed

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.root: Path | None = None
        self.view = JobView()
        self.last: list[Record] = []
        self._tail: EventTail | None = None
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)

    def open(self, root: Path) -> None:
        """Follow this folder from now on.

        Raises:
            LabError: it holds no run.
        """
        folder = JobFolder(root)
        if not folder.path("spec.toml").is_file() or folder.kind != "train":
            raise LabError(
                "There is no run in this folder.", str(root), "Choose the folder that has the run's spec.toml.")
        self.root, self.view, self.last = folder.root, empty_view(folder), []
        self._tail = EventTail(folder.root)
        self._timer.start()
        self.look()

    def close(self) -> None:
        """Follow nothing."""
        self._timer.stop()
        self.root = self._tail = None

    def look(self) -> None:
        """Read what is new."""
        if self._tail is None:
            return
        for record in (records := self._tail.poll()):
            self.view = fold(self.view, record)
        self.last = [*self.last, *records][-LAST_SHOWN:]
        self.changed.emit()

    @property
    def silent_s(self) -> float:
        """Seconds since the last word in the log, by the clocks of both machines."""
        return max(0.0, time.time() - self.view.updated_t) if self.view.updated_t else 0.0
