"""Hallucination as a law: what each model makes up, beside how often its facts are stated, while it is trained."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QTableWidgetItem, QVBoxLayout, QWidget

from app.pages.glass_spans import found_table
from app.state.context import AppContext
from app.translations import fill, translate
from app.views.experiment_view import named
from app.views.job_head import JobHead
from app.words import duration_text, percent_text
from core.evaluate.fact_law import Model
from core.evaluate.fact_law_table import LawTable, by_count, group_text, read_law, side
from core.record.view import JobView
from widgets import theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.share_plot import GroupCurves, ShareMark, ShareScatter
from widgets.twin_grid import TwinCell, TwinGrid

EVEN, ZIPF, REPEATED = range(3)
NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class FactLawView(QWidget):
    """Shows an experiment whose arms learn worlds of facts; a model appears in the plots as soon as it has spoken."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.table: LawTable | None = None
        self._shown: tuple = ()
        self.head, self.grid = JobHead(context), TwinGrid()
        self.open_folder = Button(self.tr("Open its folder"), "secondary", "folder")
        self.open_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.root))))
        self.head.add_button(self.open_folder)
        self.spoken, self.ranks, self.bound, self.taken = (
            StatTile(self.tr("Models that have spoken")), StatTile(self.tr("Spearman")),
            StatTile(self.tr("The bound holds")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.sentences = Text("", "body")
        self.way = SegmentedControl(
            {"asked": self.tr("Asked for facts"), "free": self.tr("Speaking freely")}, name=self.tr("How it speaks"))
        self.way.value_changed.connect(lambda _: self._show())
        self.law = ShareScatter(self.tr("statements that stand alone (monofact rate)"), self.tr("made up"))
        self.counts = GroupCurves(self.tr("times a fact is stated"), self.tr("of the answers"))
        self.meaning = Text("", "caption")
        self.rows = found_table([
            self.tr("Text"), self.tr("Stated once"), self.tr("Made up"), self.tr("Miscalibration"), self.tr("At least"),
            self.tr("Bound")])  # fmt: skip
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this experiment."""
        if root != self.root:
            self.root, self.table, self._shown = root, None, ()
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        asked = job.folder.request["spec"]
        self._show_twins(job.view, [arm["name"] for arm in asked["arms"]], asked.get("seeds", 1))
        done = sum(twin.state == "completed" for twin in job.view.twins.values())
        if self._shown != (done, job.view.state):
            self._shown, self.table = (done, job.view.state), read_law(self.root)
        total = len(asked["arms"]) * asked.get("seeds", 1)
        self.spoken.set_value(str(len(self.table.models)) if self.table else "0",
                              self.tr("of {total}").format(total=total))
        self._show()

    def _show_twins(self, view: JobView, arms: list[str], seeds: int) -> None:
        cells = [[TwinCell() for _ in range(seeds)] for _ in arms]
        for twin in view.twins.values():
            share = twin.done / twin.total if twin.total else 0.0
            cells[arms.index(twin.arm)][twin.seed] = TwinCell(twin.state, share)
        self.grid.set_cells([translate(arm) for arm in arms], cells)

    def _show(self) -> None:
        table, way = self.table, self.way.value()
        there = table is not None and bool(table.models)
        for card in (self.plots, self.numbers):
            card.setVisible(there)
        self.said.setVisible(there and bool(table.findings))
        if not there:
            return
        ranks = table.rank_correlation(way)
        self.ranks.set_value("" if ranks is None else f"{ranks:.3f}", hint=self.tr("stated once against made up"))
        self.bound.set_value(f"{table.holds(way)}", self.tr("of {total}").format(total=len(table.models)))
        self.taken.set_value(duration_text(table.elapsed_s) if table.elapsed_s else "")
        self.sentences.setText("\n".join(f"•  {fill(one.text, named(one.values))}" for one in table.findings))
        self._show_law(table, way)
        self._show_counts(table)
        self._show_rows(table, way)

    def _show_law(self, table: LawTable, way: str) -> None:
        twins = {id(pair.with_copies): pair.without for pair in table.repeated}
        marks = []
        for model in table.models:
            said, twin = side(model, way), twins.get(id(model))
            kind = REPEATED if model.copies else ZIPF if model.spread == "zipf" else EVEN
            marks.append(ShareMark(
                model.monofacts, said.hallucination, kind, said.bound if not model.copies else None,
                side(twin, way).hallucination if twin else None,
                self.tr("{text}: {made} made up, at least {bound} by the law").format(
                    text=translate(model.arm), made=percent_text(said.hallucination),
                    bound=percent_text(said.bound))))  # fmt: skip
        self.law.set_marks(marks, [self.tr("all facts alike"), self.tr("Zipf's law"), self.tr("5 % repeated")],
                           self.tr("what a calibrated model makes up at least"))
        self.meaning.setText(self.tr(
            "Left: each mark is a model; the tick under it is the least that the law lets it make up, its text's "
            "monofact rate less its miscalibration (Kalai & Vempala 2024), measured over {bins} bins. Dotted lines "
            "lead from a model to its twin whose text repeats some documents. Right: greedy answers that are right, "
            "and drawn answers that are false, of all models without repeated documents.").format(bins=table.bins))

    def _show_counts(self, table: LawTable) -> None:
        counts = by_count(table.settings)
        self.counts.set_curves([group_text(one.stated) for one in counts], {
            self.tr("answered rightly"): [one.right / one.asked for one in counts],
            self.tr("made up"): [one.made_up / one.asked for one in counts]})  # fmt: skip

    def _show_rows(self, table: LawTable, way: str) -> None:
        models: list[Model] = sorted(table.models, key=lambda m: (m.copies, m.monofacts, m.seed))
        self.rows.setRowCount(len(models))
        for row, model in enumerate(models):
            said = side(model, way)
            words = self.tr("holds") if said.holds else self.tr("does not hold")
            cells = [translate(model.arm), *(percent_text(share) for share in (
                model.monofacts, said.hallucination, said.miscalibration, said.bound)), words]  # fmt: skip
            for column, text in enumerate(cells):
                item = QTableWidgetItem(text)
                if 0 < column < len(cells) - 1:
                    item.setTextAlignment(NUMBER)
                self.rows.setItem(row, column, item)
        height = self.rows.horizontalHeader().sizeHint().height() + 2 * self.rows.frameWidth()
        self.rows.setFixedHeight(height + sum(self.rows.rowHeight(row) for row in range(len(models))))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.spoken, self.ranks, self.bound, self.taken):
            tiles.addWidget(tile, 1)
        self.said, self.plots, self.numbers = (
            Card(self.tr("What was found")), Card(self.tr("What is made up, by how often facts are stated")),
            Card(self.tr("The same in numbers")))  # fmt: skip
        self.said.body.addWidget(self.sentences)
        switch = QHBoxLayout()
        switch.addWidget(self.way)
        switch.addStretch(1)
        self.plots.body.addLayout(switch)
        beside = QGridLayout()
        beside.setSpacing(theme.space(2))
        for column, plot in enumerate((self.law, self.counts)):
            beside.addWidget(plot, 0, column, Qt.AlignmentFlag.AlignTop)
            beside.setColumnStretch(column, 1)
        self.plots.body.addLayout(beside)
        self.plots.body.addWidget(self.meaning)
        self.numbers.body.addWidget(self.rows)
        for column in range(1, self.rows.columnCount()):
            self.rows.setColumnWidth(column, theme.space(13))
            if column < self.rows.columnCount() - 1:
                self.rows.horizontalHeaderItem(column).setTextAlignment(NUMBER)
        trainings = Card(self.tr("The twins: an arm a row, a seed a column"))
        trainings.body.addWidget(self.grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        for card in (self.said, self.plots, self.numbers, trainings):
            column.addWidget(card)
        column.addStretch(1)
