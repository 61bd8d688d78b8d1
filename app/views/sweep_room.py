"""Sweeps and the queue as one part of the Training page: the list of sweeps, one of them, a form, or the queue."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from app.pages.page import scroll_area
from app.state.context import AppContext
from app.views.job_list import JobList
from app.views.queue_view import QueueView
from app.views.sweep_form import SweepForm
from app.views.sweep_view import SweepView
from widgets import theme
from widgets.cards import EmptyState

LIST_WIDTH_PX = 248


class SweepRoom(QWidget):
    """Call ``show_sweeps``, ``show_form`` or ``show_queue``; what is never shown is never made."""

    run_chosen = Signal(Path)  # a run's folder

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.list = JobList()
        self.list.setFixedWidth(LIST_WIDTH_PX)
        self.list.setAccessibleName(self.tr("Sweeps"))
        self.list.chosen.connect(self.show_sweeps)
        self.list.activated_job.connect(self.show_sweeps)
        self.stack = QStackedWidget()
        self.empty = EmptyState(
            "training", self.tr("No sweep yet"),
            self.tr("A sweep trains many runs that differ in a few fields, as many at a time as this machine has room "
                    "for, and ranks them by what came out."), self.tr("New sweep"))  # fmt: skip
        self.empty.action_clicked.connect(self.show_form)
        self.stack.addWidget(self.empty)
        self.view: SweepView | None = None
        self.form: SweepForm | None = None
        self.queue: QueueView | None = None
        self._shells: dict[QWidget, QWidget] = {self.empty: self.empty}  # a view -> what stands in the stack
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addWidget(self.list)
        row.addWidget(self.stack, 1)
        for signal in (context.jobs.job_added, context.jobs.job_removed, context.jobs.job_changed):
            signal.connect(self._listed)
        self._listed()
        self._show(self.empty)

    def show_sweeps(self, root: Path | None = None) -> None:
        """Show a sweep: this one, the one shown last, or the newest."""
        jobs = self.context.jobs.jobs("sweep")
        known = [job.root for job in jobs]
        if self.view is None:
            self.view = SweepView(self.context)
            self.view.run_chosen.connect(self.run_chosen)
            self._put(self.view, scroll_area(self.view))
        root = root or next((path for path in (self.view.root, *known) if path in known), None)
        if root is None:
            self._show(self.empty)
            return
        self.view.show_sweep(root)
        self.list.set_current(root)
        self._show(self.view)

    def show_form(self, run: Path | None = None) -> None:
        """Show the form of a new sweep, beginning with a run's request where one is given."""
        if self.form is None:
            self.form = SweepForm(self.context)
            self.form.started.connect(self._start)
            self.form.cancelled.connect(lambda: self.show_sweeps())
            self._put(self.form, self.form)
        self.form.opened(run)
        self._show(self.form)

    def show_queue(self) -> None:
        """Show the queue."""
        if self.queue is None:
            self.queue = QueueView(self.context)
            self.queue.job_chosen.connect(self._open)
            self._put(self.queue, self.queue)
        self.queue.refresh()
        self._show(self.queue)

    def shown(self) -> QWidget:
        """The view that is shown now."""
        return next(view for view, shell in self._shells.items() if shell is self.stack.currentWidget())

    def _start(self, name: str, spec) -> None:
        folder = self.context.start_job("sweep", name, spec)
        if folder is not None:
            self.show_sweeps(folder.root)

    def _open(self, root: Path) -> None:
        """A row of the queue was opened: a run or a sweep is shown here, anything else on its own page."""
        job = self.context.jobs.job(root)
        if job is not None and job.kind == "sweep":
            self.show_sweeps(root)
        elif job is not None and job.kind == "train":
            self.run_chosen.emit(root)

    def _listed(self, root: Path | None = None) -> None:
        job = self.context.jobs.job(root) if root is not None else None
        if job is None or job.kind == "sweep":
            jobs = self.context.jobs.jobs("sweep")
            self.list.set_jobs(jobs)
            if self.stack.currentWidget() is self.empty and jobs and self.isVisible():
                self.show_sweeps()
        if self.view is not None and self.view.root == root:
            self.view.refresh()
        self._arrange_list()

    def _put(self, view: QWidget, shell: QWidget) -> None:
        self._shells[view] = shell
        self.stack.addWidget(shell)

    def _show(self, view: QWidget) -> None:
        self.stack.setCurrentWidget(self._shells[view])
        self._arrange_list()

    def _arrange_list(self) -> None:
        """The list stands beside a sweep, where there are several; form and queue need the room."""
        self.list.setVisible(self.list.count() > 1 and self.shown() is self.view and self.view is not None)
