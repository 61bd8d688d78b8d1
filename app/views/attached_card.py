"""A run that another machine works on: how far it is, its curve, and what its log said last."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.state.attached import AttachedRun
from app.state.context import AppContext
from app.translations import fill, translate
from app.views.curve import CurveRun, RunCurves
from app.words import duration_text
from core.errors import LabError
from core.record import events as ev
from widgets.cards import Button, Card, EmptyState, Text
from widgets.loss_plot import LossPlot

LOG_PX, PLOT_PX = 132, 320
QUIET_S = 60.0  # without a word before it is said how long


class AttachedCard(Card):
    """Follows one folder on a shared drive; the workspace need not hold it."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(self.tr("A run on another machine"))
        self.context, self.run = context, AttachedRun(self)
        self.run.changed.connect(self._show)
        self.empty = EmptyState(
            "folder", self.tr("Follow a run over a shared drive"),
            self.tr("Choose its folder where that drive is seen from here. It is only read."),
            self.tr("Open a run's folder"))  # fmt: skip
        self.empty.action_clicked.connect(self._choose)
        self.name, self.state, self.path = Text("", "strong"), Text("", "body"), Text("", "caption")
        self.other = Button(self.tr("Another folder"), "secondary", "folder")
        self.other.clicked.connect(self._choose)
        self.plot, self.log = LossPlot(), QPlainTextEdit()
        self.plot.setMinimumHeight(PLOT_PX)
        self.log.setReadOnly(True)
        self.log.setProperty("role", "mono")
        self.log.setMinimumHeight(LOG_PX)
        self.log.setAccessibleName(self.tr("Last words of its log"))
        self.curves = RunCurves(self.plot)
        self.following = QWidget()
        column = QVBoxLayout(self.following)
        column.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.other)
        column.addLayout(head)
        for widget in (self.state, self.path, self.plot, self.log):
            column.addWidget(widget)
        self.body.addWidget(self.empty)
        self.body.addWidget(self.following)
        self.following.hide()

    def follow(self, root: Path) -> None:
        """Follow the run in this folder; a folder without one is refused in a notice."""
        try:
            self.run.open(root)
        except (LabError, OSError) as error:
            self.context.notify(error if isinstance(error, LabError) else str(error), "error")
            return
        self.empty.hide()
        self.following.show()
        self.path.setText(str(self.run.root))
        self.curves.show([CurveRun(self.run.root, self.run.view)])

    def _choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Open a run's folder"))
        if chosen:
            self.follow(Path(chosen))

    def _show(self) -> None:
        view = self.run.view
        self.name.setText(view.name if not view.host else self.tr("{name} on {host}").format(
            name=view.name, host=view.host))
        self.state.setText(self._sentence())
        if self.following.isVisible():
            self.curves.refresh({self.run.root: view})
        lines = [line for record in self.run.last if (line := log_line(record.event))]
        if "\n".join(lines) != self.log.toPlainText():
            self.log.setPlainText("\n".join(lines))
            self.log.verticalScrollBar().setValue(self.log.verticalScrollBar().maximum())

    def _sentence(self) -> str:
        """How it stands; a silence is told as one: from here nobody can know whether the worker lives."""
        view = self.run.view
        if not view.live:
            words = {"completed": self.tr("Done."), "stopped": self.tr("Stopped; it can be taken up again."),
                     "failed": self.tr("It could not go on.")}  # fmt: skip
            told = words.get(view.state, "")
            return f"{told} {fill(view.error.problem, view.error.values)}" if view.error else told
        if not view.updated_t:
            return self.tr("It has not begun yet.")
        parts = [self.tr("Step {done} of {total}").format(done=f"{view.done:,.0f}", total=f"{view.total:,.0f}")
                 if view.total else translate(view.phase)]  # fmt: skip
        if view.validations:
            parts.append(self.tr("validation loss {loss}").format(loss=f"{view.validations[-1].loss:.4f}"))
        if self.run.silent_s > QUIET_S:
            parts.append(self.tr("no sign of life for {time}").format(time=duration_text(self.run.silent_s)))
        return " · ".join(part for part in parts if part)


def log_line(event: ev.Event) -> str:
    """One event of a log in one line; empty for those that the curve and the state tell already."""
    if isinstance(event, ev.Progress | ev.Acknowledged):
        return ""
    if isinstance(event, ev.Phase):
        return translate(event.name)
    if isinstance(event, ev.Noted):
        return fill(event.text, event.values)
    values = {name: getattr(event, name) for name in event.__struct_fields__}
    told = ", ".join(f"{name} {f'{value:.5g}' if isinstance(value, float) else value}" for name, value in values.items()
                     if isinstance(value, str | int | float) and value != "")  # fmt: skip
    return f"{type(event).__name__}: {told}"[:200] if told else type(event).__name__
