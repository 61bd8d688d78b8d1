"""What the pointer reads: the values of the curves at a place, the one that is meant first."""

from html import escape

from PySide6.QtCore import QCoreApplication, QPointF

from widgets.numbers import short_number
from widgets.plot_axes import clock
from widgets.plot_frame import Frame
from widgets.plot_runs import HELD_OUT, curve_colour
from widgets.plot_series import Series

MOST = 10  # values; fifty would cover the curves


def readout_lines(frame: Frame, series: dict[str, Series], unit: str, place: QPointF, near_px: float):
    """The run whose curve is nearest (empty: none is near), and lines of rich text; no lines where no curve is.

    Args:
        place: the pointer, in pixels from the top left of the drawing area.
    """
    left, x, right = (float(frame.bottom.value(place.x() + shift)) for shift in (-near_px, 0, near_px))
    found = []  # distance, value, name, column, colour
    for line in frame.lines:
        if line.faint:
            continue
        ends = line.curve.x.values[[0, -1]]
        if ends[0] <= right and left <= ends[1]:
            value = line.series.value_at(line.column, x)
            away = abs(float(frame.height_of(value)) - place.y())
            found.append((away, value, line.series.name, line.column, curve_colour(line.series.index)))
    column = round(place.x() * frame.ratio)
    for band in frame.bands:
        if 0 <= column < frame.columns and band.mean[column] == band.mean[column]:
            away = abs(float(frame.height_of(band.mean[column])) - place.y())
            spread = f"{short_number(band.low[column], 4)} … {short_number(band.high[column], 4)}"
            found.append((away, float(band.mean[column]), f"{band.group} ({spread})", band.column, band.colour))
    if not found:
        return "", []
    nearest = min(found, key=lambda item: item[0] if item[0] == item[0] else 1e9)
    meant = nearest[2] if nearest[0] <= near_px and nearest[2] in series else ""
    kept = found if len(found) <= MOST else sorted(found, key=lambda item: item[0])[:MOST]
    lines = [_line(item, item[2] == meant) for item in sorted(kept, key=lambda item: -item[1])]
    head = f"<b>{_place(x, frame.look.axis)}</b> {escape(unit)}"
    if len(found) > len(kept):
        more = QCoreApplication.translate("LossPlot", "and {count} more").format(count=len(found) - len(kept))
        lines.append(f"<i>{escape(more)}</i>")
    return meant, [head, *lines]


def _line(item, meant: bool) -> str:
    _, value, name, column, colour = item
    held = QCoreApplication.translate("LossPlot", "held-out")
    text = escape(f"{name} · {held}" if column in HELD_OUT else name)
    said = f"<span style='color:{colour.name()}'>■</span> {text} <b>{short_number(value, 5)}</b>"
    return f"<u>{said}</u>" if meant else said


def _place(x: float, axis: str) -> str:
    if axis == "time":
        return clock(x)
    return f"{x:,.0f}" if axis == "step" else short_number(x, 5)
