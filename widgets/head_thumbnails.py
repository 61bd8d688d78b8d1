"""The attention of every head as small pictures: a row a layer, a column a head; one is chosen."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme
from widgets.heat_strip import colour_table
from widgets.tip import Tip

GUTTER_PX, HEAD_PX, GAP_PX = 44, 20, 6
LEAST_PX, MOST_PX = 28, 92  # of a picture
BRIGHTER = 0.5  # power of the weights: most of a map is small


class HeadThumbnails(QWidget):
    """Emits the head that was chosen: layer and head, from 0. Layers are counted from below; arrows move."""

    head_chosen = Signal(int, int)

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.weights = np.empty((0, 0, 0, 0), np.float32)
        self.head = (0, 0)
        self.tell: Callable[[int, int], str] = lambda layer, head: ""
        self._images: list[list[QImage]] = []
        self._tip = Tip(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        theme.bus.changed.connect(self.update)

    def set_weights(self, weights: np.ndarray, tell: Callable[[int, int], str] = lambda layer, head: "") -> None:
        """Show these, (layers, heads, T, T); ``tell`` names a head in its tooltip."""
        self.weights, self.tell = weights, tell
        shades = np.rint(255 * np.clip(weights, 0, 1) ** BRIGHTER).astype(np.uint8)
        table, length = colour_table(), weights.shape[-1]
        self._images = [
            [QImage(pixels.data, length, length, 4 * length, QImage.Format.Format_ARGB32).copy()
             for pixels in map(np.ascontiguousarray, table[layer])] for layer in shades]  # fmt: skip
        layers, heads = weights.shape[:2]
        self.head = (min(self.head[0], layers - 1), min(self.head[1], heads - 1))
        self.updateGeometry()
        self.update()

    def choose(self, layer: int, head: int) -> None:
        """Frame a head without telling."""
        self.head = (layer, head)
        self.update()

    def side_px(self) -> int:
        """Edge of a picture."""
        layers, heads = self.weights.shape[:2]
        wide = (self.width() - GUTTER_PX) / max(heads, 1) - GAP_PX
        high = (self.height() - HEAD_PX) / max(layers, 1) - GAP_PX
        return int(max(LEAST_PX, min(wide, high, MOST_PX)))

    def box(self, layer: int, head: int) -> QRectF:
        """Where a head's picture stands."""
        step = self.side_px() + GAP_PX
        top = HEAD_PX + (self.weights.shape[0] - 1 - layer) * step
        return QRectF(GUTTER_PX + head * step, top, self.side_px(), self.side_px())

    def head_at(self, point: QPoint) -> tuple[int, int]:
        """The head under a point; (-1, -1) between them."""
        layers, heads = self.weights.shape[:2]
        return next(((layer, head) for layer in range(layers) for head in range(heads)
                     if self.box(layer, head).contains(point)), (-1, -1))  # fmt: skip

    def sizeHint(self) -> QSize:
        layers, heads = self.weights.shape[:2]
        step = min(MOST_PX, max(LEAST_PX, 420 // max(heads, 1))) + GAP_PX
        return QSize(GUTTER_PX + heads * step, HEAD_PX + layers * step)

    def minimumSizeHint(self) -> QSize:
        layers, heads = self.weights.shape[:2]
        return QSize(GUTTER_PX + heads * (LEAST_PX + GAP_PX), HEAD_PX + layers * (LEAST_PX + GAP_PX))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("muted"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for layer, images in enumerate(self._images):
            box = self.box(layer, 0)
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(0, box.top(), GUTTER_PX - GAP_PX, box.height()), right, str(layer + 1))
            for head, image in enumerate(images):
                box = self.box(layer, head)
                painter.drawImage(box, image)
                if layer == 0:
                    painter.setPen(theme.color("muted"))
                    above = QRectF(box.left(), 0, box.width(), HEAD_PX - 2)
                    painter.drawText(above, Qt.AlignmentFlag.AlignCenter, str(head + 1))
                if (layer, head) == self.head:
                    painter.setPen(QPen(theme.color("focus"), 3))
                    painter.drawRect(box.adjusted(-1.5, -1.5, 1.5, 1.5))

    def mouseMoveEvent(self, event) -> None:
        head = self.head_at(event.position().toPoint())
        if head[0] >= 0:
            self._tip.tell(self.tell(*head), event.position().toPoint())
        else:
            self._tip.hide()

    def mouseReleaseEvent(self, event) -> None:
        self._take(self.head_at(event.position().toPoint()))

    def keyPressEvent(self, event) -> None:
        moves = {Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (1, 0), Qt.Key.Key_Down: (-1, 0)}
        if event.key() not in moves or not self._images:
            super().keyPressEvent(event)
            return
        layers, heads = self.weights.shape[:2]
        layer, head = (now + step for now, step in zip(self.head, moves[event.key()]))
        self._take((min(max(layer, 0), layers - 1), min(max(head, 0), heads - 1)))

    def _take(self, head: tuple[int, int]) -> None:
        if head[0] >= 0 and head != self.head:
            self.choose(*head)
            self.setAccessibleDescription(self.tell(*head))
            self.head_chosen.emit(*head)
