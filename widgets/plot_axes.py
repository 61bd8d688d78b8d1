"""Axes of the plot: a scale from values to pixels, ticks at round places, and their painting."""

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from widgets import theme
from widgets.numbers import round_step, short_number

TICK_ROOM_PX = {"bottom": 96, "left": 52}  # from tick to tick
MANY_DECADES = 1.6  # from so many on, a log axis is labelled at powers of ten alone


def clock(seconds: float) -> str:
    """Seconds as 0:42, 12:05 or 3:20:00."""
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_step(least: float) -> float:
    """The smallest round span of time, seconds, that is not below ``least``."""
    spans = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
    return next((float(span) for span in spans if span >= least), 86400 * round_step(least / 86400))


@dataclass(frozen=True)
class Scale:
    """Values between ``low`` and ``high`` laid on a line of ``pixels``; both ends are values, also when ``log``."""

    low: float
    high: float
    pixels: float
    log: bool = False

    def place(self, values):
        """Pixels from the low end, of a value or an array; what a log scale cannot show is NaN."""
        low, high = self._straight(self.low), self._straight(self.high)
        return (self._straight(values) - low) * (self.pixels / ((high - low) or 1.0))

    def value(self, pixels):
        """The value at a pixel, or at each of an array."""
        low, high = self._straight(self.low), self._straight(self.high)
        straight = low + np.asarray(pixels, float) * ((high - low) / (self.pixels or 1.0))
        return 10.0**straight if self.log else straight

    def moved(self, start_px: float, end_px: float) -> "Scale":
        """The scale whose ends are the values now at two pixels."""
        low, high = (float(self.value(place)) for place in (start_px, end_px))
        return Scale(low, high, self.pixels, self.log) if high > low else self

    def ticks(self, room_px: float, timed: bool = False) -> list[float]:
        """Round values, about ``room_px`` apart."""
        if self.log:
            return self._log_ticks(room_px)
        least = (self.high - self.low) / max(self.pixels / room_px, 1)
        step = clock_step(least) if timed else round_step(least)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, first + 200) if number * step <= self.high + 1e-9 * step]

    def _log_ticks(self, room_px: float) -> list[float]:
        low, high = math.log10(self.low), math.log10(self.high)
        if high - low < 0.35:  # less than a factor of about two: round values lie as on a plain axis
            plain = Scale(self.low, self.high, self.pixels).ticks(room_px)
            return [value for value in plain if value > 0]
        every = max(1, math.ceil((high - low) * room_px / max(self.pixels, 1)))
        times = (1,) if high - low > MANY_DECADES else (1, 2, 5)
        for digits in (times, range(1, 10)):  # a narrow axis may hold one round value only: then every digit is shown
            found = [digit * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for digit in digits
                     if power % every == 0]  # fmt: skip
            found = [value for value in found if self.low * 0.999999 <= value <= self.high * 1.000001]
            if len(found) > 2:
                break
        return found

    def _straight(self, values):
        if not self.log:
            return values
        return np.log10(np.where(np.asarray(values) > 0, values, np.nan))


def draw_grid(painter: QPainter, area: QRectF, left: Scale) -> list[float]:
    """Paint level lines into the area; returns the values they stand at."""
    ticks = left.ticks(TICK_ROOM_PX["left"])
    painter.setPen(theme.blend(theme.color("raised"), theme.color("line"), 0.75))
    for value in ticks:
        y = round(area.bottom() - float(left.place(value))) + 0.5
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
    return ticks


def draw_axes(painter: QPainter, area: QRectF, bottom: Scale, left: Scale, words: tuple[str, str], timed: bool) -> None:
    """Paint the two axes beside the area: lines, ticks, numbers, and what they measure (``words``: bottom, left)."""
    painter.setPen(theme.color("line"))
    painter.drawLine(QPointF(area.left() - 0.5, area.top()), QPointF(area.left() - 0.5, area.bottom()))
    painter.drawLine(QPointF(area.left(), area.bottom() + 0.5), QPointF(area.right(), area.bottom() + 0.5))
    painter.setFont(theme.font("caption"))
    painter.setPen(theme.color("faint"))
    height = painter.fontMetrics().height()
    right_most = -1e9
    for value in bottom.ticks(TICK_ROOM_PX["bottom"], timed):
        text = clock(value) if timed else short_number(value)
        width = painter.fontMetrics().horizontalAdvance(text)
        x = area.left() + float(bottom.place(value))
        start = min(max(x - width / 2, 2), area.right() + 10 - width)
        if start > right_most:
            painter.drawText(QPointF(start, area.bottom() + 5 + height * 0.8), text)
            right_most = start + width + 10
    for value in left.ticks(TICK_ROOM_PX["left"]):
        box = QRectF(16, area.bottom() - float(left.place(value)) - height / 2, area.left() - 24, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, short_number(value))
    painter.setPen(theme.color("muted"))
    painter.drawText(QRectF(area.left(), area.bottom() + 5 + height, area.width(), height + 2),
                     Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words[0])  # fmt: skip
    painter.save()
    painter.translate(2, area.center().y())
    painter.rotate(-90)
    painter.drawText(QRectF(-area.height() / 2, 0, area.height(), height), Qt.AlignmentFlag.AlignCenter, words[1])
    painter.restore()
