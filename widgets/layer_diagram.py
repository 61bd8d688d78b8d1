"""A model drawn from its spec: embedding, positions, N blocks, head."""

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.spec.model import ModelSpec
from widgets import theme
from widgets.spec_words import choice_text

WIDTH_PX, BOX_PX, GAP_PX, EDGE_PX, BYPASS_PX = 320, 44, 24, 16, 22


@dataclass(frozen=True)
class Part:
    """One box: its words, the fields behind it, and where it lies."""

    title: str
    detail: str
    fields: tuple[str, ...]
    box: QRectF
    token: str = "line_strong"


class LayerDiagram(QWidget):
    """Boxes and residual paths, redrawn as the spec changes; a click asks for the fields behind a box."""

    part_clicked = Signal(list)  # names of the ModelSpec fields behind the box

    def __init__(self, spec: ModelSpec | None = None, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec, self.parts, self._hover, self._current = None, [], -1, 0
        self._block = QRectF()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)
        self.set_spec(spec)

    def set_spec(self, spec: ModelSpec | None) -> None:
        """Draw another model; None = empty."""
        self.spec = spec
        self._lay_out()
        words = "; ".join(f"{part.title}, {part.detail}" for part in self.parts)
        self.setAccessibleName(self.tr("Diagram of the model"))
        self.setAccessibleDescription(words)
        self.updateGeometry()
        self.update()

    # layout, from the input at the foot to the output at the top, as papers draw it

    def _lay_out(self) -> None:
        self.parts = []
        if self.spec is None:
            return
        rows = self._rows(self.spec)
        top, left = 8.0, EDGE_PX
        for place, (title, detail, fields, token, inside) in enumerate(rows):
            starts = inside and not rows[place - 1][4]
            if starts:
                top += GAP_PX * 0.8
                block_top = top - 20
            indent = BYPASS_PX + 8 if inside else 0
            box = QRectF(left + indent, top, WIDTH_PX - 2 * EDGE_PX - 2 * indent, BOX_PX)
            self.parts.append(Part(title, detail, fields, box, token))
            top += BOX_PX + GAP_PX
            if inside and not rows[place + 1][4]:
                self._block = QRectF(left, block_top, WIDTH_PX - 2 * EDGE_PX, top - GAP_PX + 14 - block_top)
                top += GAP_PX * 0.8
        self._height = round(top)

    def _rows(self, spec: ModelSpec) -> list[tuple]:
        """(title, detail, fields, colour, inside the block), from the top."""
        norm = choice_text(spec.norm)
        tied = self.tr("tied to the embedding") if spec.tied_head else self.tr("own weights")
        heads = self.tr("{heads} heads of {size}").format(heads=spec.n_heads, size=spec.head)
        if spec.kv != spec.n_heads:
            heads = self.tr("{heads} heads of {size}, {kv} key/value").format(
                heads=spec.n_heads, size=spec.head, kv=spec.kv)  # fmt: skip
        if spec.position == "rope":
            heads += " · RoPE"
        feed = f"{choice_text(spec.activation)} · {spec.d_model:,} → {spec.ff:,} → {spec.d_model:,}"
        rows = [
            (self.tr("Head"), tied, ("tied_head", "vocab_size"), "sky", False),
            (self.tr("Final norm"), norm, ("norm", "norm_eps"), "line_strong", False),
            (self.tr("Feed-forward"), feed, ("activation", "d_ff", "bias"), "amber", True),
            (self.tr("Norm"), norm, ("norm", "norm_eps"), "line_strong", True),
            (self.tr("Attention"), heads, ("n_heads", "kv_heads", "head_size", "bias"), "accent", True),
            (self.tr("Norm"), norm, ("norm", "norm_eps"), "line_strong", True),
        ]
        if spec.position in ("learned", "sinusoidal"):
            detail = f"{choice_text(spec.position)} · {spec.context:,}"
            rows.append((self.tr("Positions"), detail, ("position", "context"), "sky", False))
        detail = self.tr("{width} features for each token").format(width=f"{spec.d_model:,}")
        if spec.vocab_size:
            detail = self.tr("{count} tokens × {width} features").format(
                count=f"{spec.vocab_size:,}", width=f"{spec.d_model:,}")  # fmt: skip
        rows.append((self.tr("Embedding"), detail, ("d_model", "vocab_size"), "sky", False))
        return rows

    def sizeHint(self) -> QSize:
        return QSize(WIDTH_PX, (self._height if self.parts else 80) + 8)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(self._shift(), 0)
        if not self.parts:
            painter.setPen(theme.color("faint"))
            painter.drawText(QRectF(0, 0, WIDTH_PX, self.height()), Qt.AlignmentFlag.AlignCenter, self.tr("No model"))
            return
        self._paint_block(painter)
        self._paint_paths(painter)
        for index, part in enumerate(self.parts):
            self._paint_part(painter, part, index)

    def _shift(self) -> float:
        return max((self.width() - WIDTH_PX) / 2, 0)

    def _paint_block(self, painter: QPainter) -> None:
        painter.setPen(QPen(theme.color("line_strong"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(self._block, 8, 8)
        painter.setFont(theme.font("strong"))
        words = f"× {self.spec.n_layers}"
        width = painter.fontMetrics().horizontalAdvance(words) + 16
        pill = QRectF(self._block.right() - width + 8, self._block.top() - 10, width, 20)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(pill, 10, 10)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_paths(self, painter: QPainter) -> None:
        """The stream upwards through all boxes, and the two residual paths around the halves of the block."""
        painter.setPen(QPen(theme.color("muted"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for above, below in zip(self.parts, self.parts[1:]):
            painter.drawLine(QPointF(above.box.center().x(), below.box.top()),
                             QPointF(above.box.center().x(), above.box.bottom()))  # fmt: skip
        blocks = [part.box for part in self.parts if part.box.left() > EDGE_PX]
        for upper, lower in ((blocks[0], blocks[1]), (blocks[2], blocks[3])):
            start, end = lower.bottom() + 6, upper.top() - 10
            middle, left = upper.center().x(), upper.left() - BYPASS_PX / 2 - 2
            path = QPainterPath(QPointF(middle, start))
            path.lineTo(left + 6, start)
            path.quadTo(left, start, left, start - 6)
            path.lineTo(left, end + 6)
            path.quadTo(left, end, left + 6, end)
            path.lineTo(middle - 5, end)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            painter.setBrush(theme.color("raised"))
            painter.drawEllipse(QPointF(middle, end), 5, 5)
            painter.drawLine(QPointF(middle - 2.5, end), QPointF(middle + 2.5, end))
            painter.drawLine(QPointF(middle, end - 2.5), QPointF(middle, end + 2.5))

    def _paint_part(self, painter: QPainter, part: Part, index: int) -> None:
        chosen = index == self._hover or (self.hasFocus() and index == self._current)
        painter.setPen(QPen(theme.color("focus" if chosen else part.token), 2 if chosen else 1))
        painter.setBrush(theme.blend(theme.color("raised"), theme.color(part.token), 0.10))
        painter.drawRoundedRect(part.box, 6, 6)
        inner = part.box.adjusted(8, 5, -8, -5)
        painter.setFont(theme.font("strong"))
        painter.setPen(theme.color("text"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, part.title)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("muted"))
        detail = painter.fontMetrics().elidedText(part.detail, Qt.TextElideMode.ElideRight, round(inner.width()))
        painter.drawText(inner, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, detail)

    # the pointer and the keys

    def _at(self, place: QPointF) -> int:
        place = place - QPointF(self._shift(), 0)
        return next((i for i, part in enumerate(self.parts) if part.box.contains(place)), -1)

    def mouseMoveEvent(self, event) -> None:
        index = self._at(event.position())
        if index != self._hover:
            self._hover = index
            self.setCursor(Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor)
            self.setToolTip(f"{self.parts[index].title}: {self.parts[index].detail}" if index >= 0 else "")
            self.update()

    def leaveEvent(self, event) -> None:
        self._hover = -1
        self.update()

    def mouseReleaseEvent(self, event) -> None:
        index = self._at(event.position())
        if index >= 0:
            self._current = index
            self.part_clicked.emit(list(self.parts[index].fields))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key())
        if step and self.parts:
            self._current = min(max(self._current + step, 0), len(self.parts) - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.parts:
            self.part_clicked.emit(list(self.parts[self._current].fields))
        else:
            super().keyPressEvent(event)
