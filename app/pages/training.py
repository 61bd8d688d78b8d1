"""Training: the runs of the workspace, any number of them in one plot, one of them in full, a form for a new one."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.views.job_list import JobList
from app.views.later import Later
from app.views.new_run import NewRunForm
from app.views.queue_view import QueueView
from app.views.run_shelf import RunShelf
from app.views.run_view import RunView
from app.views.sweep_form import SweepForm
from app.views.sweep_view import SweepView
from widgets import theme
from widgets.cards import EmptyState
from widgets.controls import SegmentedControl

LIST_WIDTH_PX = 248
CROWD = 8  # with more curves, the best stands out and the others fade


class TrainingPage(Page):
    """Runs, sweeps or the queue on the left; beside it curves, tables, a form, or what to do first."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.set_header(
            self.tr("Training"),
            self.tr("A run works in a process of its own: close the window and it goes on, open it and the curve is "
                    "there."), self.tr("New run"), primary_icon="plus")  # fmt: skip
        self.header.primary_clicked.connect(self._begin_new)
        self._make_views()
        self._arrange()
        self._connect()
        self._show(self.empty)
        self._listed()

    @property
    def room(self) -> str:
        """What the left side lists: runs, sweeps or queue."""
        return self.rooms.value()

    def open(self, job: Path | None = None, new: bool = False, model: dict | None = None, **more) -> None:
        """Show a run, a sweep, or the form (with the shape designed elsewhere, and more that ``use_model`` takes)."""
        if new or model is not None:
            self.show_form()
            if model is not None:
                self.form.use_model(model, **more)
        elif job is not None:
            known = self.context.jobs.job(job)
            self.show_sweep(job) if known is not None and known.kind == "sweep" else self.show_run(job)
        elif self._shown() is self.run:
            self.run.refresh()

    def show_run(self, root: Path) -> None:
        """Show one run in full."""
        self.shelf.list.set_current(root)
        self.run.show_run(root)
        self._look()
        self._show(self.run)

    def show_sweep(self, root: Path) -> None:
        """Show one sweep."""
        self.sweeps.set_current(root)
        self.sweep.show_sweep(root)
        self._show(self.sweep)

    def show_room(self, room: str) -> None:
        """List runs, sweeps or the queue, and show what belongs to them."""
        sweeps = self.context.jobs.jobs("sweep")
        if room == "runs":
            self._leave_form()
        elif room == "queue":
            self._show(self.queue)
        elif sweeps:
            known = [job.root for job in sweeps]
            self.show_sweep(self.sweep.root if self.sweep.root in known else known[0])
        else:
            self._show(self.no_sweep)

    def show_sweep_form(self) -> None:
        """Show the form of a new sweep, around the run shown last."""
        self.sweep_form.opened(self.run.root)
        self._show(self.sweep_form)

    def _begin_new(self) -> None:
        self.show_sweep_form() if self.room == "sweeps" else self.show_form()

    def show_form(self) -> None:
        """Show the form of a new run."""
        self.form.offer_inputs()
        self._show(self.form)
        self.shelf.list.set_current(None)

    def remember(self) -> dict:
        if self._shown() is self.form:
            return {"form": self.form.form.values(), "name": self.form.name.text()}
        kept = {"run": self.run.root, "ticked": self.shelf.ticked_runs(), "pane": self.run.panes.tabs.value(),
                "room": self.room}  # fmt: skip
        return kept if self.run.root else {}

    def restore(self, remembered: dict) -> None:
        if "form" in remembered:
            self.show_form()
            self.form.form.set_values(remembered["form"])
            self.form.name.setText(remembered["name"])
        elif remembered["run"].exists():
            self.shelf.set_ticked(remembered["ticked"])
            self.show_run(remembered["run"])
            self.run.show_details(remembered["pane"])
            if remembered["room"] != "runs":
                self.show_room(remembered["room"])

    def _make_views(self) -> None:
        self.rooms = SegmentedControl({"runs": self.tr("Runs"), "sweeps": self.tr("Sweeps"),
                                       "queue": self.tr("Queue")}, name=self.tr("What is listed"))  # fmt: skip
        self.shelf, self.sweeps = RunShelf(), JobList()
        self.run = RunView(self.context)
        self.sweep = Later(lambda: SweepView(self.context), lambda sweep: sweep.run_chosen.connect(self.show_run))
        self.queue = Later(lambda: QueueView(self.context), self._connect_queue)
        self.form = Later(lambda: NewRunForm(self.context), self._connect_form)
        self.sweep_form = Later(lambda: SweepForm(self.context), self._connect_sweep_form)
        self.empty = EmptyState(
            "training", self.tr("No run yet"),
            self.tr("A run teaches a model from a corpus cut into tokens. Import text and train a tokenizer on the "
                    "Data page first, or grow your first model on Home with one click."),
            self.tr("New run"))  # fmt: skip
        self.no_sweep = EmptyState(
            "training", self.tr("No sweep yet"),
            self.tr("A sweep trains many runs that differ in a few fields, as many at a time as this machine has room "
                    "for, and ranks them by what came out."))  # fmt: skip

    def _arrange(self) -> None:
        self.header.layout().insertWidget(1, self.rooms, 0, Qt.AlignmentFlag.AlignTop)
        self.left = QStackedWidget()
        self.left.setFixedWidth(LIST_WIDTH_PX)
        for listed in (self.shelf, self.sweeps):
            self.left.addWidget(listed)
        self.stack = QStackedWidget()
        self._views = [self.empty, self.run, self.form, self.sweep, self.sweep_form, self.queue, self.no_sweep]
        for view in self._views:
            self.stack.addWidget(scroll_area(view) if view in (self.run, self.sweep, self.queue) else view)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.left)
        row.addWidget(self.stack, 1)
        self.body.addLayout(row, 1)

    def _connect(self) -> None:
        self.shelf.chosen.connect(self.show_run)
        self.shelf.ticked.connect(self._ticked)
        self.shelf.pointed.connect(self._point)
        self.run.talk_asked.connect(lambda name: self.context.navigate("playground", source=f"run:{name}@last"))
        self.run.run_asked.connect(self.show_run)
        self.run.panes.notes.saved.connect(self._noted)
        self.rooms.value_changed.connect(self.show_room)
        self.sweeps.chosen.connect(self.show_sweep)
        self.sweeps.activated_job.connect(self.show_sweep)
        self.empty.action_clicked.connect(self.show_form)
        jobs = self.context.jobs
        jobs.loaded.connect(self._listed)
        jobs.job_added.connect(self._added)
        jobs.job_removed.connect(self._listed)
        jobs.job_changed.connect(self._changed)

    def _connect_queue(self, queue: QueueView) -> None:
        queue.job_chosen.connect(lambda root: self.open(job=root))

    def _connect_form(self, form: NewRunForm) -> None:
        form.started.connect(self._start)
        form.queued.connect(self._queue)
        form.cancelled.connect(self._leave_form)

    def _connect_sweep_form(self, form: SweepForm) -> None:
        form.started.connect(self._start_sweep)
        form.cancelled.connect(lambda: self.show_room("sweeps"))

    def _show(self, view: QWidget) -> None:
        """Show one of the views; each has at most one primary action."""
        room = {self.sweep: "sweeps", self.no_sweep: "sweeps", self.sweep_form: "sweeps", self.queue: "queue"}.get(
            view, "runs")
        self.rooms.set_value(room)
        self.left.setCurrentWidget(self.sweeps if room == "sweeps" else self.shelf)
        self.left.setVisible(view in (self.run, self.sweep))  # forms and the queue need the room
        self.stack.setCurrentIndex(self._views.index(view))
        self.header.primary.setText(self.tr("New sweep") if room == "sweeps" else self.tr("New run"))
        forms = (self.form, self.sweep_form)
        self.header.primary.setVisible(view not in (*forms, self.empty))

    def _shown(self) -> QWidget:
        return self._views[self.stack.currentIndex()]

    def _start(self, name: str, spec) -> None:
        folder = self.context.start_job("train", name, spec)
        if folder is not None:
            self.run.show_run(folder.root)
            self._show(self.run)

    def _queue(self, name: str, spec) -> None:
        folder = self.context.queue_job("train", name, spec)
        if folder is not None:
            self.show_room("queue")

    def _start_sweep(self, name: str, spec) -> None:
        folder = self.context.start_job("sweep", name, spec)
        if folder is not None:
            self.show_sweep(folder.root)

    def _leave_form(self) -> None:
        jobs = self.context.jobs.jobs("train")
        if jobs:
            known = [job.root for job in jobs]
            self.show_run(self.run.root if self.run.root in known else known[0])
        else:
            self._show(self.empty)

    # several runs together

    def _ticked(self) -> None:
        self.run.set_ticked(self.shelf.ticked_runs())
        self._look()

    def _look(self) -> None:
        """The list shows the colours of the curves and the best of them, which leads a crowd in the plot, too."""
        self.shelf.set_looks(self.run.colours())
        self._point(None)

    def _point(self, root: Path | None) -> None:
        """While the pointer is on a run in the list, its curve stands out."""
        shown = self.run.shown_runs()
        leader = self.shelf.list.runs.best if len(shown) > CROWD else None
        self.run.highlight(root if root in shown and len(shown) > 1 else leader)

    def _noted(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is not None:
            self.shelf.update_job(job)

    # jobs come, change and go

    def _added(self, root: Path) -> None:
        """One job more; while the store still reads, the list waits for all."""
        if not self.context.jobs.loading:
            self._listed(root)

    def _listed(self, root: Path | None = None) -> None:
        runs = self.context.jobs.jobs("train")
        self.shelf.set_jobs(runs)
        self.sweeps.set_jobs(self.context.jobs.jobs("sweep"))
        job = self.context.jobs.job(root) if root else None
        if job is not None and job.kind in ("corpus", "tokenizer") and self._shown() is self.form:
            self.form.offer_inputs()
        if self.run.root is not None and self.context.jobs.job(self.run.root) is None and root == self.run.root:
            self._gone()
        elif runs and self._shown() is self.empty:
            self.show_run(runs[0].root)
        elif self.run.root is not None and (root == self.run.root or self.run.root not in self.run.shown_runs()):
            self.shelf.list.set_current(self.run.root)
            self.run.draw_runs()
            self.run.refresh()
        self._ticked()

    def _gone(self) -> None:
        """The run that was shown has lost its folder: show another one."""
        self.run.forget()
        if self._shown() is self.run:
            self._leave_form()

    def _changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is not None and job.kind == "sweep":
            self.sweeps.update_job(job)
        if job is None or job.kind not in ("train", "corpus", "tokenizer"):
            return
        if job.kind == "train":
            self.shelf.update_job(job)
        elif job.view.state == "completed" and self._shown() is self.form:
            self.form.offer_inputs()
        if root == self.run.root and self.isVisible():
            self.run.refresh()
            self._look()
        elif root in self.run.shown_runs() and self.isVisible():
            self.run.refresh_curve(root)
            self._look()
