"""Curves of runs, live: loss and what goes with it, against steps, tokens, FLOPs or time."""

from dataclasses import dataclass, field
from html import escape

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

from widgets import icons, plot_export, theme
from widgets.cards import Text
from widgets.controls import SegmentedControl
from widgets.curves import Curve
from widgets.plot_parts import Legend, LineKey, NumberAxis, Readout, clock, short_number

AXES = {"step": "step", "tokens": "tokens", "flops": "flops", "time": "elapsed_s"}  # axis -> column of metrics.bin
METRICS = {  # metric -> its columns; the second one is drawn dashed
    "loss": ("loss", "val_loss"), "bits_per_byte": ("val_bits_per_byte",), "lr": ("lr",),
    "grad_norm": ("grad_norm",), "tokens_per_s": ("tokens_per_s",),
}  # fmt: skip
HELD_OUT = ("val_loss", "val_bits_per_byte")
MARKS = {"checkpoint": ("t1", "accent"), "resume": ("o", "sky"), "pause": ("s", "amber"), "note": ("d", "muted")}
FRAME_MS = 33
NEAR_PX = 8


@dataclass
class Series:
    """One run: its curves by column, its events, and what is drawn of it."""

    index: int
    curves: dict[str, Curve]
    events: list[tuple[str, int, str]] = field(default_factory=list)
    shown: bool = True
    items: dict[str, tuple[pg.PlotCurveItem, pg.PlotCurveItem]] = field(default_factory=dict)  # column -> faint, main
    dots: dict[str, pg.ScatterPlotItem] = field(default_factory=dict)


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
        self.series: dict[str, Series] = {}
        self._metric, self._axis, self._decay = metric, axis, 0.0
        self._follow = True  # show everything until the person zooms
        self._timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._timer.timeout.connect(self.repaint_curves)
        self._build_plot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.space(1))
        column.addLayout(self._build_bar())
        column.addWidget(self.plot, 1)
        column.addLayout(self._build_foot())
        theme.bus.changed.connect(self._dress)
        self._dress()
        self.set_metric(metric)
        self.set_axis(axis)

    # building

    def _build_plot(self) -> None:
        self._bottom, self._left = NumberAxis("bottom"), NumberAxis("left")
        self.plot = pg.PlotWidget(axisItems={"bottom": self._bottom, "left": self._left})
        self.plot.setMinimumHeight(theme.space(20))
        self.plot.setAccessibleName(self.tr("Curves of the training run"))
        self.plot.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.plot.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.view = self.plot.getViewBox()
        self.view.setMouseEnabled(x=True, y=False)
        self.view.setMenuEnabled(False)
        self.plot.hideButtons()
        self._left.setWidth(64)
        self.view.sigRangeChangedManually.connect(self._zoomed)
        self.view.sigXRangeChanged.connect(lambda *_: self._schedule())
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self.plot.addItem(self._cross, ignoreBounds=True)
        self._marks = pg.ScatterPlotItem(pxMode=True, size=9)
        self.plot.addItem(self._marks, ignoreBounds=True)
        self._marks.sigClicked.connect(self._mark_clicked)
        self._readout = Readout(self.plot)
        self.plot.scene().sigMouseMoved.connect(self._hover)
        self.plot.scene().sigMouseClicked.connect(lambda event: event.double() and self.show_all())
        self.plot.viewport().installEventFilter(self)

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
        self.reset_button = self._tool("reset", self.tr("Show all"), self.show_all)
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
        self.slider.setFixedWidth(theme.space(14))
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
        menu.addAction(self.tr("Copy picture"), lambda: plot_export.copy_picture(self.plot))
        return menu

    def contextMenuEvent(self, event) -> None:
        self.export_button.menu().exec(event.globalPos())

    # data

    def append(self, series: str, columns: dict) -> None:
        """Add rows at the end of a series: {column: array of equal length}; creates the series."""
        columns = {name: np.asarray(values, np.float64) for name, values in columns.items()}
        if "step" not in columns:
            raise ValueError("rows need a column 'step'")
        if series not in self.series:
            self._add_series(series)
        missing = np.zeros(len(columns["step"]))
        x = {axis: columns.get(column, missing) for axis, column in AXES.items()}
        for name, curve in self.series[series].curves.items():
            if name in columns:
                curve.extend(x, columns[name])
        self._schedule()

    def _add_series(self, name: str) -> None:
        taken = {other.index for other in self.series.values()}
        index = next(n for n in range(len(taken) + 1) if n not in taken)
        curves = {column: Curve(tuple(AXES)) for columns in METRICS.values() for column in columns}
        made = self.series[name] = Series(index, curves)
        for column, curve in curves.items():
            if column not in HELD_OUT:
                curve.set_decay(self._decay)
            faint, main = pg.PlotCurveItem(), pg.PlotCurveItem()
            main.setZValue(1)  # no run's raw curve hides another run's smooth one
            made.items[column] = (faint, main)
            for item in (faint, main):
                self.plot.addItem(item, ignoreBounds=True)
            if column in HELD_OUT:
                made.dots[column] = pg.ScatterPlotItem(pxMode=True, size=5)
                self.plot.addItem(made.dots[column], ignoreBounds=True)
        self.legend.add(name, index)
        self._dress_series(made)

    def set_series(self, series: str, columns: dict) -> None:
        """Replace the rows of a series (after a resume cut it back); its colour and events stay."""
        if series in self.series:
            made = self.series[series]
            made.curves = {column: Curve(tuple(AXES)) for column in made.curves}
            for column, curve in made.curves.items():
                curve.set_decay(0.0 if column in HELD_OUT else self._decay)
        self.append(series, columns)

    def remove_series(self, series: str) -> None:
        """Forget one series."""
        gone = self.series.pop(series, None)
        if gone is None:
            return
        for item in [*[i for pair in gone.items.values() for i in pair], *gone.dots.values()]:
            self.plot.removeItem(item)
        self.legend.remove(series)
        self._schedule()

    def clear(self) -> None:
        """Forget everything and show all again."""
        for name in list(self.series):
            self.remove_series(name)
        self.show_all()

    def set_events(self, series: str, events: list[tuple[str, int, str]]) -> None:
        """Mark (kind, step, text) at the foot of the plot; kind: checkpoint, resume, pause, note."""
        if series not in self.series:
            self._add_series(series)
        self.series[series].events = list(events)
        self._schedule()

    # choices

    def set_axis(self, axis: str) -> None:
        """Choose the horizontal axis without telling."""
        self._axis = axis
        self._bottom.timed = axis == "time"
        words = {"step": self.tr("steps"), "tokens": self.tr("tokens"), "flops": self.tr("FLOPs"),
                 "time": self.tr("time")}  # fmt: skip
        self._bottom.setLabel(words[axis])
        self.axis_control.set_value(axis)
        self.show_all()

    def set_metric(self, metric: str) -> None:
        """Choose what is drawn without telling."""
        self._metric = metric
        words = {"loss": self.tr("nats a token"), "bits_per_byte": self.tr("bits per byte"),
                 "lr": self.tr("learning rate"), "grad_norm": self.tr("gradient norm"),
                 "tokens_per_s": self.tr("tokens/s")}  # fmt: skip
        self._left.setLabel(words[metric])
        self.metric_control.set_value(metric)
        self.solid.setVisible(metric == "loss")
        self.dashed.setVisible(metric in ("loss", "bits_per_byte"))
        for series in self.series.values():
            self._dress_series(series)
        self._schedule()

    def set_smoothing(self, strength: float) -> None:
        """0 = raw; towards 1 = smoother (an exponential mean over rows, the raw curve stays faintly)."""
        self.slider.setValue(round(100 * strength))

    def show_all(self) -> None:
        """Show every point again, and go on following new ones."""
        self._follow = True
        self._schedule()

    def _choose_axis(self, axis: str) -> None:
        self.set_axis(axis)
        self.axis_changed.emit(axis)

    def _choose_metric(self, metric: str) -> None:
        self.set_metric(metric)
        self.metric_changed.emit(metric)

    def _smooth(self, strength: float) -> None:
        self._decay = 0.0 if strength <= 0 else 1 - 10 ** (-3 * strength)
        for series in self.series.values():
            for column, curve in series.curves.items():
                if column not in HELD_OUT:
                    curve.set_decay(self._decay)
            self._dress_series(series)
        self._schedule()

    def _show_series(self, name: str, shown: bool) -> None:
        self.series[name].shown = shown
        self._schedule()

    def _zoomed(self, *_) -> None:
        self._follow = False
        self._schedule()

    # painting

    def _schedule(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _dress(self) -> None:
        self.plot.setBackground(theme.color("raised"))
        for axis in (self._bottom, self._left):
            axis.dress()
            axis.setGrid(False)
        self.plot.showGrid(x=False, y=True, alpha=0.7)
        self._cross.setPen(pg.mkPen(theme.color("line_strong"), width=1))
        for series in self.series.values():
            self._dress_series(series)
        self._schedule()

    def _dress_series(self, series: Series) -> None:
        colour, faint = theme.series(series.index), theme.series(series.index)
        faint.setAlphaF(0.25)
        for column, (raw, main) in series.items.items():
            dash = Qt.PenStyle.DashLine if column in HELD_OUT or series.index >= 8 else Qt.PenStyle.SolidLine
            raw.setPen(pg.mkPen(faint, width=1))
            main.setPen(pg.mkPen(colour, width=1, style=dash))
        for dots in series.dots.values():
            dots.setBrush(colour)
            dots.setPen(None)

    def repaint_curves(self) -> None:
        """Draw one frame now: at most two points a pixel of every curve in view."""
        shown = [series for series in self.series.values() if series.shown]
        columns = METRICS[self._metric]
        if self._follow:
            ends = [c.x[self._axis].values[[0, -1]] for s in shown for n in columns if len(c := s.curves[n])]
            if ends:
                left, right = min(e[0] for e in ends), max(e[1] for e in ends)
                self.view.setXRange(left, right if right > left else left + 1, padding=0.01)
        (left, right), _ = self.view.viewRange()
        pixels, lows, highs = round(self.view.width()), [], []
        for series in self.series.values():
            for column, (raw, main) in series.items.items():
                wanted = series.shown and column in columns and len(series.curves[column]) > 0
                self._draw(series, column, left, right, pixels, (lows, highs)) if wanted else self._hide(series, column)
        if lows:
            low, high = min(lows), max(highs)
            room = (high - low or abs(high) or 1) * 0.06
            self.view.setYRange(low - 2 * room, high + room, padding=0)
        self._draw_marks(shown)

    def _draw(self, series: Series, column: str, left: float, right: float, pixels: int, limits) -> None:
        curve, (raw, main) = series.curves[column], series.items[column]
        x, y = curve.view(self._axis, left, right, pixels)
        main_x, main_y = x, y
        if curve.smoothed:
            main_x, main_y = curve.view(self._axis, left, right, pixels, smooth=True)
            raw.setData(x, y, skipFiniteCheck=True)
        raw.setVisible(curve.smoothed)
        main.setData(main_x, main_y, skipFiniteCheck=True)
        main.setVisible(True)
        if column in series.dots:
            few = len(x) <= pixels / 8
            series.dots[column].setData(x if few else [], y if few else [])
        if len(y):
            limits[0].append(y.min())
            limits[1].append(y.max())

    def _hide(self, series: Series, column: str) -> None:
        for item in series.items[column]:
            item.setVisible(False)
        if column in series.dots:
            series.dots[column].setData([], [])

    def _draw_marks(self, shown: list[Series]) -> None:
        _, (low, high) = self.view.viewRange()
        foot, spots = low + (high - low) * 0.03, []
        for name, series in self.series.items():
            if series not in shown:
                continue
            for kind, step, text in series.events:
                place = self._place(series, step)
                symbol, token = MARKS.get(kind, MARKS["note"])
                if place is not None:
                    spots.append({"pos": (place, foot), "symbol": symbol, "brush": theme.color(token),
                                  "pen": pg.mkPen(theme.color("raised")), "data": (name, kind, step, text)})  # fmt: skip
        self._marks.setData(spots)

    def _place(self, series: Series, step: int) -> float | None:
        """Where a step lies on the axis shown."""
        longest = max(series.curves.values(), key=len)
        if not len(longest):
            return None
        return float(np.interp(step, longest.x["step"].values, longest.x[self._axis].values))

    # the pointer and the keys

    def eventFilter(self, watched, event) -> bool:
        if event.type() == event.Type.Leave:
            self._cross.hide()
            self._readout.hide()
        return super().eventFilter(watched, event)

    def _hover(self, place: QPointF) -> None:
        if not self.view.sceneBoundingRect().contains(place):
            self._cross.hide()
            self._readout.hide()
            return
        x = self.view.mapSceneToView(place).x()
        lines = self._lines_at(x)
        self._cross.setPos(x)
        self._cross.setVisible(bool(lines))
        if lines:
            self._readout.show_at(place, "<br>".join(lines))

    def _lines_at(self, x: float) -> list[str]:
        """Rich text lines: the place, each curve's value there, and the events near it."""
        lines = []
        for name, series in self.series.items():
            for column in METRICS[self._metric]:
                curve = series.curves[column]
                row = curve.at(self._axis, x)
                if row < 0 or not series.shown:
                    continue
                value = (curve.smooth if curve.smoothed else curve.raw).rows.values[row]
                kind = self.tr("held-out") if column in HELD_OUT else ""
                text = escape(" · ".join(part for part in (name, kind) if part))
                colour = theme.series(series.index).name()
                lines.append(f"<span style='color:{colour}'>■</span> {text} <b>{short_number(value, 5)}</b>")
        near = NEAR_PX * self.view.viewPixelSize()[0]
        for spot in self._marks.points():
            if abs(spot.pos().x() - x) < near:
                lines.append(escape(spot.data()[3]))
        if not lines:
            return []
        words = self._bottom.labelText
        return [f"<b>{clock(x) if self._axis == 'time' else short_number(x, 6)}</b> {escape(words)}", *lines]

    def _mark_clicked(self, _, points, *rest) -> None:
        if len(points):
            name, kind, step, _text = points[0].data()
            self.event_clicked.emit(name, kind, step)

    def keyPressEvent(self, event) -> None:
        (left, right), _ = self.view.viewRange()
        width = right - left
        moves = {Qt.Key.Key_Left: (-0.1, -0.1), Qt.Key.Key_Right: (0.1, 0.1), Qt.Key.Key_Plus: (0.1, -0.1),
                 Qt.Key.Key_Equal: (0.1, -0.1), Qt.Key.Key_Minus: (-0.125, 0.125)}  # fmt: skip
        if event.key() in moves:
            start, end = moves[event.key()]
            self._follow = False
            self.view.setXRange(left + start * width, right + end * width, padding=0)
        elif event.key() == Qt.Key.Key_Home:
            self.show_all()
        else:
            super().keyPressEvent(event)

    # export

    def save(self, path: str) -> None:
        """Write what is shown: .csv the rows of the curves, .png a picture, .svg a drawing."""
        self.repaint_curves()
        if path.endswith(".csv"):
            plot_export.write_csv(path, self._table())
        else:
            plot_export.write_picture(self.plot, path)
        self.exported.emit(path)

    def _table(self) -> list[list]:
        rows: list[list] = [["series", *AXES.values(), "quantity", "value"]]
        for name, series in self.series.items():
            for column in METRICS[self._metric]:
                curve = series.curves[column]
                axes = [curve.x[axis].values for axis in AXES]
                rows += [[name, *place, column, value] for *place, value in zip(*axes, curve.raw.rows.values)]
        return rows

    def _ask_and_save(self, kind: str) -> None:
        path = plot_export.ask_path(self, kind, f"{self._metric}.{kind}")
        if path:
            self.save(path)
