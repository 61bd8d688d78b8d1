"""The form of a sweep: what all runs share, which fields vary and how, and what that comes to."""

from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.pages.page import FORM_WIDTH_PX, on_escape, scroll_area
from app.state.context import AppContext
from app.translations import translate
from app.views.sweep_axes import AxisRow, plain, suggestion
from app.words import bytes_text, count_text, duration_text
from core.errors import LabError
from core.jobs.sweep_cost import SweepCost, cost, rounds, step_flops
from core.record.folder import ROOMS
from core.spec.base import build
from core.spec.files import preset, preset_names
from core.spec.sweep import SweepSpec, Trial, field_of
from core.spec.train import TrainSpec
from widgets import theme
from widgets.cards import Button, Card, Disclosure, StatTile, Text
from widgets.controls import SegmentedControl
from widgets.number_line import NumberLine
from widgets.spec_form import LABEL_WIDTH_PX, SpecForm

FIRST_AXIS, FIRST_PRESET = "learning_rate", "llama-1m"
CALM_MS = 120  # after the last key, before the whole is reckoned again
NUMBERS = {"trials": 12, "seeds": 1, "patience": 0, "first_rung": 100}
ALONE = {"threads": 1, "sample_tokens": 0}  # a preset's runs go beside each other, and nobody watches each of them


