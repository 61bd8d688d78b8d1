"""One sweep: how its runs come along, which values did best, and the way to each run."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.views.job_head import JobHead
from app.views.sweep_axes import short_label, value_text
from app.views.sweep_table import LOSS, SweepModel, SweepOrder
from app.words import duration_text
from core.jobs.sweep_table import SweepTable, table_of
from core.record.view import JobView
from core.spec.base import build
from core.spec.sweep import SweepSpec
from widgets import icons, plot_export, theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.parallel_axes import CoordinateAxis
from widgets.parallel_coordinates import ParallelCoordinates

ROW_PX, SHOWN_ROWS = 32, 14
ENDED = ("completed", "failed", "crashed", "stopped")


class SweepView(QWidget):
    """Shows the sweep it is told to and follows it; ``run_chosen`` names a run's folder."""

    run_chosen = Signal(Path)

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.spec: SweepSpec | None = None
        self._choices = []
        self.head = JobHead(context)
        self.open_folder = Button(self.tr("Open its folder"), "secondary", "folder")
        self.open_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.root))))
        self.pause = Button(self.tr("Pause"), "secondary", "pause")
        self.pause.clicked.connect(self._pause)
        self.head.row.insertWidget(3, self.pause)
        self.head.add_button(self.open_folder)
        self.done, self.best, self.bits, self.taken, self.energy = (
            StatTile(self.tr("Runs done")), StatTile(self.tr("Best loss")), StatTile(self.tr("Its bits per byte")),
            StatTile(self.tr("Time taken")), StatTile(self.tr("Energy")))  # fmt: skip
        self.said, self.rungs, self.shown = Text("", "body"), Text("", "caption"), Text("", "caption", wrap=False)
        self.lines = ParallelCoordinates()
        self.lines.brushed.connect(self._brushed)
        self.lines.chosen.connect(lambda row: self._choose(self.model.runs[row].run))
        self.model, self.order = SweepModel(self), SweepOrder(self)
        self.order.setSourceModel(self.model)
        self.all = Button(self.tr("Show all"), "link")
        self.all.clicked.connect(self._let_go)
        self.copy, self.save = Button(self.tr("Copy"), icon="copy"), Button(self.tr("Save as CSV"), icon="export")
        self.copy.clicked.connect(lambda: plot_export.copy_rows(self.model.rows()))
        self.save.clicked.connect(self._save)
        self._make_table()
        self._arrange()
        context.jobs.job_changed.connect(self._job_changed)
        context.jobs.job_added.connect(self._job_changed)  # a sweep that was only just begun

    def show_sweep(self, root: Path) -> None:
        """Show this sweep."""
        if Path(root) != self.root:
            self.root, self.spec = Path(root), None
            self.order.show_only(None)
            self.model.show_table(None)
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        if self.spec is None:
            self.spec = build(SweepSpec, job.folder.request["spec"])
            self._choices = self.spec.choices()
        self.head.show_job(job)
        self.pause.setVisible(job.view.state in ("running", "paused"))
        paused = job.view.state == "paused"
        self.pause.setText(self.tr("Go on") if paused else self.tr("Pause"))
        icons.set_icon(self.pause, "play" if paused else "pause", "text", size_px=16)
        table = table_of(self.spec, job.view, self._choices)
        self._show_tiles(table, job.view)
        self._show_lines(table)
        self._show_table(table)

    def _job_changed(self, root: Path) -> None:
        if root == self.root and self.isVisible():
            self.refresh()

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self.refresh()

    def _pause(self) -> None:
        job = self.context.jobs.job(self.root)
        self.context.ask_job(self.root, "resume" if job and job.view.state == "paused" else "pause")

    def _show_tiles(self, table: SweepTable, view: JobView) -> None:
        planned = len(self._choices) * self.spec.seeds
        ended = sum(run.state in ENDED for run in table.runs)
        at_work = sum(run.state in ("running", "paused") for run in table.runs)
        self.done.set_value(f"{ended:,}", self.tr("of {count}").format(count=f"{planned:,}"), self.tr(
            "{count} at work").format(count=at_work) if view.live else "")  # fmt: skip
        best = next((run for run in table.runs if run.run == table.best), None)
        self.best.set_value(f"{best.best_loss:.4f}" if best else "", "", best.run if best else "")
        bits = best.bits_per_byte if best else None
        self.bits.set_value(f"{bits:.3f}" if bits is not None else "", "", self.tr("on held-out text"))
        self.taken.set_value(duration_text(table.elapsed_s))
        joules = sum(run.energy_j or 0 for run in table.runs)
        self.energy.set_value(f"{joules / 3.6e6:.3g}" if joules else "", "kWh" if joules else "", self.tr(
            "by the processor's meter") if joules else self.tr("no meter was read"))  # fmt: skip
        self._say_best(table)
        self.rungs.setText(" ".join(self.tr("After {step} steps {kept} of {count} combinations went on.").format(
            step=f"{rung.step:,}", kept=len(rung.kept), count=len(rung.kept) + len(rung.fell)) for rung in view.rungs))
        self.rungs.setVisible(bool(view.rungs))

    def _say_best(self, table: SweepTable) -> None:
        trial = next((trial for trial in table.trials if trial.trial == table.best_trial), None)
        self.said.setVisible(trial is not None)
        if trial is None:
            return
        values = ", ".join(f"{short_label(name)} = {value_text(value)}" for name, value in trial.values.items())
        spread = f" ± {trial.spread:.4f}" if trial.spread is not None else ""
        unit = self.tr("bits per byte") if table.measure == "bits_per_byte" else self.tr("loss")
        self.said.setText(self.tr("Best so far: {values}. {unit}, mean of {count} runs: {mean}").format(
            values=values, unit=unit[:1].upper() + unit[1:], count=trial.runs, mean=f"{trial.mean:.4f}{spread}"))

    def _show_lines(self, table: SweepTable) -> None:
        """An axis a varied field, one for the seed where there are several, and the result."""
        runs, measure = table.runs, table.measure
        self.lines_card.setVisible(bool(runs))
        if not runs:
            return
        axes = [CoordinateAxis(short_label(name), tuple(run.values.get(name) for run in runs),
                               name if short_label(name).lower().replace(" ", "_") != name else "")
                for name in table.fields]  # fmt: skip
        if self.spec.seeds > 1:
            axes.append(CoordinateAxis(self.tr("Seed"), tuple(run.seed for run in runs)))
        result = tuple(run.bits_per_byte if measure == "bits_per_byte" else run.best_loss for run in runs)
        axes.append(CoordinateAxis(self.tr("Bits per byte") if measure == "bits_per_byte" else self.tr("Best loss"),
                                   result, self.tr("lower is better")))  # fmt: skip
        best = next((row for row, run in enumerate(runs) if run.run == table.best), None)
        self.lines.set_lines(axes, best)

    def _show_table(self, table: SweepTable) -> None:
        columns = self.model.columnCount()
        self.model.show_table(table)
        if self.model.columnCount() != columns:
            self.table.sortByColumn(LOSS + (table.measure == "bits_per_byte"), Qt.SortOrder.AscendingOrder)
            self.table.resizeColumnsToContents()
            for column in range(self.model.columnCount()):
                self.table.setColumnWidth(column, max(theme.space(8), self.table.columnWidth(column)))
            self.table.setColumnWidth(0, max(theme.space(18), self.table.columnWidth(0)))
        rows = min(max(len(table.runs), 3), SHOWN_ROWS)
        self.table.setFixedHeight(self.table.horizontalHeader().sizeHint().height() + rows * ROW_PX + 18)
        self._brushed(self.lines.passing())

    def _brushed(self, passing: set[int]) -> None:
        whole = len(passing) == len(self.model.runs)
        self.order.show_only(None if whole else passing)
        self.all.setVisible(bool(self.lines.brushes))
        self.shown.setText(self.tr("{shown} of {there} runs").format(
            shown=self.order.rowCount(), there=len(self.model.runs)))

    def _let_go(self) -> None:
        self.lines.brushes.clear()
        self.lines.set_brush(self.lines.current, None)

    def _choose(self, run: str) -> None:
        self.run_chosen.emit(self.context.workspace.path("runs", run))

    def _save(self) -> None:
        path = plot_export.ask_path(self, "csv", f"{self.root.name}.csv")
        if path:
            plot_export.write_csv(path, self.model.rows())

    # parts

    def _make_table(self) -> None:
        table = self.table = QTableView()
        table.setModel(self.order)
        table.setAccessibleName(self.tr("Runs of the sweep"))
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSortingEnabled(True)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_PX)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        table.activated.connect(lambda index: self._choose(self.model.runs[self.order.mapToSource(index).row()].run))
        table.setToolTip(self.tr("Double-click or Enter opens a run."))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.done, self.best, self.bits, self.taken, self.energy):
            tiles.addWidget(tile, 1)
        self.lines_card = Card(self.tr("What the values did"))
        self.lines_card.body.addWidget(self.said)
        self.lines_card.body.addWidget(self.rungs)
        self.lines_card.body.addWidget(self.lines)
        self.lines_card.body.addWidget(Text(self.tr(
            "A line is a run, blue is better. Drag along an axis to keep only the runs that cross it there; with the "
            "keyboard, the arrow keys and the space bar do it."), "caption"))  # fmt: skip
        runs = Card(self.tr("Every run"))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for widget in (self.shown, self.all):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.copy, self.save):
            row.addWidget(button)
        runs.body.addLayout(row)
        runs.body.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        for card in (self.lines_card, runs):
            column.addWidget(card)
        column.addStretch(1)
