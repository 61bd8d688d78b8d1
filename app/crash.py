"""Nothing dies silently: an unexpected exception goes to a log file and to a notice in the window."""

import faulthandler
import sys
import threading
import time
import traceback
from pathlib import Path

from PySide6.QtCore import QObject, Signal


def log_path() -> Path:
    """Where the window writes what went wrong."""
    import platformdirs

    return Path(platformdirs.user_log_dir("Coldframe", appauthor=False)) / "window.log"


class CrashHook(QObject):
    """Catches what no one else caught, on any thread, and tells the window."""

    crashed = Signal(str, str)  # one line, path of the log

    def __init__(self, path: Path, parent=None) -> None:
        super().__init__(parent)
        self.path = path
        self._native_log = None

    def install(self) -> None:
        """Take over ``sys.excepthook``; errors below Python are written to the same folder."""
        sys.excepthook = self._caught
        threading.excepthook = lambda args: self._caught(args.exc_type, args.exc_value, args.exc_traceback)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._native_log = open(self.path.with_name("window-native.log"), "a", encoding="utf-8")
            faulthandler.enable(self._native_log)
        except OSError:
            pass  # a read-only home must not keep the window from opening

    def _caught(self, kind, value, trace) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, value, trace)
            return
        text = "".join(traceback.format_exception(kind, value, trace))
        sys.stderr.write(text)
        try:
            with open(self.path, "a", encoding="utf-8") as log:
                log.write(time.strftime("%Y-%m-%d %H:%M:%S ") + text + "\n")
        except OSError:
            pass
        self.crashed.emit(traceback.format_exception_only(kind, value)[-1].strip(), str(self.path))
