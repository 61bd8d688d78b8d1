"""Tags and a remark on a run, written in place and kept beside it."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFormLayout, QLineEdit, QPlainTextEdit, QWidget

from app.state.context import AppContext
from core.errors import LabError
from core.record.notes import Notes, read_notes, tags_of, write_notes
from widgets import theme
from widgets.cards import Text

SAVE_MS = 600  # after the last key


class NotesView(QWidget):
    """Saves what is typed a moment after the last key, and at once when another run is shown."""

    saved = Signal(object)  # Path of the run

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._kept = Notes()
        self.tags, self.text = QLineEdit(), QPlainTextEdit()
        self.tags.setPlaceholderText(self.tr("Separated by commas: baseline, keep"))
        self.tags.setAccessibleName(self.tr("Tags"))
        self.text.setPlaceholderText(self.tr("What was tried here, and what came of it"))
        self.text.setAccessibleName(self.tr("Remark"))
        self.text.setTabChangesFocus(True)
        self.hint = Text(
            self.tr("Kept in notes.json in the run's folder; the search over the list finds it."), "caption")
        self._timer = QTimer(self, singleShot=True, interval=SAVE_MS)
        self._timer.timeout.connect(self.save)
        self.tags.textEdited.connect(lambda _: self._timer.start())
        self.tags.editingFinished.connect(self.save)
        self.text.textChanged.connect(self._timer.start)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(theme.space(1))
        form.addRow(self.tr("Tags"), self.tags)
        form.addRow(self.tr("Remark"), self.text)
        form.addRow("", self.hint)

    def show_run(self, root: Path | None) -> None:
        """Show the notes on this run; what was typed on another is saved first."""
        if root == self.root:
            return
        self.save()
        self.root, self._kept = root, read_notes(root) if root else Notes()
        self.tags.setText(", ".join(self._kept.tags))
        self.text.setPlainText(self._kept.text)
        self._timer.stop()

    def save(self) -> None:
        """Write what is typed, if it is new."""
        self._timer.stop()
        notes = Notes(tags_of(self.tags.text()), self.text.toPlainText().strip())
        if self.root is None or notes == self._kept or not self.root.is_dir():
            return
        try:
            write_notes(self.root, notes)
        except (LabError, OSError) as error:
            self.context.notify(error if isinstance(error, LabError) else str(error), "error")
            return
        self._kept = notes
        self.saved.emit(self.root)

    def hideEvent(self, event) -> None:
        self.save()
        super().hideEvent(event)
