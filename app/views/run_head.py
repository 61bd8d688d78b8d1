"""The head of a run: its name and state, what one can ask of it, and its figures."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget

from app.state.context import AppContext
from app.state.jobs import Job
from app.translations import translate
from app.words import clock_text, count_text, percent_text
from core.record.view import JobView
from widgets import theme
from widgets.cards import Button, Name, StatTile
from widgets.controls import Badge

RATES = (0.5, 2.0)
TILE_MARGINS = (theme.space(1.5), theme.space(1), theme.space(1), theme.space(1))


class RunHead(QWidget):
    """Buttons fit the state; each request is answered in a sentence beside the name."""

    talk_asked = Signal()

    def __init__(self, context: AppContext, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._job: Job | None = None
        self._asked: dict[str, str] = {}
        self.name, self.badge, self.asked = Name(), Badge(), Name("", "caption")
        self.pause = self._button(self.tr("Pause"), "pause", lambda: self.request("pause", self.tr("Pause")))
        self.go_on = self._button(self.tr("Resume"), "play", self._go_on)
        self.stop = self._button(self.tr("Stop"), "stop", lambda: self.request("stop", self.tr("Stop")))
        self.checkpoint = self._button(
            self.tr("Checkpoint"), "check", lambda: self.request("checkpoint", self.tr("Checkpoint")))
        self.checkpoint.setToolTip(self.tr("Write a complete checkpoint now."))
        self.rate = self._rate_button()
        self.talk = self._button(self.tr("Talk to it"), "playground", self.talk_asked.emit)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        for widget in (self.name, self.badge, self.asked):
            row.addWidget(widget)
        row.addStretch(1)
        for button in (self.pause, self.go_on, self.stop, self.checkpoint, self.rate, self.talk):
            row.addWidget(button)

    def show_job(self, job: Job) -> None:
        """Show what is known now."""
        if self._job is None or job.root != self._job.root:
            self._forget_asked()
        self._job, state = job, job.view.state
        self.name.setText(job.name)
        self.badge.set_state(state)
        self.pause.setVisible(state == "running")
        self.go_on.setVisible(state in ("paused", "stopped"))  # after an error the notice has the button
        if not job.view.live:
            self._forget_asked()
        for button in (self.stop, self.checkpoint, self.rate):
            button.setVisible(job.view.live)
        self.rate.setEnabled(state == "running")
        self.talk.setEnabled(bool(job.view.checkpoints))
        for request in [key for key in self._asked if key in job.view.acknowledged]:
            said = self._asked.pop(request)
            self.asked.setText(f"{said} ✓")
            self.asked.setAccessibleName(self.tr("The worker has seen it: {request}.").format(request=said))

    def request(self, name: str, said: str, **args) -> None:
        """Ask the run for something; ``said`` names it in the answer."""
        if self._job is None:
            return
        request = self.context.ask_job(self._job.root, name, **args)
        if request is not None:
            self._asked[request] = said
            self.asked.setText(f"{said} …")
            self.asked.setAccessibleName(self.tr("Asked for: {request} …").format(request=said))

    def _forget_asked(self) -> None:
        self._asked.clear()
        self.asked.setText("")

    def _go_on(self) -> None:
        if self._job is not None and self._job.view.state == "paused":
            self.request("resume", self.tr("Go on"))
        elif self._job is not None:
            self.context.resume_job(self._job.root)

    def _rate_button(self) -> Button:
        """Two factors, and what they do."""
        button, menu = Button(self.tr("Learning rate"), "secondary", "chevron-down"), QMenu(self)
        words = {0.5: self.tr("Halve it from the next step on"), 2.0: self.tr("Double it from the next step on")}
        for factor in RATES:
            menu.addAction(words[factor], lambda factor=factor: self._change_rate(factor))
        menu.addSection(self.tr("The schedule goes on, times this factor; a resume keeps it."))
        button.setAccessibleName(self.tr("Change the learning rate"))
        button.setToolTip(self.tr(
            "Halve or double the learning rate of the running run: everything the schedule says from the next step on "
            "is multiplied. It is marked on the curve and written down, so that a resume does the same."))
        button.setStyleSheet("QPushButton::menu-indicator { image: none; width: 0; }")
        button.setMenu(menu)
        return button

    def _change_rate(self, factor: float) -> None:
        self.request("rate", self.tr("Learning rate × {factor}").format(factor=f"{factor:g}"), factor=factor)

    def _button(self, text: str, icon: str, act) -> Button:
        button = Button(text, "secondary", icon)
        button.clicked.connect(lambda: act())
        return button


class RunTiles(QWidget):
    """Six figures of one run."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.step = StatTile(self.tr("Step"))
        self.loss = StatTile(self.tr("Loss"), term="loss")
        self.bits = StatTile(self.tr("Bits per byte"), term="bits per byte")
        self.speed = StatTile(self.tr("Speed"))
        self.mfu = StatTile(self.tr("MFU"), term="MFU")
        self.left = StatTile(self.tr("Time left"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.space(1))
        for tile in (self.step, self.loss, self.bits, self.speed, self.mfu, self.left):
            tile.layout().setContentsMargins(*TILE_MARGINS)  # six of them in a row
            row.addWidget(tile, 1)

    def show_job(self, job: Job, last, speed: tuple[float, float], peak_flops: float) -> None:
        """Show the newest figures.

        Args:
            last: newest measured value of a column of metrics.bin, or None.
            speed: tokens and FLOPs a second over the last steps.
            peak_flops: what this machine can do a second; 0 = not known.
        """
        view = job.view
        self._show_step(view, last)
        loss, bits = last("loss"), last("val_bits_per_byte")
        self.loss.set_value(f"{loss:.3f}" if loss is not None else "", self.tr("nats"))
        unmeasured = bool(view.validations) and view.validations[-1].bits_per_byte is None
        self.bits.set_value(f"{bits:.3f}" if bits is not None else "", hint=(
            self.tr("Not measured: word vectors give a text no probability.") if unmeasured else ""))
        tokens_per_s, flops_per_s = speed
        self.speed.set_value(count_text(tokens_per_s) if tokens_per_s else "", self.tr("tokens/s"))
        mfu = flops_per_s / peak_flops if flops_per_s and peak_flops else None
        self.mfu.set_value(percent_text(mfu, 1) if mfu else "")
        left = job.pace.left_s if view.state == "running" and view.unit == "steps" else None
        self.left.label.setText(self.tr("Time left") if view.live else self.tr("Time taken"))
        shown = left if view.live else last("elapsed_s")
        self.left.set_value(clock_text(shown) if shown is not None else "",
                            self.tr("h:min:s") if (shown or 0) >= 3600 else self.tr("min:s"))  # fmt: skip

    def _show_step(self, view: JobView, last) -> None:
        preparing = view.live and view.unit != "steps"
        total = view.total if view.unit == "steps" else view.result.get("steps", 0)
        self.step.set_value(
            f"{last('step') or 0:,.0f}", self.tr("of {total}").format(total=f"{total:,.0f}") if total else "",
            translate(view.phase) if preparing else "")

