"""How shades and marks of tokens are painted; the strip and its legend share it."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from widgets import theme
from widgets.tokens import StripToken, rank_band, shade

BAND_TOKENS = ("accent", "amber", "clay", "sky")
PIECE_COLOURS = 4  # enough that neighbours always differ
DARKEST = {"light": 0.52, "dark": 0.42}  # keeps the text on it at 4.5:1


def shade_colour(mode: str, value: float) -> QColor:
    """Ground of a token with this shade (0..1) in probability, entropy or margin mode."""
    hue = theme.color({"entropy": "sky", "margin": "clay"}.get(mode, "amber"))
    return theme.blend(theme.color("raised"), hue, value * DARKEST[theme.mode()])


def band_colour(band: int) -> QColor:
    """Ground of a token of this rank band."""
    return theme.blend(theme.color("raised"), theme.color(BAND_TOKENS[band]), 0.30)


def ground(token: StripToken, mode: str, place: int = 0) -> QColor | None:
    """The colour behind the token at ``place``; None = none."""
    if mode == "plain":
        return None
    if mode == "pieces":  # only where one token ends and the next begins
        return theme.blend(theme.color("raised"), theme.series(place % PIECE_COLOURS), 0.22)
    if mode == "rank":
        band = rank_band(token.rank)
        return None if band is None else band_colour(band)
    value = shade(token, mode)
    return None if value is None or value < 0.02 else shade_colour(mode, value)


def paint_ground(painter: QPainter, box: QRectF, colour: QColor | None) -> None:
    """Fill behind a token, a hair narrower so that neighbours stay apart."""
    if colour is not None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(box.adjusted(0.5, 0, -0.5, 0), 3, 3)


def paint_band(painter: QPainter, box: QRectF, band: int) -> None:
    """Dots under a token, one a band beyond the first, so that colour is not alone."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color(BAND_TOKENS[band]))
    left = box.center().x() - 2.5 * (band - 1)
    for dot in range(band):
        painter.drawEllipse(QPointF(left + 5 * dot, box.bottom() + 1.5), 1.3, 1.3)


def paint_mark(painter: QPainter, box: QRectF, mark: str) -> None:
    """Verbatim = solid green line; unsure = dotted amber line; unsupported = hatched in a red frame."""
    foot = box.bottom() + 1
    if mark == "verbatim":
        painter.setPen(QPen(theme.color("accent"), 2))
        painter.drawLine(QPointF(box.left(), foot), QPointF(box.right(), foot))
    elif mark == "unsure":
        painter.setPen(QPen(theme.color("amber"), 2, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(box.left() + 1, foot), QPointF(box.right() - 1, foot))
    elif mark == "unsupported":
        inner = box.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(theme.color("clay"), 1.5))
        painter.setBrush(QBrush(theme.color("clay", 0.45), Qt.BrushStyle.BDiagPattern))
        painter.drawRoundedRect(inner, 3, 3)
        painter.setBrush(Qt.BrushStyle.NoBrush)
