"""One training run, live: its curve, its numbers, what it writes, and what one can ask of it."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from app.state import expert_use
from app.state.context import AppContext
from app.state.jobs import Job
from app.state.measured import model_of
from app.translations import fill, translate
from app.views.curve import RunCurve
from app.views.measured_table import MeasuredTable
from app.views.neighbours_view import NeighboursView
from app.views.run_notes import checkpoint_lines, choice_sentences
from app.views.samples import SampleList
from app.words import clock_text, count_text, percent_text
from core.errors import join_sentences
from widgets import theme
from widgets.cards import Button, Card, Name, StatTile, Text, snug
from widgets.controls import Badge, SegmentedControl
from widgets.expert_plot import ExpertPlot
from widgets.loss_plot import LossPlot
from widgets.notice import Notice

RECENT_ROWS = 50  # what the present speed is averaged over


class RunView(QWidget):
    """Shows the run it is told to; asks the context for everything it wants done."""

    talk_asked = Signal(str)  # name of the run

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.root: Path | None = None
        self._asked: dict[str, str] = {}
        self._peak_flops = 0.0
        self._offered: Path | None = None  # the run whose panes are offered
        self.notice = Notice("error", "")
        self.notice.action_clicked.connect(lambda: self.context.resume_job(self.root))
        self.asked = Text("", "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1.5))
        column.addLayout(self._head())
        column.addWidget(self.notice)
        column.addLayout(self._tiles())
        self.plot = LossPlot()
        self.plot.setMinimumHeight(theme.space(33))
        self.curve = RunCurve(self.plot)
        curves, below = snug(self.plot), Card()
        below.body.addLayout(self._tabs())
        below.body.addWidget(self.details, 1)
        column.addWidget(curves, 2)
        column.addWidget(below, 1)

    def show_run(self, root: Path) -> None:
        """Show this run from its beginning to now."""
        if root != self.root:
            self.root, self._asked, self._peak_flops = root, {}, 0.0
            self.samples.set_samples(())
            self.asked.setText("")
            self.curve.follow(root, root.name)
        self.refresh()

    def forget(self) -> None:
        """The run shown is no more."""
        self.root = None
        self.curve.clear()

    def refresh(self) -> None:
        """Show what is known now."""
        job = self.context.jobs.job(self.root) if self.root else None
        if job is None:
            return
        if self._offered != self.root:
            self._offered = self.root
            self._offer_details(job)
        view = job.view
        self.name.setText(job.name)
        self.badge.set_state(view.state)
        self._refresh_buttons(job)
        self._refresh_notice(job)
        self.curve.refresh(view)
        self._refresh_tiles(job)
        self.samples.set_samples(view.samples)
        self.checkpoints.setText("\n".join(checkpoint_lines(view, job.root)) or self.tr("No checkpoint yet."))
        self.choices.setText("\n".join(choice_sentences(view)) or self.tr("Nothing was decided by measuring yet."))
        self.measured.show_job(job)
        if self.tabs.value() == "experts":
            self.experts.set_use(*expert_use.shares(view.experts))
            self.experts_said.setText(expert_use.sentence(view.experts))
        for request in [key for key in self._asked if key in view.acknowledged]:
            self.asked.setText(self.tr("The worker has seen it: {request}.").format(request=self._asked.pop(request)))

    def _refresh_buttons(self, job: Job) -> None:
        state = job.view.state
        self.pause.setVisible(state == "running")
        self.go_on.setVisible(state in ("paused", "stopped"))  # after an error the notice has the button
        if not job.view.live:
            self._asked.clear()
            self.asked.setText("")
        for button in (self.stop, self.checkpoint):
            button.setVisible(job.view.live)
        self.ask.setEnabled(state == "running")
        self.talk.setEnabled(bool(job.view.checkpoints))

    def _refresh_notice(self, job: Job) -> None:
        view = job.view
        if view.error is not None and view.state in ("failed", "crashed"):
            error = view.error
            text = join_sentences(fill(error.problem, error.values), fill(error.remedy, error.values))
            self.notice.show_message("error", text, self.tr("Resume"), error.details)
        elif view.notes:
            self.notice.show_message("warning", fill(view.notes[-1].text, view.notes[-1].values))
        self.notice.setVisible(view.error is not None or bool(view.notes))

    def _refresh_tiles(self, job: Job) -> None:
        view, last = job.view, self.curve.last
        preparing = view.live and view.unit != "steps"
        step = last("step") or 0
        total = view.total if view.unit == "steps" else view.result.get("steps", 0)
        self.step.set_value(f"{step:,.0f}", self.tr("of {total}").format(total=f"{total:,.0f}") if total else "",
                            translate(view.phase) if preparing else "")  # fmt: skip
        loss, bits = last("loss"), last("val_bits_per_byte")
        self.loss.set_value(f"{loss:.3f}" if loss is not None else "", self.tr("nats"))
        unmeasured = bool(view.validations) and view.validations[-1].bits_per_byte is None
        self.bits.set_value(f"{bits:.3f}" if bits is not None else "", hint=(
            self.tr("Not measured: word vectors give a text no probability.") if unmeasured else ""))
        speed, flops_per_s = self._speed()
        self.speed.set_value(count_text(speed) if speed else "", self.tr("tokens/s"))
        if flops_per_s and not self._peak_flops:
            self._peak_flops = float(job.folder.read_choices().get("peak_flops", 0.0))
        mfu = flops_per_s / self._peak_flops if flops_per_s and self._peak_flops else None
        self.mfu.set_value(percent_text(mfu, 1) if mfu else "")
        left = job.pace.left_s if view.state == "running" and view.unit == "steps" else None
        elapsed = last("elapsed_s")
        self.left.label.setText(self.tr("Time left") if view.live else self.tr("Time taken"))
        shown = left if view.live else elapsed
        self.left.set_value(clock_text(shown) if shown is not None else "",
                            self.tr("h:min:s") if (shown or 0) >= 3600 else self.tr("min:s"))  # fmt: skip

    def _speed(self) -> tuple[float, float]:
        """Tokens and FLOPs a second over the last steps."""
        tail = self.curve.tail
        if tail is None or len(tail.rows) < 3:
            return 0.0, 0.0
        first, end = (max(0, len(tail.rows) - RECENT_ROWS), -1)
        time_s, tokens, flops = (tail.column(name) for name in ("elapsed_s", "tokens", "flops"))
        taken = time_s[end] - time_s[first]
        return ((tokens[end] - tokens[first]) / taken, (flops[end] - flops[first]) / taken) if taken > 0 else (0.0, 0.0)

    def _request(self, name: str, said: str, **args) -> None:
        if self.root is None:
            return
        request = self.context.ask_job(self.root, name, **args)
        if request is not None:
            self._asked[request] = said
            self.asked.setText(self.tr("Asked for: {request} …").format(request=said))

    def _go_on(self) -> None:
        job = self.context.jobs.job(self.root)
        if job is not None and job.view.state == "paused":
            self._request("resume", self.tr("Go on"))
        elif job is not None:
            self.context.resume_job(self.root)

    def _head(self) -> QHBoxLayout:
        self.name, self.badge = Name(), Badge()
        self.pause = Button(self.tr("Pause"), "secondary", "pause")
        self.pause.clicked.connect(lambda: self._request("pause", self.tr("Pause")))
        self.go_on = Button(self.tr("Resume"), "primary", "play")
        self.go_on.clicked.connect(self._go_on)
        self.stop = Button(self.tr("Stop"), "secondary", "stop")
        self.stop.clicked.connect(lambda: self._request("stop", self.tr("Stop")))
        self.checkpoint = Button(self.tr("Checkpoint"), "secondary", "check")
        self.checkpoint.setToolTip(self.tr("Write a complete checkpoint now."))
        self.checkpoint.clicked.connect(lambda: self._request("checkpoint", self.tr("Checkpoint")))
        self.talk = Button(self.tr("Talk to it"), "secondary", "playground")
        self.talk.clicked.connect(self._talk)
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for widget in (self.name, self.badge):
            row.addWidget(widget)
        row.addWidget(self.asked, 1)
        for button in (self.pause, self.go_on, self.stop, self.checkpoint, self.talk):
            row.addWidget(button)
        return row

    def _tiles(self) -> QHBoxLayout:
        self.step = StatTile(self.tr("Step"))
        self.loss = StatTile(self.tr("Loss"), term="loss")
        self.bits = StatTile(self.tr("Bits per byte"), term="bits per byte")
        self.speed = StatTile(self.tr("Speed"))
        self.mfu = StatTile(self.tr("MFU"), term="MFU")
        self.left = StatTile(self.tr("Time left"))
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        for tile in (self.step, self.loss, self.bits, self.speed, self.mfu, self.left):
            row.addWidget(tile, 1)
        return row

    def _tabs(self) -> QHBoxLayout:
        self.samples = SampleList()
        self.checkpoints, self.choices = Text("", "body"), Text("", "body")
        self.measured, self.neighbours = MeasuredTable(), NeighboursView(self.context)
        self.experts, self.experts_said = ExpertPlot(), Text("", "body")
        panes = {"samples": self._samples_pane(), "neighbours": self.neighbours, "checkpoints": _top(self.checkpoints),
                 "choices": _top(self.choices), "measured": _top(self.measured),
                 "experts": scroll_area(_top(self.experts_said, self.experts))}  # fmt: skip
        self.details, self._panes = QStackedWidget(), list(panes)
        self.details.setMinimumHeight(theme.space(17))
        for pane in panes.values():
            self.details.addWidget(pane)
        keys = {"samples": self.tr("What it writes"), "neighbours": self.tr("Nearest words"),
                "checkpoints": self.tr("Checkpoints"), "choices": self.tr("Measured choices"),
                "measured": self.tr("Estimated and measured"), "experts": self.tr("Experts")}  # fmt: skip
        self.tabs = SegmentedControl(keys, name=self.tr("Details"))
        self.tabs.value_changed.connect(self.show_details)
        row = QHBoxLayout()
        row.addWidget(self.tabs)
        row.addStretch(1)
        return row

    def _samples_pane(self) -> QWidget:
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText(self.tr("Begin a sentence, and the model goes on"))
        self.prompt.setAccessibleName(self.tr("Prompt for a sample"))
        self.ask = Button(self.tr("Sample now"), "secondary", "send")
        for asked in (self.ask.clicked, self.prompt.returnPressed):
            asked.connect(lambda *_: self._sample())
        row = QHBoxLayout()
        row.setSpacing(theme.space(1))
        row.addWidget(self.prompt, 1)
        row.addWidget(self.ask)
        pane = QWidget()
        column = QVBoxLayout(pane)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(row)
        column.addWidget(self.samples, 1)
        return pane

    def show_details(self, key: str) -> None:
        """Show a pane below the curve: "samples", "neighbours", "checkpoints", "choices", "measured" or "experts"."""
        self.tabs.set_value(key)
        self.details.setCurrentIndex(self._panes.index(key))
        self.refresh()

    def _offer_details(self, job: Job) -> None:
        """Word vectors have neighbours instead of sentences; only some models have experts."""
        spec = model_of(job)
        vectors = spec is not None and spec.family == "word_vectors"
        offered = {"samples": not vectors, "neighbours": vectors, "checkpoints": True, "choices": True,
                   "measured": True, "experts": spec is not None and spec.experts.count > 0}  # fmt: skip
        for key, offer in offered.items():
            self.tabs.set_choice_visible(key, offer)
        self.talk.setText(self.tr("Look at its neighbours") if vectors else self.tr("Talk to it"))
        self.neighbours.set_source(f"run:{self.root.name}" if vectors else "")
        shown = self.tabs.value()
        self.show_details(shown if offered[shown] else "neighbours" if vectors else "samples")

    def _talk(self) -> None:
        if self.neighbours.source:
            self.show_details("neighbours")
            self.neighbours.words.setFocus()
        else:
            self.talk_asked.emit(self.root.name)

    def _sample(self) -> None:
        if self.ask.isEnabled():
            self._request("sample", self.tr("Sample"), prompt=self.prompt.text())
            self.show_details("samples")


def _top(*widgets: QWidget) -> QWidget:
    panel = QWidget()
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        column.addWidget(widget)
    column.addStretch(1)
    return panel
