"""A model drawn from its spec: stacks of boxes, residual paths, masks and repeats; a box leads to its fields."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.spec.model import ModelSpec
from widgets import theme
from widgets.diagram_paint import paint_cross, paint_mask, paint_residual, paint_wires
from widgets.model_drawing import BLOCK, Row, Stack, draw

WIDTH_PX, WIDE_PX, NARROW_PX = 236, 352, 176  # of one stack, of one with boxes side by side, of each of two
INDENT_PX, EDGE_PX, BETWEEN_PX = 18, 8, 26
SMALLEST = 0.72  # where there is too little room, the drawing shrinks this far
BAR_PX = 24  # at most what a scroll bar beside it takes or gives
TITLE_PX, LINE_PX, GAP_PX, PLUS_PX, GROUP_PX, MASK_PX = 24, 15, 14, 10, 14, 28


@dataclass(frozen=True)
class Part:
    """One box: its words, the fields behind it, and where it lies."""

    title: str
    detail: str
    fields: tuple[str, ...]
    box: QRectF
    lines: tuple[str, ...] = ()
    token: str = "line_strong"
    mask: str = ""


@dataclass
class Tower:
    """A stack with places: the boxes of every row, the blocks, and where it stands."""

    stack: Stack
    rows: list[list[QRectF]]
    groups: dict[str, QRectF]
    left: float
    width: float


class LayerDiagram(QWidget):
    """Boxes and residual paths, redrawn as the spec changes; a click asks for the fields behind a box or a block."""

    part_clicked = Signal(list)  # names of the ModelSpec fields behind the box, or behind the block around it

    def __init__(self, spec: ModelSpec | None = None, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec, self.parts, self._towers, self._hover, self._current = None, [], [], -1, 0
        self._block: QRectF | None = None  # the repeated block under the pointer
        self._room = 0  # the width it is scaled for
        self._width, self._height = float(WIDTH_PX + 2 * EDGE_PX), 80.0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)
        self.set_spec(spec)

    def set_spec(self, spec: ModelSpec | None) -> None:
        """Draw another model; None = empty."""
        self.spec = spec
        self._hover, self._current, self._block = -1, 0, None
        self._lay_out()
        words = "; ".join(f"{part.title}, {part.detail}" for part in self.parts)
        self.setAccessibleName(self.tr("Diagram of the model"))
        self.setAccessibleDescription(words)
        self._keep_whole()
        self.updateGeometry()
        self.update()

    # layout, from the output at the top to the input at the foot

    def _lay_out(self) -> None:
        self.parts, self._towers = [], []
        if self.spec is None:
            return
        stacks = draw(self.spec)
        width = NARROW_PX if len(stacks) > 1 else WIDE_PX if stacks[0].wide else WIDTH_PX
        left = float(EDGE_PX)
        for stack in stacks:
            self._towers.append(_place(stack, left, width))
            left += width + BETWEEN_PX
        self._width = left - BETWEEN_PX + EDGE_PX
        feet = [tower.rows[-1][0].bottom() for tower in self._towers]
        self._height = max(feet) + 12
        for tower, foot in zip(self._towers, feet):
            down = max(feet) - foot  # stacks stand on one ground
            tower.rows = [[box.translated(0, down) for box in row] for row in tower.rows]
            tower.groups = {name: box.translated(0, down) for name, box in tower.groups.items()}
            for row, boxes in zip(tower.stack.rows, tower.rows):
                self.parts += [Part(cell.title, " · ".join(cell.lines), cell.fields, box, cell.lines, cell.token,
                                    cell.mask) for cell, box in zip(row.cells, boxes)]  # fmt: skip

    def sizeHint(self) -> QSize:
        return QSize(round(self._width), round(self._height))

    def minimumSizeHint(self) -> QSize:
        return QSize(round(self._width * SMALLEST), round(self._height * SMALLEST))

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        # It is lower where it is narrower. If what a scroll bar gives back made it taller again, the bar would come
        # back, too, and both would go on for ever.
        if not 0 <= self.width() - self._room <= BAR_PX:
            self._keep_whole()

    def _keep_whole(self) -> None:
        """As tall as it is drawn at the width there is."""
        self._room = self.width()
        self.setFixedHeight(round(self._height * self._scale()))

    def _scale(self) -> float:
        return min(1.0, max(SMALLEST, self._room / self._width))

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self.parts:
            painter.setPen(theme.color("faint"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("No model"))
            return
        painter.translate(self._shift(), 0)
        painter.scale(self._scale(), self._scale())
        for tower in self._towers:
            self._paint_tower(painter, tower)
        if len(self._towers) == 2:
            reads, writes = self._towers
            crossing = [boxes[0] for row, boxes in zip(writes.stack.rows, writes.rows) if row.cross]
            paint_cross(painter, reads.rows[0][0], crossing[0], reads.left + reads.width + BETWEEN_PX / 2)
        for index, part in enumerate(self.parts):
            self._paint_part(painter, part, index)

    def _shift(self) -> float:
        return max((self.width() - self._width * self._scale()) / 2, 0)

    def _paint_tower(self, painter: QPainter, tower: Tower) -> None:
        for box in tower.groups.values():
            painter.setPen(QPen(theme.color("focus" if box == self._block else "line_strong"), 1, Qt.PenStyle.DashLine))
            painter.setBrush(theme.color("sunken"))
            painter.drawRoundedRect(box, 8, 8)
        paint_wires(painter, tower.rows)
        for place, row in enumerate(tower.stack.rows):
            if row.residual:
                paint_residual(painter, tower.rows[place][0], tower.rows[place + row.residual - 1][0],
                               tower.left + tower.width / 2, tower.left + 9)  # fmt: skip
        for name, box in tower.groups.items():
            self._paint_pill(painter, box, tower.stack.pills.get(name, ""))
        if tower.stack.title:
            painter.setFont(theme.font("strong"))
            painter.setPen(theme.color("muted"))
            first = tower.rows[0][0]
            painter.drawText(QRectF(tower.left, first.top() - 26, tower.width, 18), Qt.AlignmentFlag.AlignHCenter,
                             tower.stack.title)  # fmt: skip

    def _paint_pill(self, painter: QPainter, box: QRectF, words: str) -> None:
        if not words:
            return
        painter.setFont(theme.font("caption"))
        width = painter.fontMetrics().horizontalAdvance(words) + 16
        pill = QRectF(box.right() - width + 6, box.top() - 9, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(pill, 9, 9)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_part(self, painter: QPainter, part: Part, index: int) -> None:
        chosen = index == self._hover or (self.hasFocus() and index == self._current)
        painter.setPen(QPen(theme.color("focus" if chosen else part.token), 2 if chosen else 1))
        painter.setBrush(theme.blend(theme.color("raised"), theme.color(part.token), 0.10))
        painter.drawRoundedRect(part.box, 6, 6)
        room = part.box.adjusted(6, 4, -6, -4)
        if part.mask:
            side = QRectF(part.box.right() - MASK_PX - 7, part.box.center().y() - MASK_PX / 2, MASK_PX, MASK_PX)
            paint_mask(painter, side, part.mask)
            room.setRight(side.left() - 5)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("text"))
        title = painter.fontMetrics().elidedText(part.title, Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(QRectF(room.left(), room.top(), room.width(), 18), Qt.AlignmentFlag.AlignCenter, title)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("muted"))
        for number, line in enumerate(part.lines):
            place = QRectF(room.left(), room.top() + 18 + number * LINE_PX, room.width(), LINE_PX)
            text = painter.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, round(place.width()))
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

    # the pointer and the keys

    def _at(self, place: QPointF) -> int:
        place = (place - QPointF(self._shift(), 0)) / self._scale()
        return next((i for i, part in enumerate(self.parts) if part.box.contains(place)), -1)

    def _block_at(self, place: QPointF) -> QRectF | None:
        """The repeated block, or its number of repeats, under a point that no box takes."""
        place = (place - QPointF(self._shift(), 0)) / self._scale()
        blocks = [tower.groups["block"] for tower in self._towers if "block" in tower.groups]
        return next((box for box in blocks if box.adjusted(0, -9, 6, 0).contains(place)), None)

    def mouseMoveEvent(self, event) -> None:
        index = self._at(event.position())
        block = self._block_at(event.position()) if index < 0 else None
        if index != self._hover or block != self._block:
            self._hover, self._block = index, block
            words = self.tr("The repeated block: how many layers, and what they share") if block is not None else ""
            if index >= 0:
                words = f"{self.parts[index].title}: {self.parts[index].detail}"
            self.setCursor(Qt.CursorShape.PointingHandCursor if words else Qt.CursorShape.ArrowCursor)
            self.setToolTip(words)
            self.update()

    def leaveEvent(self, event) -> None:
        self._hover, self._block = -1, None
        self.update()

    def mouseReleaseEvent(self, event) -> None:
        index = self._at(event.position())
        if index >= 0:
            self._current = index
            self.part_clicked.emit(list(self.parts[index].fields))
        elif self._block_at(event.position()) is not None:
            self.part_clicked.emit(list(BLOCK))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if step and self.parts:
            self._current = min(max(self._current + step, 0), len(self.parts) - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.parts:
            self.part_clicked.emit(list(self.parts[self._current].fields))
        else:
            super().keyPressEvent(event)


def _place(stack: Stack, left: float, width: float) -> Tower:
    """Rows from the top down; a block has room around it for its frame and its residual paths."""
    rows: list[list[QRectF]] = []
    groups: dict[str, QRectF] = {}
    top, before = (34.0 if stack.title else 8.0), ""
    for row in stack.rows:
        starts = row.group != before
        top += GROUP_PX if starts and before else 0
        top += GROUP_PX if starts and row.group else 0
        top += PLUS_PX if row.residual else 0
        indent = INDENT_PX if row.group else 0
        height = _height(row)
        boxes = _cells(row, QRectF(left + indent, top, width - 2 * indent, height))
        rows.append(boxes)
        if row.group:
            begin = groups[row.group].top() if row.group in groups else top - 12 - (PLUS_PX if row.residual else 0)
            groups[row.group] = QRectF(left, begin, width, top + height + 14 - begin)
        top += height + GAP_PX
        before = row.group
    return Tower(stack, rows, groups, left, width)


def _height(row: Row) -> float:
    return TITLE_PX + LINE_PX * max(len(cell.lines) for cell in row.cells)


def _cells(row: Row, room: QRectF) -> list[QRectF]:
    count, between = len(row.cells), 6
    each = (room.width() - between * (count - 1)) / count
    return [QRectF(room.left() + i * (each + between), room.top(), each, room.height()) for i in range(count)]
