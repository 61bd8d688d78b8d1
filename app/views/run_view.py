"""Training runs in one plot, and one of them in full: its figures, what one can ask of it, and what lies below."""

import time
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.state.run_facts import SpecBook, group_names
from app.translations import fill
from app.views.curve import CurveRun, RunCurves
from app.views.run_details import RunDetails
from app.views.run_export import add_tensorboard
from app.views.run_head import RunHead, RunTiles
from core.errors import join_sentences
from widgets import theme
from widgets.cards import Card, snug
from widgets.loss_plot import LossPlot
from widgets.notice import Notice

READ_AT_ONCE, READ_S = 8, 0.012  # requests of runs: so many before the plot is drawn, the others in turns so long
PLOT_PX = 224  # at least
ANCHORS = 256  # steps whose place on the axis is looked up; between them lie straight lines


class RunView(QWidget):
    """Shows the runs it is told to; asks the context for everything it wants done."""

    talk_asked = Signal(str)  # name of the run
    run_asked = Signal(object)  # Path of another run: one whose curve was clicked

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.specs = SpecBook()
        self._ticked: list[Path] = []
        self._shown: dict[str, Path] = {}  # names in the plot
        self._peak_flops = 0.0
        self._reader = QTimer(self, interval=0)
        self._reader.timeout.connect(self._read_requests)
        self.head, self.tiles = RunHead(context), RunTiles()
        self.head.talk_asked.connect(self._talk)
        self.notice = Notice("error", "")
        self.notice.action_clicked.connect(lambda: self.context.resume_job(self.root))
        self.plot = LossPlot()
        self.plot.set_legend(False)  # the list beside it is one
        self.plot.setMinimumHeight(PLOT_PX)
        self.plot.run_clicked.connect(lambda name: name in self._shown and self.run_asked.emit(self._shown[name]))
        self.plot.canvas.framed.connect(self._lead_layers)
        add_tensorboard(self.plot, context, lambda: list(self._shown.values()))
        self.curves = RunCurves(self.plot)
        self.panes = RunDetails(context, self.specs)
        self.panes.samples.sample_asked.connect(self._sample)
        self.panes.batch.asked.connect(lambda: self.head.request("batch", self.tr("Next batch")))
        self.panes.tabs.value_changed.connect(lambda _: self._lead_layers())
        below = Card()
        below.body.setContentsMargins(*[theme.space(1)] * 4)
        below.body.addWidget(self.panes, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        for widget in (self.head, self.notice, self.tiles):
            column.addWidget(widget)
        column.addWidget(snug(self.plot), 3)
        column.addWidget(below, 2)

    def show_run(self, root: Path) -> None:
        """Show this run in full, and its curve with those of the ticked runs."""
        if root != self.root:
            self.root, self._peak_flops = root, 0.0
            self.draw_runs()
        self.refresh()

    def set_ticked(self, roots: list[Path]) -> None:
        """Which runs stand in the plot whichever is shown in full."""
        if roots != self._ticked:
            self._ticked = list(roots)
            self.draw_runs()
            self.refresh()

    def forget(self) -> None:
        """The run shown is no more."""
        self.root = None
        self.draw_runs()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.curves.refresh(self._views())
        self.head.show_job(job)
        self._refresh_notice(job)
        if not self._peak_flops:
            self._peak_flops = float(job.folder.read_choices().get("peak_flops", 0.0))
        self.tiles.show_job(job, lambda name: self.curves.last(job.root, name), self.curves.speed(job.root),
                            self._peak_flops)  # fmt: skip
        self.panes.show_job(job)
        self.head.talk.setText(self.tr("Look at its neighbours") if self.panes.neighbours.source
                               else self.tr("Talk to it"))  # fmt: skip

    def refresh_curve(self, root: Path) -> None:
        """One of the other runs in the plot has gone on."""
        job = self.context.jobs.job(root)
        if job is not None:
            self.curves.refresh({root: job.view})

    def shown_runs(self) -> list[Path]:
        """The runs in the plot."""
        return list(self._shown.values())

    def colours(self) -> dict[Path, int]:
        """Which place in the palette the curve of each run has."""
        return {root: self.plot.series[name].index for name, root in self._shown.items() if name in self.plot.series}

    def highlight(self, root: Path | None) -> None:
        """Draw one run on top while the others fade."""
        self.curves.highlight(root if root in self._shown.values() else None)

    def show_details(self, key: str) -> None:
        """Bring one of the panes below the curve into view."""
        self.panes.show_pane(key)

    def _views(self) -> dict:
        jobs = {root: self.context.jobs.job(root) for root in self._shown.values()}
        return {root: job.view for root, job in jobs.items() if job is not None}

    def draw_runs(self) -> None:
        """Put the ticked runs and the one shown in full into the plot; those that stay keep their colour."""
        wanted = self._ticked + ([self.root] if self.root and self.root not in self._ticked else [])
        jobs = [job for root in wanted if (job := self.context.jobs.job(root)) is not None]
        self._shown = {job.name: job.root for job in jobs}
        pairs = [(job.root, job.name) for job in jobs]
        unread = sum(not self.specs.knows(job.root) for job in jobs)
        self._reader.start() if unread > READ_AT_ONCE else self._reader.stop()
        groups = group_names(self.specs, pairs) if unread <= READ_AT_ONCE and len(jobs) > 1 else {}
        self.curves.show([CurveRun(root=job.root, view=job.view, name=job.name, group=groups.get(job.root, ""))
                          for job in jobs])  # fmt: skip
        self.panes.show_together(pairs)

    def _read_requests(self) -> None:
        """Read a few requests, which say what is a seed of what; of hundreds of runs this takes longer than drawing."""
        began = time.perf_counter()
        for root in self._shown.values():
            self.specs.of(root)
            if time.perf_counter() - began > READ_S:
                return
        self._reader.stop()
        self.draw_runs()

    def _refresh_notice(self, job: Job) -> None:
        view = job.view
        if view.error is not None and view.state in ("failed", "crashed"):
            error = view.error
            text = join_sentences(fill(error.problem, error.values), fill(error.remedy, error.values))
            self.notice.show_message("error", text, self.tr("Resume"), error.details)
        elif view.notes:
            self.notice.show_message("warning", fill(view.notes[-1].text, view.notes[-1].values))
        self.notice.setVisible(view.error is not None or bool(view.notes))

    def _lead_layers(self) -> None:
        """The layers stand under the plot: the same step at the same place."""
        series, layers = self.plot.series.get(self._name()), self.panes.layers
        if series is None or not layers.isVisible():
            return
        canvas = self.plot.canvas
        left = layers.strip.mapFromGlobal(canvas.mapToGlobal(QPoint(round(canvas.area.left()), 0))).x()
        scale = canvas.bottom_scale()

        def to_pixels(steps: np.ndarray) -> np.ndarray:
            known = steps[:: max(1, len(steps) // ANCHORS)]
            places = [series.place(step) for step in known]
            if any(place is None for place in places):
                return scale.place(steps)
            return scale.place(np.interp(steps, known, places))

        layers.follow(to_pixels, left, left + round(canvas.area.width()))

    def _name(self) -> str:
        return next((name for name, root in self._shown.items() if root == self.root), "")

    def _talk(self) -> None:
        if self.panes.neighbours.source:
            self.show_details("neighbours")
            self.panes.neighbours.words.setFocus()
        else:
            self.talk_asked.emit(self.root.name)

    def _sample(self, prompt: str) -> None:
        self.head.request("sample", self.tr("Sample"), prompt=prompt)
