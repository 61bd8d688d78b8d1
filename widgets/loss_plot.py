"""Curves of any number of runs, live: loss and what goes with it, against steps, tokens, FLOPs, time or epochs."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from widgets import plot_export, theme
from widgets.cards import Text
from widgets.controls import SegmentedControl
from widgets.plot_canvas import PlotCanvas
from widgets.plot_frame import TOGETHER, columns_of
from widgets.plot_legend import CHIPS, ChipRow, RunList
from widgets.plot_menus import export_button, look_button, tool
from widgets.plot_parts import LineKey
from widgets.plot_runs import AXES, BETTER, HELD_OUT, METRICS, PlotEvent, PlotRun
from widgets.plot_series import Series, rows_in_memory


class LossPlot(QWidget):
    """Curves of any number of runs, however long; fifty of 100,000 rows move with the hand.

    ``set_runs`` says which runs are shown and where their rows come from, ``mark`` what happened to them. Columns are
    those of metrics.bin: step, tokens, flops, elapsed_s, epoch; loss, val_loss, val_bits_per_byte, lr, grad_norm,
    tokens_per_s. NaN = not measured in that row.
    The wheel zooms, dragging moves, Shift and dragging chooses a part, a double click shows all; the height always
    fits what is in view.
    """

    axis_changed = Signal(str)  # step | tokens | flops | time | epoch
    metric_changed = Signal(str)  # loss | val_loss | bits_per_byte | lr | grad_norm | tokens_per_s
    event_clicked = Signal(str, str, int)  # run, kind, step
    run_hovered = Signal(str)  # run under the pointer, or empty
    run_clicked = Signal(str)
    run_toggled = Signal(str, bool)  # run, shown
    exported = Signal(str)  # path of the file written

    def __init__(self, *, metric: str = "loss", axis: str = "step", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._decay = 0.0
        self._has_legend = True
        self._chosen = ""  # the page's highlight; the legend's goes before it
        self.canvas = PlotCanvas()
        self.canvas.mark_clicked.connect(self.event_clicked)
        self.canvas.run_hovered.connect(self.run_hovered)
        self.canvas.run_clicked.connect(self.run_clicked)
        self._build_legends()
        middle = QHBoxLayout()
        middle.setSpacing(theme.space(1))
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self.list)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(self._build_bar())
        column.addLayout(middle, 1)
        column.addLayout(self._build_foot())
        self.set_metric(metric)
        self.set_axis(axis)

    @property
    def series(self) -> dict[str, Series]:
        """The runs of the plot, by name."""
        return self.canvas.series

    def _build_legends(self) -> None:
        self.legend, self.list = ChipRow(), RunList()
        for legend in (self.legend, self.list):
            legend.toggled.connect(self._show_series)
            legend.hovered.connect(self._highlight_for_now)
        self.list.all_toggled.connect(self._show_many)
        self.list.clicked.connect(self.run_clicked)
        self.canvas.run_hovered.connect(self.list.mean)
        self.list.hide()

    def _build_bar(self) -> QHBoxLayout:
        self.metric_control = SegmentedControl({
            "loss": self.tr("Loss"), "val_loss": self.tr("Held-out loss"), "bits_per_byte": self.tr("Bits per byte"),
            "lr": self.tr("Learning rate"), "grad_norm": self.tr("Gradient norm"), "tokens_per_s": self.tr("Speed"),
        }, name=self.tr("Curve"))  # fmt: skip
        self.axis_control = SegmentedControl({
            "step": self.tr("Steps"), "tokens": self.tr("Tokens"), "flops": self.tr("FLOPs"), "time": self.tr("Time"),
            "epoch": self.tr("Epochs"),
        }, name=self.tr("Horizontal axis"))  # fmt: skip
        self.metric_control.value_changed.connect(self._choose_metric)
        self.axis_control.value_changed.connect(self._choose_axis)
        self.look_button = look_button(self)
        self.reset_button = tool("reset", self.tr("Show all"), self.canvas.show_all)
        self.export_button = export_button(self)
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.metric_control)
        bar.addStretch(1)
        for button in (self.look_button, self.reset_button, self.export_button):
            bar.addWidget(button)
        return bar

    def _build_foot(self) -> QHBoxLayout:
        self.solid, self.dashed = LineKey(self.tr("training"), False), LineKey(self.tr("held-out"), True)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setFixedWidth(theme.space(10))
        self.slider.setAccessibleName(self.tr("Smoothing"))
        self.slider.valueChanged.connect(lambda value: self._smooth(value / 100))
        foot = QHBoxLayout()
        foot.setSpacing(theme.space(1))
        foot.addWidget(self.legend, 1)
        for widget in (self.solid, self.dashed, Text(self.tr("Smoothing"), "caption", wrap=False), self.slider,
                       self.axis_control):  # fmt: skip
            foot.addWidget(widget)
        return foot

    def contextMenuEvent(self, event) -> None:
        self.export_button.menu().exec(event.globalPos())

    # runs

    def set_runs(self, runs: Sequence[PlotRun]) -> None:
        """Show these runs; one that was shown before from the same source keeps its rows, colour and visibility."""
        kept: dict[str, Series] = {}
        taken = {run.colour for run in runs} | {
            self.series[run.name].index for run in runs if run.colour < 0 and run.name in self.series}
        for run in runs:
            old = self.series.get(run.name)
            index = run.colour if run.colour >= 0 else old.index if old else _next_free(taken)
            taken.add(index)
            if old is None or old.source is not run.source:
                old = self._new_series(run, index)
            old.run, old.index = run, index
            kept[run.name] = old
        self.canvas.series.clear()
        self.canvas.series.update(kept)
        self._chosen = next((run.name for run in runs if run.highlighted), "")
        self._refresh_legend()
        self.canvas.redraw()

    def refresh(self, name: str) -> None:
        """A run's source has new rows, or took some back."""
        if name in self.series:
            self.canvas.schedule()

    def mark(self, name: str, events: Sequence[PlotEvent]) -> None:
        """Mark what happened to a run, in place of what was marked before."""
        self.series[name].events = list(events)
        self.canvas.schedule()

    def set_highlight(self, name: str | None) -> None:
        """Draw one run on top and thicker, while the others fade; None = all alike."""
        self._chosen = name or ""
        self._highlight_for_now("")

    def set_legend(self, shown: bool) -> None:
        """Show the plot's own legend, or none, because a list of the page stands for it."""
        self._has_legend = shown
        self._refresh_legend()

    @property
    def colours(self) -> dict[str, int]:
        """Which place in the palette each run has; ``plot_runs.curve_colour`` gives the colour itself."""
        return {name: one.index for name, one in self.series.items()}

    def set_shown(self, name: str, shown: bool) -> None:
        """Hide a run or show it again, as the legend does."""
        if name in self.series and self.series[name].shown != shown:
            self._show_many([name], shown)

    def _new_series(self, run: PlotRun, index: int) -> Series:
        made = Series(run, index)
        made.set_axis(self.canvas.look.axis)
        made.set_decay(self._decay)
        return made

    # rows handed over piece by piece

    def append(self, name: str, columns: dict) -> None:
        """Add rows at the end of a run held in memory: {column: array of equal length}; creates the run."""
        columns = {column: np.asarray(values, np.float64) for column, values in columns.items()}
        if "step" not in columns:
            raise ValueError("rows need a column 'step'")
        self._in_memory(name).source.extend(columns)
        self._refresh_legend()
        self.canvas.schedule()

    def set_series(self, name: str, columns: dict) -> None:
        """Replace the rows of a run (after a resume cut it back); its colour and events stay."""
        self._in_memory(name).source.clear()
        self.append(name, columns)

    def remove_series(self, name: str) -> None:
        """Forget one run."""
        if self.series.pop(name, None) is not None:
            self._refresh_legend()
            self.canvas.schedule()

    def clear(self) -> None:
        """Forget everything and show all again."""
        self.set_runs(())
        self.canvas.show_all()

    def set_events(self, name: str, events: list[tuple[str, int, str]]) -> None:
        """Mark (kind, step, text) above a run held in memory."""
        self._in_memory(name)
        self.mark(name, [PlotEvent(*event) for event in events])

    def _in_memory(self, name: str) -> Series:
        if name not in self.series:
            index = _next_free({one.index for one in self.series.values()})
            self.series[name] = self._new_series(rows_in_memory(name), index)
            self._refresh_legend()
        return self.series[name]

    # choices

    def set_axis(self, axis: str) -> None:
        """Choose the horizontal axis without telling."""
        for series in self.series.values():
            series.set_axis(axis)
        self.canvas.look.axis = axis
        self.axis_control.set_value(axis)
        self._say_words()
        self.canvas.show_all()

    def set_metric(self, metric: str) -> None:
        """Choose what is drawn without telling."""
        self.canvas.look.metric = metric
        self.metric_control.set_value(metric)
        self._say_words()
        self._refresh_legend()
        self.canvas.redraw()

    def set_log(self, x: bool | None = None, y: bool | None = None) -> None:
        """Make an axis logarithmic or plain; None leaves it as it is."""
        look = self.canvas.look
        if x is not None and x != look.log_x:
            look.log_x, self.canvas.view = x, None
        look.log_y = look.log_y if y is None else y
        self.canvas.redraw()

    def set_bands(self, bands: str) -> None:
        """Show the runs of a group as off (each by itself), range (mean, least and greatest) or deviation."""
        self.canvas.look.bands = bands
        self.canvas.redraw()

    def set_ordinary(self, ordinary: bool) -> None:
        """Fit the height to ordinary values, so that one spike does not flatten everything else."""
        self.canvas.look.ordinary = ordinary
        self.canvas.redraw()

    def set_smoothing(self, strength: float) -> None:
        """0 = raw; towards 1 = smoother (an exponential mean over rows, the raw curve stays faintly)."""
        self.slider.setValue(round(100 * strength))

    def show_all(self) -> None:
        """Show every point again, and go on following new ones."""
        self.canvas.show_all()

    def repaint_curves(self) -> None:
        """Draw one frame now instead of at the next tick."""
        self.canvas.draw_frame()

    def _say_words(self) -> None:
        bottom = {"step": self.tr("steps"), "tokens": self.tr("tokens"), "flops": self.tr("FLOPs"),
                  "time": self.tr("time"), "epoch": self.tr("epochs")}  # fmt: skip
        left = {"loss": self.tr("nats a token"), "val_loss": self.tr("nats a token"),
                "bits_per_byte": self.tr("bits per byte"), "lr": self.tr("learning rate"),
                "grad_norm": self.tr("gradient norm"), "tokens_per_s": self.tr("tokens/s")}  # fmt: skip
        self.canvas.words = bottom[self.canvas.look.axis], left[self.canvas.look.metric]

    def _choose_axis(self, axis: str) -> None:
        self.set_axis(axis)
        self.axis_changed.emit(axis)

    def _choose_metric(self, metric: str) -> None:
        self.set_metric(metric)
        self.metric_changed.emit(metric)

    def _smooth(self, strength: float) -> None:
        self._decay = 0.0 if strength <= 0 else 1 - 10 ** (-3 * strength)
        for series in self.series.values():
            series.set_decay(self._decay)
        self.canvas.schedule()

    # the legend

    def _show_series(self, name: str, shown: bool) -> None:
        self._show_many([name], shown)

    def _show_many(self, names: list[str], shown: bool) -> None:
        for name in names:
            self.series[name].shown = shown
            self.run_toggled.emit(name, shown)
        self._refresh_legend()
        self.canvas.redraw()

    def _highlight_for_now(self, name: str) -> None:
        """While the pointer is over the legend its run stands out, else the one the page chose."""
        wanted = name or self._chosen
        if wanted != self.canvas.look.highlight:
            self.canvas.look.highlight = wanted
            self.canvas.redraw()

    def _refresh_legend(self) -> None:
        """Bring the legend, the keys and the offered axes up to the runs there are."""
        many = len(self.series) > CHIPS
        self.legend.set_series({} if many or not self._has_legend else self.series)
        self.list.setVisible(many and self._has_legend)
        metric, shown = self.canvas.look.metric, sum(one.shown for one in self.series.values())
        self.canvas.look.best = self._best() if many else ""
        if many and self._has_legend:
            column = METRICS[metric][0]
            values = {name: one.best(column) if column in BETTER else one.last(column)
                      for name, one in self.series.items()}  # fmt: skip
            self.list.show_runs(list(self.series.values()), values, self.canvas.look.best)
        self.solid.setVisible(metric == "loss")
        self.dashed.setVisible(metric in ("val_loss", "bits_per_byte") or metric == "loss" and shown <= TOGETHER)
        epochs = any(AXES["epoch"] in one.source.names for one in self.series.values())
        self.axis_control.set_choice_visible("epoch", epochs)

    def _best(self) -> str:
        """The shown run that is best by what is drawn; held-out loss decides where there is any."""
        shown = [one for one in self.series.values() if one.shown]
        columns = METRICS[self.canvas.look.metric]
        for column in sorted(columns, key=lambda name: name not in HELD_OUT):
            found = {one.name: value for one in shown if (value := one.best(column)) is not None}
            if found:
                return max(found, key=lambda name: found[name] * BETTER[column])
        return ""

    # export

    def save(self, path: str) -> None:
        """Write what is shown: .csv the rows of the curves, .png a picture, .svg a drawing."""
        self.canvas.draw_frame()
        if path.endswith(".csv"):
            plot_export.write_csv(path, self._table())
        else:
            plot_export.write_picture(self.canvas, path)
        self.exported.emit(path)

    def _table(self) -> list[list]:
        """Every row of the curves that are shown, from the runs' own sources."""
        rows: list[list] = [["series", *AXES.values(), "quantity", "value"]]
        shown = [one for one in self.series.values() if one.shown]
        for one in shown:
            for column in columns_of(self.canvas.look.metric, len(shown)):
                if column not in one.source.names:
                    continue
                values = one.source.read((column,), 0, one.source.rows)[0]
                measured = np.isfinite(values)
                axes = [one.source.read((axis,), 0, one.source.rows)[0][measured].tolist() if axis in one.source.names
                        else [""] * int(measured.sum()) for axis in AXES.values()]  # fmt: skip
                rows += [[one.name, *place, column, value] for *place, value in zip(*axes, values[measured].tolist())]
        return rows

    def ask_and_save(self, kind: str) -> None:
        """Ask where, then save as csv, png or svg."""
        path = plot_export.ask_path(self, kind, f"{self.canvas.look.metric}.{kind}")
        if path:
            self.save(path)


def _next_free(taken: set[int]) -> int:
    return next(number for number in range(len(taken) + 1) if number not in taken)
