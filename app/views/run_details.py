"""Everything below a run's curve: what it writes, what happens inside, its data, its checkpoints, its notes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from app.state import expert_use
from app.state.context import AppContext
from app.state.jobs import Job
from app.state.measured import model_of
from app.state.run_facts import SpecBook
from app.views.batch_view import BatchView
from app.views.checkpoints_view import CheckpointsView
from app.views.cluster_view import ClusterView
from app.views.differences import DifferencesView
from app.views.health_view import HealthView
from app.views.later import Later
from app.views.layers_view import LayersView
from app.views.measured_table import MeasuredTable
from app.views.neighbours_view import NeighboursView
from app.views.notes_view import NotesView
from app.views.run_notes import choice_sentences
from app.views.sample_lapse import SampleLapse
from app.views.spike_view import SpikeView
from core.errors import LabError
from core.spec.base import build
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Text
from widgets.expert_plot import ExpertPlot
from widgets.tab_strip import TabStrip


class _Stack(QStackedWidget):
    """As high as there is room: tables and sentences that are not in view must not ask for more."""

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(theme.space(20))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)

    def hasHeightForWidth(self) -> bool:
        return False


@dataclass
class Pane:
    """One view: its name, its widget, how a job is shown in it, and for which jobs it is offered."""

    text: str
    widget: QWidget
    show: Callable[[Job], None]
    fits: Callable[[Job], bool] = lambda job: True


class RunDetails(QWidget):
    """Panes behind one row of names; only the one in view is kept up to date."""

    def __init__(self, context: AppContext, specs: SpecBook, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.specs = context, specs
        self._job: Job | None = None
        self._offered: set[str] = set()  # keys of the panes that fit the run
        self._together: list[tuple[Path, str]] = []
        self.samples, self.layers, self.batch = SampleLapse(), LayersView(), BatchView()
        self.checkpoints, self.differences = CheckpointsView(context), DifferencesView()
        self.notes, self.choices = NotesView(context), Text("", "body")
        self.measured, self.neighbours = MeasuredTable(), NeighboursView(context)
        self.experts, self.experts_said = ExpertPlot(), Text("", "body")
        self.spikes, self.health, self.cluster = (
            Later(lambda kind=kind: kind(context), lambda _: None) for kind in (SpikeView, HealthView, ClusterView))
        self.panes = self._make_panes()
        self.tabs = TabStrip({key: pane.text for key, pane in self.panes.items()}, self.tr("Details"))
        self.tabs.value_changed.connect(self.show_pane)
        self.stack = _Stack()
        for pane in self.panes.values():
            self.stack.addWidget(pane.widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addWidget(self.tabs)
        column.addWidget(self.stack, 1)

    def show_job(self, job: Job) -> None:
        """Show what is known of a run now."""
        self._job = job
        self.neighbours.set_source(f"run:{job.name}" if _is_vectors(job) else "")
        self._offer(job)
        self.notes.show_run(job.root)  # also when it is not in view: what was typed belongs to the run before
        self.panes[self.tabs.value()].show(job)

    def show_together(self, runs: list[tuple[Path, str]]) -> None:
        """Which runs are in the plot, by folder and name: their requests are compared."""
        self._together = runs
        if self.tabs.value() == "differences":
            self.differences.show_runs(runs, self.specs)

    def show_pane(self, key: str) -> None:
        """Bring a pane into view."""
        self.tabs.set_value(key)
        self.stack.setCurrentWidget(self.panes[key].widget)
        if self._job is not None:
            self.panes[key].show(self._job)

    def _make_panes(self) -> dict[str, Pane]:
        panes = {
            "samples": Pane(self.tr("What it writes"), self.samples, self.samples.show_job,
                            lambda job: not _is_vectors(job)),
            "neighbours": Pane(self.tr("Nearest words"), self.neighbours, lambda job: None, _is_vectors),
            "layers": Pane(self.tr("Layer by layer"), self.layers, self.layers.show_job),
            "spikes": Pane(self.tr("Spikes"), scroll_area(self.spikes),
                           lambda job: self.spikes.show_run(job.view, job.root), lambda job: bool(job.view.spikes)),
            "batch": Pane(self.tr("Training batch"), self.batch, self.batch.show_job),
            "differences": Pane(self.tr("What differs"), self.differences,
                                lambda job: self.differences.show_runs(self._together, self.specs)),
            "notes": Pane(self.tr("Notes"), self.notes, lambda job: self.notes.show_run(job.root)),
            "checkpoints": Pane(self.tr("Checkpoints"), self.checkpoints,
                                lambda job: self.checkpoints.show_run(job.view, job.root)),
            "experts": Pane(self.tr("Experts"), scroll_area(_top(self.experts_said, self.experts)),
                            self._show_experts, _has_experts),
            "measured": Pane(self.tr("Estimates"), scroll_area(_top(self.measured)),
                             self.measured.show_job),
            "choices": Pane(self.tr("Choices"), scroll_area(_top(self.choices)), self._show_choices),
            "machine": Pane(self.tr("Machine"), scroll_area(self.health), lambda job: self.health.show_run(job.root)),
            "cluster": Pane(self.tr("Several processes"), scroll_area(self.cluster), self._show_cluster),
        }  # fmt: skip
        return panes

    def _offer(self, job: Job) -> None:
        """Word vectors have neighbours instead of sentences; only some models have experts, only some runs spikes."""
        fitting = {key for key, pane in self.panes.items() if pane.fits(job)}
        if fitting == self._offered:
            return
        self._offered, shown = fitting, self.tabs.value()
        for key in self.panes:
            self.tabs.set_choice_visible(key, key in fitting)
        self.show_pane(shown if shown in fitting else next(key for key in self.panes if key in fitting))

    def _show_experts(self, job: Job) -> None:
        self.experts.set_use(*expert_use.shares(job.view.experts))
        self.experts_said.setText(expert_use.sentence(job.view.experts))

    def _show_cluster(self, job: Job) -> None:
        try:
            self.cluster.show_spec(build(TrainSpec, self.specs.of(job.root), job.name), job.root)
        except LabError as error:
            self.context.notify(error)

    def _show_choices(self, job: Job) -> None:
        self.choices.setText(
            "\n".join(choice_sentences(job.view)) or self.tr("Nothing was decided by measuring yet."))


def _is_vectors(job: Job) -> bool:
    spec = model_of(job)
    return spec is not None and spec.family == "word_vectors"


def _has_experts(job: Job) -> bool:
    spec = model_of(job)
    return spec is not None and spec.experts.count > 0


def _top(*widgets: QWidget) -> QWidget:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return panel
