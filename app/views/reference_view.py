"""One reference: how surprising trusted text and other text are to it, their thirds, and documents of each."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.state.context import AppContext
from app.views.filter_parts import Example, example_browser, parted, read_examples, read_report, share_below
from app.views.job_head import JobHead
from app.words import bytes_text, count_text, duration_text, percent_text
from widgets import theme
from widgets.cards import Button, Card, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.histogram import Histogram, Threshold

SIDES = ("trusted", "candidates")


class ReferenceView(QWidget):
    """Shows the reference it is told to; the line in the histograms can be dragged to try a limit."""

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._report: dict | None = None
        self._examples: list[dict] = []
        self._limit = 0.0
        self.head = JobHead(context)
        self.median, self.learnt, self.size, self.taken = (
            StatTile(self.tr("Perplexity of trusted text"), term="perplexity"), StatTile(self.tr("Learnt from")),
            StatTile(self.tr("N-grams known")), StatTile(self.tr("Time taken")))  # fmt: skip
        self.plots = {side: Histogram(self.tr("Perplexity")) for side in SIDES}
        self.titles = {side: Text("", "strong") for side in SIDES}
        for plot in self.plots.values():
            plot.threshold_changed.connect(lambda _, value: self.try_limit(value))
            plot.threshold_released.connect(lambda _, value: self.try_limit(value, rests=True))
        self.says = Text("", "body")
        self.head_limit, self.middle_limit = Button("", "secondary"), Button("", "secondary")
        self.head_limit.clicked.connect(lambda: self.try_limit(self._report["terciles"]["head"], rests=True))
        self.middle_limit.clicked.connect(lambda: self.try_limit(self._report["terciles"]["middle"], rests=True))
        self.part = SegmentedControl({
            "head": self.tr("Best third"), "middle": self.tr("Middle third"), "tail": self.tr("Last third")},
            name=self.tr("Show"))  # fmt: skip
        self.part.value_changed.connect(lambda _: self._show_examples())
        self.browser = example_browser()
        self.browser.source_asked.connect(self._open_source)
        self._arrange()

    def show_job(self, root: Path) -> None:
        """Show this reference."""
        if root != self.root:
            self.root, self._report = root, None
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

    def try_limit(self, perplexity: float, rests: bool = False) -> None:
        """Say what a limit would keep; ``rests`` also colours the bars by it."""
        self._limit = perplexity
        shares = []
        for side, plot in self.plots.items():
            found = (self._report or {}).get(side)
            if found is None:
                continue
            plot.set_threshold("most", perplexity)
            if rests:
                kept, rejected = parted(found["edges"], found["counts"], perplexity)
                plot.set_counts(found["edges"], kept, rejected)
            shares.append(share_below(found["quantiles"], perplexity))
        words = [self.tr("A limit of {limit} keeps {share} of the trusted text.").format(
            limit=count_text(perplexity), share=percent_text(shares[0]))] if shares else []  # fmt: skip
        if len(shares) > 1:
            words.append(self.tr("Of the text to be cleaned it keeps {share}.").format(share=percent_text(shares[1])))
        self.says.setText(" ".join(words))

    def _show_report(self, report: dict) -> None:
        quantiles = report["trusted"]["quantiles"]
        documents = count_text(report["trusted"]["documents"])
        self.median.set_value(count_text(quantiles[len(quantiles) // 2]), "", self.tr(
            "median of {count} documents it did not learn from").format(count=documents))
        units = {"characters": self.tr("as characters"), "pieces": self.tr("as pieces of words")}
        self.learnt.set_value(bytes_text(report["bytes_learnt"]), "", units.get(report["units"], ""))
        self.size.set_value(count_text(report["ngrams"]), "", self.tr("of up to {order} tokens").format(
            order=report["order"]))  # fmt: skip
        words = {"trusted": self.tr("Text you trust, held out: {count} documents"),
                 "candidates": self.tr("Text to be cleaned: {count} documents")}  # fmt: skip
        for side in SIDES:
            found = report.get(side)
            self.sides[side].setVisible(found is not None)
            if found is not None:
                self.titles[side].setText(words[side].format(count=count_text(found["documents"])))
                self.plots[side].set_thresholds([Threshold("most", report["terciles"]["middle"], "below", low=1.0)])
        for button, text, name in ((self.head_limit, self.tr("Best third: up to {limit}"), "head"),
                                   (self.middle_limit, self.tr("Best two thirds: up to {limit}"), "middle")):
            button.setText(text.format(limit=count_text(report["terciles"][name])))
        self.measured_on.setText({
            "trusted": self.tr("Thirds of the trusted text itself: no other text was measured. Keeping two thirds "
                               "would set aside a third of text just like it; a limit as a number may suit better."),
            "candidates": self.tr("Thirds of the text to be cleaned, as CCNet has them: head, middle and tail."),
        }[report["measured_on"]])
        ends = [report[side]["quantiles"][at] for side in SIDES if side in report for at in (0, -1)]
        for plot in self.plots.values():
            plot.set_span(min(ends), max(ends))
        self.try_limit(report["terciles"]["middle"], rests=True)
        self._show_examples()

    def _show_examples(self) -> None:
        chosen = [line for line in self._examples if line["part"] == self.part.value()]
        self.browser.set_documents([
            Example(row, line["text"], line["source"], line["line"], "Perplexity {perplexity}",
                    {"perplexity": count_text(line["perplexity"])}, line["perplexity"])
            for row, line in enumerate(chosen)])  # fmt: skip

    def _open_source(self, source: str, line: int) -> None:
        if Path(source).is_file():
            QDesktopServices.openUrl(QUrl.fromLocalFile(source))
        else:
            self.context.notify(self.tr("{source}, line {line}").format(source=source, line=line))

    def _arrange(self) -> None:
        tiles = QHBoxLayout()
        tiles.setSpacing(theme.space(1))
        for tile in (self.median, self.learnt, self.size, self.taken):
            tiles.addWidget(tile, 1)
        spread = Card(self.tr("How surprising the text is"))
        spread.body.addWidget(Text(self.tr(
            "Perplexity: among how many equally likely tokens the reference feels it must choose at each step. Text "
            "like the trusted text is low. Drag the line to try a limit."), "muted"))  # fmt: skip
        self.sides: dict[str, QWidget] = {}
        for side in SIDES:
            box = self.sides[side] = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(theme.space(0.5))
            column.addWidget(self.titles[side])
            column.addWidget(self.plots[side])
            spread.body.addWidget(box)
        spread.body.addWidget(self.says)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.head_limit)
        row.addWidget(self.middle_limit)
        row.addStretch(1)
        spread.body.addLayout(row)
        documents = Card(self.tr("Documents of each third"))
        self.measured_on = Text("", "muted")
        documents.body.addWidget(self.measured_on)
        documents.body.addWidget(self.part)
        documents.body.addWidget(self.browser)
        self.cards = (spread, documents)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addWidget(self.head)
        column.addLayout(tiles)
        column.addWidget(spread)
        column.addWidget(documents, 1)
        column.addStretch(0)
