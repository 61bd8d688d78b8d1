"""How evenly the experts of each sparse block are used: a strip over the steps, and where it stands now."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import theme

LABEL_PX, BARS_PX, GAP_PX, FOOT_PX, HEAD_PX = 96, 168, 12, 18, 20
ROW_PX, LEAST_PX, MOST_PX = 9, 20, 112  # of one expert; of the strip of a block
FULL = 2.0  # times the even share at which a colour is full


class ExpertPlot(QWidget):
    """One strip a sparse block: a row an expert, a column a stretch of steps, the colour its share.

    At the right the shares of the last stretch as bars, with a line where all would be equal.
    """

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.steps: list[int] = []
        self.shares = np.zeros((0, 0, 0))  # (stretches, blocks, experts), each row of experts sums to one
        self.setFont(theme.font("caption"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def set_use(self, steps: list[int], shares: np.ndarray) -> None:
        """Show how much of the tokens each expert was given.

        Args:
            steps: the step at which each stretch ended.
            shares: (stretches, blocks, experts), 0..1.
        """
        self.steps, self.shares = list(steps), np.asarray(shares, float)
        if self.steps:
            now = self.shares[-1]
            self.setAccessibleName(self.tr("Use of the experts"))
            self.setAccessibleDescription("; ".join(
                self._name(block) + " " + ", ".join(f"{100 * share:.0f} %" for share in row)
                for block, row in enumerate(now)))  # fmt: skip
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, self._tall())

    def minimumSizeHint(self) -> QSize:
        return QSize(LABEL_PX + BARS_PX + 120, self._tall())

    def _tall(self) -> int:
        blocks = self.shares.shape[1]
        return round(HEAD_PX + blocks * (self._strip() + GAP_PX) + FOOT_PX) if blocks else 0

    def _strip(self) -> float:
        return float(np.clip(self.shares.shape[2] * ROW_PX, LEAST_PX, MOST_PX))

    def _places(self, block: int) -> tuple[QRectF, QRectF]:
        """Where the strip of a block lies, and where its bars."""
        top = HEAD_PX + block * (self._strip() + GAP_PX)
        wide = max(40.0, self.width() - LABEL_PX - BARS_PX - 2 * GAP_PX)
        strip = QRectF(LABEL_PX, top, wide, self._strip())
        return strip, QRectF(strip.right() + 2 * GAP_PX, top, BARS_PX, self._strip())

    def _name(self, block: int) -> str:
        return self.tr("Sparse block {number}").format(number=block + 1)

    # painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.steps:
            return
        painter = QPainter(self)
        _, blocks, experts = self.shares.shape
        strip, bars = self._places(0)
        painter.setPen(theme.color("muted"))
        painter.drawText(QRectF(strip.left(), 0, strip.width(), HEAD_PX - 4), Qt.AlignmentFlag.AlignLeft, self.tr(
            "Share of tokens, a row an expert"))
        painter.drawText(QRectF(bars.left(), 0, bars.width(), HEAD_PX - 4), Qt.AlignmentFlag.AlignLeft, self.tr(
            "Now; line: even, {share} %").format(share=f"{100 / experts:.3g}"))
        for block in range(blocks):
            self._paint_block(painter, block)
        strip, bars = self._places(blocks - 1)
        painter.setPen(theme.color("faint"))
        foot = QRectF(strip.left(), strip.bottom() + 3, strip.width(), FOOT_PX)
        painter.drawText(foot, Qt.AlignmentFlag.AlignLeft, self.tr("Step {step}").format(step=f"{self.steps[0]:,}"))
        if len(self.steps) > 1:
            painter.drawText(foot, Qt.AlignmentFlag.AlignRight,
                             self.tr("Step {step}").format(step=f"{self.steps[-1]:,}"))

    def _paint_block(self, painter: QPainter, block: int) -> None:
        strip, bars = self._places(block)
        painter.setPen(theme.color("text"))
        painter.drawText(QRectF(0, strip.top(), LABEL_PX - 8, strip.height()), Qt.AlignmentFlag.AlignVCenter,
                         self._name(block))
        painter.drawImage(strip, self._image(block))
        painter.setPen(QPen(theme.color("line"), 1))
        painter.drawRect(strip)
        now = self.shares[-1, block]
        full = max(FULL / len(now), float(now.max()))
        each = strip.height() / len(now)
        for expert, share in enumerate(now):
            bar = QRectF(bars.left(), strip.top() + expert * each, bars.width() * share / full, max(each - 1, 1))
            painter.fillRect(bar, _colour(share * len(now)))
        x = bars.left() + bars.width() / len(now) / full
        painter.setPen(QPen(theme.color("text"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(x, strip.top() - 2), QPointF(x, strip.bottom() + 2))

    def _image(self, block: int) -> QImage:
        shares = self.shares[:, block]  # (stretches, experts)
        image = QImage(shares.shape[0], shares.shape[1], QImage.Format.Format_RGB32)
        for column, row in np.ndindex(*shares.shape):
            image.setPixelColor(column, row, _colour(shares[column, row] * shares.shape[1]))
        return image

    # the pointer

    def mouseMoveEvent(self, event) -> None:
        QToolTip.showText(event.globalPosition().toPoint(), self.told_at(event.position()), self)

    def told_at(self, place: QPointF) -> str:
        """What lies under a point, in words; empty = nothing."""
        for block in range(self.shares.shape[1]):
            strip, bars = self._places(block)
            if not (strip.contains(place) or bars.contains(place)):
                continue
            experts, stretches = self.shares.shape[2], len(self.steps)
            expert = min(int((place.y() - strip.top()) / strip.height() * experts), experts - 1)
            column = stretches - 1
            if strip.contains(place):
                column = min(int((place.x() - strip.left()) / strip.width() * stretches), stretches - 1)
            return self.tr("Expert {expert}: {share} % of the tokens up to step {step}").format(
                expert=expert + 1, share=f"{100 * self.shares[column, block, expert]:.3g}",
                step=f"{self.steps[column]:,}")  # fmt: skip
        return ""


def _colour(times_even: float) -> QColor:
    """Blue below the even share, the surface at it, amber above it."""
    if times_even <= 1:
        return theme.blend(theme.color("sunken"), theme.color("sky"), float(1 - times_even))
    return theme.blend(theme.color("sunken"), theme.color("amber"), float(min(1.0, (times_even - 1) / (FULL - 1))))
