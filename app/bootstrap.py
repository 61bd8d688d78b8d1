"""From nothing to a window: application, theme, language, crash hook, first paint."""

import os
import sys
import time
from pathlib import Path

_BEGAN = time.perf_counter()

from PySide6.QtCore import QTimer  # noqa: E402, the clock starts before Qt loads
from PySide6.QtWidgets import QApplication  # noqa: E402

from app.crash import CrashHook, log_path  # noqa: E402
from app.main_window import MainWindow  # noqa: E402
from app.state.context import AppContext  # noqa: E402
from app.state.settings import Settings  # noqa: E402
from app.translations import Languages  # noqa: E402
from widgets import icons, theme  # noqa: E402

FIRST_PAINT = "COLDFRAME_TIME_FIRST_PAINT"  # set: print the time to the first paint, by the clock and of the CPU


def main(workspace: Path | None = None, page: str | None = None, start_demo: bool = False) -> int:
    """Open the window and run until it is closed; returns the process's exit status.

    Args:
        workspace: folder to work in; None = the one opened last.
        page: id of the page to show first; None = Home.
        start_demo: grow the first model at once, as a click on Home's first card does.
    """
    application = QApplication.instance() or QApplication(sys.argv[:1])
    window = make_window(application, workspace)
    window.show_page(page or "home")
    window.show()
    window.repaint()
    if os.environ.get(FIRST_PAINT):
        print(f"first_paint_s {time.perf_counter() - _BEGAN:.3f} cpu_s {time.process_time():.3f}", flush=True)
    window.context.jobs.start()
    if start_demo:
        QTimer.singleShot(0, lambda: window.show_page("home", start=True))
    return application.exec()


def make_window(application: QApplication, workspace: Path | None = None) -> MainWindow:
    """The window, dressed and in the person's language, not yet shown; its job store not yet started."""
    application.setApplicationName("Coldframe")
    application.setOrganizationName("Coldframe")
    settings = Settings(application)
    hook = CrashHook(log_path(), application)
    hook.install()
    theme.apply(application, settings.theme)
    application.setWindowIcon(icons.icon("cold-frame", "accent"))
    languages = Languages(application)
    languages.apply(settings.language)
    root = Path(workspace) if workspace is not None else settings.workspace
    root.mkdir(parents=True, exist_ok=True)
    settings.workspace = root.resolve()
    window = MainWindow(AppContext(root, settings, application), languages)
    hook.crashed.connect(lambda line, path: window.show_notice(_apology(window, line, path), "error"))
    return window


def _apology(window: MainWindow, line: str, path: str) -> str:
    return window.tr("Something unexpected happened: {line}. The details are in {path}.").format(line=line, path=path)
