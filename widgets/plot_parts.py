"""Small parts of the plots: a chip of the legend, a sample of a line, the readout."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QLabel, QSizePolicy, QWidget

from widgets import theme
from widgets.plot_runs import curve_colour

TOP_PX = 28  # of the readout, below the marks
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
        painter.setPen(QPen(curve_colour(self.index) if shown else theme.color("line_strong"), 2.4))
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
        self.move(round(max(left, 4)), TOP_PX)
        self.show()
