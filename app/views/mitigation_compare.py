"""Mitigations over many questions of one run, and what abstaining would buy."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QSlider, QVBoxLayout, QWidget

from app.state.run_questionings import RunQuestionings
from app.translations import translate
from app.views.mitigation_rows import mitigation_text
from core.errors import say
from core.glass.calibration import Calibration
from core.glass.comparison import Comparison, Outcome
from widgets import theme
from widgets.cards import Button, Card, EmptyState, Text
from widgets.unit_plot import UnitPlot

FIGURE_UNITS, PLOT_UNITS, MOST_POINTS = 18, 44, 400


class ComparePanel(Card):
    """Shows the newest comparison of a run, or how to get one."""

    def __init__(self, questionings: RunQuestionings, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Over many questions"), parent=parent)
        self.questionings, self.run = questionings, ""
        self.calibration: Calibration | None = None
        self.comparison: Comparison | None = None
        self.told, self.state = Text("", "caption"), EmptyState("glass", " ", " ", " ")
        self.start = Button(self.tr("Compare over its questions"), "secondary")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("How far the comparison is"))
        self.start.clicked.connect(self._start)
        self.table = QGridLayout()
        self.table.setHorizontalSpacing(theme.space(2))
        self.table.setVerticalSpacing(theme.space(1))
        self.curve = UnitPlot(self.tr("answered"), self.tr("of these, right"), diagonal=False)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setValue(50)
        self.slider.setAccessibleName(self.tr("Abstain above this chance to be wrong"))
        self.slider.valueChanged.connect(lambda _: self._show_threshold())
        self.threshold = Text("", "body")
        questionings.changed.connect(lambda _: self.refresh())
        self._arrange()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(theme.space(1))
        head.addWidget(self.told, 1)
        head.addWidget(self.start)
        left = QWidget()
        table = QVBoxLayout(left)
        table.setContentsMargins(0, 0, 0, 0)
        table.addLayout(self.table)
        table.addStretch(1)
        self.abstain = QWidget()
        self.abstain.setMaximumWidth(theme.space(PLOT_UNITS))
        beside = QVBoxLayout(self.abstain)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(theme.space(0.5))
        for widget in (Text(self.tr("Abstaining where the risk is high"), "strong"), self.curve, self.threshold,
                       self.slider):  # fmt: skip
            beside.addWidget(widget)
        beside.addStretch(1)
        self.found = QWidget()
        row = QHBoxLayout(self.found)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(4))
        row.addWidget(left, 3)
        row.addWidget(self.abstain, 2)
        self.body.addLayout(head)
        for widget in (self.bar, self.found, self.state):
            self.body.addWidget(widget)

    def show_run(self, run: str) -> None:
        """Show what is known of this run; "" = a model from elsewhere."""
        self.run = run
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        self.calibration = self.questionings.calibration(self.run)
        self.comparison = self.questionings.comparison(self.run)
        job = self.questionings.comparing(self.run)
        live = job is not None and job.view.live
        known = self.calibration is not None
        self.found.setVisible(known)
        self.state.setVisible(not known)
        self.start.setVisible(known and not live)
        self.bar.setVisible(live)
        self.told.setVisible(known)
        if live:
            self.bar.setValue(round(1000 * job.view.done / job.view.total) if job.view.total else 0)
        if not known:
            self._say_why()
            return
        self.told.setText(self.tr(
            "{count} questions about the facts of its world, asked by {name}; truth is known for each.").format(
                count=f"{self.calibration.answers:,}", name=self.calibration.name))  # fmt: skip
        self._show_table(self.comparison.outcomes if self.comparison else [])
        coverage, accuracy = self.calibration.curve()
        step = max(1, len(coverage) // MOST_POINTS)
        self.curve.set_points(list(zip(coverage, accuracy, strict=True))[step - 1 :: step])
        self._show_threshold()

    def _say_why(self) -> None:
        if not self.run:
            self.state.say(self.tr("There are no questions with known answers for this model"), self.tr(
                "Only runs that were grown here on a world of known truth can be asked hundreds of questions and "
                "marked."))  # fmt: skip
        else:
            self.state.say(self.tr("This run was not questioned yet"), self.tr(
                "Where its corpus is a world of biographies, “Ask what a model knows” on the Data page asks it for "
                "hundreds of facts and marks the answers."))  # fmt: skip

    def _show_threshold(self) -> None:
        if self.calibration is None:
            return
        most = self.slider.value() / 100
        coverage, accuracy = self.calibration.abstaining(most)
        self.curve.set_mark(coverage, accuracy)
        self.threshold.setText(self.tr(
            "Withholding answers whose chance to be wrong is above {most} %: {coverage} % are given, and of these "
            "{accuracy} % are right.").format(most=self.slider.value(), coverage=f"{100 * coverage:.0f}",
                                              accuracy=f"{100 * accuracy:.0f}"))  # fmt: skip

    def _show_table(self, outcomes: list[Outcome]) -> None:
        while self.table.count():
            self.table.takeAt(0).widget().deleteLater()
        titles = ("", self.tr("Right"), self.tr("Made up"), self.tr("Answered"))
        if not outcomes:
            self.table.addWidget(Text(self.tr(
                "Not compared yet. Every way answers 200 of these questions; that takes about a minute with a small "
                "model."), "muted"), 0, 0, 1, len(titles))  # fmt: skip
            return
        for column, title in enumerate(titles):
            self.table.addWidget(Text(title, "caption", wrap=False), 0, column)
        for row, one in enumerate(outcomes, 1):
            name = Text(mitigation_text(one.name)[0], "strong", wrap=False)
            name.setToolTip(mitigation_text(one.name)[1])
            self.table.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            if one.refusal:
                why = say(one.refusal, "", one.remedy, one.values, translate)
                self.table.addWidget(Text(why, "muted"), row, 1, 1, len(titles) - 1)
                continue
            for column, share in enumerate((one.right, one.made_up, one.given), 1):
                told = f"{100 * share.value:.0f} %  ({100 * share.low:.0f}–{100 * share.high:.0f})"
                self.table.addWidget(Text(told, wrap=False), row, column)

    def _start(self) -> None:
        self.questionings.compare(self.run)
        self.refresh()
