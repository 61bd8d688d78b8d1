"""What the colours and marks of the token strip mean."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from widgets import theme
from widgets.cards import Text
from widgets.token_paint import band_colour, paint_band, paint_ground, paint_mark, shade_colour


class TokenLegend(QWidget):
    """What the shades and marks of a mode mean.

    Args:
        mode: as the strip's.
        marks: which of verbatim, unsure, unsupported to explain.
    """

    def __init__(self, mode: str = "probability", marks: tuple[str, ...] = (), *, parent: QWidget | None = None):
        super().__init__(parent)
        self._marks = marks
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.space(0.75))
        self.set_mode(mode)

    def set_mode(self, mode: str) -> None:
        """Explain another mode."""
        while self._row.count():
            item = self._row.takeAt(0)
            if item.widget():
                item.widget().hide()
                item.widget().deleteLater()
        if mode in ("probability", "entropy", "margin"):
            words = (self.tr("clear lead"), self.tr("toss-up")) if mode == "margin" else (
                self.tr("sure"), self.tr("unsure"))
            self._add_words(words[0])
            for step in range(5):
                self._row.addWidget(_Swatch(mode, step / 4))
            self._add_words(words[1])
        elif mode == "rank":
            for band, limit in enumerate(("10", "100", "1,000")):
                self._row.addWidget(_Swatch(mode, band))
                self._add_words(self.tr("first {limit}").format(limit=limit))
            self._row.addWidget(_Swatch(mode, 3))
            self._add_words(self.tr("beyond"))
        texts = {"verbatim": self.tr("word for word in the training text"), "unsure": self.tr("unsure"),
                 "unsupported": self.tr("unsupported and unsure")}  # fmt: skip
        for mark in self._marks:
            self._row.addSpacing(theme.space(1))
            self._row.addWidget(_Swatch("mark", mark))
            self._add_words(texts[mark])
        self._row.addStretch(1)

    def _add_words(self, text: str) -> None:
        self._row.addWidget(Text(text, "caption", wrap=False))


class _Swatch(QWidget):
    """One sample of a shade, a band or a mark."""

    def __init__(self, kind: str, value) -> None:
        super().__init__()
        self.kind, self.value = kind, value
        self.setFixedSize(22, 22)
        theme.bus.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(1, 3, 20, 14)
        if self.kind == "mark":
            paint_mark(painter, box, self.value)
            return
        colour = band_colour(self.value) if self.kind == "rank" else shade_colour(self.kind, self.value)
        paint_ground(painter, box, colour)
        painter.setPen(theme.color("line"))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        if self.kind == "rank":
            paint_band(painter, box, self.value)
