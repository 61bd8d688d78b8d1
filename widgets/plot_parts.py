"""Parts of the plots: axes that write numbers as people do, a legend that hides and shows, a readout."""

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QSizePolicy, QWidget

from widgets import theme
from widgets.numbers import round_step, short_number


def clock(seconds: float) -> str:
    """Seconds as 0:42, 12:05 or 3:20:00."""
    whole = max(int(seconds), 0)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_step(least: float) -> float:
    """The smallest round span of time, seconds, that is not below ``least``."""
    spans = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
    return next((float(span) for span in spans if span >= least), 86400 * round_step(least / 86400))


class NumberAxis(pg.AxisItem):
    """An axis with short numbers, or with a clock when ``timed``."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.timed = False
        self.enableAutoSIPrefix(False)

    def tickStrings(self, values, scale, spacing) -> list[str]:
        """Texts of the ticks."""
        return [clock(value) if self.timed else short_number(value) for value in values]

    def tickSpacing(self, low, high, size) -> list[tuple[float, float]]:
        """One level of ticks only: the finer ones that pyqtgraph adds cost most of a frame."""
        room = 96 if self.orientation == "bottom" else 56  # pixels from tick to tick
        least = (high - low) / max(size / room, 1)
        return [(clock_step(least) if self.timed else round_step(least), 0)]

    def dress(self) -> None:
        """Take the colours and the font of the theme."""
        self.setPen(pg.mkPen(theme.color("line"), width=1))
        self.setTextPen(theme.color("faint"))
        self.setStyle(tickFont=theme.font("caption"), tickLength=-4, tickTextOffset=6)
        self.labelStyle = {"color": theme.color("muted").name(), "font-size": "12px"}


NAME_PX = 96  # a longer name in the legend loses its middle


class LegendChip(QAbstractButton):
    """One curve's line and name; unchecked = hidden."""

    def __init__(self, text: str, index: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = index
        self.setText(text)
        self.setCheckable(True)
        self.setChecked(True)
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.setFont(theme.font("caption"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.bus.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(self.fontMetrics().horizontalAdvance(self.shown()) + 36, 22)

    def shown(self) -> str:
        """The name, without its middle where it is very long."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, NAME_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shown = self.isChecked()
        painter.setPen(QPen(theme.series(self.index) if shown else theme.color("line_strong"), 2.4))
        middle = self.height() / 2
        painter.drawLine(QPointF(6, middle), QPointF(22, middle))
        if not shown:
            painter.setPen(QPen(theme.color("line_strong"), 1.5))
            painter.drawLine(QPointF(11, middle + 5), QPointF(17, middle - 5))
        painter.setPen(theme.color("text" if shown else "faint"))
        painter.drawText(self.rect().adjusted(28, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.shown())
        if self.hasFocus():
            painter.setPen(theme.color("focus"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)


class LineKey(QWidget):
    """A sample of a line style and what it stands for."""

    def __init__(self, text: str, dashed: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text, self.dashed = text, dashed
        self.setFont(theme.font("caption"))
        self.setFixedSize(self.fontMetrics().horizontalAdvance(text) + 34, 22)
        theme.bus.changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        style = Qt.PenStyle.DashLine if self.dashed else Qt.PenStyle.SolidLine
        painter.setPen(QPen(theme.color("muted"), 1.5, style))
        painter.drawLine(QPointF(4, 11), QPointF(22, 11))
        painter.setPen(theme.color("muted"))
        painter.drawText(self.rect().adjusted(28, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text)


class Legend(QWidget):
    """A row of chips, one a run; clicking hides or shows it."""

    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(theme.space(1))
        self._row.addStretch(1)
        self.chips: dict[str, LegendChip] = {}

    def add(self, name: str, index: int) -> None:
        """Add a run."""
        chip = self.chips[name] = LegendChip(name, index)
        chip.toggled.connect(lambda shown: self.toggled.emit(name, shown))
        self._row.insertWidget(len(self.chips) - 1, chip)

    def remove(self, name: str) -> None:
        """Take a run away."""
        chip = self.chips.pop(name)
        self._row.removeWidget(chip)
        chip.hide()
        chip.deleteLater()


class Readout(QLabel):
    """A small card over the plot with the values under the pointer."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setFont(theme.font("caption"))
        theme.bus.changed.connect(self.dress)
        self.dress()
        self.hide()

    def dress(self) -> None:
        """Take the theme's colours."""
        self.setStyleSheet(
            f"background: {theme.tokens().raised}; color: {theme.tokens().text}; border-radius: 6px; padding: 6px 8px;"
            f"border: 1px solid {theme.tokens().line_strong};")  # fmt: skip

    def show_at(self, place: QPointF, html: str) -> None:
        """Show beside a point of the parent, on the side where there is room."""
        self.setText(html)
        self.adjustSize()
        left = place.x() + 14
        if left + self.width() > self.parentWidget().width() - 8:
            left = place.x() - self.width() - 14
        self.move(round(max(left, 4)), 12)
        self.show()
