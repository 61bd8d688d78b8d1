"""Whether answers follow their context: the scores, the heads that look back, and every answer with its notes."""

import math
from pathlib import Path

import numpy as np
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import fill, translate
from app.views.bar_rows import BarRows
from app.views.context_strip import ContextStrip
from app.views.experiment_view import named
from app.views.job_head import JobHead
from app.words import duration_text, percent_text
from core.errors import LabError
from core.evaluate.detector_bench import GRID
from core.glass import grounding as g
from core.glass.context_match import Weighed, context_matches
from core.record.view import JobView
from widgets import theme
from widgets.answer_table import AnswerLine, AnswerTable
from widgets.cards import Button, Card, StatTile, Text
from widgets.heat_grid import HeatGrid
from widgets.notice import Notice
from widgets.score_rows import ScoreRow, ScoreRows
from widgets.twin_grid import TwinCell, TwinGrid
from widgets.unit_plot import UnitPlot

STAGES = ("world", "tokenizer", "train")


class GroundingView(QWidget):
    """Shows an inspection whose worlds are notes and questions."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self.found: g.Grounding | None = None
        self.reads: list[g.Read] = []
        self.head, self.grid = JobHead(context), TwinGrid()
        self.open_folder = Button(self.tr("Open its folder"), "secondary", "folder")
        self.open_folder.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.root))))
        self.head.add_button(self.open_folder)
        self.copying, self.followed, self.best, self.taken = (
            StatTile(self.tr("Strangers' notes copied rightly")), StatTile(self.tr("Contradicting notes followed")),
            StatTile(self.tr("Best score, AUROC")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.gate, self.sentences = Notice("warning", ""), Text("", "body")
        self.rows = ScoreRows()
        self.rows.chosen.connect(self._show_curves)
        self.roc = UnitPlot(self.tr("followed, but suspected"), self.tr("not followed, caught"))
        self.told = UnitPlot(self.tr("risk told"), self.tr("really not followed"), dots=True)
        self.meaning = Text("", "caption")
        self.heads, self.heads_say = HeatGrid(), Text("", "caption")
        self.heads.setFixedHeight(theme.space(22))
        self.counts = BarRows(self.tr("Notes followed, by how many documents say otherwise"))
        self.seeds, self.table, self.strip = QComboBox(), AnswerTable(), ContextStrip()
        self.seeds.setAccessibleName(self.tr("Seed"))
        self.seeds.currentIndexChanged.connect(self._read)
        self.table.setMinimumHeight(theme.space(40))
        self.table.answer_chosen.connect(self._show_answer)
        self.answered = Text("", "strong")
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this job."""
        if root != self.root:
            self.root, self.found, self.reads = root, None, []
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        if self.found is None and job.view.state == "completed":
            self.found = g.read_grounding(self.root)
            if self.found is not None:
                self._show_found(job, self.found)
        self.results.setVisible(self.found is not None)
        self.stages.setVisible(self.found is None)
        self._show_stages(job.view, job.folder.request["spec"].get("seeds", 1))

    def _show_stages(self, view: JobView, seeds: int) -> None:
        twins = {(twin.arm, twin.seed): TwinCell(twin.state, twin.done) for twin in view.twins.values()}
        self.grid.set_cells([self.tr("World"), self.tr("Tokenizer"), self.tr("Training")],
                            [[twins.get((stage, seed), TwinCell()) for seed in range(seeds)] for stage in STAGES])

    def _show_found(self, job: Job, found: g.Grounding) -> None:
        needed = self.tr("at least {least} are needed").format(least=percent_text(g.LEAST_COPYING))
        self.copying.set_value(", ".join(map(percent_text, found.copying)), hint=needed)
        self.followed.set_value(percent_text(found.followed), hint=self.tr("{share} as stated elsewhere").format(
            share=percent_text(found.remembered)))
        row = found.table.row(found.best) if found.table else None
        self.best.set_value(f"{row.auroc.value:.3f}" if row else "",
                            hint=translate(g.TITLES[found.best]) if row else None)
        self.taken.set_value(duration_text(found.elapsed_s))
        self.sentences.setText("\n".join(f"•  {fill(one.text, named(one.values))}" for one in found.findings))
        self.counts.set_rows([(self.tr("Stated {count}×, {asked} asked").format(count=stated, asked=asked),
                               percent_text(followed / asked), followed / asked)
                              for stated, (asked, followed, _) in found.by_stated.items()])  # fmt: skip
        self._show_gate(found)
        if found.table is not None:
            self._show_rows(found)
            self._show_heads(found)
            self._show_curves(found.best)
        self._offer_seeds(job)

    def _show_gate(self, found: g.Grounding) -> None:
        """Why there are no scores, where there are none."""
        for card in (self.scores, self.looks):
            card.setVisible(found.table is not None)
        self.gate.setVisible(found.table is None)
        self.gate.show_message("warning", self.tr(
            "Scores are off: these models copy {share} of strangers' notes rightly, and {least} are needed. A model "
            "that cannot copy follows no context. Train it longer.").format(
                share=percent_text(max(found.copying)), least=percent_text(g.LEAST_COPYING)) if not found.copies else
            self.tr("Scores are off: all answers follow the notes, or none does."))  # fmt: skip
        self.gate.setVisible(found.table is None)

    def _show_rows(self, found: g.Grounding) -> None:
        groups = {
            "answer": self.tr("From one answer"), "heads": self.tr("From its attention"),
            "explanation": self.tr("Explanations, not scores"), "baseline": self.tr("Baselines"),
            "combined": self.tr("All together")}  # fmt: skip
        known = {name: (one.title, one.about, one.group) for name, one in g.DETECTORS.items()}
        known |= {g.LOOKBACK: (g.LOOKBACK_TITLE, g.LOOKBACK_ABOUT, "heads"),
                  g.COMBINED: (g.COMBINED_TITLE, "Logistic regression of all of these, learnt on one half of the "
                               "questions and told of the other.", "combined")}  # fmt: skip
        rows = []
        for row in found.table.rows:
            title, about, group = known[row.name]
            rows.append(ScoreRow(row.name, translate(title), translate(about), groups[group], row.auroc.value,
                                 row.auroc.low, row.auroc.high))  # fmt: skip
        rows.sort(key=lambda row: list(groups.values()).index(row.group))
        self.rows.set_rows(rows, self.tr("AUROC (95 % interval)"), self.tr("chance"))

    def _show_curves(self, name: str) -> None:
        row = self.found.table.row(name)
        self.rows.choose(name)
        self.roc.set_points([(0.0, 0.0), *zip(GRID, row.roc, strict=True)])
        self.told.set_points([(one.told, one.real) for one in row.reliability])
        self.meaning.setText(self.tr(
            "How often an answer that does not follow its notes scores worse than one that does: 1 = always, 0.5 = by "
            "chance. Shown below: {detector}. Left: answers caught against answers suspected without cause. Right: the "
            "risk told after calibration against what was found; mean gap (ECE) {ece}.").format(
                detector=translate(g.TITLES[name]), ece=f"{row.ece:.3f}"))  # fmt: skip

    def _show_heads(self, found: g.Grounding) -> None:
        areas = np.array(found.heads, np.float32)
        words = [[f"{value:.2f}" for value in row] for row in areas]
        tell = self.tr("Layer {layer}, head {head}: AUROC {value}")
        self.heads.set_grid(
            [self.tr("Layer {number}").format(number=layer + 1) for layer in range(areas.shape[0])],
            [str(head + 1) for head in range(areas.shape[1])], areas, low=0.5, high=1.0, words=words,
            tell=lambda layer, head: tell.format(layer=layer + 1, head=head + 1, value=words[layer][head]))
        self.heads_say.setText(self.tr(
            "Lookback ratio: of the attention with which a token is chosen, how much goes to the notes, against what "
            "follows them (Chuang et al. 2024). Shown is how well each head alone tells that the notes are not "
            "followed: 0.5 = by chance."))

    def _offer_seeds(self, job: Job) -> None:
        self.seeds.blockSignals(True)
        self.seeds.clear()
        for seed in range(job.folder.request["spec"].get("seeds", 1)):
            self.seeds.addItem(self.tr("Seed {number}").format(number=seed),
                               str(self.root / "read" / f"{job.name}-{seed}.jsonl"))
        self.seeds.setVisible(self.seeds.count() > 1)
        self.seeds.blockSignals(False)
        self._read()

    def _read(self, *_) -> None:
        try:
            self.reads = g.read_reads(Path(self.seeds.currentData()))
        except LabError as error:
            self.reads = []
            self.context.notify(error)
        kinds = {"contradicted": self.tr("Contradicting notes"), "stranger": self.tr("Notes about strangers")}
        self.table.set_lines([AnswerLine(
            one.bare, one.answer, one.given, not one.follows, one.p_astray,
            self.tr("Stated elsewhere: {value}").format(value=one.known) if one.known else "", one.kind)
            for one in self.reads], kinds)  # fmt: skip
        self.table.choose(0)

    def _show_answer(self, place: int) -> None:
        one = self.reads[place]
        pieces = [token.encode() for token in one.tokens]
        matches = context_matches(one.context, pieces, one.question)
        self.answered.setText(self.tr("{question} … {answer}").format(question=one.bare, answer=one.answer))
        self.strip.show_context(one.context, matches)
        self.strip.show_tokens([
            Weighed(piece, math.exp(with_), math.exp(bare), any(match.start <= at < match.end for match in matches))
            for at, (piece, with_, bare) in enumerate(zip(pieces, one.log_p, one.log_p_bare, strict=True))])

    def _arrange(self) -> None:
        self.stages = Card(self.tr("A stage a row, a seed a column"))
        self.stages.body.addWidget(self.grid)
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.copying, self.followed, self.best, self.taken):
            tiles.addWidget(tile, 1)
        said, asked = Card(self.tr("What was found")), Card(self.tr("Its answers"))
        self.scores = Card(self.tr("What tells that the notes are not followed"))
        self.looks = Card(self.tr("Which heads look back"))
        said.body.addWidget(self.sentences)
        plots = QGridLayout()
        plots.setSpacing(theme.space(2))
        for column, plot in enumerate((self.roc, self.told)):
            plots.addWidget(plot, 0, column)
            plots.setColumnStretch(column, 1)
        for widget in (self.meaning, self.rows):
            self.scores.body.addWidget(widget)
        self.scores.body.addLayout(plots)
        for widget in (self.heads_say, self.heads):
            self.looks.body.addWidget(widget)
        above = QHBoxLayout()
        above.addWidget(self.seeds)
        above.addStretch(1)
        asked.body.addLayout(above)
        for widget in (self.table, self.answered, self.strip):
            asked.body.addWidget(widget)
        self.results = QWidget()
        inner = QVBoxLayout(self.results)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(theme.space(1.5))
        inner.addLayout(tiles)
        for widget in (self.gate, said, self.scores, self.looks, self.counts, asked):
            inner.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        for widget in (self.head, self.stages, self.results):
            column.addWidget(widget)
        column.addStretch(1)
