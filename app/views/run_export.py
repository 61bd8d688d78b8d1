"""Curves for TensorBoard: one event file a run, in a folder that TensorBoard is pointed at."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QFileDialog

from app.state.context import AppContext
from core.errors import LabError
from core.record.tensorboard import write_event_file
from widgets.loss_plot import LossPlot


def add_tensorboard(plot: LossPlot, context: AppContext, runs: Callable[[], list[Path]]) -> None:
    """A further entry in the plot's export menu, for the runs that it shows."""
    words = QCoreApplication.translate("export", "Save for TensorBoard…")
    plot.export_button.menu().addAction(words, lambda: _ask(plot, context, runs()))


def _ask(plot: LossPlot, context: AppContext, runs: list[Path]) -> None:
    title = QCoreApplication.translate("export", "A folder for TensorBoard")
    out = QFileDialog.getExistingDirectory(plot, title, str(context.workspace.root)) if runs else ""
    if out:
        export_runs(context, runs, Path(out))


def export_runs(context: AppContext, runs: list[Path], out: Path) -> None:
    """Write one run after the other, so that the window goes on meanwhile, and say when it is done."""
    waiting, count = list(runs), len(runs)

    def write_next() -> None:
        if not waiting:
            context.notify(QCoreApplication.translate(
                "export", "{count} runs written for TensorBoard: tensorboard --logdir {folder}").format(
                    count=count, folder=out), "success")  # fmt: skip
            return
        root = waiting.pop(0)
        job = context.jobs.job(root)
        try:
            write_event_file(root, out / root.name, job.view.started_t if job else 0.0)
        except (LabError, OSError) as error:
            context.notify(error if isinstance(error, LabError) else str(error), "error")
            return
        QTimer.singleShot(0, context, write_next)

    write_next()
