"""Lines and small pictures of the model diagram: the stream, the paths around parts, and which token sees which."""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF

from widgets import theme

MASK_TOKENS = 7
PREFIX_TOKENS, BAND_TOKENS = 3, 2
ORDER = (3, 0, 5, 1, 6, 2, 4)  # an order of seven tokens, drawn by lot


def paint_wires(painter: QPainter, rows: list[list[QRectF]]) -> None:
    """The stream upwards, parted before rows of several boxes and joined after them."""
    painter.setPen(QPen(theme.color("muted"), 1.3))
    for upper, lower in zip(rows, rows[1:]):
        start, end = lower[0].top(), upper[0].bottom()
        for boxes, edge, way in ((lower, start, -1), (upper, end, 1)):
            if len(boxes) > 1:
                bar = edge + 5 * way
                for box in boxes:
                    painter.drawLine(QPointF(box.center().x(), edge), QPointF(box.center().x(), bar))
                painter.drawLine(QPointF(boxes[0].center().x(), bar), QPointF(boxes[-1].center().x(), bar))
        middle = (lower[0].left() + lower[-1].right()) / 2
        begin = start - 5 if len(lower) > 1 else start
        painter.drawLine(QPointF(middle, begin), QPointF(middle, end + 5 if len(upper) > 1 else end))


def paint_residual(painter: QPainter, upper: QRectF, lower: QRectF, middle: float, left: float) -> None:
    """The path around a part: it leaves the stream below, and is added above."""
    start, end = lower.bottom() + 7, upper.top() - 11
    path = QPainterPath(QPointF(middle, start))
    path.lineTo(left + 6, start)
    path.quadTo(left, start, left, start - 6)
    path.lineTo(left, end + 6)
    path.quadTo(left, end, left + 6, end)
    path.lineTo(middle - 5, end)
    painter.setPen(QPen(theme.color("muted"), 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    painter.setBrush(theme.color("raised"))
    painter.drawEllipse(QPointF(middle, end), 5, 5)
    painter.drawLine(QPointF(middle - 2.5, end), QPointF(middle + 2.5, end))
    painter.drawLine(QPointF(middle, end - 2.5), QPointF(middle, end + 2.5))


def paint_cross(painter: QPainter, source: QRectF, target: QRectF, between: float) -> None:
    """From the top of the stack that reads into the attention of the stack that writes."""
    top = source.top() - 5
    height = target.center().y()
    path = QPainterPath(QPointF(source.center().x(), source.top()))
    path.lineTo(source.center().x(), top)
    path.lineTo(between, top)
    path.lineTo(between, height)
    path.lineTo(target.left() - 1, height)
    painter.setPen(QPen(theme.color("accent"), 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)
    tip = QPointF(target.left() - 1, height)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("accent"))
    painter.drawPolygon(QPolygonF([tip, tip + QPointF(-7, -4), tip + QPointF(-7, 4)]))


def sees(mask: str, row: int, column: int) -> bool:
    """Whether the token of a row sees the token of a column, both 0 to 6; see model_drawing.mask_of."""
    kind, _, band = mask.partition("_band")
    if mask.endswith("_band") and abs(row - column) > BAND_TOKENS:
        return False
    if kind == "two_way":
        return True
    if kind == "permuted":
        return ORDER.index(column) < ORDER.index(row)
    if kind == "prefix" and column < PREFIX_TOKENS:
        return True
    return column <= row


def paint_mask(painter: QPainter, box: QRectF, mask: str) -> None:
    """A small square: rows are tokens that look, columns tokens that are seen; filled = seen."""
    each = box.width() / MASK_TOKENS
    painter.setPen(Qt.PenStyle.NoPen)
    for row in range(MASK_TOKENS):
        for column in range(MASK_TOKENS):
            seen = sees(mask, row, column)
            painter.setBrush(theme.color("accent") if seen else theme.color("line"))
            place = QRectF(box.left() + column * each, box.top() + row * each, each - 0.8, each - 0.8)
            painter.drawRect(place)
