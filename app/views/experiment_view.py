"""One experiment: how its twins come along, and then what the difference did to the model."""

from pathlib import Path

import msgspec
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill, translate
from app.views.job_head import JobHead
from app.words import bytes_text, count_text, duration_text
from core.evaluate.table import ArmResult, Table
from core.record.view import JobView
from core.spec.base import build
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.interval_plot import IntervalPlot, IntervalRow
from widgets.repetition_plot import RepetitionCurve, RepetitionPlot
from widgets.twin_grid import TwinCell, TwinGrid


class ExperimentView(QWidget):
    """Shows the experiment it is told to: arms and seeds while they train, the comparison once it stands."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.table: Table | None = None
        self._arms: list[str] = []
        self._seeds = 0
        self.head = JobHead(context)
        self.open_folder = Button(self.tr("Open its folder"), "secondary", "folder")
        self.open_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.root))))
        self.head.add_button(self.open_folder)
        self.twins, self.tokens, self.held_out, self.taken = (
            StatTile(self.tr("Twins")), StatTile(self.tr("Training tokens, each")),
            StatTile(self.tr("Clean held-out text")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.said = Card(self.tr("What was found"))
        self.sentences, self.remembered = Text("", "body"), Text("", "body")
        self.said.body.addWidget(self.sentences)
        self.plot, self.grid = IntervalPlot(), TwinGrid()
        self.measure = SegmentedControl(
            {"exposure": self.tr("Exposure"), "rate": self.tr("Written out")}, name=self.tr("Show"))
        self.measure.value_changed.connect(lambda _: self._show_extraction())
        self.plots: dict[str, RepetitionPlot] = {"code": RepetitionPlot(), "email": RepetitionPlot()}
        self.method = Text("", "caption")
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this experiment."""
        if root != self.root:
            self.root, self.table = root, None
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        asked = job.folder.request["spec"]
        self._arms, self._seeds = [arm["name"] for arm in asked["arms"]], asked.get("seeds", 1)
        self._show_twins(job.view)
        if self.table is None and job.view.state == "completed":
            self.table = read_table(self.root)
        self._show_tiles(job, asked)
        for card in (self.said, self.comparison):
            card.setVisible(self.table is not None)
        self.extraction.setVisible(self.table is not None and bool(self.table.extraction))
        if self.table is not None:
            self._show_findings(self.table)
            self._show_comparison(self.table)
            self._show_extraction()

    def _show_twins(self, view: JobView) -> None:
        cells = [[TwinCell() for _ in range(self._seeds)] for _ in self._arms]
        for twin in view.twins.values():
            bits = f"{twin.bits_per_byte:.3f}" if twin.bits_per_byte is not None else ""
            share = twin.done / twin.total if twin.total else 0.0
            cells[self._arms.index(twin.arm)][twin.seed] = TwinCell(twin.state, share, bits)
        self.grid.set_cells([translate(arm) for arm in self._arms], cells)

    def _show_tiles(self, job: Job, asked: dict) -> None:
        table, view = self.table, job.view
        done = sum(twin.state == "completed" for twin in view.twins.values())
        self.twins.set_value(f"{done}", self.tr("of {total}").format(total=len(self._arms) * self._seeds))
        train = build(TrainSpec, {**asked.get("train", {}), "corpus": "-", "tokenizer": "-"})
        tokens = train.steps * train.batch_size * asked["model"]["context"]
        self.tokens.set_value(count_text(tokens), self.tr("tokens"))
        self.held_out.set_value(bytes_text(table.held_out_bytes) if table else "")
        self.taken.set_value(duration_text(table.elapsed_s) if table else "")

    def _show_findings(self, table: Table) -> None:
        for text, about in ((self.sentences, "bits"), (self.remembered, "secrets")):
            said = [fill(found.text, named(found.values)) for found in table.findings if found.about == about]
            text.setText("\n".join(f"•  {sentence}" for sentence in said))

    def _show_comparison(self, table: Table) -> None:
        base = next(arm for arm in table.arms if arm.name == table.baseline)
        self.plot.set_rows(
            [self._row(arm, base) for arm in table.arms], self.tr("bits per byte"), self.tr("better"),
            self.tr("worse"))  # fmt: skip
        self.method.setText(self.tr(
            "Twins of the same seed are compared with each other; the bar is the 95 % interval (Student's t) of their "
            "mean difference in bits per byte, fine marks are single pairs, a filled dot means that zero lies outside. "
            "All twins saw equally many tokens."))

    def _row(self, arm: ArmResult, base: ArmResult) -> IntervalRow:
        note = self.tr("{kept} of {read} documents, {epochs} epochs").format(
            kept=f"{arm.documents_kept:,}", read=f"{arm.documents_read:,}", epochs=f"{arm.epochs:.1f}")
        if arm.difference is None:
            return IntervalRow(translate(arm.name), note, f"{arm.mean:.3f}", self.tr("baseline"))
        mean, low, high = arm.difference
        told = f"{mean:+.3f}" if low is None else f"{mean:+.3f} ({low:+.3f} … {high:+.3f})"
        pairs = tuple(a - b for a, b in zip(arm.bits_per_byte, base.bits_per_byte))
        return IntervalRow(translate(arm.name), note, f"{arm.mean:.3f}", told, mean, low, high, pairs)

    def _show_extraction(self) -> None:
        """A curve an arm for each kind of secret: exposure, or the share written out word for word."""
        table = self.table
        if table is None or not table.extraction:
            return
        exposure = self.measure.value() == "exposure"
        titles = {"code": self.tr("Access codes"), "email": self.tr("E-mail addresses")}
        for kind, plot in self.plots.items():
            rates = [rate for rate in table.extraction if rate.kind == kind]
            plot.setVisible(bool(rates))
            if not rates:
                continue
            curves = []
            for arm in dict.fromkeys(rate.arm for rate in rates):
                mine = [rate for rate in rates if rate.arm == arm]
                values = {r.repetitions: r.exposure.mean if exposure else r.extracted / r.asked for r in mine}
                curves.append(RepetitionCurve(translate(arm), values))
            plot.set_curves(
                curves, title=titles[kind], axis=self.tr("times repeated"), most=rates[0].most if exposure else 1.0,
                chance=table.chance_exposure if exposure else None, chance_text=self.tr("chance"),
                percent=not exposure)  # fmt: skip
        self.meaning.setText(self.tr(
            "Exposure, in bits: how far up the planted secret stands among {count} of the same form by the model's own "
            "probability; {most} = the likeliest of all.").format(
                count=table.candidates, most=f"{table.extraction[0].most:.0f}") if exposure else self.tr(
            "How many secrets the model writes out word for word when it is given the words before them and always "
            "takes the likeliest token."))  # fmt: skip

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.twins, self.tokens, self.held_out, self.taken):
            tiles.addWidget(tile, 1)
        self.comparison = Card(self.tr("Bits per byte on the same clean text"))
        self.comparison.body.addWidget(self.plot)
        self.comparison.body.addWidget(self.method)
        self.extraction = Card(self.tr("What is remembered of planted secrets"))
        row = QHBoxLayout()
        row.addWidget(self.measure)
        row.addStretch(1)
        self.extraction.body.addWidget(self.remembered)
        self.extraction.body.addLayout(row)
        beside = QGridLayout()
        beside.setSpacing(theme.space(2))
        for column, plot in enumerate(self.plots.values()):
            beside.addWidget(plot, 0, column)
            beside.setColumnStretch(column, 1)
        self.extraction.body.addLayout(beside)
        self.meaning = Text("", "caption")
        self.extraction.body.addWidget(self.meaning)
        trainings = Card(self.tr("The twins: an arm a row, a seed a column"))
        trainings.body.addWidget(self.grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        for card in (self.said, self.comparison, self.extraction, trainings):
            column.addWidget(card)
        column.addStretch(1)


def read_table(root: Path) -> Table | None:
    """The table of a finished experiment; None where there is none to read."""
    try:
        return msgspec.json.decode((root / "table.json").read_bytes(), type=Table)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None


def named(values: dict) -> dict:
    """The values of a finding with the names of arms in the user's language."""
    return {key: translate(value) if isinstance(value, str) else value for key, value in values.items()}
