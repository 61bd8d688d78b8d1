"""The form of a new mixture: which corpora, in what shares, and what comes of it within the limits."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape
from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import translate
from app.views.no_corpus import NoCorpus
from app.words import bytes_text, count_text, percent_text
from core.data.shares import plan_mixture
from core.errors import LabError
from core.spec.base import build
from core.spec.mixture import MixtureSpec
from widgets import theme
from widgets.cards import Button, Card, Name, Text
from widgets.notice import Notice
from widgets.number_line import NumberLine
from widgets.share_bar import ShareBar, Swatch
from widgets.spec_form import SpecForm

ROOM = "corpora"
BYTES_A_TOKEN = 4.0  # a rule of thumb for English; the job counts with the tokenizer itself
SLIDER_STEPS, MOST_WEIGHT = 100, 10.0
NAME_PX = 224


class PartRow:
    """The widgets of one corpus, in one line of the grid."""

    def __init__(self, grid: QGridLayout, line: int, job: Job, changed) -> None:
        self.job = job
        self.on = QCheckBox()
        self.on.setAccessibleName(job.name)
        self.swatch, self.name = Swatch(line), Name(job.name, "body")
        self.size, self.share, self.epochs = (Text("", "caption", wrap=False) for _ in range(3))
        self.weight = NumberLine(False)
        self.weight.setFixedWidth(theme.space(8))
        self.weight.setAccessibleName(QWidget.tr("Weight"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setMinimumWidth(theme.space(14))
        self.slider.setAccessibleName(QWidget.tr("Weight"))
        self.set_weight(1.0)
        self.on.toggled.connect(lambda _: changed())
        self.slider.valueChanged.connect(lambda place: (self.set_weight(place * MOST_WEIGHT / SLIDER_STEPS), changed()))
        self.weight.textEdited.connect(lambda _: (self._follow(), changed()))
        for column, widget in enumerate(self.widgets()):
            grid.addWidget(widget, line + 1, column)

    def widgets(self) -> list[QWidget]:
        """All of the line, in order of the columns."""
        return [self.on, self.swatch, self.name, self.size, self.slider, self.weight, self.share, self.epochs]

    def part(self) -> dict:
        """The part as plain data; a weight that is no number counts as nothing."""
        try:
            weight = max(0.0, self.weight.number())
        except (ValueError, OverflowError):
            weight = 0.0
        return {"corpus": self.job.name, "weight": weight}

    def set_weight(self, weight: float) -> None:
        """Show a weight in both places."""
        self.weight.setText(f"{weight:g}")
        self._follow()

    def use_weights(self, used: bool) -> None:
        """Whether weights decide the shares; otherwise sizes do."""
        for widget in (self.slider, self.weight):
            widget.setEnabled(used and self.on.isChecked())

    def _follow(self) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(min(self.part()["weight"], MOST_WEIGHT) * SLIDER_STEPS / MOST_WEIGHT))
        self.slider.blockSignals(False)


class MixtureForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.rows: list[PartRow] = []
        self.grid = QGridLayout()
        self.bar = ShareBar()
        self.outcome = Text("", "muted")
        self.empty = NoCorpus(context)
        self.form = SpecForm(MixtureSpec, {"parts": [{"corpus": "-"}]}, hidden=("parts",))
        self.form.values_changed.connect(lambda _: self.look())
        self.name = QLineEdit(self.tr("mixture"))
        self.name.setAccessibleName(self.tr("Name of the corpus"))
        self.name.setFixedWidth(NAME_PX)
        self.problem = Notice("error")
        self.start = Button(self.tr("Mix"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self.setMaximumWidth(FORM_WIDTH_PX)
        self._arrange()
        on_escape(self, self.cancelled.emit)

    def opened(self, chosen: str = "") -> None:
        """Offer the finished corpora of the workspace; what was chosen and weighed stays."""
        before = {row.job.name: (row.on.isChecked(), row.part()["weight"]) for row in self.rows}
        for row in self.rows:
            for widget in row.widgets():
                widget.deleteLater()
        names = self.context.jobs.names_in(ROOM)
        jobs = [self.context.jobs.job(self.context.workspace.path(ROOM, name)) for name in names]
        self.rows = [PartRow(self.grid, line, job, self.look) for line, job in enumerate(jobs)]
        for line, row in enumerate(self.rows):
            on, weight = before.get(row.job.name, (line < 2, 1.0))
            row.on.setChecked(on or row.job.name == chosen)
            row.set_weight(weight)
        self.empty.setVisible(not self.rows)
        for card in (self.parts, self.settings):
            card.setVisible(bool(self.rows))
        self.form.set_choices("tokenizer", [("", self.tr("None")), *self.context.jobs.names_in("tokenizers")])
        self.look()

    def values(self) -> dict:
        """The settings as plain data."""
        return self.form.values() | {"parts": [row.part() for row in self.rows if row.on.isChecked()]}

    def spec(self) -> MixtureSpec | None:
        """The spec, or None while something is wrong; what is wrong is shown."""
        if not self.form.valid and not self._only_tokenizer_missing():
            return None
        try:
            return build(MixtureSpec, self.values())
        except LabError as error:
            self._tell(error)
            return None

    def remember(self) -> dict:
        """What was set so far."""
        return {"values": self.values(), "name": self.name.text()}

    def restore(self, remembered: dict) -> None:
        """Put back what ``remember`` gave."""
        values = dict(remembered["values"])
        weights = {part["corpus"]: part["weight"] for part in values.pop("parts")}
        for row in self.rows:
            row.on.setChecked(row.job.name in weights)
            row.set_weight(weights.get(row.job.name, 1.0))
        self.form.set_values(values)
        self.name.setText(remembered["name"])
        self.look()

    def look(self) -> None:
        """Show what would come of it: shares as asked and within the limits, passes, and the size."""
        self._tell(None)
        spec = self.spec()
        values = self.form.values()
        for row in self.rows:
            row.use_weights(values.get("weighting", "weights") == "weights")
            row.size.setText(self._size_text(row.job))
            row.share.setText("")
            row.epochs.setText("")
        self.start.setEnabled(spec is not None)
        self.bar.setVisible(spec is not None)
        self.outcome.setText("")
        if spec is not None:
            self._show_plan(spec)
        if "temperature" in self.form.rows:
            self.form.rows["temperature"].setVisible(values.get("weighting") == "temperature")
            self.form.rows["tokenizer"].setVisible(values.get("unit") == "tokens")

    def _show_plan(self, spec: MixtureSpec) -> None:
        chosen = [row for row in self.rows if row.on.isChecked()]
        planned = plan_mixture(spec, [self._size(row.job, spec.unit) for row in chosen])
        whole = sum(plan.amount for plan in planned) or 1.0
        for row, plan in zip(chosen, planned):
            row.share.setText(f"{percent_text(plan.asked)} → {percent_text(plan.amount / whole)}")
            row.epochs.setText(self.tr("{count} passes").format(count=f"{plan.epochs:.2g}"))
        asked = {row.job.name: plan.asked for row, plan in zip(chosen, planned)}
        got = {row.job.name: plan.amount / whole for row, plan in zip(chosen, planned)}
        self.bar.set_rows([(self.tr("Asked for"), asked), (self.tr("Within limits"), got)],
                          {row.job.name: row.swatch.index for row in chosen})  # fmt: skip
        self.outcome.setText(self.tr("About {size} to train on. What is held out in each part stays held out.").format(
            size=self._amount_text(whole, spec.unit)))  # fmt: skip

    def _size(self, job: Job, unit: str) -> float:
        """About how much there is to train on: what is held out is taken off in proportion."""
        result = job.view.result
        documents = result.get("documents_kept", 0)
        train = documents - result.get("held_out", 0)
        if unit == "documents":
            return train
        n_bytes = result.get("bytes_kept", 0) * train / documents if documents else 0
        return n_bytes / BYTES_A_TOKEN if unit == "tokens" else n_bytes

    def _size_text(self, job: Job) -> str:
        return self.tr("{count} documents, {size}").format(
            count=count_text(self._size(job, "documents")), size=bytes_text(self._size(job, "bytes")))

    def _amount_text(self, amount: float, unit: str) -> str:
        if unit == "bytes":
            return bytes_text(amount)
        words = self.tr("{count} documents") if unit == "documents" else self.tr("{count} tokens")
        return words.format(count=count_text(amount))

    def _only_tokenizer_missing(self) -> bool:
        """The form alone does not know the parts; what it says of fields is shown beside them."""
        return bool(self.form.values()) and not any(row.wrong.isVisible() for row in self.form.rows.values())

    def _tell(self, error: LabError | None) -> None:
        self.problem.setVisible(error is not None)
        if error is not None:
            self.problem.show_message("error", error.sentence(translate))

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or "mixture", spec)

    def _arrange(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(Text(self.tr("Mix corpora"), "section", wrap=False))
        bar.addStretch(1)
        bar.addWidget(Text(self.tr("Name"), "muted", wrap=False))
        for widget in (self.name, self.cancel, self.start):
            bar.addWidget(widget)
        self.parts = parts = Card(self.tr("Parts"))
        self.grid.setHorizontalSpacing(theme.space(1))
        self.grid.setVerticalSpacing(theme.space(0.5))
        self.grid.setColumnStretch(4, 1)
        for column, head in ((2, self.tr("Corpus")), (3, self.tr("To train on")), (4, self.tr("Weight")),
                             (6, self.tr("Share"))):  # fmt: skip
            self.grid.addWidget(Text(head, "caption", wrap=False), 0, column)
        parts.body.addLayout(self.grid)
        parts.body.addSpacing(theme.space(1))
        for widget in (self.bar, self.outcome, self.problem):
            parts.body.addWidget(widget)
        self.settings = settings = Card(self.tr("Shares and limits"))
        settings.body.addWidget(self.form)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addLayout(bar)
        column.addWidget(self.empty, 1)
        column.addWidget(parts)
        column.addWidget(settings)
        column.addStretch(1)
