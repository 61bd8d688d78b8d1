"""The checkpoints of a run: which stay and why, what they take, and the proof that a resume from one is exact."""

from pathlib import Path

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QHeaderView, QTableView, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.words import bytes_text, percent_text
from core.errors import LabError
from core.record.events import CheckpointSaved
from core.record.folder import JobFolder
from core.record.view import JobView
from core.spec.base import build
from core.spec.replay import ReplaySpec
from core.spec.train import TrainSpec
from core.train.retention import best_of, is_spaced
from widgets import theme
from widgets.cards import Button, Text

STEP, LOSS, SIZE, WHY, PROOF = range(5)
SHOWN = Qt.ItemDataRole.DisplayRole


class CheckpointModel(QAbstractTableModel):
    """One row a checkpoint, the newest first; cells are texts."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[tuple[int, tuple[str, ...]]] = []  # step, cells

    def set_rows(self, rows: list[tuple[int, tuple[str, ...]]]) -> None:
        """Show these rows; the selection survives where only texts change."""
        if [step for step, _ in rows] == [step for step, _ in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, PROOF))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:
        return 0 if parent.isValid() else PROOF + 1

    def headerData(self, section: int, orientation, role: int = SHOWN):
        if orientation != Qt.Orientation.Horizontal or role != SHOWN:
            return None
        return (self.tr("Step"), self.tr("Validation loss"), self.tr("Size"), self.tr("Why it stays"),
                self.tr("Resume from here"))[section]  # fmt: skip

    def data(self, index: QModelIndex, role: int = SHOWN):
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() <= SIZE:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return self.rows[index.row()][1][index.column()] if role in (SHOWN, Qt.ItemDataRole.ToolTipRole) else None


class CheckpointsView(QWidget):
    """Shows the checkpoints that stand in a run's folder; asks for a replay of the steps after one."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._spec: TrainSpec | None = None
        self._runs: dict[Path, str] = {}  # of each replay: the run that it checks
        self._known: tuple = ()
        self.sum = Text("", "muted")
        self.model = CheckpointModel(self)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setAccessibleName(self.tr("Checkpoints"))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(theme.space(3.5))
        header = self.table.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in range(PROOF):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._refresh_button())
        self.verify = Button(self.tr("Verify resume"), "secondary", "check")
        self.verify.setToolTip(self.tr(
            "Runs the steps after the chosen checkpoint once more, in a process of its own, and compares every loss "
            "and every weight with what the run recorded."))  # fmt: skip
        self.verify.clicked.connect(self._verify)
        self.context.jobs.job_changed.connect(self._job_changed)
        self.context.jobs.job_added.connect(self._job_changed)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.sum, 1)
        row.addWidget(self.verify)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.table, 1)

    def show_run(self, view: JobView, root: Path) -> None:
        """Show the checkpoints of a run; cheap when nothing has changed."""
        if root != self.root:
            self.root, self._known = root, ()
            try:
                self._spec = build(TrainSpec, JobFolder(root).request["spec"], root.name)
            except (LabError, KeyError):
                self._spec = None
        proofs = self._proofs()
        known = (view.checkpoints, view.live, tuple(sorted(proofs.items())))
        if known == self._known:
            return
        self._known = known
        there = [c for c in view.checkpoints if (root / c.path).is_dir()]
        reasons = self._reasons(there)
        self.model.set_rows([(c.step, self._cells(c, reasons, proofs)) for c in reversed(there)])
        self.sum.setText(
            self.tr("{count} checkpoints, {size} on disk.").format(
                count=len(there), size=bytes_text(sum(c.bytes for c in there)))
            if there else self.tr("No checkpoint yet."))  # fmt: skip
        self.table.setVisible(bool(there))
        if there and not self.table.selectionModel().hasSelection():
            self.table.selectRow(min(1, len(there) - 1))
        self._refresh_button()

    def chosen(self) -> int | None:
        """Step of the chosen checkpoint."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.rows[rows[0].row()][0] if rows else None

    def _cells(self, saved: CheckpointSaved, reasons: dict[int, str], proofs: dict[int, str]) -> tuple[str, ...]:
        loss = f"{saved.val_loss:.4f}" if saved.val_loss is not None else ""
        return (f"{saved.step:,}", loss, bytes_text(saved.bytes) if saved.bytes else "", reasons.get(saved.step, ""),
                proofs.get(saved.step, ""))  # fmt: skip

    def _reasons(self, there: list[CheckpointSaved]) -> dict[int, str]:
        """Which rules keep each checkpoint, in words."""
        if self._spec is None:
            return {}
        losses, rules = {c.step: c.val_loss for c in there}, self._spec.retention
        newest = set(sorted(losses)[-self._spec.keep_checkpoints :])
        best = best_of(losses, rules.best)
        said = {}
        for step in losses:
            words = [self.tr("newest")] if step in newest else []
            words += [self.tr("best") if rules.best == 1 else self.tr("among the best")] if step in best else []
            if rules.every and step % rules.every == 0:
                words.append(self.tr("every {steps} steps").format(steps=f"{rules.every:,}"))
            if rules.spaced and is_spaced(step):
                words.append(self.tr("time-lapse"))
            said[step] = " · ".join(words)
        return said

    def _proofs(self) -> dict[int, str]:
        """What replays of this run have shown, by the step they began at; newer ones speak last."""
        said = {}
        for job in reversed(self.context.jobs.jobs("replay")):
            if self._run_of(job) == (self.root.name if self.root else ""):
                step, words = self._proof(job)
                said[step] = words
        return said

    def _run_of(self, job: Job) -> str:
        if job.root not in self._runs:
            try:
                self._runs[job.root] = job.folder.request["spec"]["run"]
            except (LabError, KeyError):
                return ""
        return self._runs[job.root]

    def _proof(self, job: Job) -> tuple[int, str]:
        view, result = job.view, job.view.result
        step = result.get("from_step") or job.folder.request["spec"].get("step", 0)
        if view.live:
            share = view.done / view.total if view.total and view.unit == "steps" else 0.0
            return step, self.tr("checking … {share}").format(share=percent_text(min(1.0, share)))
        if "exact" not in result:
            return step, self.tr("not checked: {reason}").format(reason=view.error.problem.format_map(view.error.values)
                                                                 if view.error else view.state)  # fmt: skip
        if not result["exact"]:
            if result["first_difference"] is None:
                return step, self.tr("differs in the weights, with equal losses")
            at, column = result["first_difference"]
            return step, self.tr("differs from step {step} on ({column})").format(step=f"{at:,}", column=column)
        text = (self.tr("exact: {steps} steps, losses and weights to the bit") if result["files"]
                else self.tr("exact: {steps} steps, losses to the bit"))  # fmt: skip
        return step, text.format(steps=f"{result['steps']:,}")

    def _refresh_button(self) -> None:
        newest = self.model.rows[0][0] if self.model.rows else None
        self.verify.setEnabled(self.chosen() is not None and self.chosen() != newest)

    def _verify(self) -> None:
        step = self.chosen()
        if step is not None and self.root is not None:
            self.context.start_job("replay", f"{self.root.name}-{step}", ReplaySpec(run=self.root.name, step=step))

    def _job_changed(self, root: Path) -> None:
        job = self.context.jobs.job(root)
        if job is not None and job.kind == "replay" and self.root is not None and self.isVisible():
            run = self.context.jobs.job(self.root)
            if run is not None:
                self.show_run(run.view, self.root)
