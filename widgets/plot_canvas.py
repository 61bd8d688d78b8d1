"""The drawing area of the plot: frames, marks, the pointer and the keys."""

from html import escape

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QWidget

from widgets import theme
from widgets.plot_parts import NumberAxis, Readout, clock, short_number
from widgets.plot_series import HELD_OUT, METRICS, Series

MARKS = {"checkpoint": ("t1", "accent"), "resume": ("o", "sky"), "pause": ("s", "amber"), "note": ("d", "muted")}
FRAME_MS = 33
NEAR_PX = 8
LEFT_PX = 64  # fixed, so that the plot does not jump when numbers grow


class PlotCanvas(pg.PlotWidget):
    """Draws series at most 30 times a second; the wheel zooms, dragging moves, a double click shows all."""

    mark_clicked = Signal(str, str, int)  # series, kind, step

    def __init__(self, parent: QWidget | None = None) -> None:
        self.bottom, self.left = NumberAxis("bottom"), NumberAxis("left")
        super().__init__(parent, axisItems={"bottom": self.bottom, "left": self.left})
        self.series: dict[str, Series] = {}
        self.metric, self.axis = "loss", "step"
        self._follow = True  # show everything until the person zooms
        self._timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._timer.timeout.connect(self.draw_frame)
        self.setMinimumHeight(theme.space(20))
        self.setAccessibleName(self.tr("Curves of the training run"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self.view = self.getViewBox()
        self.view.setMouseEnabled(x=True, y=False)
        self.view.setMenuEnabled(False)
        self.hideButtons()
        self.left.setWidth(LEFT_PX)
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self.marks = pg.ScatterPlotItem(pxMode=True, size=9)
        for item in (self._cross, self.marks):
            self.addItem(item, ignoreBounds=True)
        self._readout = Readout(self)
        self.view.sigRangeChangedManually.connect(self._zoomed)
        self.view.sigXRangeChanged.connect(lambda *_: self.schedule())
        self.marks.sigClicked.connect(self._tell_mark)
        self.scene().sigMouseMoved.connect(self.hover)
        self.scene().sigMouseClicked.connect(lambda event: event.double() and self.show_all())
        theme.bus.changed.connect(self.dress)
        self.dress()

    def sizeHint(self) -> QSize:
        return QSize(theme.space(60), self.minimumHeight())

    def dress(self) -> None:
        """Take the colours of the theme."""
        self.setBackground(theme.color("raised"))
        for axis in (self.bottom, self.left):
            axis.dress()
        self.showGrid(x=False, y=True, alpha=0.7)
        self._cross.setPen(pg.mkPen(theme.color("line_strong"), width=1))
        for series in self.series.values():
            series.dress()
        self.schedule()

    # frames

    def schedule(self) -> None:
        """Draw soon; many calls make one frame."""
        if not self._timer.isActive():
            self._timer.start()

    def show_all(self) -> None:
        """Show every point again, and go on following new ones."""
        self._follow = True
        self.schedule()

    def draw_frame(self) -> None:
        """Draw one frame now: at most two points a pixel of every curve in view."""
        self._timer.stop()
        columns = METRICS[self.metric]
        if self._follow:
            self._fit_width(columns)
        (left, right), _ = self.view.viewRange()
        pixels = round(self.view.width())
        limits = [value for series in self.series.values()
                  for value in series.draw(columns, self.axis, left, right, pixels)]  # fmt: skip
        if limits:
            low, high = min(limits), max(limits)
            room = (high - low or abs(high) or 1) * 0.06
            self.view.setYRange(low - 2 * room, high + room, padding=0)  # marks stand in the room below
        self._draw_marks()

    def _fit_width(self, columns: tuple[str, ...]) -> None:
        ends = [end for series in self.series.values() if series.shown for end in series.ends(columns, self.axis)]
        if ends:
            left, right = min(ends), max(ends)
            self.view.setXRange(left, right if right > left else left + 1, padding=0.01)

    def _draw_marks(self) -> None:
        _, (low, high) = self.view.viewRange()
        foot, spots = low + (high - low) * 0.03, []
        edge = pg.mkPen(theme.color("raised"))
        for name, series in self.series.items():
            for kind, step, text in series.events if series.shown else ():
                place = series.place(step, self.axis)
                symbol, token = MARKS.get(kind, MARKS["note"])
                if place is not None:
                    spots.append({"pos": (place, foot), "symbol": symbol, "brush": theme.color(token), "pen": edge,
                                  "data": (name, kind, step, text)})  # fmt: skip
        self.marks.setData(spots)

    # the pointer and the keys

    def _zoomed(self, *_) -> None:
        self._follow = False
        self.schedule()

    def leaveEvent(self, event) -> None:
        self._cross.hide()
        self._readout.hide()
        super().leaveEvent(event)

    def hover(self, place: QPointF) -> None:
        """Read the values under a point of the scene."""
        inside = self.view.sceneBoundingRect().contains(place)
        x = self.view.mapSceneToView(place).x()
        lines = self.lines_at(x) if inside else []
        self._cross.setPos(x)
        self._cross.setVisible(bool(lines))
        if lines:
            self._readout.show_at(place, "<br>".join(lines))
        else:
            self._readout.hide()

    def lines_at(self, x: float) -> list[str]:
        """Rich text lines: the place, each curve's value there, and the events near it."""
        lines = []
        for name, series in self.series.items():
            for column in METRICS[self.metric] if series.shown else ():
                value = series.value_at(column, self.axis, x)
                if value is not None:
                    text = escape(f"{name} · {self.tr('held-out')}" if column in HELD_OUT else name)
                    colour = theme.series(series.index).name()
                    lines.append(f"<span style='color:{colour}'>■</span> {text} <b>{short_number(value, 5)}</b>")
        if not lines:
            return []
        near = NEAR_PX * self.view.viewPixelSize()[0]
        events = [escape(spot.data()[3]) for spot in self.marks.points() if abs(spot.pos().x() - x) < near]
        place = clock(x) if self.axis == "time" else short_number(x, 6)
        return [f"<b>{place}</b> {escape(self.bottom.labelText)}", *lines, *events]

    def _tell_mark(self, _, points, *rest) -> None:
        if len(points):
            name, kind, step, _text = points[0].data()
            self.mark_clicked.emit(name, kind, step)

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
