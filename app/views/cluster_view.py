"""A run over several processes: how its mesh divides the work, the lines that start it, one that works elsewhere."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)  # fmt: skip

from app.state.context import AppContext
from app.translations import translate
from app.views.attached_card import AttachedCard
from app.words import bytes_text, count_text
from core.errors import LabError
from core.model.sizing import parameters
from core.spec.train import TrainSpec
from core.train.distributed.launch import Cluster, slurm_script, torchrun_line
from widgets import theme
from widgets.cards import Button, Card, Text

SCRIPT_PX = 264
FIELD_PX = 136


class ClusterView(QWidget):
    """Shows a request's mesh and its lines, and follows a run in a folder of another machine."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.mesh, self.lines, self.attached = MeshCard(), LinesCard(context), AttachedCard(context)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        for card in (self.mesh, self.lines, self.attached):
            column.addWidget(card)
        column.addStretch(1)

    def show_spec(self, spec: TrainSpec, folder: Path | None) -> None:
        """Show a request; ``folder`` is its run's, None while there is none yet."""
        self.mesh.show_spec(spec)
        self.lines.show_spec(spec, folder or self.context.workspace.root / "runs" / self.tr("NAME"))


class MeshCard(Card):
    """Each direction of the mesh in a line: how many processes, and what that means for one of them."""

    def __init__(self) -> None:
        super().__init__(self.tr("Several processes"))
        self.total = Text("", "strong")
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(theme.space(2))
        self.grid.setVerticalSpacing(theme.space(1))
        self.grid.setColumnStretch(2, 1)
        self.body.addWidget(self.total)
        self.body.addLayout(self.grid)

    def show_spec(self, spec: TrainSpec) -> None:
        """Explain a request's mesh."""
        mesh = spec.mesh
        while self.grid.count():
            self.grid.takeAt(0).widget().deleteLater()
        if mesh.world == 1:
            self.total.setText(self.tr("One process. Raise a number under Devices to lay the run out over several."))
            return
        self.total.setText(self.tr("{count} processes").format(count=mesh.world))
        for row, (name, count, meaning) in enumerate(self._directions(spec)):
            said = f"{count:,}" if count > 1 else ""
            for column, (text, role) in enumerate(((name, "body"), (said, "strong"), (meaning, "muted"))):
                self.grid.addWidget(Text(text, role, wrap=column == 2), row, column)

    def _directions(self, spec: TrainSpec) -> list[tuple[str, int, str]]:
        mesh, rows = spec.mesh, []
        each = self.tr("each takes {rows} of the batch's {batch} sequences").format(
            rows=count_text(spec.batch_size // mesh.copies), batch=count_text(spec.batch_size))
        if mesh.data > 1:
            rows.append((translate("Copies"), mesh.data, each))
        if mesh.shard > 1:
            stage = {1: self.tr("ZeRO 1: each updates a share of the weights"),
                     2: self.tr("ZeRO 2: each keeps a share of the gradients and of the optimizer's state"),
                     3: self.tr("ZeRO 3: each keeps a share of the weights, too")}[mesh.zero]  # fmt: skip
            rows.append((translate("Shards"), mesh.shard, f"{each}; {stage}"))
        if mesh.tensor > 1:
            heads = self.tr("each has {heads} of {all} query heads").format(
                heads=count_text(spec.model.n_heads // mesh.tensor), all=count_text(spec.model.n_heads))
            rows.append((translate("Tensor parallel"), mesh.tensor, heads))
        if mesh.pipeline > 1:
            layers = self.tr("each has about {layers} of {all} layers").format(
                layers=f"{spec.model.n_layers / mesh.pipeline:.3g}", all=count_text(spec.model.n_layers))
            rows.append((translate("Pipeline"), mesh.pipeline, layers))
        if spec.model.vocab_size:
            rows.append((self.tr("Weights of one process"), 1, self._weights(spec)))
        return rows

    def _weights(self, spec: TrainSpec) -> str:
        mesh, total = spec.mesh, parameters(spec.model)["total"]
        pieces = mesh.tensor * mesh.pipeline * (mesh.shard if mesh.fully_sharded else 1)
        return self.tr("about {size} of {all} in float32").format(
            size=bytes_text(4 * total / pieces), all=bytes_text(4 * total))


class LinesCard(Card):
    """The ``torchrun`` line and the script for SLURM, with what they depend on."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(self.tr("Start it yourself"))
        self.context, self._asked = context, None
        self.nodes, self.hours, self.cores = self._number(4096, 1), self._number(720, 24), self._number(512, 8)
        self.gpus = QCheckBox(self.tr("A GPU for each process"))
        self.gpus.setChecked(True)
        self.partition = QLineEdit()
        self.partition.setPlaceholderText(self.tr("its default"))
        self.gpus.toggled.connect(self._write)
        self.partition.textChanged.connect(self._write)
        self.line, self.script = Text("", "mono"), QPlainTextEdit()
        self.script.setReadOnly(True)
        self.script.setProperty("role", "mono")
        self.script.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.script.setMinimumHeight(SCRIPT_PX)
        self.script.setAccessibleName(self.tr("SLURM script"))
        self.note, self.problem = Text("", "caption"), Text("", "error")
        self._arrange()

    def show_spec(self, spec: TrainSpec, folder: Path) -> None:
        """Write the lines for this run."""
        self._asked = (spec, folder)
        self._write()

    def cluster(self) -> Cluster:
        """What is set."""
        nodes, hours, cores = (int(field.text()) for field in (self.nodes, self.hours, self.cores))
        return Cluster(nodes, self.gpus.isChecked(), hours, self.partition.text().strip(), cores)

    def _write(self) -> None:
        if self._asked is None or not all(
                field.hasAcceptableInput() for field in (self.nodes, self.hours, self.cores)):  # fmt: skip
            return
        spec, folder = self._asked
        nodes = self.cluster().nodes
        try:
            line, script = torchrun_line(spec, folder, nodes), slurm_script(spec, folder, self.cluster())
            self.problem.setText("")
        except LabError as error:
            line = script = ""
            self.problem.setText(error.sentence(translate))
        self.problem.setVisible(not line)
        self.line.setText(line)
        self.script.setPlainText(script)
        self.note.setText(self.tr(
            "On one machine. The processes meet over a file; no port is open to other machines. The same line again "
            "goes on from the last checkpoint.") if nodes == 1 else self.tr(
            "On every machine, with HOST replaced by the name of the first, on whose port 29500 they meet. The run's "
            "folder has to be on a drive that all share."))  # fmt: skip

    def _arrange(self) -> None:
        settings = QGridLayout()
        settings.setHorizontalSpacing(theme.space(2))
        named = ((self.tr("Machines"), self.nodes), (self.tr("Cores of a process"), self.cores),
                 (self.tr("Hours at most"), self.hours), (self.tr("Partition"), self.partition))  # fmt: skip
        for column, (label, field) in enumerate(named):
            field.setFixedWidth(FIELD_PX)
            field.setAccessibleName(label)
            settings.addWidget(Text(label, "caption", wrap=False), 0, column)
            settings.addWidget(field, 1, column)
        settings.addWidget(self.gpus, 1, len(named), Qt.AlignmentFlag.AlignVCenter)
        settings.setColumnStretch(len(named) + 1, 1)
        self.body.addLayout(settings)
        self.body.addWidget(self.problem)
        self.body.addLayout(self._titled(self.tr("With torchrun"), lambda: self.line.text()))
        self.body.addWidget(self.line)
        self.body.addWidget(self.note)
        self.body.addLayout(self._titled(self.tr("With SLURM: sbatch and this file"), self.script.toPlainText))
        self.body.addWidget(self.script)
        self.problem.hide()

    def _titled(self, title: str, text) -> QHBoxLayout:
        """A title with a button that copies what stands below it."""
        copy = Button(self.tr("Copy"), "secondary", "copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text()))
        row = QHBoxLayout()
        row.addWidget(Text(title, "strong"), 1)
        row.addWidget(copy)
        return row

    def _number(self, most: int, value: int) -> QLineEdit:
        field = QLineEdit(str(value))
        field.setValidator(QIntValidator(1, most, field))
        field.textChanged.connect(self._write)
        return field
