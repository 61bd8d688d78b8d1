"""Training: the runs of the workspace, a form for a new one, and the chosen one live."""

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.views.job_list import JobList
from app.views.new_run import NewRunForm
from app.views.run_view import RunView
from widgets import theme
from widgets.cards import EmptyState

LIST_WIDTH_PX = 248


class TrainingPage(Page):
    """A list of runs on the left; beside it the chosen run, the form, or what to do first."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.set_header(
            self.tr("Training"),
            self.tr("A run works in a process of its own: close the window and it goes on, open it and the curve is "
                    "there."), self.tr("New run"), primary_icon="plus")  # fmt: skip
        self.header.primary_clicked.connect(self.show_form)
        self.list = JobList()
        self.list.setFixedWidth(LIST_WIDTH_PX)
        self.list.chosen.connect(self.show_run)
        self.list.activated_job.connect(self.show_run)
        self.run = RunView(context)
        self.run.talk_asked.connect(lambda name: context.navigate("playground", source=f"run:{name}@last"))
        self.form = NewRunForm(context)
        self.form.started.connect(self._start)
        self.form.cancelled.connect(self._leave_form)
        self.empty = EmptyState(
            "training", self.tr("No run yet"),
            self.tr("A run teaches a model from a corpus cut into tokens. Import text and train a tokenizer on the "
                    "Data page first, or grow your first model on Home with one click."),
            self.tr("New run"))  # fmt: skip
        self.empty.action_clicked.connect(self.show_form)
        self.stack = QStackedWidget()
        self._views = [self.empty, self.run, self.form]
        for view in self._views:
            self.stack.addWidget(scroll_area(view) if view is self.run else view)
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.list)
        row.addWidget(self.stack, 1)
        self.body.addLayout(row, 1)
        context.jobs.job_added.connect(self._listed)
        context.jobs.job_removed.connect(self._listed)
        context.jobs.job_changed.connect(self._changed)
        self._show(self.empty)
        self._listed()

    def open(self, job: Path | None = None, new: bool = False, model: dict | None = None, **_) -> None:
        """Show a run, or the form (with the shape designed elsewhere)."""
        if new or model is not None:
            self.show_form()
            if model is not None:
                self.form.use_model(model)
        elif job is not None:
            self.show_run(job)
        elif self._shown() is self.run:
            self.run.refresh()

    def show_run(self, root: Path) -> None:
        """Show one run live."""
        self.list.set_current(root)
        self.run.show_run(root)
        self._show(self.run)

    def show_form(self) -> None:
        """Show the form of a new run."""
        self.form.offer_inputs()
        self._show(self.form)
        self.list.set_current(None)

    def remember(self) -> dict:
        if self._shown() is self.form:
            return {"form": self.form.form.values(), "name": self.form.name.text()}
        return {"run": self.run.root} if self.run.root else {}

    def restore(self, remembered: dict) -> None:
        if "form" in remembered:
            self.show_form()
            self.form.form.set_values(remembered["form"])
            self.form.name.setText(remembered["name"])
        elif remembered["run"].exists():
            self.show_run(remembered["run"])

    def _show(self, view: QWidget) -> None:
        """Show one of the views; each has at most one primary action."""
        self.stack.setCurrentIndex(self._views.index(view))
        self.header.primary.setVisible(view is self.run)
        self.list.setVisible(view is self.run)  # the form needs the room

    def _shown(self) -> QWidget:
        return self._views[self.stack.currentIndex()]

    def _start(self, name: str, spec) -> None:
        folder = self.context.start_job("train", name, spec)
        if folder is not None:
            self.run.show_run(folder.root)
            self._show(self.run)

    def _leave_form(self) -> None:
        jobs = self.context.jobs.jobs("train")
        if jobs:
            known = [job.root for job in jobs]
            self.show_run(self.run.root if self.run.root in known else known[0])
        else:
            self._show(self.empty)

    def _gone(self) -> None:
        """The run that was shown has lost its folder: show another one."""
        self.run.forget()
        if self._shown() is self.run:
            self._leave_form()

    def _listed(self, root: Path | None = None) -> None:
        runs = self.context.jobs.jobs("train")
        self.list.set_jobs(runs)
        job = self.context.jobs.job(root) if root else None
        if job is not None and job.kind in ("corpus", "tokenizer") and self._shown() is self.form:
            self.form.offer_inputs()
        if self.run.root is not None and root == self.run.root and job is None:
            self._gone()
        elif runs and self._shown() is self.empty:
            self.show_run(runs[0].root)
        elif root is not None and root == self.run.root:
            self.list.set_current(root)
            self.run.refresh()

    def _changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is None or job.kind not in ("train", "corpus", "tokenizer"):
            return
        if job.kind == "train":
            self.list.update_job(job)
        elif job.view.state == "completed" and self._shown() is self.form:
            self.form.offer_inputs()
        if root == self.run.root and self.isVisible():
            self.run.refresh()
