"""Marks above the curves: what happened to a run, as a small sign at its step."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from widgets import theme
from widgets.plot_runs import PlotEvent

SIGN_PX = 11
CROWD_PX = 9  # marks of one run nearer than this are drawn as one
MARKS = {  # kind -> (colour, sign); what endangers a run also gets a line through the curves
    "spike": ("clay", "bolt"), "rollback": ("clay", "back"), "skip": ("amber", "skip"), "oom": ("clay", "cross"),
    "checkpoint": ("accent", "flag"), "lr": ("sky", "slope"), "pause": ("amber", "bars"), "resume": ("sky", "play"),
    "stop": ("muted", "square"), "note": ("muted", "diamond"),
}  # fmt: skip
GRAVE = ("spike", "rollback", "oom")
SHAPES = {  # corners in a square from -1 to 1
    "bolt": ((0.3, -1), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1), (0.6, -0.2), (0.05, -0.2)),
    "back": ((-1, 0), (0, -0.9), (0, -0.35), (1, -0.35), (1, 0.35), (0, 0.35), (0, 0.9)),
    "flag": ((-0.7, -1), (0.9, -0.45), (-0.45, 0.1), (-0.45, 1), (-0.7, 1)),
    "play": ((-0.6, -0.9), (0.9, 0), (-0.6, 0.9)),
    "square": ((-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)),
    "diamond": ((0, -0.95), (0.95, 0), (0, 0.95), (-0.95, 0)),
}  # fmt: skip
LINES = {
    "skip": (((-0.8, -0.8), (0, 0), (-0.8, 0.8)), ((0.1, -0.8), (0.9, 0), (0.1, 0.8))),
    "cross": (((-0.75, -0.75), (0.75, 0.75)), ((-0.75, 0.75), (0.75, -0.75))),
    "slope": (((-0.9, -0.6), (-0.1, -0.6), (0.3, 0.6), (0.95, 0.6)),),
    "bars": (((-0.4, -0.75), (-0.4, 0.75)), ((0.4, -0.75), (0.4, 0.75))),
}


@dataclass(frozen=True)
class Mark:
    """An event at its place: pixels across, the run it belongs to, and how many of its kind stand there."""

    x: float
    run: str
    colour: int
    event: PlotEvent
    texts: tuple[str, ...]


def gather(places: list[tuple[float, str, int, PlotEvent]]) -> list[Mark]:
    """Marks for events at pixels; neighbours of one run and kind become one, which tells of all of them."""
    made: list[Mark] = []
    nearest: dict[tuple[str, str], int] = {}
    for x, run, colour, event in sorted(places, key=lambda place: place[0]):
        at = nearest.get((run, event.kind))
        if at is not None and x - made[at].x < CROWD_PX:
            made[at] = Mark(made[at].x, run, colour, made[at].event, made[at].texts + (event.text,))
        else:
            nearest[run, event.kind] = len(made)
            made.append(Mark(x, run, colour, event, (event.text,)))
    return made


def draw_marks(painter: QPainter, area: QRectF, marks: list[Mark]) -> None:
    """Paint signs in a row above the area, and a line through it for what endangered the run; gravest on top."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for mark in sorted(marks, key=lambda mark: mark.event.kind in GRAVE):
        token, sign = MARKS.get(mark.event.kind, MARKS["note"])
        colour, x = theme.color(token), area.left() + mark.x
        if mark.event.kind in GRAVE:
            painter.setPen(QPen(theme.blend(theme.color("raised"), colour, 0.45), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        draw_sign(painter, sign, QRectF(x - SIGN_PX / 2, area.top() - SIGN_PX - 3, SIGN_PX, SIGN_PX), colour)
    painter.restore()


def draw_sign(painter: QPainter, sign: str, box: QRectF, colour: QColor) -> None:
    """Paint one sign into a small box."""
    half, middle = box.width() / 2, box.center()
    if sign in SHAPES:
        painter.setPen(QPen(theme.color("raised"), 0.8))
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF([QPointF(middle.x() + x * half, middle.y() + y * half) for x, y in SHAPES[sign]]))
        return
    painter.setPen(QPen(colour, 1.7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for line in LINES[sign]:
        painter.drawPolyline(QPolygonF([QPointF(middle.x() + x * half, middle.y() + y * half) for x, y in line]))
