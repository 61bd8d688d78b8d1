"""One classifier: how well it parts good text from candidates, what a threshold would do, and what it goes by."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.views.filter_parts import Example, example_browser, parted, read_examples, read_report
from app.views.job_head import JobHead
from app.words import count_text, duration_text, percent_text
from widgets import theme
from widgets.cards import Card, StatTile, Text
from widgets.histogram import Histogram, Threshold
from widgets.unit_plot import UnitPlot
from widgets.weight_list import WeightList

SIDES = ("good", "candidates")
FEATURES_SHOWN, EXAMPLES_SHOWN = 15, 24


class ClassifierView(QWidget):
    """Shows the classifier it is told to; the threshold can be dragged, and all figures follow."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._report: dict | None = None
        self._examples: list[dict] = []
        self.threshold = 0.5
        self.head = JobHead(context)
        self.area, self.accuracy, self.learnt, self.taken = (
            StatTile(self.tr("AUROC"), term="auroc"), StatTile(self.tr("Right at 0.5")),
            StatTile(self.tr("Learnt from")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.plots = {side: Histogram(self.tr("Score")) for side in SIDES}
        self.titles = {side: Text("", "strong") for side in SIDES}
        for plot in self.plots.values():
            plot.threshold_changed.connect(lambda _, value: self.try_threshold(value))
            plot.threshold_released.connect(lambda _, value: self.try_threshold(value, rests=True))
        self.says = Text("", "body")
        self.roc = UnitPlot(self.tr("Candidates kept"), self.tr("Good text kept"))
        self.reliability = UnitPlot(self.tr("Score"), self.tr("Were good"), dots=True)
        self.features = {"good": WeightList("accent", self.tr("Speaks for good text")),
                         "candidates": WeightList("amber", self.tr("Speaks for the candidates"))}  # fmt: skip
        self.browser = example_browser()
        self.browser.source_asked.connect(self._open_source)
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this classifier."""
        if root != self.root:
            self.root, self._report, self.threshold = root, None, 0.5
        self.refresh()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        self.head.show_job(job)
        done = job.view.state == "completed"
        news = done and self._report is None
        if news:
            self._report, self._examples = read_report(self.root), read_examples(self.root)
        result, report = job.view.result, (self._report if done else None)
        self.taken.set_value(duration_text(result["elapsed_s"]) if "elapsed_s" in result else "")
        for card in self.cards:
            card.setVisible(report is not None)
        if report is not None and news:
            self._show_report(report)

    def try_threshold(self, score: float, rests: bool = False) -> None:
        """Say what a threshold would keep; ``rests`` also colours the bars and shows the documents around it."""
        self.threshold = score
        if self._report is None:
            return
        for side, plot in self.plots.items():
            plot.set_threshold("least", score)
            if rests:
                self._colour(side)
        at = {name: self._at(name, score) for name in ("good_kept", "candidates_kept", "precision")}
        self.roc.set_mark(at["candidates_kept"][0], at["good_kept"][0])
        self.says.setText(self.tr(
            "From {score} on: keeps {good} of the good text and {candidates} of the candidates. Were both equally "
            "common, {precision} of what is kept would be good.").format(
                score=f"{score:.2f}", **{name.removesuffix("_kept"): _with_interval(*found)
                                         for name, found in at.items()}))  # fmt: skip
        if rests:
            self._show_examples()

    def _colour(self, side: str) -> None:
        histogram = self._report["histogram"]
        rejected, kept = parted(histogram["edges"], histogram[side], self.threshold)
        self.plots[side].set_counts(histogram["edges"], kept, rejected)

    def _at(self, name: str, score: float) -> tuple[float, float, float]:
        """A figure and its interval between the thresholds at which it was measured."""
        rows = self._report["thresholds"]
        after = next((i for i, row in enumerate(rows) if row["threshold"] >= score), len(rows) - 1)
        before = max(after - 1, 0)
        low, high = rows[before]["threshold"], rows[after]["threshold"]
        share = min(max((score - low) / (high - low), 0.0), 1.0) if high > low else 0.0
        return tuple(rows[before][name][key] * (1 - share) + rows[after][name][key] * share
                     for key in ("value", "low", "high"))  # fmt: skip

    def _show_report(self, report: dict) -> None:
        area, accuracy = report["auroc"], report["accuracy"]
        self.area.set_value(f"{area['value']:.3f}", "", self.tr("95 % between {low} and {high}").format(
            low=f"{area['low']:.3f}", high=f"{area['high']:.3f}"))  # fmt: skip
        self.accuracy.set_value(percent_text(accuracy["value"]), "", self.tr("95 % between {low} and {high}").format(
            low=percent_text(accuracy["low"]), high=percent_text(accuracy["high"])))  # fmt: skip
        learnt = report["documents_good"] + report["documents_candidates"]
        self.learnt.set_value(count_text(learnt), self.tr("documents"), self.tr(
            "judged in {count} folds, never by what was learnt from them").format(count=report["folds"]))
        words = {"good": self.tr("Good text: {count} documents"),
                 "candidates": self.tr("Candidates: {count} documents")}  # fmt: skip
        for side in SIDES:
            self.titles[side].setText(words[side].format(count=count_text(report[f"documents_{side}"])))
            self.plots[side].set_thresholds([Threshold("least", self.threshold, "above", low=0.0, high=1.0)])
            words_of_side = [(line["text"], line["weight"]) for line in report["features"][side][:FEATURES_SHOWN]]
            self.features[side].set_weights(sorted(words_of_side, key=lambda line: -abs(line[1])))
        self.roc.set_points(report["roc"])
        self.reliability.set_points([(row["score"], row["good"]) for row in report["reliability"]])
        self.try_threshold(self.threshold, rests=True)

    def _show_examples(self) -> None:
        """The documents whose scores are nearest to the threshold, from low to high."""
        near = sorted(self._examples, key=lambda line: abs(line["score"] - self.threshold))[:EXAMPLES_SHOWN]
        reasons = {"good": "Good text, score {score}", "candidates": "Candidate, score {score}"}
        self.browser.set_documents([
            Example(row, line["text"], line["source"], line["line"], reasons[line["side"]],
                    {"score": f"{line['score']:.2f}"}, line["score"])
            for row, line in enumerate(sorted(near, key=lambda line: line["score"]))])  # fmt: skip

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.area, self.accuracy, self.learnt, self.taken):
            tiles.addWidget(tile, 1)
        self.cards = (self._scores_card(), self._quality_card(), self._features_card(), self._documents_card())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        for card in self.cards:
            column.addWidget(card)
        column.addStretch(1)

    def _scores_card(self) -> Card:
        card = Card(self.tr("Scores, and what a threshold would keep"))
        card.body.addWidget(Text(self.tr(
            "A score of 1 is like the good text, 0 like the candidates. Every document was scored by a classifier that "
            "did not learn from it. Drag the line to try a threshold."), "muted"))  # fmt: skip
        for side in SIDES:
            card.body.addWidget(self.titles[side])
            card.body.addWidget(self.plots[side])
        card.body.addWidget(self.says)
        return card

    def _quality_card(self) -> Card:
        card = Card(self.tr("How far to trust it"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.space(3))
        texts = (
            self.tr("The further the curve keeps to the upper left, the better both are parted; along the dashed line "
                    "it would be chance. The dot is the threshold above."),
            self.tr("On the dashed line a score of 80 % would mean that 80 % of such documents are good, were both "
                    "equally common."))  # fmt: skip
        titles = (self.tr("Good text kept against candidates kept (ROC)"), self.tr("Do scores mean what they say?"))
        for column, (title, plot, text) in enumerate(zip(titles, (self.roc, self.reliability), texts)):
            grid.addWidget(Text(title, "strong"), 0, column)
            grid.addWidget(plot, 1, column)
            caption = Text(text, "caption")
            caption.setAlignment(Qt.AlignmentFlag.AlignTop)
            grid.addWidget(caption, 2, column)
            grid.setColumnStretch(column, 1)
        card.body.addLayout(grid)
        return card

    def _features_card(self) -> Card:
        card = Card(self.tr("What it goes by"))
        card.body.addWidget(Text(self.tr(
            "The words, pairs of words and runs of Chinese characters that do most to part the two, with their "
            "weights. Names and dates here mean that it knows the source rather than the quality."), "muted"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.space(3))
        for column, side in enumerate(SIDES):
            grid.addWidget(Text(self.features[side].accessibleName(), "strong"), 0, column)
            grid.addWidget(self.features[side], 1, column)
            grid.setColumnStretch(column, 1)
        card.body.addLayout(grid)
        return card

    def _documents_card(self) -> Card:
        card = Card(self.tr("Documents around the threshold"))
        card.body.addWidget(self.browser)
        return card


def _with_interval(value: float, low: float, high: float) -> str:
    """A share with its interval: 62 % (57 to 66)."""
    return f"{percent_text(value)} ({100 * low:.0f}–{100 * high:.0f})"
