"""Shares of a whole as bars cut into pieces, one bar under another, the same piece in the same colour."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from widgets import theme

BAR_PX, GAP_PX, LEAST_TEXT_PX = 20, 8, 28


class ShareBar(QWidget):
    """Rows of (what the row is, {piece: share 0..1}); pieces keep their colour from row to row."""

    def __init__(self, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[tuple[str, dict[str, float]]] = []
        self._colours: dict[str, int] = {}
        self.setFont(theme.font("caption"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme.bus.changed.connect(self.update)

    def set_rows(self, rows: list[tuple[str, dict[str, float]]], colours: dict[str, int] | None = None) -> None:
        """Show these shares; ``colours`` gives pieces their places in the palette, otherwise their order does."""
        self._rows = rows
        names = dict.fromkeys(piece for _, pieces in rows for piece in pieces)
        self._colours = colours or {piece: place for place, piece in enumerate(names)}
        self.setAccessibleName("; ".join(
            f"{label}: " + ", ".join(f"{piece} {100 * share:.0f} %" for piece, share in pieces.items())
            for label, pieces in rows))  # fmt: skip
        self.updateGeometry()
        self.update()

    def colour_of(self, piece: str):
        """The colour that stands for a piece."""
        return theme.series(self._colours[piece])

    def sizeHint(self) -> QSize:
        return QSize(320, max(1, len(self._rows)) * (BAR_PX + GAP_PX) - GAP_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for row, (label, _) in enumerate(self._rows):
            painter.setPen(theme.color("muted"))
            painter.drawText(QRectF(0, self._top(row), self._label_px(), BAR_PX), Qt.AlignmentFlag.AlignVCenter, label)
        for piece, share, box in self._boxes():
            painter.fillRect(box, self.colour_of(piece))
            if box.width() >= LEAST_TEXT_PX:
                painter.setPen(self._ink(piece))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{100 * share:.0f} %")

    def mouseMoveEvent(self, event) -> None:
        found = next((f"{piece}: {100 * share:.1f} %" for piece, share, box in self._boxes()
                      if box.contains(event.position())), "")  # fmt: skip
        QToolTip.showText(event.globalPosition().toPoint(), found, self)

    def _label_px(self) -> int:
        widest = max((self.fontMetrics().horizontalAdvance(label) for label, _ in self._rows), default=0)
        return widest + theme.space(1) if widest else 0

    def _top(self, row: int) -> int:
        return row * (BAR_PX + GAP_PX)

    def _boxes(self):
        """(piece, share, rectangle) of everything drawn; neighbours are parted by a pixel."""
        left = self._label_px()
        for row, (_, pieces) in enumerate(self._rows):
            x, room = float(left), self.width() - left
            for piece, share in pieces.items():
                if share > 0:
                    yield piece, share, QRectF(x, self._top(row), max(share * room - 1, 1), BAR_PX)
                    x += share * room

    def _ink(self, piece: str):
        """Black or white, whichever can be read on the piece's colour."""
        colour = self.colour_of(piece).name()
        return max((theme.color("surface"), theme.color("text")), key=lambda ink: theme.contrast(ink.name(), colour))


class Swatch(QWidget):
    """A small square in the colour of a series, beside the name it stands for."""

    def __init__(self, index: int, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self.setFixedSize(theme.space(1.5), theme.space(1.5))
        theme.bus.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme.series(self.index))
