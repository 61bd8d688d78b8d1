"""How what a model writes grows: its samples as a time-lapse that one scrubs through or plays."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from app.pages.page import scroll_area
from app.state.jobs import Job
from app.views.samples import presentable
from core.record.events import Sampled
from widgets import icons, theme
from widgets.cards import Button, Text
from widgets.controls import Badge
from widgets.plot_menus import tool

FRAME_MS = 700


class SampleLapse(QWidget):
    """One sample at a time; while the slider stands at its end, it follows the newest."""

    sample_asked = Signal(str)  # prompt

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.samples: tuple[Sampled, ...] = ()
        self._root = None
        self.play = tool("play", self.tr("Play the time-lapse"), self.toggle)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(self.tr("Samples over time"))
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(lambda _: self._show())
        self.step, self.asked_for = Text("", "strong", wrap=False), Badge("info", self.tr("asked for"))
        self.step.setMinimumWidth(theme.space(14))
        self.text = Text("", "body")
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.prompt = QLineEdit()
        self.prompt.setPlaceholderText(self.tr("Begin a sentence, and the model goes on"))
        self.prompt.setAccessibleName(self.tr("Prompt for a sample"))
        self.ask = Button(self.tr("Sample now"), "secondary", "send")
        for asked in (self.ask.clicked, self.prompt.returnPressed):
            asked.connect(lambda *_: self.ask.isEnabled() and self.sample_asked.emit(self.prompt.text()))
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._next)
        self._arrange()
        self.set_samples(())

    def show_job(self, job: Job) -> None:
        """Show the samples of a run."""
        if job.root != self._root:
            self._root = job.root
            self.stop()
            self.set_samples(())
        self.ask.setEnabled(job.view.state == "running")
        self.set_samples(job.view.samples)

    def set_samples(self, samples: tuple[Sampled, ...]) -> None:
        """Show these, oldest first as the log has them."""
        if samples == self.samples and samples:
            return
        follows = self.slider.value() == self.slider.maximum()
        self.samples = samples
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(samples) - 1))
        if follows and not self._timer.isActive():
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self._show()

    def toggle(self) -> None:
        """Play from the beginning (or from where it stopped), or stop playing."""
        if self._timer.isActive():
            self.stop()
            return
        if self.slider.value() == self.slider.maximum():
            self.slider.setValue(0)
        icons.set_icon(self.play, "pause", "muted", size_px=16)
        self._timer.start()

    def stop(self) -> None:
        """Play no further."""
        self._timer.stop()
        icons.set_icon(self.play, "play", "muted", size_px=16)

    def hideEvent(self, event) -> None:
        self.stop()
        super().hideEvent(event)

    def _next(self) -> None:
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self.stop()

    def _show(self) -> None:
        for widget in (self.play, self.slider, self.step):
            widget.setVisible(len(self.samples) > 1 or (widget is self.step and bool(self.samples)))
        if not self.samples:
            self.asked_for.hide()
            self.text.setText(self.tr("The first sentences appear here as soon as the model has learnt a little."))
            return
        sample = self.samples[self.slider.value()]
        self.step.setText(self.tr("Step {step}").format(step=f"{sample.step:,}"))
        self.asked_for.setVisible(sample.requested)
        self.text.setText(presentable(sample.prompt + sample.text) or "…")

    def _arrange(self) -> None:
        scrub = QHBoxLayout()
        scrub.setSpacing(theme.space(1))
        for widget, stretch in ((self.play, 0), (self.slider, 1), (self.step, 0), (self.asked_for, 0)):
            scrub.addWidget(widget, stretch)
        content = QWidget()
        words = QVBoxLayout(content)
        words.setContentsMargins(0, 0, theme.space(1), 0)
        words.addWidget(self.text)
        words.addStretch(1)
        area = scroll_area(content)
        area.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # nothing inside takes the cursor: the arrows scroll it
        area.setAccessibleName(self.tr("What it writes"))
        asking = QHBoxLayout()
        asking.setSpacing(theme.space(1))
        asking.addWidget(self.prompt, 1)
        asking.addWidget(self.ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(scrub)
        column.addWidget(area, 1)
        column.addLayout(asking)
