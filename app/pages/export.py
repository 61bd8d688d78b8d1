"""Export: files that run elsewhere, each checked in its own runtime before you believe it."""

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import Page, scroll_area
from app.state.context import AppContext
from app.views.export_form import ExportForm
from app.views.job_head import JobHead
from app.views.job_list import JobList
from app.views.parity import ParityPanel
from core.spec.export import VerifySpec
from widgets import theme
from widgets.cards import Button, EmptyState

LIST_WIDTH_PX = 208


class ExportPage(Page):
    """Exports on the left; beside them the chosen one with its parity table, or the form."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, scrolls=False, parent=parent)
        self.root: Path | None = None
        self.set_header(
            self.tr("Export"),
            self.tr("Ship a trained model as GGUF or ONNX. Every file is loaded in its own runtime and compared with "
                    "the model it came from."), self.tr("New export"), primary_icon="plus")  # fmt: skip
        self.header.primary_clicked.connect(self.show_form)
        self.list = JobList()
        self.list.setFixedWidth(LIST_WIDTH_PX)
        self.list.chosen.connect(self.show_export)
        self.list.activated_job.connect(self.show_export)
        self.empty = EmptyState(
            "export", self.tr("Nothing to ship yet"),
            self.tr("Once a run has its first checkpoint, it can be written as a file that llama.cpp, Ollama or ONNX "
                    "Runtime opens. Grow your first model to begin."), self.tr("Go to Home"))  # fmt: skip
        self.empty.action_clicked.connect(lambda: context.navigate("home"))
        self.form = ExportForm(context)
        self.form.started.connect(self._start)
        self.form.cancelled.connect(self._leave_form)
        self._views = [self.empty, self.form, self._export_view()]
        self.stack = QStackedWidget()
        for view in self._views:
            self.stack.addWidget(scroll_area(view))
        row = QHBoxLayout()
        row.setSpacing(theme.space(2))
        row.addWidget(self.list)
        row.addWidget(self.stack, 1)
        self.body.addLayout(row, 1)
        context.jobs.job_added.connect(self._listed)
        context.jobs.job_removed.connect(self._listed)
        context.jobs.job_changed.connect(self._changed)
        self._show(0)
        self._listed()

    def open(self, job: Path | None = None, new: bool = False, run: str = "", **_) -> None:
        """Show an export, or the form for a run."""
        if new or run:
            self.show_form(run)
        elif job is not None:
            self.show_export(job)
        else:
            self._listed()

    def show_form(self, run: str = "") -> None:
        """Show the form of a new export."""
        self.form.offer_runs(run if isinstance(run, str) else "")
        self.form.cancel.setVisible(bool(self.context.jobs.jobs("export", "verify")) or not self._has_runs())
        self.list.set_current(None)
        self._show(1)

    def show_export(self, root: Path) -> None:
        """Show one export or check."""
        self.root = root
        self.list.set_current(root)
        self._show(2)
        self._refresh()

    def remember(self) -> dict:
        return {"export": self.root} if self.root and self.stack.currentIndex() == 2 else {}

    def restore(self, remembered: dict) -> None:
        self.show_export(remembered["export"])

    def _show(self, index: int) -> None:
        """Show nothing yet, the form or an export; each has at most one primary action."""
        self.stack.setCurrentIndex(index)
        self.header.primary.setVisible(index == 2)

    def _start(self, name: str, spec) -> None:
        folder = self.context.start_job("export", name, spec)
        if folder is not None:
            self.show_export(folder.root)

    def _check_again(self) -> None:
        folder = self.context.start_job("verify", self.root.name, VerifySpec(export=self.root.name))
        if folder is not None:
            self.show_export(folder.root)

    def _refresh(self) -> None:
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        self.again.setVisible(job.kind == "export" and job.view.state == "completed")
        self.parity.show_export(job)

    def _listed(self, root: Path | None = None) -> None:
        exports = self.context.jobs.jobs("export", "verify")
        self.list.set_jobs(exports)
        self.list.setVisible(bool(exports))
        if exports and self.stack.currentIndex() == 0:
            self.show_export(exports[0].root)
        elif not exports and self.stack.currentIndex() == 0 and self._has_runs():
            self.show_form()
        if root is not None and root == self.root:
            self._shown_changed(root)

    def _shown_changed(self, root: Path) -> None:
        """The export that is shown was read at last, or has lost its folder."""
        if self.context.jobs.job(root) is not None:
            self.show_export(root)
            return
        self.root = None
        if self.stack.currentIndex() == 2:
            self._show(0)
            self._leave_form()

    def _leave_form(self) -> None:
        exports = [job.root for job in self.context.jobs.jobs("export", "verify")]
        if exports:
            self.show_export(self.root if self.root in exports else exports[0])
        elif not self._has_runs():
            self._show(0)

    def _has_runs(self) -> bool:
        return any(job.view.checkpoints for job in self.context.jobs.jobs("train"))

    def _changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is None:
            return
        if job.kind in ("export", "verify"):
            self.list.update_job(job)
        elif job.kind == "train" and self.stack.currentIndex() < 2 and job.view.checkpoints:
            if job.name not in [self.form.run.itemText(i) for i in range(self.form.run.count())]:
                self.form.offer_runs()
        if root == self.root and self.isVisible():
            self._refresh()

    def _export_view(self) -> QWidget:
        self.head, self.parity = JobHead(self.context), ParityPanel()
        self.again = Button(self.tr("Check again"), "secondary", "refresh")
        self.again.clicked.connect(self._check_again)
        self.head.add_button(self.again)
        panel = QWidget()
        column = QVBoxLayout(panel)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addWidget(self.parity, 1)
        return panel
