"""The first model, live: stages, the funnel, the curve, the first sentences, and the files that answer alike."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from app.state.context import AppContext
from app.state.jobs import Job
from app.state.story import current_stage, explanation, stages
from app.state.summary import summary
from app.translations import fill, translate
from app.views.curve import RunCurve
from app.views.parity import ParityPanel
from app.views.rule_words import rule_labels
from app.views.samples import SampleList
from app.views.stage_track import StageTrack
from app.words import count_text
from core.errors import join_sentences
from widgets import icons, theme
from widgets.cards import Card, StatTile, Text, snug
from widgets.funnel import Funnel
from widgets.loss_plot import LossPlot
from widgets.notice import Notice

PANELS = ("corpus", "tokenizer", "train", "index", "export")


class StoryView(QWidget):
    """Shows one pipeline; follows the stage at work until a person picks another."""

    rule_chosen = Signal(str, str)  # corpus, rule
    resume_asked = Signal(object)  # Path

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._picked = ""
        self.notice = Notice("error", "", closable=False)
        self.notice.hide()
        self.notice.action_clicked.connect(lambda: self.resume_asked.emit(self.root))
        self.words = Text("", "body")
        self.track = StageTrack()
        self.track.stage_chosen.connect(self.show_stage)
        self.panels = QStackedWidget()
        self._build_panels()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(2))
        column.addWidget(self.notice)
        column.addWidget(self._explanation())
        column.addWidget(self.track)
        column.addWidget(self.panels, 1)

    def show_pipeline(self, root: Path) -> None:
        """Tell the story of this pipeline."""
        if root != self.root:
            self.root, self._picked = root, ""
            self.curve.clear()
            self.samples.set_samples(())
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        children = {c.kind: self.context.jobs.named(c.kind, c.name) for c in job.view.children}
        children = {kind: child for kind, child in children.items() if child is not None}
        samples = children["train"].view.samples if "train" in children else ()
        self.words.setText(translate(explanation(job.view, bool(samples))))
        self.track.set_stages(stages(job.view), {kind: summary(child) for kind, child in children.items()})
        self._show_problem(job)
        self._show_panels(children)
        self.panels.setCurrentIndex(PANELS.index(self._panel(job)))
        self.track.set_current(self._panel(job))

    def _panel(self, job: Job) -> str:
        return self._picked or current_stage(job.view) or "corpus"

    def show_stage(self, kind: str) -> None:
        """Show what happened in one stage; the stage at work is followed again."""
        job = self.context.jobs.job(self.root) if self.root else None
        self._picked = "" if job and job.view.live and kind == current_stage(job.view) else kind
        self.refresh()

    def _show_problem(self, job: Job) -> None:
        error = job.view.error if job.view.state in ("failed", "crashed") else None
        if error is not None:
            text = join_sentences(fill(error.problem, error.values), fill(error.remedy, error.values))
            self.notice.show_message("error", text, self.tr("Resume"), error.details)
        elif job.view.state == "stopped":
            self.notice.show_message("info", self.tr("Growing was stopped."), self.tr("Resume"))
        self.notice.setVisible(error is not None or job.view.state == "stopped")

    def _show_panels(self, children: dict[str, Job]) -> None:
        if "corpus" in children and (funnel := children["corpus"].view.funnel):
            self.corpus_name = children["corpus"].name
            self.funnel.set_counts(funnel.documents_read, funnel.documents_kept, funnel.bytes_read,
                                   funnel.bytes_kept, funnel.rejected, rule_labels(funnel.rejected))  # fmt: skip
        if "tokenizer" in children:
            result = children["tokenizer"].view.result
            self.vocabulary.set_value(count_text(result["vocab_size"]) if "vocab_size" in result else "")
            ratio = result.get("bytes_per_token")
            self.ratio.set_value(f"{ratio:.2f}" if ratio else "", self.tr("bytes"))
        if "train" in children:
            self._show_training(children["train"])
        if "index" in children:
            tokens = children["index"].view.result.get("tokens")
            self.indexed.set_value(count_text(tokens) if tokens else "", self.tr("tokens"))
        if "export" in children:
            self.parity.show_export(children["export"])

    def _show_training(self, job: Job) -> None:
        self.curve.follow(job.root, job.name)
        self.curve.refresh(job.view)
        self.samples.set_samples(job.view.samples)
        view = job.view
        stepping = view.unit == "steps"
        total = self.tr("of {total}").format(total=f"{view.total:,.0f}") if stepping and view.total else ""
        self.step.set_value(f"{view.done:,.0f}" if stepping else "", total)
        speed = self.curve.last("tokens_per_s")
        self.speed.set_value(count_text(speed) if speed else "", self.tr("tokens/s"))
        bits = view.validations[-1].bits_per_byte if view.validations else None
        first = view.validations[0].bits_per_byte if view.validations else None
        hint = self.tr("{first} at the start").format(first=f"{first:.2f}") if first else ""
        self.bits.set_value(f"{bits:.2f}" if bits else "", hint=hint)

    def _build_panels(self) -> None:
        self.corpus_name = ""
        self.funnel = Funnel()
        self.funnel.rule_clicked.connect(lambda rule: self.rule_chosen.emit(self.corpus_name, rule))
        self.funnel.kept_clicked.connect(lambda: self.rule_chosen.emit(self.corpus_name, ""))
        funnel = _titled(self.tr("What was read, and what was set aside"), self.funnel)
        funnel.body.addStretch(10)
        self.panels.addWidget(funnel)
        self.vocabulary = StatTile(self.tr("Different tokens"))
        self.ratio = StatTile(self.tr("Bytes per token"))
        self.panels.addWidget(_tiles(self.vocabulary, self.ratio))
        self.panels.addWidget(self._training_panel())
        self.indexed = StatTile(self.tr("Indexed"))
        self.panels.addWidget(_tiles(self.indexed))
        self.parity = ParityPanel()
        self.panels.addWidget(scroll_area(self.parity))

    def _training_panel(self) -> QWidget:
        self.plot = LossPlot()
        self.plot.setMinimumHeight(theme.space(32))
        self.plot.axis_control.hide()  # one look at the story, every axis on the Training page
        self.curve = RunCurve(self.plot)
        self.samples = SampleList()
        self.step, self.speed = StatTile(self.tr("Step")), StatTile(self.tr("Speed"))
        self.bits = StatTile(self.tr("Bits per byte"), term="bits per byte")
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.step, self.speed, self.bits):
            tiles.addWidget(tile, 1)
        left = QVBoxLayout()
        left.setSpacing(theme.space(1))
        left.addLayout(tiles)
        left.addWidget(snug(self.plot), 1)
        panel = QWidget()
        row = QHBoxLayout(panel)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addLayout(left, 3)
        row.addWidget(_titled(self.tr("What it writes"), self.samples), 2)
        return panel

    def _explanation(self) -> QWidget:
        card = Card()
        card.body.setContentsMargins(theme.space(2), theme.space(1.5), theme.space(2), theme.space(1.5))
        leaf = QLabel()
        icons.set_icon(leaf, "leaf", "accent", size_px=20)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1.5))
        row.addWidget(leaf, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.words, 1)
        card.body.addLayout(row)
        return card


def _titled(title: str, widget: QWidget) -> Card:
    card = Card(title)
    card.body.addWidget(widget, 1)
    return card


def _tiles(*tiles: StatTile) -> QWidget:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    row = QHBoxLayout()
    row.setSpacing(theme.space(1))
    for tile in tiles:
        row.addWidget(tile, 1)
    column.addLayout(row)
    column.addStretch(1)
    return panel
