"""The drawing area of the plot: frames, marks, the pointer and the keys."""

import time

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.plot_axes import Scale
from widgets.plot_frame import Frame, Look, columns_of
from widgets.plot_marks import GRAVE, Mark, draw_marks, gather
from widgets.plot_parts import Readout
from widgets.plot_readout import readout_lines
from widgets.plot_runs import curve_colour
from widgets.plot_series import Series

FRAME_MS = 33  # between frames of a curve that grows; a hand that moves the view is answered at once
READ_S = 0.003  # for reading between two frames, so that neither waits
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 64, 14, 20, 42  # fixed, so that the plot does not jump when numbers grow
NEAR_PX = 12  # the curve that the pointer means
CROWD = 8  # with more runs, only grave marks and those of the chosen run are shown
NARROWEST = 1e-9  # of its place: a narrower view has no digits left


class PlotCanvas(QWidget):
    """Draws series; the wheel zooms, dragging moves, Shift and dragging chooses a part, a double click shows all."""

    mark_clicked = Signal(str, str, int)  # series, kind, step
    run_hovered = Signal(str)  # name, or empty
    run_clicked = Signal(str)
    framed = Signal()  # a frame was painted: ``area`` and ``bottom_scale`` say where steps lie in it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series: dict[str, Series] = {}
        self.look = Look()
        self.words = ("", "")  # what the axes measure: bottom, left
        self.view: tuple[float, float] | None = None  # places at the left and right edge; None = everything
        self.marks: list[Mark] = []
        self.frame: Frame | None = None
        self.hovered = ""
        self._picture: QPixmap | None = None  # what is shown; None = it has to be painted anew
        self._store: QPixmap | None = None
        self._pointer: QPointF | None = None
        self._grip: tuple[QPointF, Scale, bool] | None = None  # where a drag began, the scale then, choosing a part
        self._timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._timer.timeout.connect(self.redraw)
        self._reader = QTimer(self, singleShot=True, interval=0)
        self._reader.timeout.connect(self._read_near)
        self._readout = Readout(self)
        self.setMinimumHeight(theme.space(20))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Curves of the training run"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        theme.bus.changed.connect(self.redraw)

    def sizeHint(self) -> QSize:
        return QSize(theme.space(60), self.minimumHeight())

    @property
    def area(self) -> QRectF:
        """Where curves are drawn."""
        return QRectF(LEFT_PX, TOP_PX, max(self.width() - LEFT_PX - RIGHT_PX, 1),
                      max(self.height() - TOP_PX - BOTTOM_PX, 1))  # fmt: skip

    # frames

    def schedule(self) -> None:
        """Draw soon; many calls make one frame."""
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw at the next chance."""
        self._picture = None
        self.update()

    def show_all(self) -> None:
        """Show every point again, and go on following new ones."""
        self.view = None
        self.redraw()

    def draw_frame(self) -> None:
        """Work out and paint one frame now."""
        self._timer.stop()
        ratio = self.devicePixelRatioF()
        if self._store is None or self._store.size() != self.size() * ratio:
            self._store = QPixmap(self.size() * ratio)  # kept: fresh memory costs a page fault for every 4 kB
            self._store.setDevicePixelRatio(ratio)
        self._picture = self._store
        painter = QPainter(self._picture)
        self.paint_on(painter)
        painter.end()
        self._want_near()
        self.framed.emit()
        self.update()

    def paint_on(self, painter: QPainter, fine: bool = False) -> None:
        """Paint what is shown on any device; ``fine`` = with smooth lines, as for print."""
        area = self.area
        self.frame = Frame(list(self.series.values()), self.look, self.bottom_scale(), area.height(),
                           self.devicePixelRatioF())  # fmt: skip
        painter.fillRect(QRectF(self.rect()), theme.color("raised"))
        self.frame.paint(painter, area, self.words, fine)
        self.marks = self._gather_marks()
        draw_marks(painter, area, self.marks)

    def bottom_scale(self) -> Scale:
        """The horizontal scale of the present view."""
        left, right = self.view or self._ends()
        if self.look.log_x:
            left = max(left, right * 1e-9, 1e-12)
            right = max(right, left * 1.001)
        return Scale(left, right, self.area.width(), self.look.log_x)

    def _ends(self) -> tuple[float, float]:
        """Where the shown curves begin and end, with a little room."""
        shown = [series for series in self.series.values() if series.shown]
        columns = columns_of(self.look.metric, len(shown))
        ends = [end for series in shown for end in series.ends(columns)]
        if self.look.log_x:
            ends = [end for end in ends if end > 0]
            return (min(ends), max(ends) * 1.02) if ends else (1.0, 10.0)
        if not ends:
            return 0.0, 1.0
        left, right = min(ends), max(ends)
        room = (right - left or abs(right) or 1.0) * 0.01
        return left - room, right + room

    def _gather_marks(self) -> list[Mark]:
        shown = [series for series in self.series.values() if series.shown and series.events]
        crowd = sum(series.shown for series in self.series.values()) > CROWD
        chosen, bottom, found = (self.look.highlight or self.look.best), self.frame.bottom, []
        for series in shown:
            for event in series.events:
                if crowd and series.name != chosen and event.kind not in GRAVE:
                    continue
                place = series.place(event.step)
                x = float(bottom.place(place)) if place is not None else np.nan
                if -1 <= x <= bottom.pixels + 1:
                    found.append((x, series.name, series.index, event))
        return gather(found)

    def paintEvent(self, event) -> None:
        if self._picture is None or self._picture.size() != self.size() * self.devicePixelRatioF():
            self.draw_frame()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        self._paint_pointer(painter)
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.drawRect(self.area.adjusted(-0.5, 0.5, 0.5, -0.5))

    def _paint_pointer(self, painter: QPainter) -> None:
        area = self.area
        painter.setClipRect(area)
        for line in self.frame.lines if self.hovered else ():
            if line.series.name == self.hovered and not line.faint:
                painter.save()
                painter.translate(area.topLeft())
                x, y = line.curve.view(self.frame.bottom.low, self.frame.bottom.high, self.frame.columns, line.smooth)
                x, y = self.frame.bottom.place(x), self.frame.height_of(y)
                known = np.isfinite(x) & np.isfinite(y)
                colour = curve_colour(line.series.index)
                self.frame.draw_polyline(painter, x[known], y[known], colour, 2, line.dashed)
                painter.restore()
        if self._pointer is not None and area.contains(self._pointer):
            painter.setPen(theme.color("line_strong"))
            painter.drawLine(QPointF(self._pointer.x(), area.top()), QPointF(self._pointer.x(), area.bottom()))
            if self._grip is not None and self._grip[2]:
                corners = QPointF(self._grip[0].x(), area.top()), QPointF(self._pointer.x(), area.bottom())
                painter.fillRect(QRectF(*corners).normalized(), theme.color("sky", 0.18))

    # looking closely: rows of long runs are read a few at a time, so that the view never stops

    def _want_near(self) -> None:
        if not self._reader.isActive() and next(self._lacking(), None) is not None:
            self._reader.start()

    def _lacking(self):
        scale, shown = self.frame.bottom, [series for series in self.series.values() if series.shown]
        for series in shown:
            for column in columns_of(self.look.metric, len(shown)):
                if series.lacks(column, scale.low, scale.high, self.frame.columns):
                    yield series, column

    def _read_near(self) -> None:
        until, scale = time.perf_counter() + READ_S, self.frame.bottom
        try:
            for series, column in self._lacking():
                complete = False
                while not complete:
                    complete = series.read_near(column, scale.low, scale.high)
                    if time.perf_counter() > until:
                        self._reader.start()
                        return
        except (OSError, ValueError):
            return  # the file is gone or being cut: the overview stays, the next frame asks again
        self.redraw()  # all is there: one frame shows it

    # the pointer and the keys

    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        self._mean("")
        self._readout.hide()
        self.update()
        super().leaveEvent(event)

    def hover(self, place: QPointF) -> None:
        """Read the values under a point of the widget."""
        self._pointer = place
        inside = self.frame is not None and self.area.contains(place) or self._mark_at(place) is not None
        lines = self.lines_at(place) if inside else []
        if lines:
            self._readout.show_at(place, "<br>".join(lines))
        else:
            self._readout.hide()
        self.update()

    def lines_at(self, place: QPointF) -> list[str]:
        """Rich text: the place, the values of the curves there (the nearest first), and the events near it."""
        if self.frame is None:
            return []
        nearest, lines = readout_lines(self.frame, self.series, self.words[0], place - self.area.topLeft(), NEAR_PX)
        self._mean(nearest)
        mark = self._mark_at(place)
        return lines + ([text for text in mark.texts[:4]] if mark is not None else [])

    def _mean(self, name: str) -> None:
        if name != self.hovered:
            self.hovered = name
            self.run_hovered.emit(name)

    def _mark_at(self, place: QPointF) -> Mark | None:
        x = place.x() - self.area.left()
        near = [mark for mark in self.marks if abs(mark.x - x) <= NEAR_PX / 2]
        return min(near, key=lambda mark: (mark.event.kind not in GRAVE, abs(mark.x - x)), default=None)

    def mousePressEvent(self, event) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            choosing = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._grip = event.position(), self.bottom_scale(), choosing
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event) -> None:
        if self._grip is not None and not self._grip[2] and event.buttons() & Qt.MouseButton.LeftButton:
            start, scale, _ = self._grip
            shift = start.x() - event.position().x()
            if abs(shift) > 2 or self.cursor().shape() == Qt.CursorShape.ClosedHandCursor:
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._show(scale.moved(shift, scale.pixels + shift))
        self.hover(event.position())

    def mouseReleaseEvent(self, event) -> None:
        grip, self._grip = self._grip, None
        self.unsetCursor()
        if grip is None or event.button() != Qt.MouseButton.LeftButton:
            return
        ends = sorted((grip[0].x() - self.area.left(), event.position().x() - self.area.left()))
        if grip[2] and ends[1] - ends[0] > 4:
            self._show(grip[1].moved(*ends))
        elif ends[1] - ends[0] <= 2:
            self._click(event.position())

    def _click(self, place: QPointF) -> None:
        mark = self._mark_at(place)
        if mark is not None and place.y() < self.area.top() + NEAR_PX:
            self.mark_clicked.emit(mark.run, mark.event.kind, mark.event.step)
        elif self.hovered:
            self.run_clicked.emit(self.hovered)

    def mouseDoubleClickEvent(self, event) -> None:
        self.show_all()

    def wheelEvent(self, event) -> None:
        self.zoom(0.999 ** event.angleDelta().y(), event.position().x() - self.area.left())
        event.accept()

    def zoom(self, factor: float, around_px: float | None = None) -> None:
        """Show ``factor`` of the width, keeping what lies at a pixel where it is."""
        scale = self.bottom_scale()
        middle = scale.pixels / 2 if around_px is None else min(max(around_px, 0), scale.pixels)
        self._show(scale.moved(middle * (1 - factor), middle + (scale.pixels - middle) * factor))

    def pan(self, share: float) -> None:
        """Move the view by a share of its width."""
        scale = self.bottom_scale()
        self._show(scale.moved(share * scale.pixels, (1 + share) * scale.pixels))

    def _show(self, scale: Scale) -> None:
        if np.isfinite(scale.low + scale.high) and scale.high - scale.low > NARROWEST * abs(scale.high):
            self.view = scale.low, scale.high
            self.redraw()

    def keyPressEvent(self, event) -> None:
        moves = {Qt.Key.Key_Left: -0.1, Qt.Key.Key_Right: 0.1}
        zooms = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Equal: 0.8, Qt.Key.Key_Minus: 1.25}
        if event.key() in moves:
            self.pan(moves[event.key()])
        elif event.key() in zooms:
            self.zoom(zooms[event.key()])
        elif event.key() == Qt.Key.Key_Home:
            self.show_all()
        else:
            super().keyPressEvent(event)
