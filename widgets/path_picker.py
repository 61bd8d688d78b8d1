"""Choose or drop files and folders."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from widgets import icons, theme
from widgets.cards import Button, Text, restyle


class PathPicker(QFrame):
    """A drop zone with a list of what was chosen.

    Args:
        text: what to drop here.
        files: allow files.
        folders: allow folders.
        filter: Qt name filter, such as "Text (*.txt *.md)".
        single: keep only the last choice.
    """

    paths_changed = Signal(list)

    def __init__(self, text: str = "", *, files: bool = True, folders: bool = True, filter: str = "",
                 single: bool = False, parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self._filter, self._single, self._paths = filter, single, []
        self.setProperty("role", "drop")
        self.setAcceptDrops(True)
        picture = QLabel()
        icons.set_icon(picture, "import", "muted", size_px=24)
        self.words = Text(text or self.tr("Drop files or folders here"), "muted")
        self.setAccessibleName(self.words.text())
        self.file_button = Button(self.tr("Choose files…"), icon="file")
        self.folder_button = Button(self.tr("Choose folder…"), icon="folder")
        self.file_button.setVisible(files)
        self.folder_button.setVisible(folders)
        self.file_button.clicked.connect(self._ask_files)
        self.folder_button.clicked.connect(self._ask_folder)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(picture)
        row.addWidget(self.words, 1)
        row.addWidget(self.file_button)
        row.addWidget(self.folder_button)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.space(2)] * 4)
        column.addLayout(row)
        column.addLayout(self._list)

    def paths(self) -> list[str]:
        """What was chosen, in order."""
        return list(self._paths)

    def set_paths(self, paths: list[str]) -> None:
        """Show other paths without telling."""
        self._paths = list(dict.fromkeys(paths))[-1:] if self._single else list(dict.fromkeys(paths))
        while self._list.count():
            line = self._list.takeAt(0).widget()
            line.hide()
            line.deleteLater()
        for path in self._paths:
            self._list.addWidget(self._line(path))

    def _line(self, path: str) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        name = Text(path, "body", wrap=False)
        name.setToolTip(path)
        cross = QToolButton()
        icons.set_icon(cross, "close", "muted", size_px=14)
        cross.setAccessibleName(self.tr("Remove {name}").format(name=path))
        cross.setToolTip(cross.accessibleName())
        cross.clicked.connect(lambda: self._change([kept for kept in self._paths if kept != path]))
        row.addWidget(name, 1)
        row.addWidget(cross)
        return line

    def add(self, paths: list[str]) -> None:
        """Add paths as the person would, and tell."""
        if paths:
            self._change(self._paths + paths)

    def _change(self, paths: list[str]) -> None:
        self.set_paths(paths)
        self.paths_changed.emit(self.paths())

    def _ask_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, self.tr("Choose files"), "", self._filter)
        self.add(paths)

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder"))
        self.add([path] if path else [])

    def dragEnterEvent(self, event) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self._set_over(True)

    def dragLeaveEvent(self, event) -> None:
        self._set_over(False)

    def dropEvent(self, event) -> None:
        self._set_over(False)
        self.add([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()

    def _set_over(self, over: bool) -> None:
        self.setProperty("over", over)
        restyle(self)
