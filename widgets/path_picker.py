"""Choose or drop files and folders."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QWidget


class PathPicker(QFrame):
    """A drop zone with a list of what was chosen.

    Args:
        text: what to drop here.
        files: allow files; folders: allow folders.
        filter: Qt name filter, such as "Text (*.txt *.md)".
        single: keep only the last choice.
    """

    paths_changed = Signal(list)

    def __init__(self, text: str = "", *, files: bool = True, folders: bool = True, filter: str = "",
                 single: bool = False, parent: QWidget | None = None) -> None: ...  # fmt: skip

    def paths(self) -> list[str]: ...

    def set_paths(self, paths: list[str]) -> None: ...
