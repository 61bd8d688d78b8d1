"""Curves of runs, live: loss and what goes with it, against steps, tokens, FLOPs or time."""

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

from widgets import icons, plot_export, theme
from widgets.cards import Text
from widgets.controls import SegmentedControl
from widgets.plot_canvas import PlotCanvas
from widgets.plot_parts import Legend, LineKey
from widgets.plot_series import AXES, METRICS, Series


class LossPlot(QWidget):
    """Curves of any number of runs; smooth with 1,000,000 points each.

    Columns are those of metrics.bin: step, tokens, flops, elapsed_s; loss, val_loss,
    val_bits_per_byte, lr, grad_norm, tokens_per_s. NaN = not measured in that row.
    The wheel zooms, dragging moves, a double click shows all; the height always fits what is in view.
    """

    axis_changed = Signal(str)  # step | tokens | flops | time
    metric_changed = Signal(str)  # loss | bits_per_byte | lr | grad_norm | tokens_per_s
    event_clicked = Signal(str, str, int)  # series, kind, step
    exported = Signal(str)  # path of the file written

    def __init__(self, *, metric: str = "loss", axis: str = "step", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = PlotCanvas()
        self.canvas.mark_clicked.connect(self.event_clicked)
        self._decay = 0.0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(self._build_bar())
        column.addWidget(self.canvas, 1)
        column.addLayout(self._build_foot())
        self.set_metric(metric)
        self.set_axis(axis)

    @property
    def series(self) -> dict[str, Series]:
        """The runs shown, by name."""
        return self.canvas.series

    def _build_bar(self) -> QHBoxLayout:
        self.metric_control = SegmentedControl({
            "loss": self.tr("Loss"), "bits_per_byte": self.tr("Bits per byte"), "lr": self.tr("Learning rate"),
            "grad_norm": self.tr("Gradient norm"), "tokens_per_s": self.tr("Speed"),
        }, name=self.tr("Curve"))  # fmt: skip
        self.axis_control = SegmentedControl({
            "step": self.tr("Steps"), "tokens": self.tr("Tokens"), "flops": self.tr("FLOPs"), "time": self.tr("Time"),
        }, name=self.tr("Horizontal axis"))  # fmt: skip
        self.metric_control.value_changed.connect(self._choose_metric)
        self.axis_control.value_changed.connect(self._choose_axis)
        bar = QHBoxLayout()
        bar.setSpacing(theme.space(1))
        bar.addWidget(self.metric_control)
        bar.addStretch(1)
        self.reset_button = self._tool("reset", self.tr("Show all"), self.canvas.show_all)
        self.export_button = self._tool("export", self.tr("Export"), lambda: None)
        self.export_button.setMenu(self._export_menu())
        self.export_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export_button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        bar.addWidget(self.reset_button)
        bar.addWidget(self.export_button)
        return bar

    def _build_foot(self) -> QHBoxLayout:
        self.legend = Legend()
        self.legend.toggled.connect(self._show_series)
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

    def _tool(self, icon: str, text: str, act) -> QToolButton:
        button = QToolButton()
        icons.set_icon(button, icon, "muted", size_px=16)
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.clicked.connect(lambda: act())
        return button

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        for kind, text in (("csv", self.tr("Save values as CSV…")), ("png", self.tr("Save picture as PNG…")),
                           ("svg", self.tr("Save drawing as SVG…"))):  # fmt: skip
            menu.addAction(text, lambda kind=kind: self._ask_and_save(kind))
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self.canvas))
        return menu

    def contextMenuEvent(self, event) -> None:
        self.export_button.menu().exec(event.globalPos())

    # data

    def append(self, series: str, columns: dict) -> None:
        """Add rows at the end of a series: {column: array of equal length}; creates the series."""
        columns = {name: np.asarray(values, np.float64) for name, values in columns.items()}
        if "step" not in columns:
            raise ValueError("rows need a column 'step'")
        self._get(series).extend(columns)
        self.canvas.schedule()

    def set_series(self, series: str, columns: dict) -> None:
        """Replace the rows of a series (after a resume cut it back); its colour and events stay."""
        self._get(series).clear(self._decay)
        self.append(series, columns)

    def remove_series(self, series: str) -> None:
        """Forget one series."""
        gone = self.series.pop(series, None)
        if gone is not None:
            gone.remove()
            self.legend.remove(series)
            self.canvas.schedule()

    def clear(self) -> None:
        """Forget everything and show all again."""
        for name in list(self.series):
            self.remove_series(name)
        self.canvas.show_all()

    def set_events(self, series: str, events: list[tuple[str, int, str]]) -> None:
        """Mark (kind, step, text) at the foot of the plot; kind: checkpoint, resume, pause, note."""
        self._get(series).events = list(events)
        self.canvas.schedule()

    def _get(self, name: str) -> Series:
        """The series of this name, made when it is new."""
        if name not in self.series:
            taken = {other.index for other in self.series.values()}
            index = next(n for n in range(len(taken) + 1) if n not in taken)
            self.series[name] = Series(index, self.canvas)
            self.series[name].set_decay(self._decay)
            self.legend.add(name, index)
        return self.series[name]

    # choices

    def set_axis(self, axis: str) -> None:
        """Choose the horizontal axis without telling."""
        words = {"step": self.tr("steps"), "tokens": self.tr("tokens"), "flops": self.tr("FLOPs"),
                 "time": self.tr("time")}  # fmt: skip
        self.canvas.axis, self.canvas.bottom.timed = axis, axis == "time"
        self.canvas.bottom.setLabel(words[axis])
        self.axis_control.set_value(axis)
        self.canvas.show_all()

    def set_metric(self, metric: str) -> None:
        """Choose what is drawn without telling."""
        words = {"loss": self.tr("nats a token"), "bits_per_byte": self.tr("bits per byte"),
                 "lr": self.tr("learning rate"), "grad_norm": self.tr("gradient norm"),
                 "tokens_per_s": self.tr("tokens/s")}  # fmt: skip
        self.canvas.metric = metric
        self.canvas.left.setLabel(words[metric])
        self.metric_control.set_value(metric)
        self.solid.setVisible(metric == "loss")
        self.dashed.setVisible(metric in ("loss", "bits_per_byte"))
        self.canvas.schedule()

    def set_smoothing(self, strength: float) -> None:
        """0 = raw; towards 1 = smoother (an exponential mean over rows, the raw curve stays faintly)."""
        self.slider.setValue(round(100 * strength))

    def show_all(self) -> None:
        """Show every point again, and go on following new ones."""
        self.canvas.show_all()

    def repaint_curves(self) -> None:
        """Draw one frame now instead of at the next tick."""
        self.canvas.draw_frame()

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

    def _show_series(self, name: str, shown: bool) -> None:
        self.series[name].shown = shown
        self.canvas.schedule()

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
        rows: list[list] = [["series", *AXES.values(), "quantity", "value"]]
        for name, series in self.series.items():
            for column in METRICS[self.canvas.metric]:
                curve = series.curves[column]
                axes = [curve.x[axis].values for axis in AXES]
                rows += [[name, *place, column, value] for *place, value in zip(*axes, curve.raw.rows.values)]
        return rows

    def _ask_and_save(self, kind: str) -> None:
        path = plot_export.ask_path(self, kind, f"{self.canvas.metric}.{kind}")
        if path:
            self.save(path)
