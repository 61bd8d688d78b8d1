"""What the window remembers between launches: theme, language, workspaces."""

import os
from pathlib import Path

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

THEMES = ("system", "light", "dark")
RECENT_WORKSPACES = 6
DISMISSALS = 100  # the newest are remembered


class Settings(QObject):
    """A few named values kept by Qt's own settings; each has one place where it is read and written."""

    changed = Signal(str)

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        path = os.environ.get("COLDFRAME_SETTINGS")
        if path:  # a file of its own, for tests and for portable installations
            self._store = QSettings(path, QSettings.Format.IniFormat)
        else:
            self._store = QSettings("Coldframe", "Coldframe")

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        value = str(self._store.value("theme", "system"))
        return value if value in THEMES else "system"

    @theme.setter
    def theme(self, value: str) -> None:
        self._put("theme", value)

    @property
    def language(self) -> str:
        """``system``, ``en`` or ``zh_CN``."""
        return str(self._store.value("language", "system"))

    @language.setter
    def language(self, value: str) -> None:
        self._put("language", value)

    @property
    def workspace(self) -> Path:
        """The folder opened last, or Coldframe in the person's documents."""
        value = self._store.value("workspace", "")
        return Path(str(value)) if value else default_workspace()

    @workspace.setter
    def workspace(self, value: Path) -> None:
        recent = [str(value), *(str(path) for path in self.recent_workspaces if path != value)]
        self._store.setValue("recent_workspaces", "\n".join(recent[:RECENT_WORKSPACES]))
        self._put("workspace", str(value))

    @property
    def recent_workspaces(self) -> list[Path]:
        """Folders opened before, newest first; those that are gone are left out."""
        text = str(self._store.value("recent_workspaces", "") or "")
        return [Path(line) for line in text.splitlines() if line and Path(line).is_dir()]

    @property
    def dismissed_jobs(self) -> list[str]:
        """Interrupted jobs that the strip at the bottom no longer offers, oldest first."""
        return [line for line in str(self._store.value("dismissed_jobs", "") or "").splitlines() if line]

    def dismiss_job(self, key: str) -> None:
        """Offer a job no more."""
        self._put("dismissed_jobs", "\n".join([*self.dismissed_jobs, key][-DISMISSALS:]))

    @property
    def window_place(self) -> QByteArray | None:
        """Size and position of the window when it was closed last."""
        value = self._store.value("window_place")
        return value if isinstance(value, QByteArray) else None

    @window_place.setter
    def window_place(self, value: QByteArray) -> None:
        self._put("window_place", value)

    def value(self, key: str, default=None):
        """A value that a page keeps for itself, such as an axis or an open section."""
        return self._store.value(f"pages/{key}", default)

    def set_value(self, key: str, value) -> None:
        """Keep a page's value."""
        self._store.setValue(f"pages/{key}", value)

    def _put(self, key: str, value) -> None:
        self._store.setValue(key, value)
        self.changed.emit(key)


def default_workspace() -> Path:
    """Where a workspace is made when none was named."""
    import platformdirs

    return Path(platformdirs.user_documents_dir()) / "Coldframe"
