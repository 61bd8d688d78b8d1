"""What a model knows and what tells its errors: the detectors, their curves, and the questions with their answers."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill, translate
from app.views.answer_detail import AnswerDetail
from app.views.bar_rows import BarRows
from app.views.experiment_view import named
from app.views.job_head import JobHead
from app.views.world_words import stratum_help, stratum_text
from app.words import count_text, duration_text, percent_text
from core.data.worlds.facts import STRATA
from core.errors import LabError
from core.evaluate.detector_bench import GRID
from core.glass.answers import COMBINED, DETECTORS, VERDICTS, Answered, verdict
from core.glass.inspection import ANSWERS, Inspection, read_answers, read_inspection
from core.record.folder import ROOMS
from core.record.view import JobView
from widgets import theme
from widgets.answer_table import AnswerLine, AnswerTable
from widgets.cards import Button, Card, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.score_rows import ScoreRow, ScoreRows
from widgets.twin_grid import TwinCell, TwinGrid
from widgets.unit_plot import UnitPlot

STAGES = ("world", "tokenizer", "train", "index", "question")


class InspectionView(QWidget):
    """Shows a job that questions one run, or the whole way over several seeds."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.found: Inspection | None = None
        self.answers: list[Answered] = []
        self.head, self.grid = JobHead(context), TwinGrid()
        self.open_folder = Button(self.tr("Open its folder"), "secondary", "folder")
        self.open_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.root))))
        self.head.add_button(self.open_folder)
        self.asked, self.wrong, self.model, self.taken = (
            StatTile(self.tr("Questions")), StatTile(self.tr("Answered wrongly")), StatTile(self.tr("Model")),
            StatTile(self.tr("Time a seed")))  # fmt: skip
        self.sentences = Text("", "body")
        self.kind = SegmentedControl(
            {"": self.tr("All"), "knowable": self.tr("All but stated wrongly")}
            | {name: stratum_text(name) for name in STRATA}, name=self.tr("Errors of"))
        self.kind.value_changed.connect(lambda _: self._show_rows())
        self.meaning, self.rows = Text("", "caption"), ScoreRows()
        self.rows.chosen.connect(self._show_curves)
        self.roc = UnitPlot(self.tr("right answers suspected"), self.tr("wrong answers caught"))
        self.precision = UnitPlot(self.tr("wrong answers caught"), self.tr("of the suspected, wrong"), diagonal=False)
        self.told = UnitPlot(self.tr("risk told"), self.tr("really wrong"), dots=True)
        self.curves_say = Text("", "caption")
        self.counts = BarRows(self.tr("Answered rightly, by how many documents state it"))
        self.seeds, self.table = QComboBox(), AnswerTable()
        self.seeds.setAccessibleName(self.tr("Seed"))
        self.seeds.currentIndexChanged.connect(self._read)
        self.table.setMinimumHeight(theme.space(44))
        self.table.answer_chosen.connect(self._show_answer)
        self.detail = AnswerDetail(context)
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this job."""
        if root != self.root:
            self.root, self.found, self.answers = root, None, []
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        if self.found is None and job.view.state == "completed":
            self.found = read_inspection(self.root)
            if self.found is not None:
                self._show_found(job, self.found)
        self._show_stages(job)
        self.results.setVisible(self.found is not None)

    def _show_stages(self, job: Job) -> None:
        """How each seed stands in each stage; nothing where one run alone was questioned."""
        seeds = job.folder.request["spec"].get("seeds", 0)
        self.stages.setVisible(bool(seeds) and self.found is None)
        if not seeds:
            return
        words = dict(zip(STAGES, (self.tr("World"), self.tr("Tokenizer"), self.tr("Training"), self.tr("Index"),
                                  self.tr("Questions")), strict=True))  # fmt: skip
        self.grid.set_cells(list(words.values()), [[_cell(job.view, stage, seed) for seed in range(seeds)]
                                                   for stage in STAGES])  # fmt: skip

    def _show_found(self, job: Job, found: Inspection) -> None:
        table = found.table
        sets = self.tr("over {count} seeds").format(count=table.sets) if table.sets > 1 else ""
        self.asked.set_value(count_text(table.answers), sets)
        self.wrong.set_value(percent_text(table.wrong / table.answers), f"{table.wrong:,}")
        self.model.set_value(count_text(found.parameters), self.tr("parameters"))
        seconds = found.seconds or [found.elapsed_s]
        self.taken.set_value(duration_text(sum(seconds) / len(seconds)))
        self.sentences.setText("\n".join(f"•  {fill(one.text, named(one.values))}" for one in found.findings))
        self.counts.set_rows([(self.tr("Stated {count}×, {asked} asked").format(count=one.stated, asked=one.asked),
                               percent_text(one.right / one.asked), one.right / one.asked)
                              for one in found.accuracy])  # fmt: skip
        self._show_rows()
        self._show_curves(COMBINED)
        self._offer_seeds(job)

    def _show_rows(self) -> None:
        if self.found is None:
            return
        kind, groups = self.kind.value(), self._groups()
        rows = []
        for row in self.found.table.rows:
            area = row.auroc if not kind else row.by_stratum.get(kind)
            detector = DETECTORS.get(row.name)
            group = groups[detector.group if detector else "combined"]
            title = translate(detector.title if detector else "Combination")
            about = translate(detector.about) if detector else self.tr(
                "Logistic regression of all of these, learnt on one half of the questions and told of the other.")
            rows.append(ScoreRow(row.name, title, about, group, *(
                (area.value, area.low, area.high) if area else (None,))))  # fmt: skip
        self.rows.set_rows(rows, self.tr("AUROC (95 % interval)"), self.tr("chance"))
        stratum = next((one for one in self.found.table.strata if one.name == kind), None)
        self.meaning.setText(self.tr(
            "How often a wrong answer scores worse than a right one: 1 = always, 0.5 = by chance. The bar is the 95 % "
            "bootstrap interval over the questions, the dot the mean of the seeds. Choose a row to see its curves."
        ) if stratum is None else self.tr(
            "{meaning} Of {asked} such facts {wrong} were answered wrongly; these are told from all right "
            "answers.").format(
                meaning=stratum_help(kind) or self.tr("What the text states wrongly is no score's to know."),
                asked=f"{stratum.answers:,}", wrong=f"{stratum.wrong:,}"))  # fmt: skip

    def _groups(self) -> dict[str, str]:
        return {
            "answer": self.tr("From one answer"), "samples": self.tr("From asking again"),
            "corpus": self.tr("From the training text"), "baseline": self.tr("Baselines"),
            "combined": self.tr("All together")}  # fmt: skip

    def _show_curves(self, name: str) -> None:
        row = self.found.table.row(name)
        self.rows.choose(name)
        self.roc.set_points([(0.0, 0.0), *zip(GRID, row.roc, strict=True)])
        self.precision.set_points(zip(GRID, row.precision, strict=True))
        self.told.set_points([(one.told, one.real) for one in row.reliability])
        title = translate(DETECTORS[name].title if name in DETECTORS else "Combination")
        self.curves_say.setText(self.tr(
            "{detector}. Left: errors caught against right answers suspected. Middle: how many of those suspected are "
            "wrong. Right: the risk told after calibration against what was found, all seeds together; mean gap (ECE) "
            "{ece}.").format(detector=title, ece=f"{row.ece:.3f}"))  # fmt: skip

    def _offer_seeds(self, job: Job) -> None:
        """The questionings whose answers can be looked at: this job's own, or one a seed."""
        self.seeds.blockSignals(True)
        self.seeds.clear()
        if job.kind == "question":
            self.seeds.addItem(job.name, str(job.root))
        for seed in range(job.folder.request["spec"].get("seeds", 0)):
            root = self.context.workspace.root / ROOMS["question"] / f"{job.name}-{seed}"
            self.seeds.addItem(self.tr("Seed {number}").format(number=seed), str(root))
        self.seeds.setVisible(self.seeds.count() > 1)
        self.seeds.blockSignals(False)
        self._read()

    def _read(self, *_) -> None:
        """Read the answers of the chosen seed."""
        root = Path(self.seeds.currentData() or self.root)
        try:
            self.answers = read_answers(root / ANSWERS)
        except LabError as error:
            self.answers = []
            self.context.notify(error)
        lines = [AnswerLine(
            one.question.prompt, one.answer, one.label.truth, one.wrong, one.p_wrong,
            translate(VERDICTS[verdict(one.evidence)]), one.label.stratum) for one in self.answers]  # fmt: skip
        self.table.set_lines(lines, {name: stratum_text(name) for name in STRATA})
        self.detail.show_run(root)
        self.table.choose(0)

    def _show_answer(self, place: int) -> None:
        self.detail.show_answer(self.answers[place])

    def _arrange(self) -> None:
        self.stages = Card(self.tr("A stage a row, a seed a column"))
        self.stages.body.addWidget(self.grid)
        self.results = QWidget()
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.asked, self.wrong, self.model, self.taken):
            tiles.addWidget(tile, 1)
        said, detectors, asked = (Card(self.tr("What was found")), Card(self.tr("What tells its errors")),
                                  Card(self.tr("Its answers")))  # fmt: skip
        said.body.addWidget(self.sentences)
        beside = QHBoxLayout()
        beside.addWidget(self.kind)
        beside.addStretch(1)
        detectors.body.addLayout(beside)
        for widget in (self.meaning, self.rows):
            detectors.body.addWidget(widget)
        plots = QGridLayout()
        plots.setSpacing(theme.space(2))
        for column, plot in enumerate((self.roc, self.precision, self.told)):
            plots.addWidget(plot, 0, column)
            plots.setColumnStretch(column, 1)
        detectors.body.addLayout(plots)
        detectors.body.addWidget(self.curves_say)
        above = QHBoxLayout()
        above.addWidget(self.seeds)
        above.addStretch(1)
        asked.body.addLayout(above)
        asked.body.addWidget(self.table)
        asked.body.addWidget(self.detail)
        inner = QVBoxLayout(self.results)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(theme.space(1.5))
        inner.addLayout(tiles)
        for widget in (said, detectors, self.counts, asked):
            inner.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        for widget in (self.head, self.stages, self.results):
            column.addWidget(widget)
        column.addStretch(1)


def _cell(view: JobView, stage: str, seed: int) -> TwinCell:
    twin = next((one for one in view.twins.values() if (one.arm, one.seed) == (stage, seed)), None)
    return TwinCell(twin.state, twin.done) if twin else TwinCell()