class SweepForm(QWidget):
    """Emits ``started`` with a name and a complete spec."""

    started = Signal(str, object)
    cancelled = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.base, self.name = QComboBox(), QLineEdit("sweep")
        self.base.setAccessibleName(self.tr("Start from"))
        self.base.activated.connect(lambda _: self._take_base())
        self.form = SpecForm(TrainSpec)
        self.form.values_changed.connect(lambda _: self._later())
        self.axes: list[AxisRow] = []
        self.more = Button(self.tr("Vary another field"), icon="plus")
        self.more.clicked.connect(lambda: self.add_axis(self._next_field()))
        self.kind = SegmentedControl({"grid": self.tr("Every combination"), "random": self.tr("Drawn at random")},
                                     name=self.tr("Choice"))  # fmt: skip
        self.kind.value_changed.connect(lambda _: self._refresh())
        self.halving = SegmentedControl(
            {"0": self.tr("All to the end"), "2": self.tr("Best 1/2"), "3": self.tr("Best 1/3"),
             "4": self.tr("Best 1/4")}, name=self.tr("After each rung"))  # fmt: skip
        self.halving.value_changed.connect(lambda _: self._refresh())
        self.numbers = {name: NumberLine(whole=True) for name in NUMBERS}
        for name, line in self.numbers.items():
            line.setText(str(NUMBERS[name]))
            line.textChanged.connect(lambda _: self._later())
        self.tiles = {name: StatTile(label) for name, label in (
            ("runs", self.tr("Runs in all")), ("time", self.tr("Time")), ("energy", self.tr("Energy")),
            ("memory", self.tr("Memory of a run")))}  # fmt: skip
        self.note, self.rungs, self.wrong = Text("", "caption"), Text("", "caption"), Text("", "error")
        self.start = Button(self.tr("Queue the runs"), "primary", "play")
        self.start.clicked.connect(self._start)
        self.cancel = Button(self.tr("Cancel"))
        self.cancel.clicked.connect(lambda: self.cancelled.emit())
        self._calm = QTimer(self, interval=CALM_MS, singleShot=True)
        self._calm.timeout.connect(self._refresh)
        on_escape(self, self.cancelled.emit)
        self._arrange()
        self.opened()

    def opened(self, run: Path | None = None) -> None:
        """Offer runs and presets to start from; ``run`` is a run's folder to begin with."""
        before = self.base.currentData()
        self.base.clear()
        sweeps = tuple(f"{job.name}-" for job in self.context.jobs.jobs("sweep"))
        for job in [job for job in self.context.jobs.jobs("train") if not job.name.startswith(sweeps)]:
            self.base.addItem(self.tr("Run “{name}”").format(name=job.name), job.root)
        for name in preset_names("models"):
            self.base.addItem(self.tr("Preset: {name}").format(name=translate(preset("models", name).title)), name)
        for field in ("corpus", "tokenizer", "held_out_corpus"):
            room = ROOMS["tokenizer" if field == "tokenizer" else "corpus"]
            self.form.set_choices(field, self.context.jobs.names_in(room))
        first = 0 if isinstance(self.base.itemData(0), Path) else self.base.findData(FIRST_PRESET)
        at = self.base.findData(run or before)
        self.base.setCurrentIndex(at if at >= 0 else first)
        if run is not None or at < 0:
            self._take_base()
        if not self.axes:
            self.add_axis(FIRST_AXIS)
        self._refresh()

    def add_axis(self, name: str, values: str = "") -> AxisRow:
        """Vary another field."""
        row = AxisRow()
        row.begin(name, self._suggested)
        if values:
            row.values.setText(values)
        row.changed.connect(self._later)
        row.removed.connect(lambda: self._drop_axis(row))
        self.axes.append(row)
        self.axis_column.addWidget(row)
        self._later()
        return row

    def values(self) -> dict:
        """Plain data of the spec as it is asked for now.

        Raises:
            LabError: an axis, or a number, is none.
        """
        found = {"base": self.form.values(), "axes": plain([row.axis() for row in self.axes]),
                 "kind": self.kind.value(), "eta": int(self.halving.value())}  # fmt: skip
        for name, line in self.numbers.items():
            if self.rows[name].isHidden():
                continue
            try:
                found[name] = line.number()
            except (ValueError, OverflowError):
                raise LabError("{text} is no number.", self._labels[name], "Write for example {least}.",
                               text=f"“{line.text()}”", least=NUMBERS[name]) from None  # fmt: skip
        return found

    def spec(self) -> SweepSpec | None:
        """The spec, or None while something is wrong with it; the sentence is shown."""
        try:
            spec = build(SweepSpec, self.values())
        except LabError as error:
            self._say_wrong(self.form.problem() or error.sentence(translate))
            return None
        self._say_wrong("")
        return spec

    # what is asked

    def _take_base(self) -> None:
        """Fill in what all runs share, from a run or from a preset with the newest text."""
        chosen = self.base.currentData()
        if isinstance(chosen, Path):
            job = self.context.jobs.job(chosen)
            self.form.set_values({**(job.folder.request["spec"] if job else {}), **self._one_thread()})
            self.name.setText(f"{chosen.name}-sweep")
        elif chosen:
            jobs = self.context.jobs
            names = {"corpus": jobs.names_in(ROOMS["corpus"])[:1], "tokenizer": jobs.names("tokenizer")[:1]}
            model = {**preset("models", chosen).values, "vocab_size": 0}
            self.form.set_values({"model": model, **ALONE, **{key: name[0] for key, name in names.items() if name}})
            self.name.setText(f"{chosen}-sweep")
        self._later()

    def _one_thread(self) -> dict:
        return {"threads": 1}

    def _suggested(self, name: str) -> str:
        field, value = field_of(name), self.form.values()
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return suggestion(field, field.default if value is None else value,
                          self.context.jobs.names_in(field.picks) if field.picks else [])

    def _next_field(self) -> str:
        taken = {row.name() for row in self.axes}
        names = (self.axes[0] if self.axes else AxisRow()).field
        found = (names.itemData(index) for index in range(names.count()))
        return next(name for name in found if name and name not in taken)

    def _drop_axis(self, row: AxisRow) -> None:
        self.axes.remove(row)
        row.hide()
        row.deleteLater()
        self._later()

    def _start(self) -> None:
        spec = self.spec()
        if spec is not None:
            self.started.emit(self.name.text().strip() or "sweep", spec)

    # what it comes to

    def _later(self) -> None:
        self._calm.start()

    def _refresh(self) -> None:
        random, halved = self.kind.value() == "random", self.halving.value() != "0"
        self.rows["trials"].setVisible(random)
        self.rows["first_rung"].setVisible(halved)
        for row in self.axes:
            row.show_values(random)
            row.remove.setVisible(len(self.axes) > 1)
        spec = self.spec()
        self.start.setEnabled(spec is not None)
        if spec is None:
            for tile in self.tiles.values():
                tile.set_value("", "", "")
            self.start.setText(self.tr("Queue the runs"))
            for text in (self.note, self.rungs):
                text.setText("")
            return
        choices = spec.choices()
        self._show_cost(spec, choices, cost(spec, choices, self.context.workspace, self._measured()))

    def _measured(self) -> float:
        """Operations a second of the run that is started from, if it was measured; 0 = not known."""
        chosen = self.base.currentData()
        job = self.context.jobs.job(chosen) if isinstance(chosen, Path) else None
        speed, threads = (job.view.result.get(key, 0) for key in ("tokens_per_s", "threads")) if job else (0, 0)
        if not speed or threads != self.form.values().get("threads"):
            return 0.0
        request = build(TrainSpec, job.folder.request["spec"])
        return speed * step_flops(request, self.context.workspace) / (request.batch_size * request.model.context)

    def _show_cost(self, spec: SweepSpec, choices: list[Trial], found: SweepCost) -> None:
        trials = len(choices)
        self.tiles["runs"].set_value(f"{found.runs:,}", "", self.tr("{trials} combinations × {seeds} seeds").format(
            trials=trials, seeds=spec.seeds))  # fmt: skip
        self.tiles["time"].set_value(duration_text(found.elapsed_s), "", self.tr("estimate, {count} at a time").format(
            count=found.lanes))  # fmt: skip
        self.tiles["energy"].set_value(f"{found.energy_j / 3.6e6:.3g}", "kWh", self.tr("estimate"))
        self.tiles["memory"].set_value(bytes_text(found.memory_bytes), "", self.tr("estimate, of the largest"))
        self.start.setText(self.tr("Queue {count} runs").format(count=f"{found.runs:,}"))
        self.start.setAccessibleName(self.start.text())
        self.note.setText(self.tr(
            "{steps} steps in all. The runs start by themselves as the limits of the queue allow, also while this "
            "window is closed.").format(steps=count_text(found.steps)))  # fmt: skip
        told = [self.tr("after {step} steps the best {kept} of {count}").format(step=step, kept=max(
            1, count // spec.eta), count=count) for step, count in rounds(spec, trials)[:-1]]  # fmt: skip
        self.rungs.setText(self.tr("They go on: {rungs}.").format(rungs=self.tr("; ").join(told)) if told else "")
        self.rungs.setVisible(bool(told))

    def _say_wrong(self, text: str) -> None:
        self.wrong.setText(text)
        self.wrong.setVisible(bool(text))

    # parts

    def _arrange(self) -> None:
        self._labels = {"trials": self.tr("Combinations"), "seeds": self.tr("Seeds"), "patience": self.tr("Patience"),
                        "first_rung": self.tr("First rung")}  # fmt: skip
        units = {"patience": self.tr("measurements in vain; 0 = never early"),
                 "first_rung": self.tr("steps; further rungs are longer"),
                 "seeds": self.tr("runs of each combination"), "trials": self.tr("that are drawn")}  # fmt: skip
        self.rows = {name: _row(self._labels[name], line, units[name]) for name, line in self.numbers.items()}
        left = QVBoxLayout(content := QWidget())
        left.setContentsMargins(0, 0, theme.space(1), 0)
        left.setSpacing(theme.space(2))
        left.addWidget(self._start_card())
        left.addWidget(self._axes_card())
        left.addWidget(self._choice_card())
        shared = Card()
        everything = Disclosure(self.tr("Everything else, the same for all runs"))
        everything.body.addWidget(self.form)
        shared.body.addWidget(everything)
        left.addWidget(shared)
        left.addStretch(1)
        content.setMaximumWidth(FORM_WIDTH_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(2))
        row.addWidget(scroll_area(content), 3)
        row.addLayout(self._right(), 2)

    def _start_card(self) -> Card:
        card = Card(self.tr("Many runs at once"))
        card.body.addWidget(Text(self.tr(
            "Choose fields and their values; every run is an ordinary run with a curve of its own, and the table "
            "ranks them by their loss on held-out text."), "muted"))  # fmt: skip
        self.base.setMinimumWidth(theme.space(36))
        card.body.addWidget(_row(self.tr("Start from"), self.base))
        card.body.addWidget(_row(self.tr("Name"), self.name))
        return card

    def _axes_card(self) -> Card:
        card = Card(self.tr("What varies"))
        self.axis_column = QVBoxLayout()
        self.axis_column.setSpacing(theme.space(1))
        card.body.addLayout(self.axis_column)
        card.body.addWidget(self.more)
        return card

    def _choice_card(self) -> Card:
        card = Card(self.tr("Which runs, and how long"))
        card.body.addWidget(_row(self.tr("Choice"), self.kind))
        for name in ("trials", "seeds"):
            card.body.addWidget(self.rows[name])
        card.body.addWidget(_row(self.tr("After each rung"), self.halving))
        for name in ("first_rung", "patience"):
            card.body.addWidget(self.rows[name])
        return card

    def _right(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(theme.space(2))
        tiles = QGridLayout()
        tiles.setSpacing(theme.space(1))
        for index, tile in enumerate(self.tiles.values()):
            tile.setMinimumWidth(theme.space(18))
            tiles.addWidget(tile, index // 2, index % 2)
            tiles.setColumnStretch(index % 2, 1)
        right.addLayout(tiles)
        for text in (self.rungs, self.note, self.wrong):
            right.addWidget(text)
        buttons = QHBoxLayout()
        for button in (self.start, self.cancel):
            buttons.addWidget(button)
        buttons.addStretch(1)
        right.addLayout(buttons)
        right.addStretch(1)
        return right


def _row(label: str, widget: QWidget, unit: str = "") -> QWidget:
    """A labelled line of the form."""
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(theme.space(1))
    word = Text(label, "body", wrap=False)
    word.setFixedWidth(LABEL_WIDTH_PX)
    word.setBuddy(widget)
    widget.setAccessibleName(label)
    row.addWidget(word)
    row.addWidget(widget)
    if unit:
        row.addWidget(Text(unit, "caption", wrap=False))
    row.addStretch(1)
    return line


