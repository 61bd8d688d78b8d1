"""What the fresh process does: the page, every run listed and drawn; then it tells how long that took."""

import json
import time
from pathlib import Path

BEGAN = time.perf_counter()


def open_page(workspace: Path, started_t: float) -> None:
    """Open the Training page with every run in its plot, and print when its first full picture stood.

    Args:
        started_t: when the process was started (Unix, s).
    """
    from PySide6.QtWidgets import QApplication

    from app.pages.training import TrainingPage
    from app.state.context import AppContext
    from app.state.settings import Settings
    from widgets import theme

    application = QApplication([])
    theme.apply(application, "light")
    ready = time.perf_counter()
    context = AppContext(workspace, Settings(application), application)
    page = TrainingPage(context)
    page.resize(1600, 900)
    page.show()
    context.jobs.start()
    while context.jobs.loading or not context.jobs.jobs("train"):
        application.processEvents()
    jobs = context.jobs.jobs("train")
    draw_all(page, jobs)
    application.processEvents()
    page.grab()
    ended = time.perf_counter()
    print(json.dumps({"page_s": ended - ready, "process_s": time.time() - started_t, "runs": len(jobs)}))


def draw_all(page, jobs) -> None:
    """Put every run into the page's plot."""
    from app.views.curve import CurveRun, RunCurves

    RunCurves(page.run.plot).show([CurveRun(job.root, job.view) for job in jobs])
